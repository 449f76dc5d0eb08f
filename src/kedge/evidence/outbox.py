"""What the watch keeps: what is held of each probe, incidents, and letters with every try to deliver them.

All that one step of the watch leads to is written in one transaction. A letter is begun before it is sent and marked
as delivered afterwards: killed in between, it is sent again, by the same id, and known to be possibly the second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import Connection, delete, insert, inspect, select, update

from kedge.evidence.ledger import require_keepable, require_moment
from kedge.evidence.tables import delivery as delivery_table
from kedge.evidence.tables import incident as incident_table
from kedge.evidence.tables import outbox as outbox_table
from kedge.evidence.tables import verdict as verdict_table

ADOPTED_AFTER = timedelta(minutes=15)
"""A letter that has been due for so long is no longer left to the vantage that wrote it, which may be dead."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one vantage holds of one probe, and since when."""

    thing: str
    probe: str
    vantage: str
    status: str
    since: datetime
    what: str


@dataclass(frozen=True, slots=True)
class KeptIncident:
    """An incident: `content` is whatever its watch needs to go on with it, as text."""

    id: str
    thing: str
    vantage: str
    opened: datetime
    content: str
    acknowledged: str = ""
    closed: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A letter on its way, due at a moment. `begun` is a try that may have arrived: nobody knows how it ended."""

    id: str
    incident: str
    person: str
    made: datetime
    due: datetime
    content: str
    tries: int = 0
    begun: datetime | None = None
    done: datetime | None = None
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One try: by which channel, and what came of it."""

    letter: str
    channel: str
    at: datetime
    is_accepted: bool
    what: str


Kept: TypeAlias = Verdict | KeptIncident | Outgoing | Delivery


@dataclass(frozen=True)
class Turn:
    """Everything one step of the watch leads to; it is kept whole or not at all."""

    verdicts: Sequence[Verdict] = ()
    incidents: Sequence[KeptIncident] = ()
    letters: Sequence[Outgoing] = ()
    forgotten: Sequence[tuple[str, str]] = field(default_factory=tuple)
    """Things and probes that are watched no more."""


_OUTGOING = [outbox_table.c[name] for name in Outgoing.__slots__]
_INCIDENT = [incident_table.c[name] for name in KeptIncident.__slots__]
_VERDICT = [verdict_table.c[name] for name in Verdict.__slots__]
_DELIVERY = [delivery_table.c[name] for name in Delivery.__slots__]


def write_turn(connection: Connection, turn: Turn, vantage: str) -> None:
    """Keep a turn; a letter that is there already only learns of further tries, so that writing twice is safe.

    Twice it is written when nobody knows whether the first time was kept: the connection broke at the commit.
    """
    for one in turn.verdicts:
        _put(connection, verdict_table, _row(one), ("thing", "probe", "vantage"))
    for incident in turn.incidents:
        _put(connection, incident_table, _row(incident), ("id",), keeps=("acknowledged",))
    for thing, probe in turn.forgotten:
        table = verdict_table.c
        here = (table.thing == thing) & (table.probe == probe) & (table.vantage == vantage)
        connection.execute(delete(verdict_table).where(here))
    for letter in turn.letters:
        _put_letter(connection, letter)


def _put_letter(connection: Connection, letter: Outgoing) -> None:
    mine = outbox_table.c.id == letter.id
    known = connection.execute(select(outbox_table.c.tries).where(mine)).scalar()
    if known is None:
        connection.execute(insert(outbox_table), _row(letter))
    elif known < letter.tries:
        connection.execute(update(outbox_table).where(mine).values(_row(letter)))


def read_due(connection: Connection, now: datetime, vantage: str = "") -> Sequence[Outgoing]:
    """Return the letters that are to be tried now, oldest first; without those that other vantages see to."""
    waiting = outbox_table.c.done.is_(None) & (outbox_table.c.due <= now)
    if vantage:
        theirs = select(incident_table.c.id).where(incident_table.c.vantage != vantage)
        is_left = outbox_table.c.due <= now - ADOPTED_AFTER
        waiting &= is_left | outbox_table.c.incident.not_in(theirs)
    query = select(*_OUTGOING).where(waiting).order_by(outbox_table.c.number)
    return [Outgoing(*row) for row in connection.execute(query)]


def read_latest_letters(connection: Connection, most: int) -> Sequence[Outgoing]:
    """Return at most so many letters, the newest last."""
    query = select(*_OUTGOING).order_by(outbox_table.c.number.desc()).limit(most)
    return [Outgoing(*row) for row in connection.execute(query)][::-1]


def begin_try(connection: Connection, letter: str, at: datetime) -> None:
    """Mark that a letter is about to be sent."""
    mine = outbox_table.c.id == letter
    connection.execute(update(outbox_table).where(mine).values(tries=outbox_table.c.tries + 1, begun=at))


