"""Text to tree: every scalar a string that remembers where it stood.

The tree is plain data as well (`Scalar` is a `str`, `Map` a `dict`, `Seq` a `list`), so that the model can be built
from it directly and whatever it refuses still knows its place. It is made from libyaml's *events*: no resolver, no
recursion, and a quarter of the time the node composer takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias, TypeGuard

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from kedge.errors import Mistake
from kedge.inventory.secrecy import shown
from kedge.model.inventory import Mark

MAX_DEPTH = 32
"""Deepest nesting of an inventory; the model itself needs eight levels."""

UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""What YAML 1.1 §4.1.1 forbids, and the line breaks (U+0085, U+2028, U+2029) that no editor counts."""


class Scalar(str):
    """A scalar and where it stood; `key` is the key it stands under, if any."""

    __slots__ = ("column", "file", "key", "line")
    file: str
    line: int
    column: int
    key: Scalar | None


class Map(dict[str, Any]):
    """A mapping and where it began; `unknown` are the keys whose values were said to be unknown."""

    __slots__ = ("column", "file", "key", "line", "unknown")
    file: str
    line: int
    column: int
    key: Scalar | None
    unknown: frozenset[str]


class Seq(list[Any]):
    """A list and where it began."""

    __slots__ = ("column", "file", "key", "line")
    file: str
    line: int
    column: int
    key: Scalar | None


Node: TypeAlias = Scalar | Map | Seq


def is_node(value: object) -> TypeGuard[Node]:
    """Return whether a value is part of a tree, and so knows its place."""
    return isinstance(value, Scalar | Map | Seq)


def mark_of(node: Node) -> Mark:
    """Return where a node stands."""
    return Mark(node.file, node.line, node.column)


def mistake(node: Node, sentence: str) -> Mistake:
    """Return a mistake at a node."""
    return Mistake(node.file, node.line, node.column, sentence)


def place(node: Any, file: str, line: int, column: int) -> Any:
    """Return the node, told where it stands."""
    node.file, node.line, node.column, node.key = file, line, column, None
    if type(node) is Map:
        node.unknown = frozenset()
    return node


def events(text: str) -> Callable[[], Any]:
    """Return what gives the text's YAML events one by one, then None: libyaml's where it is there."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text).get_event


class TooDeepError(Exception):
    """The text nests deeper than MAX_DEPTH; carries the place."""

    def __init__(self, line: int, column: int) -> None:
        super().__init__(line, column)
        self.line, self.column = line, column


_REFUSED = Scalar()


class Composer:
    """Builds one tree from one text; collects what YAML allows and this language does not."""

    def __init__(self, file: str, mistakes: list[Mistake], first_line: int = 1) -> None:
        self._file = file
        self._mistakes = mistakes
        self._first_line = first_line
        self._open: list[tuple[Map | Seq | None, Scalar | None]] = []
        self._within: Map | Seq | None = None
        self._key: Scalar | None = None
        self._root: Node | None = None
        self._documents = 0

    def compose(self, text: str) -> Node | None:
        """Return the tree of a text, None if it is empty; raises yaml.YAMLError or TooDeepError."""
        get_event = events(text)
        while (event := get_event()) is not None:
            kind = type(event)
            if kind is ScalarEvent:
                self._add_scalar(event)
            elif kind is MappingStartEvent:
                self._enter(event, Map())
            elif kind is SequenceStartEvent:
                self._enter(event, Seq())
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                self._within, self._key = self._open.pop()
            elif kind is AliasEvent:
                self._refuse_alias(event)
            elif kind is DocumentStartEvent and not self._begin_document(event):
                break
        return self._root

    def _add_scalar(self, event: Any) -> None:
        node = Scalar(event.value)
        self._add(event, node)
        if event.style == '"' and UNPRINTABLE.search(node):
            self._refuse(node, "this text contains an unprintable character: remove its escape sequence")

    def _enter(self, event: Any, node: Map | Seq) -> None:
        self._add(event, node)
        self._open.append((self._within, self._key))
        if len(self._open) > MAX_DEPTH:
            raise TooDeepError(node.line, node.column)
        self._within, self._key = node, None

    def _add(self, event: Any, node: Any) -> None:
        mark = event.start_mark
        place(node, self._file, mark.line + self._first_line, mark.column + 1)
        if event.tag is not None or event.anchor is not None:
            self._refuse_decoration(event, node)
        within = self._within
        if within is None:
            self._root = node
        elif type(within) is Seq:
            within.append(node)
        elif self._key is None:
            self._key = self._as_key(node)
        else:
            self._put(within, self._key, node)
            self._key = None

    def _put(self, within: Any, key: Scalar, node: Node) -> None:
        node.key = key
        if key is _REFUSED:
            return
        if key == "<<":
            self._refuse(key, "merges (<<) are not part of the language: write the values out")
            return
        if key in within:
            first = within[key].key
            self._refuse(key, f"{shown(key)} stands twice here, first in line {first.line}; keep one of them")
        else:
            within[key] = node

    def _as_key(self, node: Node) -> Scalar:
        if isinstance(node, Scalar) and node:
            return node
        if isinstance(node, Scalar):
            self._refuse(node, "a key is missing before this ':'")
        else:
            self._refuse(node, "a key must be plain text, not a list or a mapping: remove the bracket, or use quotes")
        return _REFUSED

    def _begin_document(self, event: Any) -> bool:
        self._documents += 1
        if self._documents > 1:
            self._refuse(self._nothing_at(event), "a second document begins here: use one file for each")
        return self._documents == 1

    def _refuse_alias(self, event: Any) -> None:
        self._refuse(self._nothing_at(event), _NO_ANCHORS)
        if type(self._within) is Map:
            self._key = _REFUSED if self._key is None else None

    def _refuse_decoration(self, event: Any, node: Node) -> None:
        if event.anchor is not None:
            self._refuse(self._nothing_at(event), _NO_ANCHORS)
        if event.tag is not None:
            self._refuse(node, "tags (!) are not part of the language: every value is text; leave it out or use quotes")

    def _nothing_at(self, event: Any) -> Scalar:
        mark = event.start_mark
        node: Scalar = place(Scalar(), self._file, mark.line + self._first_line, mark.column + 1)
        return node

    def _refuse(self, node: Node, sentence: str) -> None:
        self._mistakes.append(mistake(node, sentence))


_NO_ANCHORS = "anchors and aliases (& and *) are not part of the language: write the value out, or put it in quotes"
