"""Everything the inventory and the facts say of one thing."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from kedge.app.answers import moment
from kedge.inventory.shapes import references_of
from kedge.inventory.spans import spans
from kedge.model.finding import LOSS_MODES, Loss
from kedge.model.inventory import THING_SECTIONS, Inventory
from kedge.model.service import Service
from kedge.rules.case import Case


def portrait(case: Case, name: str) -> dict[str, Any]:
    """Return a thing as data: section, place and lines in the files, who names it, its losses, facts, unknowns."""
    inventory = case.inventory
    thing, mark = inventory.things[name], inventory.marks.get(name)
    section = case.compiled.section_of(name)
    declared = thing.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    if isinstance(thing, Service):
        declared = {"kind": thing.kind, **declared}
    tolls = {mode: case.toll(Loss(name, mode)) for mode in LOSS_MODES}
    return {
        "thing": name,
        "section": section,
        "place": str(mark) if mark else None,
        "lines": lines_of(inventory, section, name),
        "values": declared,
        "named_by": named_by(inventory, name),
        "takes_down": {mode: list(toll.down) for mode, toll in tolls.items() if toll.down},
        "facts": [
            {"what": f.what, "value": f.value, "at": moment(f.at), "by": f.by or None, "source": f.source}
            for (of, _), f in sorted(case.facts.latest.items())
            if of == name
        ],
        "unknown": [unknown.field for unknown in inventory.unknowns if unknown.thing == name],
    }


def lines_of(inventory: Inventory, section: str, name: str) -> str:
    """Return the lines of the user's file that declare a thing, comments and all; empty if it is written in place."""
    mark = inventory.marks.get(name)
    if mark is None:
        return ""
    text = Path(mark.file).read_text(encoding="utf-8-sig")
    root = spans(text)
    entries = root.entries[section].value.entries if root and section in root.entries else {}
    if name not in entries:
        return ""
    entry = entries[name]
    start = text.rfind("\n", 0, entry.key.start) + 1
    end = text.find("\n", max(entry.value.end, entry.key.end) - 1)
    return textwrap.dedent(text[start : end if end >= 0 else len(text)]).rstrip()


def named_by(inventory: Inventory, name: str) -> dict[str, list[str]]:
    """Return who names a thing, and in which keys."""
    found: dict[str, list[str]] = {}
    for section in THING_SECTIONS:
        for other, thing in inventory.in_section(section):
            keys = [key for key, named, _ in references_of(type(thing))(thing) if named == name]
            if keys and other != name:
                found[other] = list(dict.fromkeys(keys))
    return found


def names_by_section(inventory: Inventory) -> dict[str, list[str]]:
    """Return the name of every thing that has an entry of its own, by section."""
    names = {section: [name for name, _ in inventory.in_section(section)] for section in THING_SECTIONS}
    return {section: found for section, found in names.items() if found}
