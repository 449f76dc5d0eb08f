"""Spans as rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from operator import attrgetter
from typing import Any, TypeAlias

from sqlalchemy import Connection, bindparam, func, insert, inspect, select, update

from kedge.evidence.ledger import require_keepable, require_moment
from kedge.evidence.span import Look, Span
from kedge.evidence.tables import span as span_table
from kedge.model.observation import Observation, Status

Key: TypeAlias = tuple[str, str, str]
Numbered: TypeAlias = tuple[int | None, Span]

_COLUMNS = [column for column in span_table.c if column.name != "number"]
_GROWS = ("last", "n", "evidence", "took_us")


def append_looks(connection: Connection, looks: Iterable[Look], gap: timedelta) -> None:
    """Extend the newest span of each thing, probe and vantage, or open a new one.

    A look extends it if it saw the same status and sentence within `gap`; one that is not newer changes nothing, so
    that appending twice is safe.
    """
    ordered = sorted(map(_keepable, looks), key=attrgetter("at"))
    newest = _read_newest(connection, {look.thing for look in ordered})
    changed: dict[tuple[Key, object], Numbered] = {}
    for look in ordered:
        key = (look.thing, look.probe, look.vantage)
        grown = _grow(newest.get(key), look, gap)
        if grown:
            newest[key] = changed[key, grown[1].first] = grown
    _write(connection, changed.values())


def insert_spans(connection: Connection, spans: Sequence[Span]) -> None:
    """Insert spans whose beginning is not known yet for their thing, probe and vantage."""
    things = {span.thing for span in spans}
    query = select(span_table.c.thing, span_table.c.probe, span_table.c.vantage, span_table.c.first)
    known = {tuple(row) for row in connection.execute(query.where(span_table.c.thing.in_(things)))}
    new = {(span.thing, span.probe, span.vantage, span.first): span for span in reversed(spans)}
    _write(connection, [(None, new[key]) for key in reversed(new) if key not in known])


def read_current(connection: Connection) -> Sequence[Span]:
    """Return the newest span of each thing, probe and vantage."""
    return [one for _, one in _read_newest(connection).values()] if _has_spans(connection) else []


def read_seen(connection: Connection, vantage: str) -> frozenset[tuple[str, str]]:
    """Return thing and probe of every look from a vantage that saw something, as far back as spans go."""
    if not _has_spans(connection):
        return frozenset()
    query = select(span_table.c.thing, span_table.c.probe).distinct()
    is_ours = (span_table.c.vantage == vantage) & (span_table.c.status != Status.UNKNOWN.value)
    return frozenset((row.thing, row.probe) for row in connection.execute(query.where(is_ours)))


def read_all(connection: Connection) -> Iterator[Span]:
    """Yield every span in the order in which they were opened."""
    if _has_spans(connection):
        query = select(*_COLUMNS).order_by(span_table.c.number).execution_options(yield_per=1000)
        with connection.execute(query) as rows:
            yield from map(_span, rows)


def _grow(known: Numbered | None, look: Look, gap: timedelta) -> Numbered | None:
    """Return the span that this look makes out of the known one, or None if it is not newer."""
    if known and look.at <= known[1].last:
        return None
    if known and _sees_same(known[1], look) and look.at - known[1].last <= gap:
        return known[0], replace(known[1], last=look.at, n=known[1].n + 1, seen=look.seen)
    return None, Span(look.thing, look.probe, look.vantage, look.at, look.at, 1, look.seen)


def _sees_same(known: Span, look: Look) -> bool:
    return (known.seen.status, known.seen.what) == (look.seen.status, look.seen.what)


def _write(connection: Connection, numbered: Iterable[Numbered]) -> None:
    rows = [(number, _row(span)) for number, span in numbered]
    opened = [row for number, row in rows if number is None]
    grown = [{"known": number} | {f"new_{name}": row[name] for name in _GROWS} for number, row in rows if number]
    if opened:
        connection.execute(insert(span_table), opened)
    if grown:
        known = update(span_table).where(span_table.c.number == bindparam("known"))
        connection.execute(known.values({name: bindparam(f"new_{name}") for name in _GROWS}), grown)


def _read_newest(connection: Connection, things: set[str] | None = None) -> dict[Key, Numbered]:
    key = (span_table.c.thing, span_table.c.probe, span_table.c.vantage)
    newest_first = (span_table.c.last.desc(), span_table.c.number.desc())
    place = func.row_number().over(partition_by=key, order_by=newest_first).label("place")
    ranked = select(span_table, place)
    if things is not None:
        ranked = ranked.where(span_table.c.thing.in_(things))
    found = ranked.subquery()
    columns = [found.c[column.name] for column in (span_table.c.number, *_COLUMNS)]
    rows: Iterable[Any] = connection.execute(select(*columns).where(found.c.place == 1))
    return {(row.thing, row.probe, row.vantage): (row.number, _span(row[1:])) for row in rows}


def _has_spans(connection: Connection) -> bool:
    # A reader never migrates, and schema 1 had none.
    return inspect(connection).has_table("span")


def _span(row: Any) -> Span:
    thing, probe, vantage, first, last, n, status, what, evidence, took = row
    return Span(thing, probe, vantage, first, last, n, Observation(Status(status), what, json.loads(evidence), took))


def _row(span: Span) -> dict[str, Any]:
    seen = span.seen
    require_keepable((span.thing, span.probe, span.vantage, seen.what))
    require_moment(span.first)
    require_moment(span.last)
    return {
        "thing": span.thing,
        "probe": span.probe,
        "vantage": span.vantage,
        "first": span.first,
        "last": span.last,
        "n": span.n,
        "status": seen.status.value,
        "what": seen.what,
        "evidence": json.dumps(dict(seen.evidence)),
        "took_us": seen.took,
    }


def _keepable(look: Look) -> Look:
    # What a probe quotes was sent by anybody: odd characters in it must not cost the looks beside it.
    evidence = {_clean(key): _clean(value) for key, value in look.seen.evidence.items()}
    return replace(look, seen=replace(look.seen, what=_clean(look.seen.what), evidence=evidence))


def _clean(text: str) -> str:
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
