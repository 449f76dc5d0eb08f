"""What a sweep leaves behind: spans of what was seen, and facts that rules read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kedge.app.database import open_database
from kedge.app.targets import Target
from kedge.evidence.span import Look
from kedge.model.facts import Fact, Facts
from kedge.model.observation import Status
from kedge.model.quantity import format_size, parse_size

RENEW = 0.3
"""A fact that has not changed is written again after this part of its shelf life, so that it never goes stale."""
OBSERVED, BOOT, USED, BASE, GROWTH = "observation", "boot", "used", "base", "growth"
GROWTH_AFTER, BASE_FOR = timedelta(hours=12), timedelta(days=7)
"""Growth is measured against what was used at least so long ago, and anew after so many days."""
_RANK = {Status.OK: 0, Status.UNKNOWN: 1, Status.DEGRADED: 2, Status.DOWN: 3}


def keep(inventory: Path, targets: Sequence[Target], looks: Sequence[Look]) -> None:
    """Keep looks as spans and what they tell as facts, in the inventory's database; raises EvidenceError."""
    if not looks:
        return
    database = open_database(inventory)
    database.append(looks)
    known = database.facts(max(look.at for look in looks))
    told = [fact for target, look in zip(targets, looks, strict=True) for fact in facts_of(target, look)]
    grown = [fact for one in told for fact in growth_of(one, known)]
    news = [fact for fact in (*told, *grown, *statuses_of(looks)) if is_news(fact, known)]
    database.record(news, repeated(news, known))


def due(inventory: Path, targets: Sequence[Target], at: datetime) -> list[Target]:
    """Return the targets to look at now: without those whose probe looks less often, and did lately and well."""
    rare = [target for target in targets if hasattr(target.probe, "every")]
    if not rare:
        return list(targets)
    spans = open_database(inventory).current_spans()
    known = {(span.thing, span.probe): span for span in spans if span.seen.status is Status.OK}
    fresh = {
        id(target)
        for target in rare
        if (span := known.get((target.thing, target.name)))
        and at - span.last < getattr(target.probe, "every", timedelta())
    }
    return [target for target in targets if id(target) not in fresh]


def facts_of(target: Target, look: Look) -> Iterator[Fact]:
    """Yield what a look says beyond up and down: the evidence that its probe says is a fact of its thing."""
    tells: frozenset[str] = getattr(target.probe, "tells", frozenset())
    for what, value in look.seen.evidence.items():
        if what == BOOT and BOOT in tells:
            yield _fact(look, BOOT, "ok", datetime.fromisoformat(value).astimezone(UTC))
        elif what.partition("/")[0] in tells:
            yield _fact(look, what, value)


def statuses_of(looks: Sequence[Look]) -> Iterator[Fact]:
    """Yield the state of each thing: that of its worst look, `down: …`."""
    worst: dict[str, Look] = {}
    for look in looks:
        known = worst.get(look.thing)
        if known is None or _RANK[look.seen.status] > _RANK[known.seen.status]:
            worst[look.thing] = look
    for look in worst.values():
        yield _fact(look, OBSERVED, f"{look.seen.status}: {look.seen.what}")


def growth_of(fact: Fact, known: Facts) -> Iterator[Fact]:
    """Yield how much more is used each day than at the base, and a new base once the old one is a week old."""
    kind, _, volume = fact.what.partition("/")
    if kind != USED:
        return
    base = known.get(fact.thing, f"{BASE}/{volume}")
    age = fact.at - base.at if base else timedelta(0)
    if base and age >= GROWTH_AFTER:
        per_day = (parse_size(fact.value) - parse_size(base.value)) / (age / timedelta(days=1))
        yield replace(fact, what=f"{GROWTH}/{volume}", value=f"{format_size(max(per_day, 0.0))}/d")
    if base is None or age >= BASE_FOR:
        yield replace(fact, what=f"{BASE}/{volume}")


def is_news(fact: Fact, known: Facts) -> bool:
    """Whether a fact is worth a row: it changed, or what is known of it grows old."""
    old = known.get(fact.thing, fact.what)
    if old is None or old.value != fact.value or fact.what == BOOT:
        return old is None or old.at != fact.at or old.value != fact.value
    return not replace(old, at=fact.at - (fact.at - old.at) / RENEW).is_fresh(fact.at)


def repeated(news: Sequence[Fact], known: Facts) -> list[Fact]:
    """Return the known states that are only said anew, a minute later: spans keep since when it has been so.

    Each would be 300 more rows a day for each thing.
    """
    pairs = [(known.get(fact.thing, OBSERVED), fact) for fact in news if fact.what == OBSERVED]
    return [old for old, fact in pairs if old and old.at < fact.at and replace(old, at=fact.at) == fact]


def _fact(look: Look, what: str, value: str, at: datetime | None = None) -> Fact:
    return Fact(look.thing, what, value, at or look.at, "observed", by="kedge", how=look.probe, vantage=look.vantage)
