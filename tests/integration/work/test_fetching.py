"""Snapshots of a real restic repository, fetched while something else goes on."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kedge.adapters.restic import ResticStore
from kedge.adapters.secret import Secret
from kedge.errors import OutsideError
from kedge.kinds.files import Files
from kedge.model.census import Census
from kedge.work.fetching import Copy, Fetching
from kedge.work.subject import Subject
from tests.integration.conftest import need

CENSUS = Census("folder", datetime(2007, 1, 5, 20, tzinfo=UTC), {})
SUBJECTS = [Subject(name, Files(paths=("/srv",))) for name in ("db", "wiki", "www")]


@pytest.fixture
def store(tmp_path: Path) -> ResticStore:
    need("restic", "restic")
    return ResticStore(str(tmp_path / "repository"), Secret("env:X", b"ankerkette"), tmp_path / "cache")


async def save(store: ResticStore, folder: Path, *names: str, size: int = 1000) -> dict[str, Copy]:
    await store.initialise()
    (folder / "spool").mkdir()
    copies = {}
    for name in names:
        (folder / "spool" / "content").write_bytes(os.urandom(size))
        copies[name] = Copy(store, await store.save(name, folder / "spool", [CENSUS]))
    return copies


def restics_of(folder: Path) -> list[str]:
    """Return the command lines of the restics that restore below a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if line.startswith("restic ") and str(folder) in line:
            found.append(line)
    return found


async def test_each_begins_when_the_one_before_is_whole(store: ResticStore, tmp_path: Path) -> None:
    copies = await save(store, tmp_path, "db", "wiki", "www")
    begun: dict[str, list[str]] = {}
    fetching = Fetching(copies, tmp_path, lambda line: begun.update({line: whole(tmp_path / "fetched")}))
    async with fetching.begin(SUBJECTS):
        snapshot, here = await fetching.take(SUBJECTS[2])
    assert begun == {"fetch db": [], "fetch wiki": ["db"], "fetch www": ["db", "wiki"]}
    assert snapshot == copies["www"].snapshot == fetching.fetched["www"]
    assert (here / "content").stat().st_size == 1000


def whole(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.rglob("content") if path.stat().st_size == 1000)


async def test_one_that_cannot_be_had_is_told_to_who_takes_it(store: ResticStore, tmp_path: Path) -> None:
    copies = await save(store, tmp_path, "db", "www")
    fetching = Fetching(copies, tmp_path, lambda line: None)
    async with fetching.begin(SUBJECTS):
        assert (await fetching.take(SUBJECTS[2]))[0].service == "www"
        with pytest.raises(OutsideError, match="no snapshot of wiki"):
            await fetching.take(SUBJECTS[1])
    assert set(fetching.fetched) == {"db", "www"}


async def test_nothing_is_fetched_any_more_when_the_drill_has_ended(store: ResticStore, tmp_path: Path) -> None:
    copies = await save(store, tmp_path, "db", "wiki", size=80_000_000)
    told: list[str] = []
    fetching = Fetching(copies, tmp_path, told.append)
    async with fetching.begin(SUBJECTS):
        async with asyncio.timeout(30):
            while not restics_of(tmp_path):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.001)
    assert restics_of(tmp_path) == []
    assert (told, fetching.fetched) == (["fetch db"], {})
