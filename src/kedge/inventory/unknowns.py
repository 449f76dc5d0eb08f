"""What the user declared to be unknown is recorded and taken out; so is what is empty."""

from __future__ import annotations

from typing import Any

from kedge.errors import Mistake
from kedge.inventory.secrecy import HOW, holds_password, is_secret_key
from kedge.inventory.text import Map, Scalar, Seq, mark_of, mistake, place
from kedge.model.inventory import Unknown

WORD = "unknown"


class Unknowns:
    """Prunes things: afterwards a value is stated, or absent. Finds passwords on the way."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.found: list[Unknown] = []
        self._mistakes = mistakes
        self._thing = ""
        self._keys: frozenset[str] = frozenset()
        self._are_secret: dict[str, bool] = {}

    def note(self, thing: str, field: str, node: Any) -> None:
        """Record a value that was said to be unknown."""
        self.found.append(Unknown(thing, field, mark_of(node)))

    def prune(self, thing: str, node: Map, keys: frozenset[str], naming: frozenset[str]) -> None:
        """Take out of a thing what is unknown or empty, at any depth.

        `keys` are all that its model knows; `naming` those under which a name with nothing beneath it counts.
        """
        self._thing, self._keys = thing, keys
        for key in naming & node.keys():
            if isinstance(node[key], Map):
                self._keep_names(node[key], key)
        self._prune_map(node, "")

    def _keep_names(self, names: Map, key: str) -> None:
        for name, value in names.items():
            if isinstance(value, Scalar) and value in ("", WORD):
                if value:
                    self.note(self._thing, f"{key}.{name}", value)
                names[name] = place(Map(), value.file, value.line, value.column)
                names[name].key = value.key

    def _prune_map(self, node: Map, path: str) -> None:
        gone = [key for key, value in node.items() if not self._is_stated(value, f"{path}{key}", key, node)]
        for key in gone:
            del node[key]

    def _is_stated(self, value: Any, path: str, key: str, within: Map) -> bool:
        kind = type(value)
        if kind is Map:
            self._prune_map(value, f"{path}.")
            return True
        if kind is Seq:
            return self._prune_seq(value, path)
        if value == WORD:
            self.note(self._thing, path, value)
            within.unknown |= {key}
            return False
        return value != "" and not self._is_secret(value, key)

    def _prune_seq(self, node: Seq, path: str) -> bool:
        """Return whether anything is stated: `[]` is, a list of nothing but unknowns is not."""
        was_empty = not node
        node[:] = [item for item in node if self._is_item(item, path)]
        return was_empty or bool(node)

    def _is_item(self, item: Any, path: str) -> bool:
        if type(item) is Map:
            self._prune_map(item, f"{path}.")
            return True
        if type(item) is Seq:
            return self._prune_seq(item, path)
        if item == WORD:
            self.note(self._thing, path, item)
            return False
        return item != "" and not self._has_password(item)

    def _is_secret(self, value: Scalar, key: str) -> bool:
        is_key = self._are_secret.get(key)
        if is_key is None:
            is_key = self._are_secret[key] = is_secret_key(key)
        if is_key and key not in self._keys:
            self._mistakes.append(mistake(value, f"'{key}': a secret never stands in the inventory: {HOW}"))
            return True
        return self._has_password(value)

    def _has_password(self, value: Scalar) -> bool:
        if "://" not in value or not holds_password(value):
            return False
        text = f"this address has a password in it, and a secret never stands in the inventory: take it out; {HOW}"
        self._mistakes.append(mistake(value, text))
        return True
