"""Adopted backups: what others saved becomes evidence — of when it is, how much it holds, what it lacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from kedge.model.facts import Fact
from kedge.model.ports import Held, Snapshot
from kedge.work.doubts import NONE, Count, find_shrinking

TINY_BYTES = 100
"""No dump or archive of anything is so small: a gzip of nothing has 20 bytes."""


@dataclass(frozen=True)
class Seen:
    """The newest snapshot of a store that others fill, the facts it makes, and what speaks against it."""

    snapshot: Snapshot
    facts: tuple[Fact, ...]
    doubts: tuple[str, ...]


def judge_adopted(service: str, store: str, held: Held, before: Mapping[str, Count], shelf_life: timedelta) -> Seen:
    """Return what a store tells; `before` is what each part held when it was last looked at."""
    at, said = held.snapshot.at, []

    def fact(what: str, value: str) -> Fact:
        return Fact(service, what, value, at, "observed", by="kedge", how=f"made by others, in {store}")

    facts = [fact("backup", held.snapshot.id), fact(f"backup/{store}", held.snapshot.id)]
    facts = [replace(one, shelf_life=shelf_life) for one in facts]
    for part, tally in held.parts.items():
        count = Count(tally.count, 1, tally.size_bytes, 0) if tally else None
        doubt = _doubt(count, before.get(part))
        said += [f"{part}: {doubt}"] if doubt != NONE else []
        facts += [fact(f"doubt/{part}", doubt), *([fact(f"counted/{part}", count.text)] if count else [])]
    return Seen(held.snapshot, tuple(facts), tuple(said))


def newest_first(facts: Iterable[Fact]) -> list[Fact]:
    """Return the facts, of several stores, so that for each name only the newest stays."""
    newest: dict[str, Fact] = {}
    for fact in facts:
        if fact.what not in newest or newest[fact.what].at < fact.at:
            newest[fact.what] = fact
    return list(newest.values())


def _doubt(count: Count | None, before: Count | None) -> str:
    if count is None:
        return "not in the backup"
    if count.bytes <= TINY_BYTES:
        return f"only {count.bytes} bytes"
    return "; ".join(find_shrinking(count, before)) or NONE if before else NONE
