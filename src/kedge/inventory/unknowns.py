"""What the user declared to be unknown is recorded and taken out; so is what is empty."""

from __future__ import annotations

from typing import Any

from kedge.errors import Mistake
from kedge.inventory.secrecy import HOW, holds_password, is_secret_key, shown
from kedge.inventory.shapes import Model, Shape, inside
from kedge.inventory.text import Map, Scalar, mark_of, mistake, place
from kedge.model.inventory import Unknown

WORD = "unknown"


class Unknowns:
    """Prunes things: afterwards a value is stated, or absent. Finds passwords on the way."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.found: list[Unknown] = []
        self._mistakes = mistakes
        self._thing = ""

    def note(self, thing: str, field: str, node: Any) -> None:
        """Record a value that was said to be unknown."""
        self.found.append(Unknown(thing, field, mark_of(node)))

    def prune(self, thing: str, node: Map, model: Model) -> None:
        """Take out of a thing of this model what is unknown or empty, at any depth; keys it does not know stay."""
        self._thing = thing
        self._prune_map(node, "", Shape((model,)))

    def _prune_map(self, node: Map, path: str, shape: Shape) -> None:
        gone = []
        for key, value in node.items():
            within = inside(shape, key)
            if type(value) is not Scalar:
                if not self._prune_within(value, f"{path}{key}", within or shape):
                    gone.append(key)
            elif shape.is_named and value in ("", WORD):
                node[key] = self._named(value, f"{path}{key}")
            elif within is None:
                if self._is_password(value, key):
                    gone.append(key)
            elif not self._is_stated(value, f"{path}{key}"):
                node.unknown |= {key} if value else set()
                gone.append(key)
        for key in gone:
            del node[key]

    def _named(self, value: Scalar, path: str) -> Map:
        """Return what a name with nothing beneath it stands for: something of which nothing is said."""
        if value:
            self.note(self._thing, path, value)
        named: Map = place(Map(), value.file, value.line, value.column)
        named.key = value.key
        return named

    def _prune_within(self, value: Any, path: str, shape: Shape) -> bool:
        """Return whether anything is stated: `[]` is, a list of nothing but unknowns is not."""
        if type(value) is Map:
            self._prune_map(value, f"{path}.", shape)
            return True
        was_empty = not value
        value[:] = [item for item in value if self._is_item(item, path, shape)]
        return was_empty or bool(value)

    def _is_item(self, item: Any, path: str, shape: Shape) -> bool:
        if type(item) is Scalar:
            return self._is_stated(item, path)
        return self._prune_within(item, path, shape)

    def _is_stated(self, value: Scalar, path: str) -> bool:
        if value == WORD:
            self.note(self._thing, path, value)
            return False
        return value != "" and not self._has_password(value)

    def _is_password(self, value: Scalar, key: str) -> bool:
        """Return whether a key that the model does not know is one for secrets."""
        if not is_secret_key(key):
            return False
        self._mistakes.append(mistake(value, f"{shown(key)}: a secret never stands in the inventory: {HOW}"))
        return True

    def _has_password(self, value: Scalar) -> bool:
        if "://" not in value or not holds_password(value):
            return False
        text = f"this address has a password in it, and a secret never stands in the inventory: take it out; {HOW}"
        self._mistakes.append(mistake(value, text))
        return True
