"""Edits that touch nothing else: every other character of the file, comments and all, stays as it was.

The new value is put into the text where the old one stood, or below its neighbours; nothing is parsed and written
back (ruamel.yaml, which does that best, still rewrites lines it was not asked to: `[{any: [a]}]` -> `[any: [a]]`).
What comes out is read before it is written, and must differ from what was there in the one value only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from kedge.errors import Bug, InventoryError, UsageError
from kedge.inventory.files import find_files
from kedge.inventory.read import read_inventory
from kedge.inventory.replacement import replace_file
from kedge.inventory.spans import Entry, Span, spans
from kedge.inventory.text import UNPRINTABLE, Composer, Map, Seq
from kedge.model.inventory import THING_SECTIONS, Inventory

Value: TypeAlias = "str | bool | int | float | Sequence[Value] | Mapping[str, Value]"
_BOM = b"\xef\xbb\xbf"
_LEVELS = 2
"""Sections and things begin a line each; the fields of a thing are written on one line each."""


def set_value(path: Path, thing: str, field: str | Sequence[str], value: Value) -> None:
    """Write one value of a thing into its file; see Edits.set_value. Raises as it and Edits.write do."""
    edits = Edits(path)
    edits.set_value(thing, field, value)
    edits.write()


def add_entry(path: Path, section: str, name: str, fields: Mapping[str, Value]) -> None:
    """Write a new thing into its section; see Edits.add_entry. Raises as it and Edits.write do."""
    edits = Edits(path)
    edits.add_entry(section, name, fields)
    edits.write()


@dataclass
class Edits:
    """Edits of the inventory at a path, each checked together with those before it; nothing is written yet."""

    path: Path
    _known: dict[Path, bytes] = field(default_factory=dict)
    _texts: dict[Path, str] = field(default_factory=dict)

    def set_value(self, thing: str, field: str | Sequence[str], value: Value) -> None:
        """Change one value of a thing (`""`: of the inventory itself: `organisation.url`).

        `field` is kebab-case, dotted where it is nested, or its keys one by one where a new key has dots of its own;
        what it held is replaced, the mappings around it are made if they are missing. Raises UsageError if there is
        no such thing, InventoryError if the value does not fit.
        """
        inventory = read_inventory(self.path, self._texts)
        if not thing:
            file = self._file_with((field.partition(".") if isinstance(field, str) else field)[0])
            self._edit(file, (), field, value)
            return
        section = next((each for each in THING_SECTIONS if thing in getattr(inventory.sections, each)), None)
        if section is None:
            inventory.find(thing)
        file = Path(inventory.marks[thing].file)
        self._edit(file, (str(section), thing), field, value)

    def add_entry(self, section: str, name: str, fields: Mapping[str, Value]) -> None:
        """Put a new thing at the end of its section, which is made if it is missing; raises as set_value does."""
        inventory: Inventory = read_inventory(self.path, self._texts)
        if section not in THING_SECTIONS:
            raise UsageError(f"'{section}' is no section of named things")
        if name in inventory.things:
            raise UsageError(f"the name '{name}' is taken at {inventory.marks[name]}", hint="choose another name")
        self._edit(self._file_with(section), (section,), name, fields, is_name=True)

    def difference(self) -> list[str]:
        """Return what would be changed, as the lines of a unified diff; none if nothing would be."""
        lines: list[str] = []
        for file, text in self._texts.items():
            before = self._known[file].removeprefix(_BOM).decode()
            lines += unified_diff(before.splitlines(), text.splitlines(), str(file), str(file), lineterm="", n=2)
        return lines

    def write(self) -> None:
        """Write every edit; raises Refused if a file was changed meanwhile, OutsideError if it cannot be written."""
        for file, text in self._texts.items():
            mark = _BOM if self._known[file].startswith(_BOM) else b""
            replace_file(file, mark + text.encode(), self._known[file])

    def _file_with(self, section: str) -> Path:
        """Return the file that has a section; if none has, the one of the organisation, to which it is added."""
        files = find_files(self.path).inventory
        tops = {file: set(_tree(self._text(file))) for file in files}
        for wanted in (section, "organisation"):
            for file in files:
                if wanted in tops[file]:
                    return file
        return files[0]

    def _text(self, file: Path) -> str:
        if file in self._texts:
            return self._texts[file]
        return file.read_bytes().removeprefix(_BOM).decode()

    def _edit(
        self, file: Path, parents: tuple[str, ...], field: str | Sequence[str], value: Value, is_name: bool = False
    ) -> None:
        known = self._known.get(file) or file.read_bytes()
        text = self._texts.get(file, known.removeprefix(_BOM).decode())
        root = spans(text) or Span(len(text), len(text), 0, "block", is_map=True)
        if isinstance(field, str):
            field = [field] if is_name else _split(root, parents, field)[len(parents) :]
        keys = [*parents, *field]
        edited = _Text(text).put(root, keys, value)
        _check_change(file, text, edited, keys, value)
        self._check({**self._texts, file: edited})
        self._known[file], self._texts[file] = known, edited

    def _check(self, texts: Mapping[Path, str]) -> None:
        """Raise InventoryError if the edited inventory is not valid."""
        try:
            read_inventory(self.path, texts)
        except InventoryError as error:
            raise InventoryError(error.mistakes, hint="nothing was written") from error


def _split(root: Span, parents: tuple[str, ...], field: str) -> list[str]:
    """Return the keys of a dotted field; a dot that belongs to a key of the file (`volumes./srv.old`) parts nothing."""
    keys, here, rest = [*parents], root, field
    for parent in parents:
        here = here.entries[parent].value
    while rest:
        known = [key for key in here.entries if rest == key or rest.startswith(f"{key}.")]
        key = max(known, key=len) if known else rest.partition(".")[0]
        keys.append(key)
        rest = rest[len(key) + 1 :]
        here = here.entries[key].value if key in here.entries else Span(0, 0, 0, "flow")
    return keys


def _check_change(file: Path, before: str, after: str, keys: Sequence[str], value: Value) -> None:
    """Raise Bug if anything but the value was changed."""
    expected = _tree(before)
    here = expected
    for key in keys[:-1]:
        here = here.setdefault(key, {}) if isinstance(here.get(key, {}), dict) else _replace(here, key)
    here[keys[-1]] = _as_text(value)
    try:
        changed = _tree(after)
    except yaml.YAMLError as error:
        raise Bug(f"editing {file} would have broken it") from error
    if changed != expected:
        raise Bug(f"editing {file} would have changed more than {'.'.join(keys)}")


def _replace(here: dict[str, Any], key: str) -> dict[str, Any]:
    old = here[key]
    here[key] = {"to": old} if _is_shorthand(old) else {}
    return here[key]  # type: ignore[no-any-return]


def _is_shorthand(text: object) -> bool:
    return isinstance(text, str) and text not in ("", "unknown")


def _tree(text: str) -> dict[str, Any]:
    tree = _plain(Composer("", []).compose(text))
    return tree if isinstance(tree, dict) else {}


def _plain(node: Any) -> Any:
    if isinstance(node, Map):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, Seq):
        return [_plain(each) for each in node]
    return None if node is None else str(node)


def _as_text(value: Value) -> Any:
    """Return a value as it reads back: every scalar a string."""
    if isinstance(value, Mapping):
        return {key: _as_text(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_as_text(each) for each in value]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if UNPRINTABLE.search(str(value)):
        raise UsageError("this text contains an invisible character, which an inventory cannot hold")
    return str(value)


def flow(value: Value) -> str:
    """Return a value as it is written on one line, in quotes only where it needs them."""
    plain = _as_text(value)
    if isinstance(plain, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(each)}" for key, each in plain.items()) + "}"
    if isinstance(plain, list):
        return "[" + ", ".join(map(flow, plain)) + "]"
    return plain if _is_plain(plain) else json.dumps(plain, ensure_ascii=False)


def _is_plain(text: str) -> bool:
    """Return whether a text reads back as itself, in a list, as a key and as a value."""
    if not text or len(text.splitlines()) > 1:
        return False
    try:
        found: list[Any] = []
        tree = Composer("", found).compose(f"- [{text}]\n- {{{text}: {text}}}\n- {text}\n")
    except yaml.YAMLError:
        return False
    return not found and _plain(tree) == [[text], {text: text}, text]


class _Text:
    """A text and the ways to change it; each returns the changed text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.newline = "\r\n" if "\r\n" in text else "\n"
        self._levels = _LEVELS

    def put(self, root: Span, keys: Sequence[str], value: Value) -> str:
        """Return the text with a value at this path of keys."""
        here, entry = root, None
        for depth, key in enumerate(keys):
            if key not in here.entries:
                self._levels = max(_LEVELS - depth, 0)
                return self._insert(here, entry, key, _nest(keys[depth + 1 :], value))
            entry = here.entries[key]
            here = entry.value
        return self._replace(entry, flow(value)) if entry else self.text

    def _replace(self, entry: Entry, new: str) -> str:
        value, after_colon = entry.value, entry.key.end + self.text[entry.key.end :].index(":") + 1
        if value.form == "block":
            line_end = self._line_end(after_colon)
            return f"{self.text[:after_colon]} {new}{self.text[after_colon:line_end]}{self.text[value.end :]}"
        space = "" if self.text[value.start - 1].isspace() or value.start < value.end else " "
        return f"{self.text[: value.start]}{space}{new}{self.text[value.end :]}"

    def _insert(self, here: Span, entry: Entry | None, key: str, value: Value) -> str:
        if here.form == "block" and here.is_map:
            return self._insert_line(here.end, here.column, key, value)
        if here.form == "flow" and here.is_map:
            return self._insert_between(here, key, value)
        if entry is None:
            return self.text
        if here.text == "" and self._begins_line(entry.key):
            return self._insert_line(entry.key.end + 1, entry.key.column + 2, key, value)
        old = {"to": here.text} if _is_shorthand(here.text) else {}
        return self._replace(entry, flow({**old, key: value}))

    def _insert_between(self, here: Span, key: str, value: Value) -> str:
        last = max((entry.value.end for entry in here.entries.values()), default=here.start + 1)
        comma = ", " if here.entries else ""
        return f"{self.text[:last]}{comma}{flow(key)}: {flow(value)}{self.text[last:]}"

    def _insert_line(self, after: int, column: int, key: str, value: Value) -> str:
        """Insert a line below the one that holds the offset `after`."""
        at = self._line_end(after) if self.text else 0
        lines = self.newline.join(f"{' ' * column}{line}" for line in _lines(key, value, self._levels))
        if not self.text[:at].strip():
            return f"{self.text[:at]}{lines}{self.newline}{self.text[at:]}"
        separator = "" if self.text[:at].endswith("\n") else self.newline
        end = self.newline if at == len(self.text) and not separator else ""
        return f"{self.text[:at]}{separator}{lines}{end}{self.text[at:]}"

    def _line_end(self, offset: int) -> int:
        at = self.text.find("\n", offset)
        at = len(self.text) if at < 0 else at
        return at - 1 if self.text[at - 1 : at] == "\r" else at

    def _begins_line(self, key: Span) -> bool:
        return not self.text[key.start - key.column : key.start].strip()


def _nest(keys: Sequence[str], value: Value) -> Value:
    for key in reversed(keys):
        value = {key: value}
    return value


def _lines(key: str, value: Value, levels: int) -> list[str]:
    """Return a new entry, so many levels of it with a line for each key; what is deeper stands on one line."""
    if not levels or not value or not isinstance(value, Mapping):
        return [f"{flow(key)}: {flow(value)}"]
    return [f"{flow(key)}:", *(f"  {line}" for name, each in value.items() for line in _lines(name, each, levels - 1))]
