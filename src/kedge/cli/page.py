"""A page on the terminal: wrapped lines with hanging indents, and no blanks at their ends."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text as Line

WIDEST = 100
"""Columns; longer lines are hard to read, however wide the terminal."""
NARROWEST = 20


class Page:
    """What is printed on a console, piece by piece."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.width = min(console.width, WIDEST)

    def put(self, body: str | Line = "", *, indent: int = 0, lead: str | Line = "", tag: str = "") -> None:
        """Print a paragraph: `lead` stands in the indent of its first line, `tag` (never broken) at its end."""
        body, lead = _line(body), _line(lead)
        lines = list(body.wrap(self._console, max(self.width - indent, NARROWEST))) or [Line()]
        for line in lines:
            line.rstrip()
        if tag:
            lines = _tagged(lines, tag, self.width - indent)
        for number, line in enumerate(lines):
            head = lead.copy() if number == 0 else Line()
            head.pad_right(max(indent - head.cell_len, 0))
            self.put_whole(Line.assemble(head, line))

    def put_whole(self, line: str | Line) -> None:
        """Print one line, however long it is."""
        line = _line(line)
        line.rstrip()
        self._console.print(line, soft_wrap=True)

    def put_rows(self, rows: Sequence[tuple[str | Line, ...]]) -> None:
        """Print rows as columns: the last is wrapped, the others are as wide as they need."""
        cells = [tuple(map(_line, row)) for row in rows]
        widths = [max(cell.cell_len for cell in column) + 2 for column in list(zip(*cells, strict=True))[:-1]]
        for *firsts, last in cells:
            lead = Line()
            for cell, width in zip(firsts, widths, strict=True):
                lead = Line.assemble(lead, cell)
                lead.pad_right(width - cell.cell_len)
            self.put(last, indent=sum(widths), lead=lead)


def _line(text: str | Line) -> Line:
    return Line(text) if isinstance(text, str) else text


def _tagged(lines: list[Line], tag: str, width: int) -> list[Line]:
    label = Line(tag, "dim")
    if lines[-1].cell_len + 2 + label.cell_len <= width:
        return [*lines[:-1], Line.assemble(lines[-1], "  ", label)]
    return [*lines, label]
