"""Restoring folders: what was there is kept, and comes back whatever goes wrong."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import ClassVar

import pytest

from kedge.adapters.folder_store import FolderStore
from kedge.adapters.local import LocalSite
from kedge.errors import OutsideError
from kedge.evidence.database import Database
from kedge.kinds.files import Files
from kedge.model.instance import Instance
from kedge.model.ports import Run
from kedge.work.fetching import Copy
from kedge.work.restoring import PUT_ASIDE, TAKE_BACK, Restoration, find_replaced
from kedge.work.run import Logbook, Plan
from tests.integration.rehearsing import Subject, save


class Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class World:
    restoration: Restoration
    here: Path
    place: Path
    book: Logbook

    async def run(self) -> Run:
        deeds = self.restoration.deeds()
        return await self.book.carry_out(await self.book.begin(Plan("restore", "share"), deeds, "r1"), deeds)

    def kept(self) -> list[str]:
        return sorted(path.name for path in self.place.parent.iterdir())


async def make_world(tmp_path: Path) -> World:
    folder = tmp_path / "share"
    folder.mkdir()
    (folder / "brief.txt").write_text("Liebe Mitglieder")
    subject, site = Subject("share", Files(paths=(str(folder),))), LocalSite()
    store = FolderStore(tmp_path / "store", Now())
    snapshot = await save(subject, Instance("live", site, {}), store)
    target = Instance("target", site, {}, PurePosixPath(tmp_path / "new"))
    restoration = Restoration("r1", subject, Copy(store, snapshot), target, tmp_path / "fetched")
    place = Path(str(target.path(str(folder))))
    place.parent.mkdir(parents=True)
    return World(restoration, tmp_path, place, Logbook(Database(tmp_path / "evidence.sqlite"), Now(), "1"))


async def test_into_an_empty_place(tmp_path: Path) -> None:
    world = await make_world(tmp_path)
    assert await find_replaced(world.restoration.subject, world.restoration.target) == []
    assert (await world.run()).state == "done"
    assert (world.place / "brief.txt").read_text() == "Liebe Mitglieder"
    assert world.kept() == ["share"]
    assert not (tmp_path / "fetched").exists()


async def test_what_was_there_is_kept_beside(tmp_path: Path) -> None:
    world = await make_world(tmp_path)
    world.place.mkdir()
    (world.place / "neuer.txt").write_text("später geschrieben")
    assert await find_replaced(world.restoration.subject, world.restoration.target) == [PurePosixPath(world.place)]
    run = await world.run()
    assert os.listdir(world.place) == ["brief.txt"]
    assert world.kept() == ["share", "share.before-r1"]
    assert (world.place.with_name("share.before-r1") / "neuer.txt").exists()
    assert "share.before-r1" in run.steps[1].result
    assert not [name for name in os.listdir("/var/tmp") if name.startswith("kedge-restore.r1.")]


async def test_a_snapshot_that_differs_from_its_census_is_taken_back(tmp_path: Path) -> None:
    world = await make_world(tmp_path)
    world.place.mkdir()
    (world.place / "neuer.txt").write_text("später geschrieben")
    copy = world.restoration.copy
    (census,) = copy.snapshot.censuses
    store = Claims(copy.store, replace(copy.snapshot, censuses=(replace(census, tallies={}),)))
    world.restoration = replace(world.restoration, copy=Copy(store, copy.snapshot))  # type: ignore[arg-type]
    with pytest.raises(OutsideError, match="not what was saved"):
        await world.run()
    assert os.listdir(world.place) == ["neuer.txt"]
    assert world.kept() == ["share"]


@dataclass
class Claims:
    """A store whose snapshot claims another census."""

    real: object
    claimed: object
    counts: ClassVar[bool] = True

    async def fetch(self, snapshot: object, spool: Path) -> object:
        await self.real.fetch(snapshot, spool)  # type: ignore[attr-defined]
        return self.claimed


class TestScripts:
    """Interrupted between any two of its commands, nothing that was there is ever removed."""

    @pytest.fixture
    def places(self, tmp_path: Path) -> tuple[Path, Path, Path]:
        (tmp_path / "live").mkdir()
        (tmp_path / "live" / "old").touch()
        return tmp_path / "live", tmp_path / "aside", tmp_path / "mark"

    async def run(self, script: str, *places: Path) -> int | None:
        argv = ("sh", "-c", script, "sh", *map(str, places))
        return (await LocalSite().shell.run(argv, limit=timedelta(seconds=10))).code

    async def test_killed_between_move_and_mark(self, places: tuple[Path, Path, Path]) -> None:
        live, aside, mark = places
        live.rename(aside)
        for _ in range(2):
            assert await self.run(PUT_ASIDE, *places) == 0
        assert (mark.exists(), os.listdir(aside), live.exists()) == (True, ["old"], False)
        live.mkdir()
        (live / "half").touch()
        for _ in range(2):
            assert await self.run(TAKE_BACK, *places) == 0
        assert (mark.exists(), aside.exists(), os.listdir(live)) == (False, False, ["old"])

    async def test_undone_before_it_began(self, places: tuple[Path, Path, Path]) -> None:
        assert await self.run(TAKE_BACK, *places) == 0
        assert os.listdir(places[0]) == ["old"]

    async def test_undone_after_a_move_without_mark(self, places: tuple[Path, Path, Path]) -> None:
        places[0].rename(places[1])
        assert await self.run(TAKE_BACK, *places) == 0
        assert os.listdir(places[0]) == ["old"]

    async def test_a_place_that_cannot_be_moved_is_left_alone(self, places: tuple[Path, Path, Path]) -> None:
        live, _, mark = places
        nowhere = live.parent / "missing" / "aside"
        assert await self.run(PUT_ASIDE, live, nowhere, mark) == 1
        assert (os.listdir(live), mark.exists()) == (["old"], False)
        assert await self.run(TAKE_BACK, live, nowhere, mark) == 0
        assert os.listdir(live) == ["old"]

    async def test_what_came_meanwhile_is_not_removed(self, places: tuple[Path, Path, Path]) -> None:
        live, aside, _ = places
        live.rename(aside)
        live.mkdir()
        (live / "new mail").touch()
        assert await self.run(TAKE_BACK, *places) == 1
        assert os.listdir(live) == ["new mail"]
        assert os.listdir(aside) == ["old"]
