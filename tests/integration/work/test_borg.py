"""A real borg repository in a folder: what comes back, what is refused, what nobody gets to see."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kedge.adapters.borg import BorgStore
from kedge.adapters.local import LocalShell
from kedge.adapters.secret import Secret
from kedge.errors import OutsideError
from kedge.model.census import Census, Tally
from tests.integration.conftest import need
from tests.integration.work.test_restic import WATCH, tree

AT = datetime(2007, 1, 5, 20, 0, 7, 250_000, tzinfo=UTC)
CENSUS = Census("databases", AT, {"wiki.page": Tally(3, "abc", 9)}, AT, {"charsets": "utf8mb4 3"})
PASSPHRASE = "ankerkette und petersilie"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    for name, data in {"databases/dump.sql": b"-- Dump completed", "uploads ä/folder.tar": os.urandom(900_000)}.items():
        (tmp_path / "spool" / name).parent.mkdir(parents=True)
        (tmp_path / "spool" / name).write_bytes(data)
    return tmp_path / "spool"


@pytest.fixture
def store(tmp_path: Path) -> BorgStore:
    need("borg", "borgbackup")
    store = opened(tmp_path)
    asyncio.run(store.initialise())
    return store


def opened(folder: Path, passphrase: str = PASSPHRASE, *, append_only: bool = False) -> BorgStore:
    secret = Secret("env:X", passphrase.encode())
    return BorgStore(str(folder / "repository"), secret, folder / "cache", append_only=append_only)


async def test_dump_and_census_come_back_as_one(store: BorgStore, spool: Path, tmp_path: Path) -> None:
    saved = await store.save("wiki", spool, [CENSUS])
    saved_files = tree(spool)
    await store.save("wiki-2", spool, [replace(CENSUS, at=AT + timedelta(hours=1))])
    (listed,) = await store.list("wiki")
    (tmp_path / "back").mkdir()
    fetched = await store.fetch(listed, tmp_path / "back")
    assert saved.at == listed.at == AT.replace(microsecond=0)
    assert fetched == saved
    assert fetched.censuses == (CENSUS,)
    assert tree(tmp_path / "back") == saved_files


async def test_snapshots_come_oldest_first(store: BorgStore, spool: Path) -> None:
    assert list(await store.list("wiki")) == []
    for hours in (5, 1):
        await store.save("wiki", spool, [replace(CENSUS, at=AT + timedelta(hours=hours))])
    assert [one.at.hour for one in await store.list("wiki")] == [21, 1]


class TestRefusals:
    async def test_a_store_that_is_not_there(self, spool: Path, tmp_path: Path) -> None:
        need("borg", "borgbackup")
        with pytest.raises(OutsideError, match="is not there"):
            await opened(tmp_path).save("wiki", spool, [CENSUS])
        assert not (tmp_path / "repository").exists()

    async def test_another_passphrase(self, store: BorgStore, spool: Path, tmp_path: Path) -> None:
        with pytest.raises(OutsideError, match="does not open") as failure:
            await opened(tmp_path, "falsch wie immer").save("wiki", spool, [CENSUS])
        assert "falsch" not in f"{failure.value} {failure.value.hint}"
        assert list(await store.list("wiki")) == []

    async def test_a_flipped_byte(self, store: BorgStore, spool: Path, tmp_path: Path) -> None:
        saved = await store.save("wiki", spool, [CENSUS])
        largest = max((tmp_path / "repository" / "data").rglob("*"), key=lambda path: path.stat().st_size)
        data = bytearray(largest.read_bytes())
        data[len(data) // 2] ^= 1
        largest.write_bytes(data)
        (tmp_path / "back").mkdir()
        with pytest.raises(OutsideError):
            await store.fetch(saved, tmp_path / "back")

    async def test_a_file_that_vanished_while_it_was_saved(self, store: BorgStore, spool: Path) -> None:
        thief = replace(store, shell=LocalShell(hop=lambda argv: ("sh", "-c", STEAL, "sh", str(spool), *argv)))
        with pytest.raises(OutsideError, match=r"took 2 files|failed"):
            await thief.save("wiki", spool, [CENSUS])


STEAL = 'folder=$1; shift; case "$*" in *create*) rm -f "$folder/databases/dump.sql" ;; esac; exec "$@"'


async def test_a_killed_save_is_no_snapshot_and_locks_nobody_out(store: BorgStore, spool: Path) -> None:
    slow = '(until [ -e "$BORG_REPO/lock.exclusive" ]; do sleep 0.05; done; sleep 0.2; kill -9 $$) & exec "$@"'
    hop = LocalShell(hop=lambda argv: ("sh", "-c", slow if "create" in argv else 'exec "$@"', "sh", *argv))
    (spool / "big").write_bytes(os.urandom(100_000_000))
    with pytest.raises(OutsideError):
        await replace(store, shell=hop).save("wiki", spool, [CENSUS])
    assert list(await store.list("wiki")) == []
    (spool / "big").unlink()
    await store.save("wiki", spool, [CENSUS])
    assert len(await store.list("wiki")) == 1


async def test_what_was_forgotten_is_freed(store: BorgStore, spool: Path, tmp_path: Path) -> None:
    await store.forget([await store.save("wiki", spool, [CENSUS])])
    assert list(await store.list("wiki")) == []
    assert sum(path.stat().st_size for path in (tmp_path / "repository" / "data").rglob("*") if path.is_file()) < 100_000


async def test_who_may_only_add_takes_nothing_away_for_good(spool: Path, tmp_path: Path) -> None:
    """borg's own way back: what an append-only repository deletes stays in its segments until somebody compacts it."""
    need("borg", "borgbackup")
    store = opened(tmp_path, append_only=True)
    await store.initialise()
    saved = await store.save("wiki", spool, [CENSUS])
    with pytest.raises(OutsideError, match="lets nobody delete"):
        await store.forget([saved])
    assert len(await store.list("wiki")) == 1
    segments = sorted(path.name for path in (tmp_path / "repository" / "data" / "0").iterdir())
    await store.run("delete", f"::{await store.name_of(saved)}")
    await store.run("compact")
    assert list(await store.list("wiki")) == []
    kept = sorted(path.name for path in (tmp_path / "repository" / "data" / "0").iterdir())
    assert set(segments) <= set(kept)


def test_the_passphrase_is_in_no_process_list(store: BorgStore, spool: Path) -> None:
    watch = WATCH.replace('b"restic"', 'b"borg"')
    watcher = subprocess.Popen([sys.executable, "-c", watch], stdout=subprocess.PIPE, text=True)
    asyncio.run(store.save("wiki", spool, [CENSUS]))
    watcher.terminate()
    seen, _ = watcher.communicate()
    assert "BORG_PASSPHRASE_FD" in seen
    assert PASSPHRASE not in seen
