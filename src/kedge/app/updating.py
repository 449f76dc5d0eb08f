"""A difference between world and inventory, written into the files: comments kept, one edit at a time, each checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from kedge.app.beginning import Beginning, check_text
from kedge.app.opening import Opened
from kedge.discovery.difference import REFERENCES, Change, Comparison, Difference
from kedge.errors import KedgeError
from kedge.inventory.edit import Value, add_entry, set_value


def compare(beginning: Beginning, opened: Opened) -> Difference:
    """Return what the world shows and the inventory does not say."""
    sketch = beginning.composer.sketch
    drawn = check_text(sketch.to_text())
    return Comparison(sketch, drawn, opened.inventory, frozenset(beginning.composer.asked)).difference()


def apply_changes(path: Path, changes: Sequence[Change]) -> list[str]:
    """Write the changes; return those that could not be written, with the reason. New things come first."""
    waiting = {change.thing for change in changes if not change.field}
    later: list[tuple[Change, str, Value]] = []
    failed: list[str] = []
    for change in changes:
        if not change.field:
            assert isinstance(change.after, Mapping)
            waits = {key for key, value in change.after.items() if key in REFERENCES and _names(value, waiting)}
            now = {key: value for key, value in change.after.items() if key not in waits}
            later += [(change, key, value) for key, value in change.after.items() if key not in now]
            failed += _try(change, lambda c=change, f=now: add_entry(path, c.section, c.thing, f))
            waiting.discard(change.thing)
    for change, key, value in later:
        failed += _try(change, lambda c=change, k=key, v=value: set_value(path, c.thing, k, v))
    for change in (one for one in changes if one.field):
        failed += _try(change, lambda c=change: _set(path, c))
    return failed


def _set(path: Path, change: Change) -> None:
    set_value(path, change.thing, change.keys or change.field, change.after)
    top = change.field.partition(".")[0]
    set_value(path, change.thing, f"sure.{top}", f"measured {datetime.now(UTC).date()}")


def _try(change: Change, act: object) -> list[str]:
    assert callable(act)
    try:
        act()
    except KedgeError as error:
        return [f"{change}: {error.message}"]
    return []


def _names(value: Value, names: Iterable[str]) -> bool:
    """Return whether a value names one of these things, at any depth."""
    if isinstance(value, str):
        return value in names
    if isinstance(value, Mapping):
        return any(_names(each, names) for each in value.values())
    return isinstance(value, Sequence) and any(_names(each, names) for each in value)
