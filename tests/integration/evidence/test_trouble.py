"""Everything that can be wrong with a file, for real: each is one clear EvidenceError with a hint, no traceback."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from threading import Timer

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kedge.errors import EvidenceError, Refused
from kedge.evidence.copy import copy_at_rest
from kedge.evidence.database import Database
from tests.integration.evidence.samples import NIGHT, RUN, fact

WORKER = Path(__file__).with_name("worker.py")
NOW = NIGHT + timedelta(days=9999)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can reach, which tmp_path is not."""
    with tempfile.TemporaryDirectory(prefix="kedge-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


def visit(path: Path, *arguments: str, **environ: str) -> list[object]:
    """Return what a worker without any right beyond an ordinary user's answers; its errors are answers too."""
    command = [sys.executable, str(WORKER), str(path), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environ, check=False)
    assert done.returncode in (0, 2), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def make_database(folder: Path, count: int = 3) -> Path:
    path = folder / "evidence.sqlite"
    Database(path).record([fact(number, thing=f"thing-{number}") for number in range(count)])
    path.chmod(0o644)
    return path


# Permission


def test_a_folder_that_is_not_writable_can_be_read(open_folder: Path) -> None:
    path = make_database(open_folder)
    open_folder.chmod(0o555)
    before = sorted(open_folder.iterdir())
    assert visit(path, "read", VISITOR="1") == [3]
    assert sorted(open_folder.iterdir()) == before == [path]


@pytest.mark.parametrize("left", ["wal", "wal and shm"])
def test_what_a_killed_writer_left_is_read_there_too(open_folder: Path, left: str) -> None:
    path = make_database(open_folder)
    crash = open_folder / "crash"
    crash.mkdir()
    with closing(sqlite3.connect(path)) as holder:  # keeps the last commit in the -wal file
        holder.execute("SELECT * FROM fact").fetchall()
        Database(path).record([fact(9, thing="late")])
        for file in open_folder.glob("evidence*"):
            if "shm" in left or not file.name.endswith("-shm"):
                shutil.copy(file, crash)
    crash.chmod(0o555)
    assert (crash / "evidence.sqlite-wal").stat().st_size
    assert visit(crash / path.name, "read", VISITOR="1") == [4]


def test_copying_keeps_this_process_locks(tmp_path: Path) -> None:
    """POSIX locks end when the process closes the file, whoever opened it."""
    path = tmp_path / "e"
    attempt = [sys.executable, "-c", "import sqlite3, sys; sqlite3.connect(sys.argv[1], 0).execute('BEGIN IMMEDIATE')"]
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.executescript("CREATE TABLE t (x); BEGIN IMMEDIATE")
        copy = copy_at_rest(path, tmp_path)
        refused = subprocess.run([*attempt, str(path)], capture_output=True, text=True, check=False)
    assert "database is locked" in refused.stderr
    assert copy.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("action", [["read"], ["record", "x"]])
def test_a_file_of_somebody_else_is_refused(open_folder: Path, action: list[str]) -> None:
    path = make_database(open_folder)
    path.chmod(0o000)
    ((message, hint),) = visit(path, *action, VISITOR="1")
    assert message.startswith(f"{path}: permission denied for user ")
    assert "KEDGE_EVIDENCE" in hint


def test_writing_into_a_folder_of_somebody_else_is_refused(open_folder: Path) -> None:
    path = make_database(open_folder)
    open_folder.chmod(0o555)
    for name in (path.name, "new.sqlite", "new/evidence.sqlite"):
        ((message, _),) = visit(open_folder / name, "record", "x", VISITOR="1")
        assert "permission denied" in message
    assert visit(open_folder / "new.sqlite", "read", VISITOR="1") == [0]


def test_a_folder_that_may_not_be_entered_is_not_taken_for_nothing(open_folder: Path) -> None:
    path = make_database(open_folder)
    open_folder.chmod(0o000)
    ((message, _),) = visit(path, "read", VISITOR="1")
    assert "permission denied" in message


# Not a database, or no longer one


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path)])
def test_what_is_not_a_file_is_named(tmp_path: Path, make: object) -> None:
    path = tmp_path / "evidence.sqlite"
    make(path)  # type: ignore[operator]
    for act in (lambda: Database(path).facts(NOW), lambda: Database(path).record([fact()])):
        with pytest.raises(EvidenceError) as error:
            act()
        assert str(path) in str(error.value)
        assert error.value.hint


