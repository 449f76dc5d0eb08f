"""Every schema there ever was is opened by this kedge.

`versions/schema-N.sql` is a small database of schema N as SQL text. The newest is made here by this kedge, which fails
until it is committed; it also shows that a schema that was committed is not changed afterwards.
"""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine

from kedge.errors import EvidenceError
from kedge.evidence.database import Database
from kedge.evidence.migrations import SCHEMA
from kedge.evidence.outbox import Delivery, KeptIncident, Outgoing, Turn, Verdict
from kedge.evidence.place import Server
from kedge.evidence.span import Look, Span
from kedge.evidence.tables import metadata
from kedge.model.facts import Facts
from kedge.model.observation import Observation, Status
from tests.integration.evidence.places import Postgresql
from tests.integration.evidence.samples import NIGHT, RUN, fact

VERSIONS = Path(__file__).with_name("versions")
NOW = NIGHT + timedelta(days=1)
FACTS = [fact(1), replace(fact(2, what="console"), shelf_life=timedelta(days=30), value="öffnet sich nicht")]
STOPPED = replace(RUN, state="stopped", steps=(replace(RUN.steps[0], state="unclear", started=NIGHT), RUN.steps[1]))
LOOK = Look("wiki", "http", "home", NIGHT, Observation(Status.DOWN, "HTTP 500", {"code": "500"}, timedelta(seconds=1)))
SPAN = Span("wiki", "http", "home", NIGHT, NIGHT, 1, LOOK.seen)
VERDICT = Verdict("wiki", "http", "home", "down", NIGHT, "HTTP 500")
INCIDENT = KeptIncident("wiki-1", "wiki", "home", NIGHT, "{}")
LETTER = Outgoing("wiki-1/down/1/anna", "wiki-1", "anna", NIGHT, NIGHT, "{}")
TURN = Turn([VERDICT], [INCIDENT], [LETTER])


def fill(database: Database) -> None:
    database.record(FACTS)
    database.begin(RUN)
    database.mark_step(RUN.id, STOPPED.steps[0])
    database.mark_run(STOPPED)
    database.append([LOOK])
    database.keep_turn(TURN, "home")
    database.begin_try(LETTER.id, NIGHT)
    database.end_try(LETTER.id, [Delivery(LETTER.id, "sms anna", NIGHT, True, "it took it")], None)


def dump(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return re.sub(r"[ \t]+\n", "\n", "\n".join(connection.iterdump()) + "\n")


def load(path: Path, schema: int) -> Database:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((VERSIONS / f"schema-{schema}.sql").read_text())
        connection.execute("PRAGMA journal_mode = WAL")
    return Database(path, kedge="9.9")


def read_meta(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT key, value FROM meta"))


def test_newest_schema_is_the_committed_one(tmp_path: Path) -> None:
    path, committed = tmp_path / "e", VERSIONS / f"schema-{SCHEMA}.sql"
    fill(Database(path, kedge="0.1.0"))
    if not committed.exists():
        committed.write_text(dump(path))
        pytest.fail(f"{committed} was made: look at it and commit it")
    assert dump(path) == dump(load(tmp_path / "committed", SCHEMA).path)


def test_migrations_end_at_the_tables_that_queries_use(tmp_path: Path) -> None:
    Database(tmp_path / "migrated").record([])
    engine = create_engine(f"sqlite:///{tmp_path / 'declared'}")
    metadata.create_all(engine)
    engine.dispose()
    assert read_tables(tmp_path / "migrated") == read_tables(tmp_path / "declared")


def read_tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {" ".join(sql.split()) for (sql,) in rows}


@pytest.mark.parametrize("schema", range(1, SCHEMA + 1))
def test_every_schema_is_read_without_being_migrated(tmp_path: Path, schema: int) -> None:
    database = load(tmp_path / "e", schema)
    assert database.facts(NOW) == Facts.of(FACTS, NOW)
    assert list(database.unfinished()) == [STOPPED]
    spans = [SPAN] if schema >= 2 else []
    assert list(database.current_spans()) == spans
    assert len(list(database.export_lines())) == 2 + len(FACTS) + 1 + len(spans) + (4 if schema >= 3 else 0)
    assert read_meta(database.path)["schema"] == str(schema)


@pytest.mark.parametrize("schema", range(1, SCHEMA + 1))
def test_every_schema_is_migrated_by_the_first_write(tmp_path: Path, schema: int) -> None:
    database = load(tmp_path / "e", schema)
    database.record([fact(3)])
    database.append([replace(LOOK, at=NOW)])
    assert database.facts(NOW) == Facts.of([*FACTS, fact(3)], NOW)
    assert [span.last for span in database.current_spans()] == [NOW]
    assert list(database.unfinished()) == [STOPPED]
    made_by = "0.1.0" if schema == SCHEMA else "9.9"
    assert read_meta(database.path) == {"schema": str(SCHEMA), "kedge": made_by}


@pytest.fixture
def old_server(server: Postgresql, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Database]:
    """Makes a database of an earlier schema at a server, with what that schema could hold."""
    from kedge.evidence import migrations

    def make(schema: int) -> Database:
        database = Database(server.place(), kedge="9.9")
        with monkeypatch.context() as patch:
            patch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:schema])
            patch.setattr(migrations, "SCHEMA", schema)
            database.record(FACTS)
            database.begin(RUN)
            database.mark_step(RUN.id, STOPPED.steps[0])
            database.mark_run(STOPPED)
            if schema >= 2:
                database.append([LOOK])
        return database

    return make


