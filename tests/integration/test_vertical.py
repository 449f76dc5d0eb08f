"""Files and a web page: saved, restored into a sandbox, started there, and looked at by the probes of the live one."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kedge.adapters.bubblewrap import Bubblewrap
from kedge.adapters.folder_store import FolderStore
from kedge.adapters.local import LocalSite
from kedge.errors import OutsideError, Refused
from kedge.kinds.files import Files
from kedge.kinds.grades import Grade
from kedge.kinds.http import Http
from kedge.kinds.static_site import StaticSite
from kedge.model.instance import Instance
from kedge.model.observation import Status
from kedge.model.ports import Address, Snapshot
from kedge.model.service import Service
from kedge.probes.http import HttpProbe
from kedge.work.fetching import Copy
from kedge.work.rehearsal import rehearse
from tests.integration.rehearsing import DrillResult, Subject, drill, save

pytestmark = pytest.mark.usefixtures("bwrap")
Prove = Callable[[str, Grade], None]
EVENING = datetime(2007, 1, 5, 20, tzinfo=UTC)
GREETING = "Schöne Grüße"


@dataclass
class Watch:
    """A clock that is told how late it is."""

    time: datetime = EVENING

    def now(self) -> datetime:
        return self.time


@dataclass(frozen=True)
class World:
    """A live folder, a store, and a clock that they share."""

    folder: Path
    store: FolderStore
    clock: Watch

    def at(self, port: int = 1) -> Instance:
        return Instance("live", LocalSite(), {"web": Address("127.0.0.1", port, is_plain=True)})

    async def save(self, name: str, service: Service) -> Snapshot:
        return await save(Subject(name, service), self.at(), self.store)

    async def drill(self, subject: Subject, snapshots: Mapping[str, Snapshot]) -> DrillResult:
        return await drill(subject, snapshots, self.store, Bubblewrap(), self.clock)

    @property
    def site(self) -> StaticSite:
        return StaticSite(url="https://www.example.org/", text=GREETING, folder=str(self.folder))


@pytest.fixture
def world(tmp_path: Path) -> World:
    folder = tmp_path / "www"
    (folder / "bilder").mkdir(parents=True)
    (folder / "index.html").write_text(f'<meta charset="utf-8"><h1>{GREETING} aus dem Verein</h1>', encoding="utf-8")
    (folder / "bilder" / "wappen ä\n.svg").write_bytes(bytes(range(256)))
    (folder / "bilder" / "neu.svg").symlink_to("wappen ä\n.svg")
    (folder / "bilder" / "leer").touch(mode=0o600)
    os.makedirs(bytes(folder) + b"/B\xfccher")
    clock = Watch()
    return World(folder, FolderStore(tmp_path / "store", clock), clock)


async def test_the_same_probes_watch_the_live_one_and_judge_its_restored_copy(world: World, prove: Prove) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    live = world.at(port)
    server = ("python3", "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(world.folder))
    async with live.site.shell.start(server):
        while (await HttpProbe("http://localhost/").look(live)).status is not Status.OK:
            pass
        watched = {probe.name: await probe.look(live) for probe in world.site.probes(live)}
        (world.folder / "index.html").rename(world.folder / "elsewhere")
        broken = {probe.name: await probe.look(live) for probe in world.site.probes(live)}
        (world.folder / "elsewhere").rename(world.folder / "index.html")
    snapshot = await world.save("www", world.site)
    world.clock.time += timedelta(hours=3)
    result = await world.drill(Subject("www", world.site), {"www": snapshot})
    assert {name: seen.status for name, seen in watched.items()} == {"http": Status.OK}
    assert {name: seen.status for name, seen in broken.items()} == {"http": Status.DOWN}
    assert (result.obstacles, result.differences) == ((), ())
    assert {name: seen.status for name, seen in result.seen.items()} == {"http": Status.OK}
    assert result.is_proven
    assert result.rpo == timedelta(hours=3)
    prove("static-site", "proven")


async def test_files_are_saved_and_come_back_equal(world: World, tmp_path: Path, prove: Prove) -> None:
    (tmp_path / "more").mkdir()
    files = Files(paths=(str(world.folder), str(tmp_path / "more")))
    snapshot = await world.save("share", files)
    result = await world.drill(Subject("share", files), {"share": snapshot})
    assert len(snapshot.censuses) == 2
    assert (result.obstacles, result.differences, result.seen) == ((), (), {})
    assert result.is_proven
    prove("files", "proven")


async def test_a_folder_that_the_sandbox_has_itself_lies_apart(world: World) -> None:
    files = Files(paths=("/etc/alternatives",))
    snapshot = await world.save("settings", files)
    result = await world.drill(Subject("settings", files), {"settings": snapshot})
    assert snapshot.censuses[0].tallies["."].count > 1
    assert result.is_proven


async def test_a_page_is_started_on_the_files_it_uses(world: World, prove: Prove) -> None:
    files = Files(paths=(str(world.folder),))
    page = Http(url="https://www.example.org/", text=GREETING, files="share", folder=str(world.folder))
    snapshot = await world.save("share", files)
    result = await world.drill(Subject("www", page, {"files": Subject("share", files)}), {"share": snapshot})
    assert result.is_proven
    assert result.seen["http"].status is Status.OK
    prove("http", "proven")


async def test_the_next_snapshot_is_fetched_while_a_server_starts(world: World, tmp_path: Path) -> None:
    """The fetching of the second ends only when the first has started: nobody may wait for it before."""
    other = tmp_path / "portal"
    other.mkdir()
    (other / "index.html").write_text(GREETING, encoding="utf-8")
    portal = StaticSite(url="https://www.example.org/", text=GREETING, folder=str(other))
    saved = {"www": await world.save("www", world.site), "portal": await world.save("portal", portal)}
    said: list[str] = []
    starts = asyncio.Event()

    def hear(line: str) -> None:
        said.append(line)
        if line == "start www":
            starts.set()

    slow = SlowStore(tmp_path / "store", world.clock, waits={"portal": starts})
    copies = {name: Copy(slow, snapshot) for name, snapshot in saved.items()}
    subject = Subject("portal", portal, {"page": Subject("www", world.site)})
    async with asyncio.timeout(60):
        proof = await rehearse(subject, copies, Bubblewrap(), world.clock, tmp_path, hear)
    assert proof.is_proven
    assert said.index("fetch www") < said.index("fetch portal") < said.index("start www") < said.index("start portal")


@dataclass(frozen=True)
class SlowStore(FolderStore):
    """A folder from which the snapshots of some services come only when something has happened."""

    waits: Mapping[str, asyncio.Event] = field(default_factory=dict)

    async def fetch(self, snapshot: Snapshot, spool: Path) -> Snapshot:
        if snapshot.service in self.waits:
            await self.waits[snapshot.service].wait()
        return await super().fetch(snapshot, spool)


class TestNotProven:
    async def test_what_changed_since_is_named(self, world: World) -> None:
        """A census that claims more than the snapshot holds: as after a dump that was cut off."""
        snapshot = await world.save("www", world.site)
        (census,) = snapshot.censuses
        tallies = {**census.tallies, "mail": next(iter(census.tallies.values()))}
        claimed = Snapshot(snapshot.id, "www", snapshot.at, (type(census)(census.part, census.at, tallies),))
        result = await world.drill(Subject("www", world.site), {"www": claimed})
        assert [line.rpartition(", ")[2] for line in result.differences] == [f"{census.part}: mail: missing"]
        assert not result.is_proven

    async def test_a_page_that_is_not_what_it_should_be(self, world: World) -> None:
        (world.folder / "index.html").write_text("Hosting expired")
        snapshot = await world.save("www", world.site)
        result = await world.drill(Subject("www", world.site), {"www": snapshot})
        assert result.differences == ()
        assert result.seen["http"].status is Status.DOWN
        assert not result.is_proven

    async def test_without_a_snapshot(self, world: World) -> None:
        result = await world.drill(Subject("www", world.site), {})
        assert [obstacle.what for obstacle in result.obstacles] == ["www: no snapshot of www"]
        assert not result.is_proven

    async def test_a_damaged_snapshot(self, world: World) -> None:
        snapshot = await world.save("www", world.site)
        (archive,) = world.store.root.rglob("folder.tar")
        archive.write_bytes(archive.read_bytes().replace(GREETING.encode(), GREETING.encode().swapcase()))
        result = await world.drill(Subject("www", world.site), {"www": snapshot})
        assert "is not what was saved" in result.obstacles[0].what
        assert result.seen == {}

    async def test_a_program_that_ends_at_once_says_why(self, world: World) -> None:
        snapshot = await world.save("www", world.site)
        elsewhere = Subject("www", Broken(url=world.site.url, folder=str(world.folder)))
        result = await world.drill(elsewhere, {"www": snapshot})
        assert "no-such-server" in result.obstacles[0].what
        assert not result.is_proven

    async def test_a_drill_leaves_the_live_copy_alone(self, world: World) -> None:
        before = {path: path.lstat().st_mtime_ns for path in world.folder.rglob("*")}
        snapshot = await world.save("www", world.site)
        await world.drill(Subject("www", world.site), {"www": snapshot})
        assert {path: path.lstat().st_mtime_ns for path in world.folder.rglob("*")} == before


class Broken(StaticSite):
    """A site whose server is not installed."""

    def start(self, at: Instance) -> list:  # type: ignore[type-arg]
        (program,) = super().start(at)
        return [type(program)(("no-such-server",), program.ready)]  # type: ignore[union-attr, call-arg, arg-type]


class TestSaving:
    async def test_an_obstacle_is_named_before_anything_is_written(self, world: World) -> None:
        with pytest.raises(Refused, match="nowhere is not there"):
            await world.save("share", Files(paths=(str(world.folder), "/nowhere")))
        assert not world.store.root.exists()

    async def test_nothing_is_left_in_the_spool(self, world: World) -> None:
        before = os.listdir("/var/tmp")
        await world.save("www", world.site)
        assert {name for name in os.listdir("/var/tmp") if name.startswith("kedge-spool.")} <= set(before)

    async def test_a_store_that_cannot_be_written(self, world: World, tmp_path: Path) -> None:
        (tmp_path / "store").write_text("a file where the store should be")
        with pytest.raises(OutsideError):
            await world.save("www", world.site)
