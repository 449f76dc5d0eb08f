"""SQLite databases in a saved folder, written all the time by a process of its own: each copy is of one moment."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path, PurePosixPath

import pytest

from kedge.adapters.bubblewrap import Bubblewrap
from kedge.adapters.folder_store import FolderStore
from kedge.adapters.local import LocalShell, LocalSite
from kedge.errors import OutsideError
from kedge.kinds.files import Files
from kedge.model.census import DAMAGED, OUTSIDE, UNCHECKED, Census
from kedge.model.instance import Instance, Mode
from kedge.parts.folder import FolderPart
from kedge.parts.sqlite import HEADER
from kedge.work.doubts import find_doubts
from kedge.work.saving import Dump, Spool
from tests.integration.conftest import need
from tests.integration.kinds.test_mariadb import Now
from tests.integration.rehearsing import Subject, drill, save

ROUNDS = 12 if os.environ.get("KEDGE_THOROUGH") else 3
MODES = ["wal", "delete", "truncate", "persist"] if os.environ.get("KEDGE_THOROUGH") else ["wal", "delete"]
NOBODY = 65534
PEOPLE = 400  # as the writer knows
# Money goes from one table to the other, some pages at a time; a small cache makes SQLite write before a commit, and its
# log is emptied often. What the tables hold together, and how often it was moved, only fits between two transactions.
WRITER = """
import random, sqlite3, sys
file, mode = sys.argv[1:3]
live = sqlite3.connect(file, timeout=60, isolation_level=None)
live.execute(f"PRAGMA journal_mode={mode}")
live.execute("PRAGMA synchronous=OFF")
live.execute("PRAGMA cache_size=8")
live.execute("PRAGMA wal_autocheckpoint=50")
print("writing", flush=True)
while True:
    live.execute("BEGIN IMMEDIATE")
    for _ in range(40):
        one, other, some = random.randrange(400), random.randrange(400), random.randrange(100)
        text = random.randbytes(random.randrange(900)).hex()
        live.execute("UPDATE giro SET amount = amount - ?, text = ? WHERE id = ?", (some, text, one))
        live.execute("UPDATE savings SET amount = amount + ?, text = ? WHERE id = ?", (some, text, other))
    live.execute("UPDATE moved SET times = times + 1")
    live.execute("INSERT INTO log (text) SELECT text FROM giro WHERE id = 1")
    live.execute("DELETE FROM log WHERE id < (SELECT max(id) - 50 FROM log)")
    live.execute("COMMIT")
"""
TABLES = """
CREATE TABLE giro (id INTEGER PRIMARY KEY, amount INTEGER, text TEXT);
CREATE TABLE savings (id INTEGER PRIMARY KEY, amount INTEGER, text TEXT);
CREATE INDEX by_text ON giro (text);
CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT);
CREATE TABLE moved (times INTEGER);
INSERT INTO moved VALUES (0);
"""


def make(file: Path, mode: str = "delete") -> Path:
    """Make a database that has 800 accounts with 1000 each."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file)) as new:
        new.execute(f"PRAGMA journal_mode={mode}")
        new.executescript(TABLES)
        for table in ("giro", "savings"):
            rows = ((number, 1000, "x" * 900) for number in range(PEOPLE))
            new.executemany(f"INSERT INTO {table} VALUES (?, ?, ?)", rows)
        new.commit()
    return file


@contextmanager
def writing(file: Path, mode: str, ending: str = 'live.execute("COMMIT")') -> Iterator[None]:
    """Let a process write into a database, without a pause, for as long as the context lasts."""
    argv = (sys.executable, "-c", WRITER.replace('live.execute("COMMIT")', ending), file, mode)
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        assert writer.stdout.readline() == b"writing\n"
        try:
            yield
            assert writer.poll() is None, "the writer has died"
        finally:
            writer.kill()


