"""A real restic repository in a folder: what comes back, what is refused, what nobody gets to see."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kedge.adapters.local import LocalShell
from kedge.adapters.restic import ResticStore
from kedge.adapters.secret import Secret
from kedge.errors import OutsideError
from kedge.model.census import Census, Tally
from tests.integration.conftest import need

AT = datetime(2007, 1, 5, 20, 0, 7, 250_000, tzinfo=UTC)
CENSUS = Census("databases", AT, {"wiki.page": Tally(3, "abc", 9)}, AT, {"charsets": "utf8mb4 3"})
PASSPHRASE = "ankerkette und petersilie"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    for name, data in {
        "databases/dump.sql": b"-- Dump completed",
        "uploads ä/folder.tar": os.urandom(3_000_000),
    }.items():
        (tmp_path / "spool" / name).parent.mkdir(parents=True)
        (tmp_path / "spool" / name).write_bytes(data)
    return tmp_path / "spool"


@pytest.fixture
def store(tmp_path: Path) -> ResticStore:
    need("restic", "restic")
    store = opened(tmp_path)
    asyncio.run(store.initialise())
    return store


def opened(folder: Path, passphrase: str = PASSPHRASE) -> ResticStore:
    return ResticStore(str(folder / "repository"), Secret("env:X", passphrase.encode()), folder / "cache")


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def test_dump_and_census_come_back_as_one(store: ResticStore, spool: Path, tmp_path: Path) -> None:
    saved = await store.save("wiki", spool, [CENSUS])
    saved_files = tree(spool)
    await store.save("mail", spool, [replace(CENSUS, at=AT + timedelta(hours=1))])
    (listed,) = await store.list("wiki")
    fetched = await store.fetch(listed, tmp_path / "back")
    assert saved.at == listed.at == AT.replace(microsecond=0)  # the moment of the data, by which it is found again
    assert fetched == saved
    assert fetched.censuses == (CENSUS,)
    assert tree(tmp_path / "back") == saved_files


async def test_snapshots_come_oldest_first_and_by_service(store: ResticStore, spool: Path) -> None:
    assert list(await store.list("wiki")) == []
    for hours in (5, 1, 3):
        await store.save("wiki", spool, [replace(CENSUS, at=AT + timedelta(hours=hours))])
    assert [one.at.hour for one in await store.list("wiki")] == [21, 23, 1]
    assert list(await store.list("wik")) == []


class TestRefusals:
    async def test_a_store_that_is_not_there(self, spool: Path, tmp_path: Path) -> None:
        need("restic", "restic")
        with pytest.raises(OutsideError, match="is not there"):
            await opened(tmp_path).save("wiki", spool, [CENSUS])
        assert not (tmp_path / "repository").exists()

    async def test_another_passphrase(self, store: ResticStore, spool: Path, tmp_path: Path) -> None:
        with pytest.raises(OutsideError, match="does not open") as failure:
            await opened(tmp_path, "falsch wie immer").save("wiki", spool, [CENSUS])
        assert "falsch" not in f"{failure.value} {failure.value.hint}"
        assert list(await store.list("wiki")) == []

    async def test_a_second_initialisation(self, store: ResticStore) -> None:
        with pytest.raises(OutsideError, match="init"):
            await store.initialise()

    async def test_a_flipped_byte(self, store: ResticStore, spool: Path, tmp_path: Path) -> None:
        saved = await store.save("wiki", spool, [CENSUS])
        largest = max((tmp_path / "repository" / "data").rglob("*"), key=lambda path: path.stat().st_size)
        data = bytearray(largest.read_bytes())
        data[len(data) // 2] ^= 1
        largest.chmod(0o600)
        largest.write_bytes(data)
        with pytest.raises(OutsideError):
            await store.fetch(saved, tmp_path / "back")

    async def test_a_file_that_vanished_while_it_was_saved(self, store: ResticStore, spool: Path) -> None:
        """restic 0.14 leaves out what it cannot read; the count tells."""
        thief = replace(store, shell=LocalShell(hop=lambda argv: ("sh", "-c", STEAL, "sh", str(spool), *argv)))
        with pytest.raises(OutsideError, match=r"took 2 files|failed"):
            await thief.save("wiki", spool, [CENSUS])

    def test_no_room(self, spool: Path, tmp_path: Path) -> None:
        need("restic", "restic")
        small = tmp_path / "repository"
        small.mkdir()
        if (
            os.geteuid()
            or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", small], check=False).returncode
        ):
            pytest.skip("may not mount here")
        try:
            store = opened(tmp_path)
            asyncio.run(store.initialise())
            with pytest.raises(OutsideError, match="no room"):
                asyncio.run(store.save("wiki", spool, [CENSUS]))
            assert list(asyncio.run(store.list("wiki"))) == []
        finally:
            subprocess.run(["umount", str(small)], check=True)


STEAL = 'folder=$1; shift; case "$*" in *backup*) rm -f "$folder/databases/dump.sql" ;; esac; exec "$@"'


async def test_a_killed_save_is_no_snapshot_and_locks_nobody_out(
    store: ResticStore, spool: Path, tmp_path: Path
) -> None:
    slow = '(sleep 0.5; kill -9 $$) & exec "$@"'
    dying = replace(
        store, shell=LocalShell(hop=lambda argv: ("sh", "-c", slow if "backup" in argv else 'exec "$@"', "sh", *argv))
    )
    (spool / "big").write_bytes(os.urandom(100_000_000))
    with pytest.raises(OutsideError):
        await dying.save("wiki", spool, [CENSUS])
    locks = tmp_path / "repository" / "locks"
    assert list(await store.list("wiki")) == []
    (spool / "big").unlink()
    await store.save("wiki", spool, [CENSUS])
    assert len(await store.list("wiki")) == 1
    assert list(locks.iterdir()) == []


async def test_a_killed_pruning_locks_nobody_out(store: ResticStore, spool: Path, tmp_path: Path) -> None:
    """It has the store to itself; whoever saves next is not told to wait for the dead."""
    locks = tmp_path / "repository" / "locks"
    dying = replace(
        store,
        shell=LocalShell(hop=lambda argv: ("sh", "-c", DIE if "forget" in argv else 'exec "$@"', str(locks), *argv)),
    )
    old = await store.save("wiki", spool, [CENSUS])
    with pytest.raises(OutsideError):
        await dying.forget([old])
    assert list(locks.iterdir()) != []
    await store.save("wiki", spool, [replace(CENSUS, at=AT + timedelta(hours=1))])
    assert list(locks.iterdir()) == []


DIE = '(while kill -0 $$ && ! ls "$0" | grep -qxE "[0-9a-f]{64}"; do :; done; kill -9 $$) 2>/dev/null & exec "$@"'
"""Kill a program once the store is locked; give up when it has ended without."""


async def test_room_that_was_not_freed_is_freed_by_pruning_again(
    store: ResticStore, spool: Path, tmp_path: Path
) -> None:
    """A pruning that dies between the two leaves no snapshot by which one would know."""
    old = await store.save("wiki", spool, [CENSUS])
    await store.run("forget", old.id)
    full = size(tmp_path / "repository")
    await store.forget([])
    assert size(tmp_path / "repository") < full / 2


def size(folder: Path) -> int:
    return sum(map(len, tree(folder).values()))


def test_the_passphrase_is_in_no_process_list(store: ResticStore, spool: Path) -> None:
    watcher = subprocess.Popen([sys.executable, "-c", WATCH], stdout=subprocess.PIPE, text=True)
    asyncio.run(store.save("wiki", spool, [CENSUS]))
    watcher.terminate()
    seen, _ = watcher.communicate()
    assert "RESTIC_PASSWORD_FILE" in seen  # it did look at restic
    assert PASSPHRASE not in seen


WATCH = """
import signal, sys
from pathlib import Path
seen = set()
def done(*_):
    print("\\n".join(seen)); sys.stdout.flush(); sys.exit()
signal.signal(signal.SIGTERM, done)
while True:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"restic" in (folder / "cmdline").read_bytes():
                seen |= {repr((folder / name).read_bytes()) for name in ("cmdline", "environ")}
        except OSError:
            pass
"""
