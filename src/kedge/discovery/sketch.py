"""An inventory while it is being drawn: entries with their comments and how sure each value is; then its text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kedge.inventory.edit import Value, flow
from kedge.inventory.secrecy import holds_password
from kedge.inventory.text import UNPRINTABLE
from kedge.model.inventory import THING_SECTIONS
from kedge.model.thing import NAME, RESERVED

COMMENT_WIDTH = 300
BLOCKS = frozenset({"zone", "volumes", "containers", "databases"})
"""Fields whose inner values get a line each."""
_LEGAL = re.compile(r"\b(gmbh|ag|kg|ug|inc|ltd|llc|sas|sarl|s\.?a|b\.?v|e\.?v|co|corp|corporation|limited)\b\.?", re.I)


def slug(text: str, fallback: str = "unnamed") -> str:
    """Return a name an inventory may use, from whatever somebody else called it."""
    plain = re.sub(r"[^a-z0-9.]+", "-", text.lower().replace("_", "-")).strip("-.")[:60].strip("-.")
    if not plain or not NAME.fullmatch(plain) or plain in RESERVED:
        return f"{fallback}-{plain}" if plain in RESERVED else fallback
    return plain


def company_slug(text: str) -> str:
    """Return a short name for a company: without its legal form."""
    return slug(_LEGAL.sub("", text), "provider")


@dataclass
class Entry:
    """One thing: its fields, in order; comments above it; how sure its values are."""

    fields: dict[str, Value] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    sure: dict[str, str] = field(default_factory=dict)

    def put(self, key: str, value: Value, sure: str = "") -> None:
        """Set a field, and how sure it is."""
        self.fields[key] = value
        if sure:
            self.sure[key] = sure

    def values(self) -> dict[str, Value]:
        """Return the fields as they are written, provenance included; what came from outside is made harmless."""
        tidied = {key: harmless(value) for key, value in self.fields.items()}
        return {**tidied, **({"sure": dict(self.sure)} if self.sure else {})}


@dataclass
class Sketch:
    """The sections of an inventory under construction. Names are unique across all of them."""

    organisation: dict[str, Value] = field(default_factory=dict)
    sections: dict[str, dict[str, Entry]] = field(default_factory=dict)
    header: list[str] = field(default_factory=list)
    not_understood: list[str] = field(default_factory=list)
    """What was seen and has no place in an inventory: listed at its end, never dropped."""

    def add(self, section: str, wanted: str, fallback: str = "thing") -> tuple[str, Entry]:
        """Return a new entry and its name: as wanted, or with a number if that is taken."""
        plain = slug(wanted, fallback)
        name, number = plain, 1
        while any(name in entries for entries in self.sections.values()):
            number += 1
            name = f"{plain[:56]}-{number}"
        return name, self.sections.setdefault(section, {}).setdefault(name, Entry())

    def of(self, section: str) -> Mapping[str, Entry]:
        """Return the entries of a section."""
        return self.sections.get(section, {})

    def to_text(self) -> str:
        """Return the inventory as commented YAML; every foreign text in it is quoted where it has to be."""
        lines = [*map(_comment, self.header), "version: 1", "", f"organisation: {flow(self.organisation)}"]
        for section in THING_SECTIONS:
            if entries := self.sections.get(section):
                lines += ["", f"{section}:"]
                for name, entry in entries.items():
                    lines += _entry(name, entry)
        if self.not_understood:
            lines += ["", "# Seen, and not understood: nothing of it was dropped, but kedge has no place for it."]
            lines += map(_comment, self.not_understood)
        return "\n".join(lines) + "\n"


def _entry(name: str, entry: Entry) -> Iterator[str]:
    for comment in entry.comments:
        yield f"  {_comment(comment)}"
    values = {key: value for key, value in entry.values().items() if value != ""}
    if not values:
        yield f"  {flow(name)}: {{}}"
        return
    yield f"  {flow(name)}:"
    for key, value in values.items():
        if isinstance(value, Mapping) and key in BLOCKS and value:
            yield f"    {key}:"
            yield from (f"      {flow(inner)}: {flow(each)}" for inner, each in value.items())
        else:
            yield f"    {key}: {flow(value)}"


def _comment(text: str) -> str:
    """Return a comment of one line, whatever somebody else's text contains."""
    plain = " ".join(UNPRINTABLE.sub(" ", text).split())
    return f"# {plain[:COMMENT_WIDTH]}".rstrip()


def clean(text: str) -> str:
    """Return foreign text as an inventory may hold it: one line, nothing invisible."""
    return " ".join(UNPRINTABLE.sub(" ", text).split())


def harmless(value: Value) -> Value:
    """Return a value as an inventory may hold it: nothing invisible, no nameless keys, no password in an address."""
    if isinstance(value, Mapping):
        return {name: harmless(each) for key, each in value.items() if (name := clean(key))}
    if isinstance(value, str):
        return "hidden" if holds_password(value) else clean(value)
    if isinstance(value, Sequence):
        return [harmless(each) for each in value]
    return value


def one_or_list(values: Iterable[str]) -> Value:
    """Return a lone value as itself, several as a list."""
    found = list(dict.fromkeys(values))
    return found[0] if len(found) == 1 else found