def faults(file: Path) -> list[str]:
    """Return what is wrong with a database; an empty list: nothing at all."""
    try:
        with closing(sqlite3.connect(file)) as copy:
            found = [str(row[0]) for row in copy.execute("PRAGMA integrity_check")]
            (whole,) = copy.execute(
                "SELECT (SELECT sum(amount) FROM giro) + (SELECT sum(amount) FROM savings)"
            ).fetchone()
    except sqlite3.Error as failure:
        return [str(failure)]
    return [*(one for one in found if one != "ok"), *(["money is missing"] if whole != 2000 * PEOPLE else [])]


def moved(file: Path) -> int:
    with closing(sqlite3.connect(file)) as copy:
        return int(copy.execute("SELECT times FROM moved").fetchone()[0])


class Host:
    """This machine with only some of its programs, perhaps as another user; it remembers what was run."""

    def __init__(self, folder: Path, *programs: str, user: int | None = None) -> None:
        self.folder, self.said = folder, list[Sequence[str]]()
        for path in [*Path("/usr/bin").iterdir(), *Path("/bin").iterdir()]:
            if not path.name.startswith(("python", "sqlite3")) and not (folder / path.name).is_symlink():
                (folder / path.name).symlink_to(path)
        for program in programs:
            real = os.path.realpath(sys.executable) if program == "python3" else shutil.which(program)
            (folder / program).write_text(f'#!/bin/sh\nexec {real} "$@"\n')
            (folder / program).chmod(0o755)
        self.who = ("setpriv", f"--reuid={user}", "--clear-groups", "--") if user is not None else ()

    def hop(self, argv: Sequence[str]) -> Sequence[str]:
        self.said.append(argv)
        return ("env", f"PATH={self.folder}", *self.who, *argv)

    def at(self, mode: Mode = "live", data: Path = Path("/")) -> Instance:
        return Instance(mode, LocalSite(LocalShell(hop=self.hop)), {}, PurePosixPath(data))

    def unpacked(self) -> bool:
        """Whether the archive had to be unpacked to know what is in it."""
        return any("--extract" in word for argv in self.said for word in argv)


