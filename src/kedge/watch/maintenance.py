"""What is worked on at a moment: planned changes with a beginning (`when`) and an end (`until`)."""

from __future__ import annotations

from datetime import datetime

from kedge.model.inventory import Inventory


def in_maintenance(inventory: Inventory, now: datetime) -> frozenset[str]:
    """Return the things that a planned change touches now. An emergency measure (`since`) is no maintenance."""
    changes = inventory.sections.changes.values()
    return frozenset(
        thing
        for one in changes
        if one.when and one.until and not one.done and one.when <= now <= one.until
        for thing in (*one.of, *one.move)
    )
