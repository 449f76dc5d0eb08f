"""The folder store: a snapshot is complete or absent, and comes back as it was saved."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kedge.adapters.folder_store import PARTIAL, RECORD, FolderStore
from kedge.errors import OutsideError
from kedge.model.census import Census, Tally
from kedge.model.ports import Snapshot

AT = datetime(2007, 1, 5, 20, tzinfo=UTC)
CENSUS = Census("files", AT, {"ä": Tally(3, "abc", 9)}, AT, {"owners": "root 3"})


@dataclass
class Watch:
    time: datetime = AT

    def now(self) -> datetime:
        return self.time


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def spooled(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store", Watch())


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return spooled(tmp_path / "spool", {"files/folder.tar": b"\0" * 5000, "db/dump.sql": b"-- Dump completed"})


async def test_it_comes_back_as_it_was(store: FolderStore, spool: Path, tmp_path: Path) -> None:
    saved = await store.save("wiki", spool, [CENSUS])
    (listed,) = await store.list("wiki")
    await store.fetch(listed, tmp_path / "back")
    assert listed == saved == Snapshot(saved.id, "wiki", AT, (CENSUS,))
    assert tree(tmp_path / "back") == tree(spool)


names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.dictionaries(names.filter(lambda name: name not in {".", ".."}), st.binary(max_size=99), max_size=4))
def test_whatever_is_spooled_comes_back(files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    here = tmp_path_factory.mktemp("any")
    store = FolderStore(here / "store", Watch())
    saved = asyncio.run(store.save("wiki", spooled(here / "spool", files), []))
    asyncio.run(store.fetch(saved, here / "back"))
    assert tree(here / "back") == files


async def test_snapshots_are_listed_oldest_first(store: FolderStore, spool: Path) -> None:
    ids = []
    for hours in (5, 0, 30):
        store.clock.time = AT + timedelta(hours=hours)  # type: ignore[attr-defined]
        ids.append((await store.save("wiki", spool, [])).id)
    assert [snapshot.id for snapshot in await store.list("wiki")] == [ids[1], ids[0], ids[2]]
    assert await store.list("mail") == []


async def test_a_flipped_bit_is_named(store: FolderStore, spool: Path, tmp_path: Path) -> None:
    saved = await store.save("wiki", spool, [])
    path = tmp_path / "store" / "wiki" / saved.id / "files" / "files" / "folder.tar"
    data = bytearray(path.read_bytes())
    data[4000] ^= 1
    path.write_bytes(data)
    with pytest.raises(OutsideError, match=r"files/folder\.tar of snapshot .* is not what was saved"):
        await store.fetch(saved, tmp_path / "back")


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff"])
async def test_a_broken_record_is_an_error_and_not_an_empty_list(
    store: FolderStore, spool: Path, tmp_path: Path, data: bytes
) -> None:
    saved = await store.save("wiki", spool, [])
    (tmp_path / "store" / "wiki" / saved.id / RECORD).write_bytes(data)
    with pytest.raises(OutsideError, match="cannot be read"):
        await store.list("wiki")


async def test_a_missing_file_is_named(store: FolderStore, spool: Path, tmp_path: Path) -> None:
    saved = await store.save("wiki", spool, [])
    (tmp_path / "store" / "wiki" / saved.id / "files" / "db" / "dump.sql").unlink()
    with pytest.raises(OutsideError, match=r"db/dump\.sql"):
        await store.fetch(saved, tmp_path / "back")


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "a\0"])
async def test_a_name_leads_nowhere_else(store: FolderStore, spool: Path, name: str) -> None:
    with pytest.raises(OutsideError, match="name of a folder"):
        await store.save(name, spool, [])


async def test_a_link_in_the_spool_is_refused(store: FolderStore, spool: Path, tmp_path: Path) -> None:
    (spool / "link").symlink_to("/etc/passwd")
    with pytest.raises(OutsideError, match="neither a file nor a folder"):
        await store.save("wiki", spool, [])
    assert list((tmp_path / "store" / "wiki").iterdir()) == []


KILLED = """
import asyncio, os, sys
from datetime import UTC, datetime
from pathlib import Path
from kedge.adapters import folder_store
class Now:
    def now(self): return datetime(2007, 1, 5, 20, tzinfo=UTC)
real, left = folder_store._flush, [int(sys.argv[1])]
def flush(path):
    if not left[0]: os.kill(os.getpid(), 9)
    left[0] -= 1
    real(path)
folder_store._flush = flush
asyncio.run(folder_store.FolderStore(Path(sys.argv[2]), Now()).save("wiki", Path(sys.argv[3]), []))
"""


async def test_a_writer_killed_at_any_moment_leaves_nothing_half(
    store: FolderStore, spool: Path, tmp_path: Path
) -> None:
    """Every flush is a moment: two files, the record, four folders; after the rename it is complete."""
    for moment in (0, 2, 6, 7):
        argv = [sys.executable, "-c", KILLED, str(moment), str(tmp_path / "store"), str(spool)]
        assert (await asyncio.to_thread(subprocess.run, argv, check=False)).returncode == -9
        found = await store.list("wiki")
        assert len(found) == (1 if moment == 7 else 0)
        for snapshot in found:
            await store.fetch(snapshot, tmp_path / "back")
    await store.save("mail", spool, [])
    store.clock.time += timedelta(hours=1)  # type: ignore[attr-defined]
    await store.save("wiki", spool, [])
    assert not list((tmp_path / "store").rglob(f"{PARTIAL}*"))
    assert len(await store.list("wiki")) == 2


def test_a_full_disk_leaves_nothing(spool: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small file system")
    small = tmp_path / "small"
    small.mkdir()
    (spool / "big").write_bytes(b"x" * 3_000_000)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(small)], check=False)
    if mounted.returncode:
        pytest.skip("may not mount here")
    try:
        store = FolderStore(small, Watch())
        with pytest.raises(OutsideError, match="No space left"):
            asyncio.run(store.save("wiki", spool, []))
        assert list((small / "wiki").iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)
