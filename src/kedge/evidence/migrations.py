"""Numbered migrations: each brings the database from one schema to the next, in one transaction.

A migration that was released is never edited: it says what the tables were then, on its own, so it does not import
tables.py. `tests/integration/evidence/versions/` holds a small database of every schema; all are migrated in the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    delete,
    insert,
    inspect,
    select,
)

from kedge.errors import EvidenceError
from kedge.evidence.tables import meta


def _create_facts_and_runs(connection: Connection) -> None:
    then, number = MetaData(), BigInteger().with_variant(Integer, "sqlite")
    moment = DateTime(timezone=True)
    Table("meta", then, Column("key", String(64), primary_key=True), Column("value", Text, nullable=False))
    Table(
        "fact",
        then,
        Column("number", number, primary_key=True),
        Column("digest", String(64), nullable=False, unique=True),
        *(Column(name, Text, nullable=False) for name in ("thing", "what", "value")),
        Column("at", moment, nullable=False),
        Column("source", String(16), nullable=False),
        *(Column(name, Text, nullable=False) for name in ("by", "how", "vantage")),
        Column("shelf_life_us", BigInteger),
        Index("fact_newest", "thing", "what", "at"),
    )
    Table(
        "run",
        then,
        Column("number", number, primary_key=True),
        Column("id", String(128), nullable=False, unique=True),
        *(Column(name, Text, nullable=False) for name in ("plan", "version", "host")),
        Column("pid", BigInteger, nullable=False),
        Column("started", moment, nullable=False),
        Column("state", String(16), nullable=False),
        Column("ended", moment),
    )
    Table(
        "step",
        then,
        Column("run", String(128), ForeignKey("run.id"), primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("name", Text, nullable=False),
        Column("state", String(16), nullable=False),
        Column("result", Text, nullable=False),
        Column("started", moment),
        Column("ended", moment),
    )
    then.create_all(connection)


def _create_spans(connection: Connection) -> None:
    then, moment = MetaData(), DateTime(timezone=True)
    Table(
        "span",
        then,
        Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
        *(Column(name, Text, nullable=False) for name in ("thing", "probe", "vantage")),
        Column("first", moment, nullable=False),
        Column("last", moment, nullable=False),
        Column("n", BigInteger, nullable=False),
        Column("status", String(16), nullable=False),
        *(Column(name, Text, nullable=False) for name in ("what", "evidence")),
        Column("took_us", BigInteger, nullable=False),
        Index("span_newest", "thing", "probe", "vantage", "last"),
    )
    then.create_all(connection)


def _create_outbox(connection: Connection) -> None:
    then, moment = MetaData(), DateTime(timezone=True)
    number = BigInteger().with_variant(Integer, "sqlite")
    Table(
        "verdict",
        then,
        *(Column(name, String(512), primary_key=True) for name in ("thing", "probe", "vantage")),
        Column("status", String(16), nullable=False),
        Column("since", moment, nullable=False),
        Column("what", Text, nullable=False),
    )
    Table(
        "incident",
        then,
        Column("id", String(512), primary_key=True),
        *(Column(name, Text, nullable=False) for name in ("thing", "vantage")),
        Column("opened", moment, nullable=False),
        *(Column(name, Text, nullable=False) for name in ("content", "acknowledged")),
        Column("closed", moment),
        Index("incident_opened", "opened"),
    )
    Table(
        "outbox",
        then,
        Column("number", number, primary_key=True),
        Column("id", String(512), nullable=False, unique=True),
        *(Column(name, Text, nullable=False) for name in ("incident", "person")),
        *(Column(name, moment, nullable=False) for name in ("made", "due")),
        Column("content", Text, nullable=False),
        Column("tries", Integer, nullable=False),
        *(Column(name, moment) for name in ("begun", "done")),
        Column("outcome", Text, nullable=False),
        Index("outbox_due", "done", "due"),
    )
    Table(
        "delivery",
        then,
        Column("number", number, primary_key=True),
        Column("letter", String(512), ForeignKey("outbox.id"), nullable=False),
        Column("channel", Text, nullable=False),
        Column("at", moment, nullable=False),
        Column("is_accepted", Boolean, nullable=False),
        Column("what", Text, nullable=False),
        Index("delivery_letter", "letter"),
    )
    then.create_all(connection)


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_create_facts_and_runs, _create_spans, _create_outbox)
"""In order: the first makes schema 1 out of an empty database, the n-th schema n."""

SCHEMA = len(MIGRATIONS)
"""The schema that this kedge writes. It reads every earlier one from 1 on; a reader never migrates."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What an error has to name: which database, and which version of kedge opened it (slow to find, seldom asked)."""

    where: str
    kedge: Callable[[], str]


def migrate(connection: Connection, opened: Opened) -> None:
    """Bring the database to this kedge's schema, one transaction for each step; several processes may try at once."""
    while _advance(connection, opened):
        pass


def read_schema(connection: Connection, opened: Opened) -> int:
    """Return the database's schema, 0 if it is empty; raises EvidenceError if it is newer than this kedge, or foreign.

    Every transaction asks again: another kedge may have migrated the file since the last one.
    """
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return 0
    rows = connection.execute(select(meta.c.key, meta.c.value)).all() if "meta" in tables else ()
    known: dict[str, str] = {row.key: row.value for row in rows}
    schema = known.get("schema", "")
    if not (schema.isascii() and schema.isdecimal() and int(schema)):
        raise EvidenceError(
            f"{opened.where} is not a database of kedge",
            hint="name another one in KEDGE_EVIDENCE, or move this one away",
        )
    if int(schema) > SCHEMA:
        raise _say_newer(int(schema), known.get("kedge", "unknown"), opened)
    return int(schema)


def _advance(connection: Connection, opened: Opened) -> bool:
    with connection.begin():
        schema = read_schema(connection, opened)
        if schema == SCHEMA:
            return False
        MIGRATIONS[schema](connection)
        connection.execute(delete(meta).where(meta.c.key.in_(["schema", "kedge"])))
        rows = [{"key": "schema", "value": str(schema + 1)}, {"key": "kedge", "value": opened.kedge()}]
        connection.execute(insert(meta), rows)
        return True


def _say_newer(schema: int, theirs: str, opened: Opened) -> EvidenceError:
    ours = opened.kedge()
    return EvidenceError(
        f"{opened.where} was made by kedge {theirs} (schema {schema}); this is kedge {ours} (schema {SCHEMA})",
        hint=f"finish or roll back with kedge {theirs}",
    )
