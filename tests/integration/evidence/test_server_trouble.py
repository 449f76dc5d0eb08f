"""Everything that can be wrong with a server, for real: each is one clear EvidenceError with a hint, no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from kedge.app.database import open_database
from kedge.errors import EvidenceError, Refused
from kedge.evidence import ledger
from kedge.evidence.database import Database
from kedge.evidence.place import Server
from kedge.evidence.postgresql import _PatientConnection
from tests.integration.evidence.places import PASSWORD, USER, Postgresql, a_postgresql, start, stop
from tests.integration.evidence.samples import NIGHT, RUN, fact

NOW = NIGHT + timedelta(days=9999)
SOON = timedelta(seconds=2)


def refusals(database: Database) -> Iterator[EvidenceError]:
    """Yield what reading and writing fail with."""
    for act in (lambda: database.facts(NOW), lambda: database.record([fact()])):
        with pytest.raises(EvidenceError) as refused:
            act()
        assert refused.value.hint
        yield refused.value


# Reaching it


def test_a_server_that_is_not_there_is_named(server: Postgresql) -> None:
    nobody = Server(server.network_url(port=1))
    for refused in refusals(Database(nobody)):
        assert str(refused) == f"{nobody} cannot be reached: Connection refused"
        assert "psql postgresql://" in refused.hint
        assert not refused.permanent


def test_a_database_that_is_not_there_is_named(server: Postgresql) -> None:
    for refused in refusals(Database(Server(server.url("nothing")))):
        assert 'database "nothing" does not exist' in str(refused)


def test_a_server_that_died_is_found_again() -> None:
    with a_postgresql() as mine:
        database = mine.database()
        database.record([fact(1)])
        stop(mine)
        assert len(list(refusals(database))) == 2
        start(mine)
        database.record([fact(2)])
        assert len(list(database.export_lines())) == 2 + 2


def test_a_silent_server_is_given_up_and_then_not_asked_again_for_a_while(
    server: Postgresql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kedge.evidence.postgresql.SILENCE_S", 3600.0)
    database = Database(server.place(), patience=SOON)
    database.record([fact(1)])
    with silent(server):
        assert len(list(refusals(database))) == 2
        dialled: list[object] = []
        dial = _PatientConnection.connect
        monkeypatch.setattr(_PatientConnection, "connect", lambda *a, **k: (dialled.append(1), dial(*a, **k))[1])
        for refused in (one for _ in range(5) for one in refusals(database)):
            assert "cannot be reached" in str(refused)
        assert dialled == []
    assert Database(at_server(database), patience=2 * SOON).facts(NOW).latest


def at_server(database: Database) -> Server:
    assert isinstance(database.place, Server)
    return database.place


@contextmanager
def silent(server: Postgresql) -> Iterator[None]:
    """Stop the process that takes connections; the machine's kernel goes on taking them."""
    postmaster = int((server.folder / "data" / "postmaster.pid").read_text().splitlines()[0])
    os.kill(postmaster, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(postmaster, signal.SIGCONT)


def test_a_server_that_falls_silent_in_the_midst_is_given_up(server: Postgresql) -> None:
    database = Database(server.place(), patience=SOON)
    database.record([fact(1)])
    with pytest.raises(EvidenceError, match="no answer in"):
        ask_a_stopped_process(database)


def ask_a_stopped_process(database: Database) -> None:
    with database._writing() as connection:
        backend = int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
        os.kill(backend, signal.SIGSTOP)
        try:
            connection.exec_driver_sql("SELECT 1")
        finally:
            os.kill(backend, signal.SIGCONT)


def test_the_command_says_so_too(server: Postgresql, tmp_path: Path) -> None:
    (tmp_path / "kedge.yaml").write_text("organisation: {name: Club}\n")
    environ = os.environ | {"KEDGE_EVIDENCE": server.network_url(port=1), "XDG_STATE_HOME": str(tmp_path)}
    kedge = str(Path(sys.executable).with_name("kedge"))
    for command in (["check"], ["status"], ["runs"]):
        done = subprocess.run([kedge, *command], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert "cannot be reached: Connection refused" in done.stderr
        assert "Traceback" not in done.stderr


# The password


def test_a_password_is_read_where_it_is_kept(server: Postgresql, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{PASSWORD}\n")
    environ = {"KEDGE_EVIDENCE": server.network_url(), "KEDGE_EVIDENCE_PASSWORD": "file:secret"}
    database = open_database(tmp_path, environ)
    assert database.facts(NOW).latest == {}
    server.run(f"ALTER ROLE {USER} PASSWORD 'new-one'")
    try:
        for refused in refusals(database):
            assert "password authentication failed" in str(refused)
            assert PASSWORD not in str(refused) + refused.hint + str(refused.__cause__) + repr(database.place)
        (tmp_path / "secret").write_text("new-one\n")
        assert database.facts(NOW).latest == {}
    finally:
        server.run(f"ALTER ROLE {USER} PASSWORD '{PASSWORD}'")


def test_a_password_that_nobody_gave_is_missed(server: Postgresql, tmp_path: Path) -> None:
    database = open_database(tmp_path, {"KEDGE_EVIDENCE": server.network_url(port=server.port) + "?passfile=/nowhere"})
    for refused in refusals(database):
        assert "no password supplied" in str(refused)


def test_without_the_driver_the_error_says_how_to_get_it(server: Postgresql, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "kedge.evidence.postgresql", raising=False)
    for refused in refusals(Database(Server(server.url()))):
        assert "psycopg" in str(refused)
        assert "kedge[postgresql]" in refused.hint


# What lies there


def test_another_programs_database_is_left_alone(server: Postgresql) -> None:
    for table in ("bookmarks (url text)", "meta (key text, value text)"):
        database = server.database()
        run_there(database, f"CREATE TABLE {table}")
        for refused in refusals(database):
            assert "is not a database of kedge" in str(refused)


def test_a_database_that_cannot_hold_every_text_is_refused(server: Postgresql) -> None:
    server.run(f"CREATE DATABASE old OWNER {USER} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
    for refused in refusals(Database(Server(server.url("old")))):
        assert "LATIN1" in str(refused)
        assert "createdb" in refused.hint


def test_who_may_not_write_is_told(server: Postgresql) -> None:
    database = server.database()
    database.record([fact()])
    url = at_server(database).url
    hidden, public = Server(url.replace(USER, "clear", 1)), Server(server.url().replace(USER, "clear", 1))
    for place, said in ((hidden, "no schema that this user may use"), (public, "permission denied")):
        with pytest.raises(EvidenceError, match=said) as refused:
            Database(place).record([fact()])
        assert refused.value.hint
    server.run(f"GRANT USAGE ON SCHEMA {url.rpartition('%3D')[2]} TO clear")
    for refusal in refusals(Database(hidden)):
        assert "permission denied" in str(refusal)


def test_a_server_that_takes_no_writes_is_read(server: Postgresql) -> None:
    database = server.database()
    database.record([fact(1)])
    server.run(f"ALTER ROLE {USER} SET default_transaction_read_only = on")
    try:
        with pytest.raises(EvidenceError, match="takes no writes") as refused:
            database.record([fact(2)])
        assert "primary" in refused.value.hint
        assert len(database.facts(NOW).latest) == 1
    finally:
        server.run(f"ALTER ROLE {USER} RESET default_transaction_read_only")


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE fact SET source = 'hearsay'",
        "UPDATE meta SET value = 'x' WHERE key = 'schema'",
        "ALTER TABLE fact DROP COLUMN value",
        "DROP TABLE fact",
        "DROP TABLE step; DROP TABLE run",
    ],
)
def test_values_that_make_no_sense_are_named(server: Postgresql, damage: str) -> None:
    database = server.database()
    database.record([fact()])
    database.begin(RUN)
    run_there(database, damage)
    with pytest.raises(EvidenceError, match=r"damaged|not a database of kedge") as error:
        list(database.export_lines())
    assert error.value.hint


def test_a_name_longer_than_an_index_is_refused(server: Postgresql) -> None:
    database = server.database()
    long = os.urandom(6000).hex()
    with pytest.raises(EvidenceError, match="too long") as error:
        database.record([fact(1), replace(fact(2), thing=long)])
    assert long not in str(error.value)
    assert not database.facts(NOW).latest
    database.record([replace(fact(3), value=long)])


def run_there(database: Database, statement: str) -> None:
    with psycopg.connect(at_server(database).url) as connection:
        connection.execute(statement.encode())


# Others


def test_a_database_locked_for_too_long_is_named_and_read_meanwhile(server: Postgresql) -> None:
    database = Database(server.place(), patience=SOON)
    database.record([fact(1)])
    with database._writing():
        with pytest.raises(EvidenceError, match="is locked by another process") as refused:
            database.record([fact(2)])
        assert "pg_stat_activity" in refused.value.hint
        assert len(database.facts(NOW).latest) == 1
    database.record([fact(2)])


def test_a_purpose_is_held_by_one_machine(server: Postgresql) -> None:
    here = server.database()
    there = Database(here.place)
    with here.held("watch-home"):
        with pytest.raises(Refused, match="another machine"), there.held("watch-home"):
            pass
        with there.held("watch-elsewhere"):
            there.record([fact()])
    with there.held("watch-home"):
        pass


def test_a_purpose_outlives_its_connection_without_an_error(server: Postgresql) -> None:
    here = server.database()
    with here.held("watch-home"):
        server.end_connections()
        with Database(here.place).held("watch-home"):
            pass
    with pytest.raises(ZeroDivisionError), here.held("watch-home"):
        raise ZeroDivisionError


def test_a_transaction_whose_connection_ends_is_kept_by_nobody(server: Postgresql) -> None:
    database = server.database()
    database.record([fact(1)])
    with pytest.raises(EvidenceError, match="cannot be reached"):
        write_and_lose(database, server)
    assert len(list(database.export_lines())) == 2 + 1


def write_and_lose(database: Database, server: Postgresql) -> None:
    with database._writing() as connection:
        ledger.write_facts(connection, [fact(2)])
        server.end_connections()