def test_a_file_where_a_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    database = Database(tmp_path / "state" / "evidence.sqlite")
    assert not database.facts(NOW).latest
    with pytest.raises(EvidenceError, match="state"):
        database.record([fact()])


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "places.sqlite"
    for table in ("bookmarks (url)", "meta (key, value)"):
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as other:
            other.execute(f"CREATE TABLE {table}")
        for act in (lambda: Database(path).facts(NOW), lambda: Database(path).record([fact()])):
            with pytest.raises(EvidenceError, match="not a database of kedge"):
                act()


def test_something_that_is_no_database_is_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "evidence.sqlite"
    path.write_text("version: 1\n" * 500)
    for act in (lambda: Database(path).facts(NOW), lambda: Database(path).record([fact()])):
        with pytest.raises(EvidenceError, match="damaged") as error:
            act()
        assert ".recover" in error.value.hint


damages = st.lists(st.tuples(st.integers(0, 2**20), st.binary(min_size=1, max_size=64)), min_size=1, max_size=20)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = make_database(tmp_path_factory.mktemp("sound"), 60)
    Database(path).begin(RUN)
    return path.read_bytes()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damages, st.none() | st.integers(0, 2**20))
def test_no_damage_is_a_traceback(sound: bytes, damages: list[tuple[int, bytes]], cut: int | None) -> None:
    content = bytearray(sound)
    for at, noise in damages:
        start = at % len(content)
        content[start : start + len(noise)] = noise
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "e", patience=timedelta(seconds=0.2))
        database.path.write_bytes(content[: cut % len(content)] if cut is not None else content)
        for act in (
            lambda: database.facts(NOW),
            lambda: list(database.export_lines()),
            lambda: database.load(RUN.id),
            lambda: database.record([fact(7)]),
            lambda: database.begin(RUN),
        ):
            assert find_hint(act)


def find_hint(act: object) -> str:
    try:
        act()  # type: ignore[operator]
    except (EvidenceError, Refused) as error:  # a damaged run is another one than ours
        return error.hint
    return "none needed"


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE fact SET at = 'yesterday'",
        "UPDATE fact SET at = x'ff'",
        "UPDATE fact SET source = 'hearsay'",
        "UPDATE fact SET value = CAST(x'ff' AS TEXT)",
        "UPDATE run SET started = 'x'",
        "UPDATE meta SET value = 'x' WHERE key = 'schema'",
        "DROP TABLE fact",
        "DROP TABLE run",
    ],
)
def test_values_that_make_no_sense_are_named(tmp_path: Path, damage: str) -> None:
    database = Database(make_database(tmp_path))
    database.begin(RUN)
    with closing(sqlite3.connect(database.path)) as other, other:
        other.execute("PRAGMA foreign_keys = OFF")
        other.execute(damage)
    with pytest.raises(EvidenceError, match=r"damaged|not a database of kedge") as error:
        list(database.export_lines())
    assert error.value.hint


# Room


def test_a_limit_on_file_sizes_loses_nothing_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "evidence.sqlite"
    *acknowledged, (message, hint) = visit(path, "record-limited", "200000")
    assert len(acknowledged) > 3
    assert str(path) in message
    assert "ulimit -f" in hint
    assert len(Database(path).facts(NOW).latest) == 2 * len(acknowledged)
    Database(path).record([fact()])


@pytest.mark.parametrize("ballast_bytes", [100_000, 400_000, 850_000])
def test_a_full_disk_is_named_and_can_still_be_read(tmp_path: Path, ballast_bytes: int) -> None:
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    if subprocess.run([*unshare, "mount", "-t", "tmpfs", "tmpfs", str(tmp_path)], check=False).returncode:
        pytest.skip("mounting a small disk needs root or user namespaces")
    command = [*unshare, sys.executable, str(WORKER), str(tmp_path / "e"), "fill-disk", str(ballast_bytes)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (message, hint), (acknowledged, found), after = map(json.loads, done.stdout.splitlines())
    assert "disk is full" in message
    assert "df" in hint
    assert found == 2 * acknowledged > 0
    assert after == found + 2


# Others


def test_a_database_locked_for_too_long_is_named_and_read_meanwhile(tmp_path: Path) -> None:
    path = make_database(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        message, hint = visit(path, "record", "x", PATIENCE_S="0.3")[0]  # type: ignore[misc]
        assert message == f"{path} is locked by another process"
        assert "fuser" in hint
        assert visit(path, "read") == [3]
    assert visit(path, "record", "x", "1") == [0]


def test_a_new_file_that_somebody_is_busy_with_is_waited_for(tmp_path: Path) -> None:
    """SQLite's own timeout does not cover the change to WAL."""
    path = tmp_path / "evidence.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        release = Timer(0.3, lambda: other.execute("ROLLBACK"))
        release.start()
        Database(path).record([fact()])
        release.join()
    assert len(Database(path).facts(NOW).latest) == 1