def read_server(database: Database, query: str) -> list[tuple[str, ...]]:
    assert isinstance(database.place, Server)
    with psycopg.connect(database.place.url) as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.mark.parametrize("schema", range(1, SCHEMA + 1))
def test_every_schema_of_a_server_is_read_and_then_migrated(old_server: Callable[[int], Database], schema: int) -> None:
    database, known = old_server(schema), "SELECT value FROM meta WHERE key = 'schema'"
    assert database.facts(NOW) == Facts.of(FACTS, NOW)
    assert list(database.unfinished()) == [STOPPED]
    assert list(database.current_spans()) == ([SPAN] if schema >= 2 else [])
    assert list(database.verdicts()) == []
    assert read_server(database, known) == [(str(schema),)]
    database.keep_turn(TURN, "home", [replace(LOOK, at=NOW)])
    assert read_server(database, known) == [(str(SCHEMA),)]
    assert list(database.due_letters(NOW)) == [LETTER]
    assert database.facts(NOW) == Facts.of(FACTS, NOW)


def test_migrations_end_at_the_tables_that_queries_use_at_a_server_too(server: Postgresql) -> None:
    migrated, declared = Database(server.place()), Database(server.place())
    migrated.record([])
    assert isinstance(declared.place, Server)
    url = declared.place.url
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url))
    metadata.create_all(engine)
    engine.dispose()
    columns = (
        "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, identity_generation,"
        " column_default IS NOT NULL FROM information_schema.columns"
        " WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position"
    )
    indexes = (
        "SELECT replace(indexdef, current_schema(), '') FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1"
    )
    for query in (columns, indexes):
        assert len(read_server(migrated, query)) > 10
        assert read_server(migrated, query) == read_server(declared, query)


def test_a_newer_kedges_database_at_a_server_is_refused(server: Postgresql) -> None:
    database = server.database()
    database.record([fact(1)])
    assert isinstance(database.place, Server)
    with psycopg.connect(database.place.url) as newer:
        newer.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
        newer.execute("UPDATE meta SET value = '12.3' WHERE key = 'kedge'")
    for act in (lambda: database.facts(NOW), lambda: database.record([fact(3)])):
        with pytest.raises(EvidenceError, match=r"made by kedge 12\.3 .* this is kedge 9\.9"):
            act()


def test_a_migration_that_fails_changes_nothing_at_a_server(
    server: Postgresql, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kedge.evidence import migrations

    def fail(connection: object) -> None:
        connection.exec_driver_sql("DROP TABLE fact")  # type: ignore[attr-defined]
        connection.exec_driver_sql("SELECT no_more")  # type: ignore[attr-defined]

    database = server.database()
    database.record([fact(1)])
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, fail))
        patch.setattr(migrations, "SCHEMA", SCHEMA + 1)
        with pytest.raises(EvidenceError, match="no_more"):
            database.record([fact(3)])
    assert len(database.facts(NOW).latest) == 1


def test_a_newer_kedges_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    database = load(tmp_path / "e", SCHEMA)
    with closing(sqlite3.connect(database.path)) as newer, newer:
        newer.execute("UPDATE meta SET value = ? WHERE key = 'schema'", [str(SCHEMA + 1)])
        newer.execute("UPDATE meta SET value = '12.3' WHERE key = 'kedge'")
    before = dump(database.path)
    for act in (lambda: database.facts(NOW), lambda: database.record([fact(3)]), lambda: list(database.export_lines())):
        with pytest.raises(EvidenceError, match=r"made by kedge 12\.3 .* this is kedge 9\.9") as error:
            act()
        assert error.value.hint == "finish or roll back with kedge 12.3"
    assert dump(database.path) == before


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kedge.evidence import migrations

    def fail(connection: object) -> None:
        connection.exec_driver_sql("CREATE TABLE half (x)")  # type: ignore[attr-defined]
        connection.exec_driver_sql("DROP TABLE fact")  # type: ignore[attr-defined]
        raise sqlite3.OperationalError("no more")

    database = load(tmp_path / "e", SCHEMA)
    before = dump(database.path)
    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, fail))
    monkeypatch.setattr(migrations, "SCHEMA", SCHEMA + 1)
    with pytest.raises(EvidenceError, match="no more"):
        database.record([fact(3)])
    assert dump(database.path) == before
