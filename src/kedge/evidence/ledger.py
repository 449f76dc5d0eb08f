"""Facts as rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from importlib import import_module
from typing import Any, cast, get_args

from sqlalchemy import Connection, Insert, Table, bindparam, delete, func, select

from kedge.errors import EvidenceError
from kedge.evidence.tables import MICROSECOND, fact
from kedge.model.facts import Fact, Source

_COLUMNS = (
    fact.c.thing, fact.c.what, fact.c.value, fact.c.at, fact.c.source,
    fact.c.by, fact.c.how, fact.c.vantage, fact.c.shelf_life_us,
)  # fmt: skip
_LIMIT = 2**63
_SOURCES = frozenset(get_args(Source))


def write_facts(connection: Connection, facts: Sequence[Fact]) -> None:
    """Insert those that are not known yet; two are the same if thing, what, at, source, value and vantage are."""
    if facts:
        connection.execute(_insert_new(connection, fact), [_row(one) for one in facts])


def remove_facts(connection: Connection, facts: Sequence[Fact]) -> None:
    """Delete these; nothing for one that is not known."""
    if facts:
        connection.execute(
            delete(fact).where(fact.c.digest == bindparam("gone")), [{"gone": _digest(f)} for f in facts]
        )


def read_newest(connection: Connection, now: datetime) -> Sequence[Fact]:
    """Return the newest fact for each thing and what, none after `now`; of several at one moment, the last written."""
    newest_first = (fact.c.at.desc(), fact.c.number.desc())
    place = func.row_number().over(partition_by=(fact.c.thing, fact.c.what), order_by=newest_first).label("place")
    ranked = select(*_COLUMNS, place).where(fact.c.at <= now).subquery()
    columns = [ranked.c[column.name] for column in _COLUMNS]
    return [_fact(row) for row in connection.execute(select(*columns).where(ranked.c.place == 1))]


def read_all(connection: Connection) -> Iterator[Fact]:
    """Yield every fact in the order in which they were written."""
    query = select(*_COLUMNS).order_by(fact.c.number).execution_options(yield_per=1000)
    with connection.execute(query) as rows:
        yield from map(_fact, rows)


def require_keepable(texts: Iterable[str]) -> None:
    """Raise EvidenceError for a text that some database cannot hold: U+0000 (PostgreSQL) or a lone surrogate."""
    for text in texts:
        if "\0" in text or not _is_unicode(text):
            raise EvidenceError(
                f"a text cannot be kept: {text[:80]!r}", hint="replace NUL characters and bytes that are not UTF-8"
            )


def require_moment(moment: datetime | None) -> None:
    """Raise EvidenceError for a time without a zone, or one that UTC has no year for."""
    try:
        if moment is not None and (moment.tzinfo is None or moment.astimezone(UTC).tzinfo is None):
            raise EvidenceError(f"a time cannot be kept: {moment} has no zone", hint="give the time with its zone")
    except OverflowError as error:
        raise EvidenceError(f"a time cannot be kept: {moment}", hint="give a year from 1 to 9999") from error


def _insert_new(connection: Connection, table: Table) -> Insert:
    # The one statement that both dialects spell alike and SQLAlchemy does not.
    dialect = import_module(f"sqlalchemy.dialects.{connection.dialect.name}")
    return cast(Insert, dialect.insert(table).on_conflict_do_nothing(index_elements=["digest"]))


def _row(one: Fact) -> dict[str, Any]:
    require_keepable((one.thing, one.what, one.value, one.by, one.how, one.vantage))
    require_moment(one.at)
    if one.shelf_life is not None and abs(one.shelf_life // MICROSECOND) >= _LIMIT:
        raise EvidenceError(f"a shelf life cannot be kept: {one.shelf_life}", hint="give less than 290,000 years")
    row = {column.name: getattr(one, column.name, None) for column in _COLUMNS}
    return row | {"shelf_life_us": one.shelf_life, "digest": _digest(one)}


def _digest(one: Fact) -> str:
    same = (one.thing, one.what, one.at.astimezone(UTC).isoformat(), one.source, one.value, one.vantage)
    return hashlib.sha256(json.dumps(same).encode()).hexdigest()


def _fact(row: Any) -> Fact:
    if row.source not in _SOURCES:
        raise ValueError(f"unknown source {row.source!r}")
    return Fact(*row)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