def end_try(
    connection: Connection, letter: str, deliveries: Sequence[Delivery], due: datetime | None, *, is_certain: bool
) -> None:
    """Keep what came of the tries by each channel; the letter is done, or due again.

    Not certain is a try that may have arrived although nobody confirmed it.
    """
    for one in deliveries:
        connection.execute(insert(delivery_table), _row(one))
    last = deliveries[-1] if deliveries else None
    outcome = "" if last is None else f"{'by' if last.is_accepted else 'not by'} {last.channel}: {last.what}"
    done = last.at if last and due is None else None
    values: dict[str, Any] = {"outcome": outcome, "done": done}
    if is_certain:
        values["begun"] = None
    if due is not None:
        values["due"] = due
    connection.execute(update(outbox_table).where(outbox_table.c.id == letter).values(values))


def read_deliveries(connection: Connection, letters: Iterable[str]) -> Sequence[Delivery]:
    """Return every try of these letters, oldest first."""
    mine = delivery_table.c.letter.in_(list(letters))
    query = select(*_DELIVERY).where(mine).order_by(delivery_table.c.number)
    return [Delivery(*row) for row in connection.execute(query)]


def read_verdicts(connection: Connection, vantage: str = "") -> Sequence[Verdict]:
    """Return what is held, by one vantage or by all."""
    query = select(*_VERDICT).order_by(verdict_table.c.thing, verdict_table.c.probe, verdict_table.c.vantage)
    if vantage:
        query = query.where(verdict_table.c.vantage == vantage)
    return [Verdict(*row) for row in connection.execute(query)]


def read_incidents(connection: Connection, *, is_open: bool, most: int = 1000) -> Sequence[KeptIncident]:
    """Return the open incidents, or the latest, the newest last."""
    query = select(*_INCIDENT).order_by(incident_table.c.opened.desc(), incident_table.c.id).limit(most)
    if is_open:
        query = query.where(incident_table.c.closed.is_(None))
    return [KeptIncident(*row) for row in connection.execute(query)][::-1]


def acknowledge(connection: Connection, incident: str, by: str) -> bool:
    """Keep who takes care of an incident; False if there is none of this id that nobody has answered yet."""
    mine = (incident_table.c.id == incident) & (incident_table.c.acknowledged == "")
    return bool(connection.execute(update(incident_table).where(mine).values(acknowledged=by)).rowcount)


def read_all(connection: Connection) -> Iterator[tuple[str, Kept]]:
    """Yield everything, each with the word for it, so that what others refer to comes first."""
    if not has_outbox(connection):
        return
    yield from (("verdict", one) for one in read_verdicts(connection))
    every = [
        ("incident", KeptIncident, _INCIDENT, incident_table.c.opened),
        ("letter", Outgoing, _OUTGOING, outbox_table.c.number),
        ("delivery", Delivery, _DELIVERY, delivery_table.c.number),
    ]
    for word, kind, columns, order in every:
        yield from ((word, kind(*row)) for row in connection.execute(select(*columns).order_by(order)))


def insert_kept(connection: Connection, kept: Iterable[Kept]) -> None:
    """Insert what is not there yet; what is there stays as it is, with its deliveries."""
    for one in kept:
        table, key = _TABLES[type(one)]
        mine = [table.c[name] == getattr(one, name) for name in key]
        if connection.execute(select(table.c[key[0]]).where(*mine)).first() is None:
            connection.execute(insert(table), _row(one))


_TABLES: Mapping[type, tuple[Any, tuple[str, ...]]] = {
    Verdict: (verdict_table, ("thing", "probe", "vantage")),
    KeptIncident: (incident_table, ("id",)),
    Outgoing: (outbox_table, ("id",)),
    Delivery: (delivery_table, ("letter", "channel", "at")),
}
"""Where each is kept, and what makes it the same one."""


def has_outbox(connection: Connection) -> bool:
    """Return whether the database is new enough; a reader never migrates, and schema 2 had none."""
    return inspect(connection).has_table("outbox")


def _put(
    connection: Connection, table: Any, row: dict[str, Any], key: tuple[str, ...], keeps: tuple[str, ...] = ()
) -> None:
    """Insert a row, or change the one with its key but for what it keeps."""
    mine = [table.c[name] == row[name] for name in key]
    changed = {name: value for name, value in row.items() if name not in (*key, *keeps)}
    if not connection.execute(update(table).where(*mine).values(changed)).rowcount:
        connection.execute(insert(table), row)


def _row(one: Any) -> dict[str, Any]:
    row = {name: getattr(one, name) for name in one.__slots__}
    require_keepable(value for value in row.values() if isinstance(value, str))
    for value in row.values():
        if isinstance(value, datetime):
            require_moment(value)
    return row
