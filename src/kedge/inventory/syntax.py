"""What is wrong with a text that is not YAML, said plainly; and the rest of it, read all the same.

A YAML parser stops at the first mistake. To report all of them, a text that does not parse is cut where its
indentation says that something new begins (section, thing, field), and each piece is read by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from kedge.errors import Mistake
from kedge.inventory.secrecy import shown
from kedge.inventory.text import Composer, Map, Scalar, TooDeepError, mistake, place

_HEADER = re.compile(r"""(?P<indent>[ ]*)(?P<key>[^\s#'"\[\]{},&*!|>%@`-][^\s:'"]*):\s*(?:#.*)?""")
_CONTINUED = re.compile(r"[ ]*(?:[\]}]|-(?:\s|$)|#|$)")
_MISSING_SPACE = re.compile(r"""[ ]*(?:- )?[A-Za-z][\w-]*:[^\s/:]""")
_MAX_PIECES = 3
"""How often a piece is cut again: section, thing, field."""


@dataclass
class Parsed:
    """A tree, and the paths of the pieces that could not be read: (section,), (section, name), …"""

    tree: Any = None
    holes: set[tuple[str, ...]] = field(default_factory=set)


def parse(text: str, file: str, mistakes: list[Mistake]) -> Parsed:
    """Return the tree of a text (None if empty) without what could not be read; adds to the mistakes."""
    found: list[Mistake] = []
    try:
        tree = Composer(file, found).compose(text)
        mistakes += found
        return Parsed(None if tree == "" else tree)
    except TooDeepError as error:
        mistakes.append(_too_deep(file, error))
        return Parsed(Map(), {()})
    except yaml.YAMLError as error:
        recovery = _Recovery(file)
        tree = recovery.read_block(_cut_markers(text.splitlines()), 0, ())
        mistakes += recovery.mistakes or [explain(error, text.splitlines(), file, 1)]
        return Parsed(tree if isinstance(tree, Map) else Map(), recovery.holes)


def _too_deep(file: str, error: TooDeepError) -> Mistake:
    return Mistake(file, error.line, error.column, "too many levels: nothing in an inventory nests that deep")


def _cut_markers(lines: list[str]) -> list[str]:
    return ["" if line.startswith(("---", "%")) else line for line in lines]


class _Recovery:
    """Reads what can be read of a broken text, and explains each piece that cannot."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.mistakes: list[Mistake] = []
        self.holes: set[tuple[str, ...]] = set()

    def read_block(self, lines: list[str], first: int, path: tuple[str, ...]) -> Map:
        """Return a mapping of all pieces of these lines that can be read; `first` is the number of lines before."""
        whole: Map = place(Map(), self.file, first + 1, 1)
        for start, end in _pieces(lines):
            piece = self._read_piece(lines[start:end], first + start, path)
            for key, value in piece.items():
                self._merge(whole, key, value)
        return whole

    def _merge(self, whole: Map, key: str, value: Any) -> None:
        if key not in whole:
            whole[key] = value
            return
        text = f"{shown(key)} stands twice here, first in line {whole[key].key.line}; keep one of them"
        self.mistakes.append(mistake(value.key, text))

    def _read_piece(self, lines: list[str], first: int, path: tuple[str, ...]) -> Map:
        found: list[Mistake] = []
        try:
            tree = Composer(self.file, found, first + 1).compose("\n".join(lines) + "\n")
        except TooDeepError as error:
            return self._give_up(_too_deep(self.file, error), lines, first, path)
        except yaml.YAMLError as error:
            return self._read_inside(error, lines, first, path)
        self.mistakes += found
        if isinstance(tree, Map) or tree is None:
            return tree or Map()
        return self._give_up(_no_mapping(tree), lines, first, path)

    def _read_inside(self, error: yaml.YAMLError, lines: list[str], first: int, path: tuple[str, ...]) -> Map:
        header = _HEADER.fullmatch(lines[0])
        explained = explain(error, lines, self.file, first + 1)
        if not header or len(path) >= _MAX_PIECES or _is_list(lines[1:]) or not any(_pieces(lines[1:])):
            return self._give_up(explained, lines, first, path)
        before = len(self.mistakes)
        key = self._key(header, first)
        inside = self.read_block(lines[1:], first + 1, (*path, str(key)))
        if len(self.mistakes) == before:
            return self._give_up(explained, lines, first, path)
        return self._under(key, inside)

    def _give_up(self, why: Mistake, lines: list[str], first: int, path: tuple[str, ...]) -> Map:
        self.mistakes.append(why)
        header = _HEADER.match(lines[0])
        self.holes.add((*path, header["key"]) if header else path)
        return self._under(self._key(header, first), Map()) if header and len(path) == 1 else Map()

    def _key(self, header: re.Match[str], first: int) -> Scalar:
        key: Scalar = place(Scalar(header["key"]), self.file, first + 1, len(header["indent"]) + 1)
        return key

    def _under(self, key: Scalar, value: Map) -> Map:
        outer: Map = place(Map(), key.file, key.line, key.column)
        place(value, key.file, key.line, key.column)
        value.key = key
        outer[key] = value
        return outer


def _no_mapping(tree: Any) -> Mistake:
    text = f"expected 'key: value', found {shown(tree)}; is a ':' missing, or the space after it?"
    return Mistake(tree.file, tree.line, tree.column, text)


def _is_filled(line: str) -> bool:
    return not line.lstrip().startswith("#") and bool(line.strip())


def _is_list(lines: list[str]) -> bool:
    first = next(filter(_is_filled, lines), "")
    return first.lstrip().startswith(("- ", "[", "{")) or first.strip() == "-"


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _pieces(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Yield from and to (exclusive) of each piece: it begins where a line is indented least."""
    least = min((_indent(line) for line in lines if _is_filled(line)), default=0)
    starts = [at for at, line in enumerate(lines) if _indent(line) == least and not _CONTINUED.match(line)]
    first = starts[0] if starts else len(lines)
    if any(map(_is_filled, lines[:first])):
        starts = [0, *starts]
    yield from zip(starts, [*starts[1:], len(lines)][: len(starts)], strict=True)


def explain(error: yaml.YAMLError, lines: list[str], file: str, first_line: int) -> Mistake:
    """Return a YAML error as a mistake in plain words, where its cause is rather than where it was noticed.

    `lines` are what was parsed, `first_line` the number of the first of them.
    """
    mark = getattr(error, "problem_mark", None)
    context = getattr(error, "context_mark", None) or mark
    if mark is None or context is None:
        return Mistake(file, first_line, 1, "this is not text that YAML can read; is it another kind of file?")
    trouble = _Trouble(str(getattr(error, "problem", "")), lines, (context.line, context.column), _spot(mark, lines))
    (row, column), text = trouble.explain()
    return Mistake(file, first_line + row, column + 1, text)


def _spot(mark: Any, lines: list[str]) -> tuple[int, int]:
    if mark.line < len(lines):
        return mark.line, mark.column
    return max(len(lines) - 1, 0), len(lines[-1]) if lines else 0


@dataclass(frozen=True)
class _Trouble:
    """What the parser said, and the text around it; rows and columns are counted from 0."""

    problem: str
    lines: list[str]
    context: tuple[int, int]
    spot: tuple[int, int]

    @property
    def line(self) -> str:
        return self.lines[self.spot[0]] if self.lines else ""

    def explain(self) -> tuple[tuple[int, int], str]:
        """Return where the cause is, and the sentence."""
        for look in (self._tab, self._quote, self._start, self._bracket, self._space, self._colon, self._item):
            found = look()
            if found:
                return found
        return self._indentation() or (self.spot, f"this is not YAML ({self.problem}); are quotes missing here?")

    def _tab(self) -> tuple[tuple[int, int], str] | None:
        for row in range(min(self.context[0], self.spot[0]), self.spot[0] + 1):
            line = self.lines[row] if row < len(self.lines) else ""
            blank = line[: len(line) - len(line.lstrip())]
            if "\t" in blank:
                text = "a tab stands in the indentation: YAML takes only spaces there, so replace it by spaces"
                return (row, blank.index("\t")), text
        return None

    def _quote(self) -> tuple[tuple[int, int], str] | None:
        row, column = self.context
        opened = self.lines[row][column : column + 1] if row < len(self.lines) else ""
        if "escape" in self.problem:
            at = self.line.rfind("\\", 0, self.spot[1] + 1)
            return (self.spot[0], max(at, 0)), "in double quotes a backslash begins an escape: use single quotes here"
        if opened in {"'", '"'} and self.context != self.spot:
            return self.context, f"this quotation mark is never closed: add {opened} at the end of the text"
        before = self.line[: self.spot[1]].rstrip()
        if before.endswith(("'", '"')) and "expected" in self.problem and "flow" not in self.problem:
            return self.spot, "text follows a closing quotation mark: put the whole value in quotes, or none of it"
        return None

    def _start(self) -> tuple[tuple[int, int], str] | None:
        sign = self.line[self.spot[1] : self.spot[1] + 1]
        if sign == "\t":
            return self.spot, "a tab stands here: YAML takes only spaces between words, so replace it by a space"
        at = self.context if self.context[0] == self.spot[0] else self.spot
        first = self.line[at[1] : at[1] + 1]
        if first and first in "@`%*&!|>":
            return at, f"a text may not begin with '{first}': put it in quotes"
        if sign == "?":
            return self.spot, "a text may not begin with '? ': put it in quotes"
        return None

    def _bracket(self) -> tuple[tuple[int, int], str] | None:
        row, column = self.context
        opened = self.lines[row][column : column + 1] if row < len(self.lines) else ""
        if opened and opened in "[{" and self.context != self.spot:
            closing = "]" if opened == "[" else "}"
            return self.context, f"this '{opened}' is never closed, or a comma is missing: expected ',' or '{closing}'"
        sign = self.line[self.spot[1] : self.spot[1] + 1]
        if sign and sign in "]},":
            return self.spot, f"this '{sign}' closes or parts nothing: remove it, or put the text in quotes"
        before = self.line[: self.spot[1]].rstrip()
        if "node content" in self.problem and before.endswith(("[", "{")):
            return (self.spot[0], len(before) - 1), f"this '{before[-1]}' is never closed"
        return None

    def _space(self) -> tuple[tuple[int, int], str] | None:
        for row in range(self.spot[0], max(self.context[0], self.spot[0] - 1) - 1 if self.spot[0] else -1, -1):
            line = self.lines[row] if 0 <= row < len(self.lines) else ""
            if _MISSING_SPACE.match(line) and ": " not in line:
                return (row, line.index(":")), "a space is missing after this ':'"
        return None

    def _colon(self) -> tuple[tuple[int, int], str] | None:
        before = self.line[: self.spot[1]]
        if "mapping values" in self.problem:
            if re.match(r"\s*(?:- )?[^\s:]+:\s", before):
                return self.spot, "this value contains ': ' and so looks like a second key: put the value in quotes"
            return (self.spot[0], _indent(self.line)), self._deeper()
        if "could not find expected ':'" in self.problem:
            row, column = self.context
            return (row, column), "expected 'key: value': a ':' with a space after it is missing here"
        return None

    def _deeper(self) -> str:
        return "this line is indented deeper than its neighbours, or the line above lacks its ':'"

    def _item(self) -> tuple[tuple[int, int], str] | None:
        if "sequence entries" in self.problem:
            return self.spot, "a list item cannot begin here: begin a new line with '- ', or write [a, b]"
        if "'-' indicator" in self.problem:
            return self.spot, "here a list ('- ') and keys ('key:') are mixed: indent the list below its key"
        return None

    def _indentation(self) -> tuple[tuple[int, int], str] | None:
        if self.line[: self.spot[1]].strip() or "expected" not in self.problem:
            return None
        return self.spot, "the indentation of this line fits no line above: align it with its neighbours"
