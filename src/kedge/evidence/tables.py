"""The tables as they are now; how they came to be so is in migrations.py, and a test holds the two together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

MICROSECOND = timedelta(microseconds=1)


class UtcTime(TypeDecorator[datetime]):
    """An aware moment to the microsecond, kept in UTC: readable text in SQLite, timestamptz in PostgreSQL."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return the moment as the driver wants it; SQLite's has no zone."""
        if value is None:
            return None
        moment: datetime = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return the moment, aware, in UTC."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class Microseconds(TypeDecorator[timedelta]):
    """A duration, kept as whole microseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> int | None:
        """Return the number of microseconds."""
        return None if value is None else value // MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> timedelta | None:
        """Return the duration."""
        return None if value is None else timedelta(microseconds=value)


# SQLite counts by itself only in a column of exactly the type INTEGER, which has 64 bits there.
Number = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

fact = Table(
    "fact",
    metadata,
    Column("number", Number, primary_key=True),
    # What makes it the same fact, as one digest: an index over the texts themselves would limit their length.
    Column("digest", String(64), nullable=False, unique=True),
    Column("thing", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("source", String(16), nullable=False),
    Column("by", Text, nullable=False),
    Column("how", Text, nullable=False),
    Column("vantage", Text, nullable=False),
    Column("shelf_life_us", Microseconds),
    Index("fact_newest", "thing", "what", "at"),
)

run = Table(
    "run",
    metadata,
    Column("number", Number, primary_key=True),
    Column("id", String(128), nullable=False, unique=True),
    Column("plan", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("started", UtcTime, nullable=False),
    Column("state", String(16), nullable=False),
    Column("ended", UtcTime),
)

step = Table(
    "step",
    metadata,
    Column("run", String(128), ForeignKey("run.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("result", Text, nullable=False),
    Column("started", UtcTime),
    Column("ended", UtcTime),
)

span = Table(
    "span",
    metadata,
    Column("number", Number, primary_key=True),
    Column("thing", Text, nullable=False),
    Column("probe", Text, nullable=False),
    Column("vantage", Text, nullable=False),
    Column("first", UtcTime, nullable=False),
    Column("last", UtcTime, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("status", String(16), nullable=False),
    Column("what", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("took_us", Microseconds, nullable=False),
    Index("span_newest", "thing", "probe", "vantage", "last"),
)

verdict = Table(
    "verdict",
    metadata,
    Column("thing", String(512), primary_key=True),
    Column("probe", String(512), primary_key=True),
    Column("vantage", String(512), primary_key=True),
    Column("status", String(16), nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("what", Text, nullable=False),
)

incident = Table(
    "incident",
    metadata,
    Column("id", String(512), primary_key=True),
    Column("thing", Text, nullable=False),
    Column("vantage", Text, nullable=False),
    Column("opened", UtcTime, nullable=False),
    Column("content", Text, nullable=False),
    Column("acknowledged", Text, nullable=False),
    Column("closed", UtcTime),
    Index("incident_opened", "opened"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("number", Number, primary_key=True),
    Column("id", String(512), nullable=False, unique=True),
    Column("incident", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("made", UtcTime, nullable=False),
    Column("due", UtcTime, nullable=False),
    Column("content", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("begun", UtcTime),
    Column("done", UtcTime),
    Column("outcome", Text, nullable=False),
    Index("outbox_due", "done", "due"),
)

delivery = Table(
    "delivery",
    metadata,
    Column("number", Number, primary_key=True),
    Column("letter", String(512), ForeignKey("outbox.id"), nullable=False),
    Column("channel", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("is_accepted", Boolean, nullable=False),
    Column("what", Text, nullable=False),
    Index("delivery_letter", "letter"),
)
