"""Everything the inventory and the facts say of one thing."""

from __future__ import annotations

from typing import Any

from kedge.app.answers import moment
from kedge.model.finding import LOSS_MODES, Loss
from kedge.model.service import Service
from kedge.rules.case import Case


def portrait(case: Case, name: str) -> dict[str, Any]:
    """Return a thing as data: section, place in the files, declared values, what its loss does, facts, unknowns."""
    thing = case.inventory.things[name]
    section = case.compiled.section_of(name)
    declared = thing.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    if isinstance(thing, Service):
        declared = {"kind": thing.kind, **declared}
    losses = {str(Loss(name, mode)): case.toll(Loss(name, mode)) for mode in LOSS_MODES}
    facts = [fact for (of, _), fact in sorted(case.facts.latest.items()) if of == name]
    mark = case.inventory.marks.get(name)
    return {
        "thing": name,
        "section": section,
        "declared-at": str(mark) if mark else None,
        "values": declared,
        "takes-down": {loss: list(toll.down) for loss, toll in losses.items() if toll.down},
        "facts": {f.what: f"{f.value} ({f.source} {moment(f.at)}{f' by {f.by}' if f.by else ''})" for f in facts},
        "unknown": [unknown.field for unknown in case.inventory.unknowns if unknown.thing == name],
    }