@pytest.fixture(params=["python3", "sqlite3"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Host:
    """A host that has one of the two programs."""
    if request.param == "sqlite3":
        need("sqlite3", "sqlite3")
    (tmp_path / "bin").mkdir()
    return Host(tmp_path / "bin", request.param)


@pytest.fixture
def python(tmp_path: Path) -> Host:
    (tmp_path / "bin").mkdir()
    return Host(tmp_path / "bin", "python3")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a database among other files."""
    folder = tmp_path / "live"
    make(folder / "data" / "vault.db")
    (folder / "data" / "icon").write_bytes(b"png" * 1000)
    (folder / "settings").write_text("domain = club.example")
    return folder


class Saved:
    """A folder saved to a spool of its own and restored from it."""

    def __init__(self, part: FolderPart, host: Host, room: Path) -> None:
        self.part, self.host, self.room = part, host, room
        self.census = Census("", None, {})  # type: ignore[arg-type]

    @property
    def back(self) -> Path:
        return self.room / "back" / self.part.folder.lstrip("/")

    async def save(self) -> Census:
        shutil.rmtree(self.room, ignore_errors=True)
        (self.room / "spool").mkdir(parents=True)
        self.census = await self.part.save(self.host.at(), PurePosixPath(self.room / "spool"))
        assert sorted(os.listdir(self.room / "spool")) == ["folder.tar", "skipped"]
        return self.census

    async def restore(self) -> None:
        """Restore it, and count that everything is as it was when it was saved."""
        at = self.host.at("sandbox", self.room / "back")
        await self.part.restore(at, PurePosixPath(self.room / "spool"))
        assert self.census.difference(await self.part.census(at)) == []


@pytest.mark.parametrize("mode", MODES)
async def test_every_copy_of_a_busy_database_is_of_one_moment(
    mode: str, folder: Path, host: Host, tmp_path: Path
) -> None:
    database = folder / "data" / "vault.db"
    saved, counts = Saved(FolderPart(str(folder)), host, tmp_path / "saved"), list[int]()
    with writing(database, mode):
        for _ in range(ROUNDS):
            census = await saved.save()
            assert census.remarks == {}
            assert not host.unpacked()
            await saved.restore()
            copy = saved.back / "data" / "vault.db"
            assert sorted(os.listdir(copy.parent)) == ["icon", "vault.db"]
            assert faults(copy) == []
            counts.append(moved(copy))
            host.said.clear()
    assert counts == sorted(set(counts)), "it was not written meanwhile"
    assert counts[0] > 0


@pytest.mark.parametrize("mode", ["wal", "delete"])
async def test_a_mere_copy_of_it_breaks(mode: str, folder: Path, tmp_path: Path) -> None:
    """The same without a program that reads SQLite: what the tests above would find if nothing held it still."""
    (tmp_path / "bin").mkdir()
    database = folder / "data" / "vault.db"
    saved = Saved(FolderPart(str(folder)), Host(tmp_path / "bin"), tmp_path / "saved")
    with writing(database, mode):
        for _ in range(100):
            census = await saved.save()
            assert census.remarks == {OUTSIDE: "SQLite data/vault.db (install sqlite3)"}
            await saved.restore()
            if faults(saved.back / "data" / "vault.db"):
                return
    pytest.fail("a hundred copies were whole, each by luck")


async def test_a_folder_that_never_holds_still_has_each_database_once(
    folder: Path, python: Host, tmp_path: Path
) -> None:
    late = tmp_path / "late.db"
    make(late)

    def meddle(argv: Sequence[str]) -> Sequence[str]:
        with (folder / "log").open("a") as log:
            log.write("line\n")
        if any("--append" in word for word in argv):
            shutil.rmtree(folder / "new", ignore_errors=True)
        elif any("tar --create" in word for word in argv):
            (folder / "new").mkdir()
            shutil.copy(late, folder / "new" / "late.db")
        return python.hop(argv)

    room = PurePosixPath(tmp_path / "spool")
    (tmp_path / "spool").mkdir()
    live = Instance("live", LocalSite(LocalShell(hop=meddle)), {})
    with writing(folder / "data" / "vault.db", "wal"):
        saved = await FolderPart(str(folder)).save(live, room)
    assert saved.remarks == {OUTSIDE: "SQLite new/late.db (it appeared while it was saved)"}
    with tarfile.open(str(room / "folder.tar")) as archive:
        names = archive.getnames()
    assert len(names) == len(set(names))
    at = python.at("sandbox", tmp_path / "back")
    await FolderPart(str(folder)).restore(at, room)
    assert saved.difference(await FolderPart(str(folder)).census(at)) == []
    assert faults(Path(at.path(str(folder / "data" / "vault.db")))) == []


WEIRD = [
    "two words.db",
    "-rf",
    "line\nbreak.db",
    'it\'s "quoted".db',
    "back\\slash.db",
    "ü ?*[a].db",
    "$(id);.db",
    "a%20b?mode=rw#x",
]


@pytest.mark.parametrize("mode", ["wal", "delete"])
async def test_databases_of_any_name_in_folders_of_any_name(mode: str, host: Host, tmp_path: Path) -> None:
    folder = tmp_path / "li ve'\n"
    files = [folder / name for name in WEIRD] + [folder / place / "-x.db" for place in ("in\n'\" n\\", "-C")]
    for file in files:
        make(file, mode)
    saved = Saved(FolderPart(str(folder)), host, tmp_path / "saved")
    with writing(files[2], mode):  # so that one of them has its log or journal beside it
        assert (await saved.save()).remarks == {}
    await saved.restore()
    there = {path for path in saved.back.rglob("*") if path.is_file()}
    assert there == {saved.back / file.relative_to(folder) for file in files}
    assert [file for file in there if faults(file)] == []


async def test_owner_mode_and_time_are_those_of_the_database(folder: Path, host: Host, tmp_path: Path) -> None:
    database = folder / "data" / "vault.db"
    database.chmod(0o640)
    os.utime(database, (1167768000, 1167768000))
    if os.geteuid() == 0:
        os.chown(database, 1234, 4321)
    saved = Saved(FolderPart(str(folder)), host, tmp_path / "saved")
    await saved.save()
    await saved.part.restore(host.at("target", tmp_path / "target"), PurePosixPath(tmp_path / "saved" / "spool"))
    back = (tmp_path / "target" / str(database).lstrip("/")).stat()
    live = database.stat()
    assert (back.st_mode, back.st_mtime, back.st_uid, back.st_gid) == (
        live.st_mode, live.st_mtime, live.st_uid, live.st_gid,
    )  # fmt: skip
    assert live.st_mtime == 1167768000


async def test_a_service_of_files_is_proven_while_it_writes(folder: Path, tmp_path: Path) -> None:
    need("bwrap", "bubblewrap")
    subject = Subject("vault", Files(paths=(str(folder),)))
    store, live = FolderStore(tmp_path / "store", Now()), Instance("live", LocalSite(), {})
    with writing(folder / "data" / "vault.db", "wal"):
        snapshot = await save(subject, live, store)
        proof = await drill(subject, {"vault": snapshot}, store, Bubblewrap(), Now())
    assert (proof.is_proven, proof.differences) == (True, ())
    assert [census.remarks for census in snapshot.censuses] == [{}]


async def test_what_only_looks_like_a_database_is_saved_and_doubted(folder: Path, host: Host, tmp_path: Path) -> None:
    (folder / "fake.db").write_bytes(HEADER + b"x" * 2032)
    (folder / "short.db").write_bytes(HEADER)
    (folder / "odd.db").write_bytes(HEADER + b"x" * 1000)
    saved = Saved(FolderPart(str(folder)), host, tmp_path / "saved")
    census = await saved.save()
    assert census.remarks == {DAMAGED: "SQLite fake.db"}
    assert find_doubts(census, None) == ["damaged, as its own program says: SQLite fake.db"]
    await saved.restore()
    assert (saved.back / "fake.db").read_bytes() == HEADER + b"x" * 2032


async def test_a_damaged_database_is_saved_and_doubted(folder: Path, host: Host, tmp_path: Path) -> None:
    database = folder / "data" / "vault.db"
    whole = database.read_bytes()
    with database.open("r+b") as file:
        file.seek(10 * 4096)
        file.write(b"\xff" * 4096)
    saved = Saved(FolderPart(str(folder)), host, tmp_path / "saved")
    assert (await saved.save()).remarks == {DAMAGED: "SQLite data/vault.db"}
    await saved.restore()
    assert len((saved.back / "data" / "vault.db").read_bytes()) == len(whole)
    assert faults(saved.back / "data" / "vault.db") != []


async def test_a_database_of_a_newer_language_is_held_and_not_called_damaged(
    folder: Path, host: Host, tmp_path: Path
) -> None:
    database = folder / "data" / "vault.db"
    with closing(sqlite3.connect(database)) as live:
        live.execute("PRAGMA writable_schema=ON")
        live.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'amount INTEGER', 'amount FUTURE (,') WHERE name = 'giro'"
        )
        live.commit()
    saved = Saved(FolderPart(str(folder)), host, tmp_path / "saved")
    assert (await saved.save()).remarks == {UNCHECKED: "SQLite data/vault.db"}
    await saved.restore()
    assert (saved.back / "data" / "vault.db").read_bytes()[4096:] == database.read_bytes()[4096:]


def lite(file: Path, *statements: str) -> None:
    subprocess.run(("sqlite3", str(file), *statements), check=True, stdout=subprocess.DEVNULL)


async def test_nothing_that_a_database_says_is_run(folder: Path, host: Host, tmp_path: Path) -> None:
    """The constraint of a table may call `edit()`, which in sqlite3 runs any program, and kedge may be root."""
    need("sqlite3", "sqlite3")
    trap = tmp_path / "sprung"
    database = folder / "data" / "trap.db"
    table = f"CREATE TABLE t (a, CHECK (edit(a, 'touch {trap}; true') IS NOT NULL)); INSERT INTO t VALUES ('x')"
    lite(database, "PRAGMA ignore_check_constraints=ON", table)
    assert not trap.exists()
    (folder / "sqlite3.py").write_text(f"open({str(trap)!r}, 'w')")
    saved = Saved(FolderPart(str(folder)), host, tmp_path / "saved")
    assert (await saved.save()).remarks == {}
    assert not trap.exists()
    lite(database, "PRAGMA quick_check")
    assert trap.exists(), "it is a trap"


async def test_without_a_program_it_is_a_mere_file_and_said_to_be(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for number in range(4):
        make(folder / f"{number}.db")
    saved = Saved(FolderPart(str(folder), writer="the job"), Host(tmp_path / "bin"), tmp_path / "saved")
    why = "(install sqlite3)"
    said = f"files of the job, SQLite 0.db {why}, 1.db {why}, 2.db {why} and 2 more"
    assert (await saved.save()).remarks == {OUTSIDE: said}
    await saved.restore()
    assert faults(saved.back / "data" / "vault.db") == []
    dump = Dump(saved.part, saved.host.at(), Spool("run", tmp_path / "run", lambda site: True))
    assert (await dump.do()).result.endswith(f"; not held still: {said}")


async def test_nothing_in_a_folder_that_is_left_out_is_touched(folder: Path, python: Host, tmp_path: Path) -> None:
    make(folder / "cache" / "cache.db", "wal")
    before = os.listdir(folder / "cache")
    saved = Saved(FolderPart(str(folder), without=("cache",)), python, tmp_path / "saved")
    with writing(folder / "data" / "vault.db", "wal"):
        census = await saved.save()
    await saved.restore()
    assert census.tallies["cache"].count == 1
    assert list((saved.back / "cache").iterdir()) == []
    assert os.listdir(folder / "cache") == before


async def test_a_folder_without_databases_costs_nothing(folder: Path, python: Host, tmp_path: Path) -> None:
    (folder / "data" / "vault.db").unlink()
    saved = Saved(FolderPart(str(folder)), python, tmp_path / "saved")
    await saved.save()
    assert len(python.said) == 5  # the time, two lists, the archive, the digests


def leave_half(file: Path, mode: str) -> None:
    """Let a writer die in the midst of a transaction, some of which is in the database already."""
    script = WRITER.replace('live.execute("COMMIT")', "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert subprocess.run((sys.executable, "-c", script, file, mode), capture_output=True, check=False).returncode < 0


@pytest.mark.parametrize("is_fresh", [True, False], ids=["a moment ago", "long ago"])
@pytest.mark.parametrize("mode", ["wal", "delete"])
async def test_what_a_dead_writer_left_is_undone_in_the_copy_only(
    mode: str, folder: Path, host: Host, tmp_path: Path, is_fresh: bool
) -> None:
    database = folder / "data" / "vault.db"
    beside = folder / "data" / ("vault.db-wal" if mode == "wal" else "vault.db-journal")
    leave_half(database, mode)
    before = {path: path.read_bytes() for path in (database, beside)}
    assert before[beside]
    if not is_fresh:
        await asyncio.sleep(2.1)
    saved = Saved(FolderPart(str(folder)), host, tmp_path / "saved")
    assert (await saved.save()).remarks == {}
    await saved.restore()
    assert faults(saved.back / "data" / "vault.db") == []
    assert moved(saved.back / "data" / "vault.db") == 0
    assert {path: path.read_bytes() for path in before} == before


async def test_a_database_that_stays_locked_is_a_mere_file_and_said_to_be(
    folder: Path, host: Host, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(folder / "data" / "vault.db", isolation_level=None)) as live:
        live.execute("BEGIN EXCLUSIVE")
        live.execute("UPDATE moved SET times = 7")
        part = FolderPart(str(folder), patience=timedelta(seconds=1))
        saved = Saved(part, host, tmp_path / "saved")
        assert (await saved.save()).remarks == {OUTSIDE: "SQLite data/vault.db (a program keeps it locked)"}
        await saved.restore()
        live.execute("COMMIT")
    assert faults(saved.back / "data" / "vault.db") == []


async def test_a_change_without_a_journal_is_not_copied_half(folder: Path, host: Host, tmp_path: Path) -> None:
    """Pages of it are in the file long since, and nothing beside the file says how it was: only the lock tells."""
    database = folder / "data" / "vault.db"
    before = database.read_bytes()
    with writing(database, "memory", "input()"):
        await asyncio.sleep(2.5)
        assert database.read_bytes() != before
        part = FolderPart(str(folder), patience=timedelta(seconds=1))
        saved = Saved(part, host, tmp_path / "saved")
        assert (await saved.save()).remarks == {OUTSIDE: "SQLite data/vault.db (a program keeps it locked)"}


async def test_no_room_for_a_copy_is_an_error(folder: Path, python: Host, tmp_path: Path) -> None:
    saved = Saved(FolderPart(str(folder)), python, tmp_path / "saved")
    size = (folder / "data" / "vault.db").stat().st_size
    python.who = ("prlimit", f"--fsize={size // 2}", "--")
    with pytest.raises(OutsideError, match=r"could not be (saved|copied)|no room"):
        await saved.save()
    assert "held" not in os.listdir(tmp_path / "saved" / "spool")


@pytest.fixture
def open_to_all(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("does not apply: only root can become somebody else")
    need("sqlite3", "sqlite3")
    for path in (folder, *list(folder.parents)[:-2]):
        path.chmod(0o755)


@pytest.mark.usefixtures("open_to_all")
class TestAnotherUser:
    async def test_leaves_no_files_of_its_own_beside_a_database(self, folder: Path, tmp_path: Path) -> None:
        """In a folder where it may write: files of its own beside a database would keep the service from writing."""
        database = make(folder / "data" / "wal.db", "wal")
        (folder / "data").chmod(0o777)
        (tmp_path / "bin").mkdir(mode=0o755)
        host = Host(tmp_path / "bin", "sqlite3", user=NOBODY)
        room = self.spool(tmp_path)
        part = FolderPart(str(folder))
        os.utime(database)  # it was touched a moment ago: only SQLite could tell what is in its log
        assert (await part.save(host.at(), room)).remarks == {
            OUTSIDE: "SQLite data/wal.db (let kedge become root or its owner)"
        }
        assert sorted(os.listdir(folder / "data")) == ["icon", "vault.db", "wal.db"]
        await asyncio.sleep(2.1)
        assert (await part.save(host.at(), room)).remarks == {}  # nobody has it open: its file is all there is

    async def test_keeps_the_owner_in_the_archive(self, folder: Path, tmp_path: Path) -> None:
        os.chown(folder / "data" / "vault.db", 1234, 4321)
        (tmp_path / "bin").mkdir(mode=0o755)
        room = self.spool(tmp_path)
        await FolderPart(str(folder)).save(Host(tmp_path / "bin", "sqlite3", user=NOBODY).at(), room)
        with tarfile.open(str(room / "folder.tar")) as archive:
            member = archive.getmember("./data/vault.db")
        assert (member.uid, member.gid) == (1234, 4321)

    async def test_unpacks_a_copy_into_a_folder_that_is_read_only(self, folder: Path, tmp_path: Path) -> None:
        (folder / "data").chmod(0o555)
        (tmp_path / "bin").mkdir(mode=0o755)
        host, room = Host(tmp_path / "bin", "sqlite3", user=NOBODY), self.spool(tmp_path)
        part = FolderPart(str(folder))
        saved = await part.save(host.at(), room)
        at = host.at("sandbox", Path(room) / "back")
        await part.restore(at, room)
        assert saved.difference(await part.census(at)) == []
        assert stat.S_IMODE((Path(at.path(str(folder))) / "data").stat().st_mode) == 0o555

    async def test_root_leaves_only_files_of_the_owner(self, folder: Path, tmp_path: Path) -> None:
        database = make(folder / "data" / "wal.db", "wal")
        os.chown(database, 1234, 4321)
        (tmp_path / "bin").mkdir()
        saved = Saved(FolderPart(str(folder)), Host(tmp_path / "bin", "python3"), tmp_path / "saved")
        assert (await saved.save()).remarks == {}
        assert {path.stat().st_uid for path in (folder / "data").glob("wal.db*")} == {1234}

    def spool(self, tmp_path: Path) -> PurePosixPath:
        room = tmp_path / "spool"
        room.mkdir()
        os.chown(room, NOBODY, NOBODY)
        return PurePosixPath(room)
