"""From where to where each value of a text reaches: what an edit needs to touch nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from yaml.events import (
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from kedge.inventory.text import events


@dataclass
class Span:
    """A value in a text: offsets of its first character and of the one after its last, and what is inside it."""

    start: int
    end: int
    column: int
    form: str
    """`scalar`, `flow` (in brackets) or `block` (by indentation)."""
    entries: dict[str, Entry] = field(default_factory=dict)
    items: list[Span] = field(default_factory=list)
    is_map: bool = False
    text: str = ""


@dataclass
class Entry:
    """A key of a mapping and its value."""

    key: Span
    value: Span


def spans(text: str) -> Span | None:
    """Return the spans of a valid text, None if it holds nothing."""
    reader = _Reader(text)
    get_event = events(text)
    while (event := get_event()) is not None:
        reader.take(event)
    return reader.root


class _Reader:
    def __init__(self, text: str) -> None:
        self.root: Span | None = None
        self._text = text
        self._open: list[Span] = []
        self._key: Span | None = None

    def take(self, event: Any) -> None:
        """Take one event."""
        kind = type(event)
        start, end = event.start_mark, event.end_mark
        if kind is ScalarEvent:
            self._add(Span(start.index, self._end(event), start.column, "scalar", text=event.value))
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            form = "flow" if event.flow_style else "block"
            span = Span(start.index, end.index, start.column, form, is_map=kind is MappingStartEvent)
            self._add(span)
            self._open.append(span)
            self._key = None
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            self._close(end.index)

    def _close(self, end: int) -> None:
        span, self._key = self._open.pop(), None
        if span.form == "flow":
            span.end = end
        else:
            inside = [*(entry.value.end for entry in span.entries.values()), *(item.end for item in span.items)]
            keys = [entry.key.end + 1 for entry in span.entries.values()]
            span.end = max([*inside, *keys], default=span.start)

    def _end(self, event: Any) -> int:
        """Return where a scalar ends; the blank lines after a text in several lines are not part of it."""
        start: int = event.start_mark.index
        end: int = event.end_mark.index
        return start + len(self._text[start:end].rstrip()) if event.style in ("|", ">") else end

    def _add(self, span: Span) -> None:
        if not self._open:
            self.root = span
            return
        within = self._open[-1]
        if not within.is_map:
            within.items.append(span)
        elif self._key is None:
            self._key = span
        else:
            within.entries[self._key.text] = Entry(self._key, span)
            self._key = None
