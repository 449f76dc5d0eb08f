"""A real BIND: its settings and zones saved, served again in a sandbox, and a broken zone told from a good one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kedge.adapters.bubblewrap import Bubblewrap
from kedge.adapters.folder_store import FolderStore
from kedge.kinds.bind import Bind
from kedge.kinds.grades import Grade
from kedge.model.instance import Instance, Program
from kedge.model.observation import Status
from kedge.model.ports import Address
from tests.integration.begin import say, wait_for, write
from tests.integration.conftest import need
from tests.integration.rehearsing import Subject, drill, save

LONG = timedelta(seconds=60)
NAMES = Bind(zones=("example.org",), data="/var/lib/bind")
SUBJECT = Subject("names", NAMES)
ZONE = """$TTL 300
@ SOA ns1 hostmaster 2007010601 3600 600 604800 300
@ NS ns1
ns1 A 192.0.2.53
wiki A 192.0.2.10
"""
SETTINGS = """options { directory "/var/cache/bind"; listen-on { any; }; recursion no; };
controls { inet 127.0.0.1 port 953 allow { 127.0.0.1; }; };
zone "example.org" { type primary; file "/var/lib/bind/example.org"; };
"""


class Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture(autouse=True)
def programs() -> None:
    need("bwrap", "bubblewrap")
    need("named", "bind9")


@asynccontextmanager
async def live_server(zone: str = ZONE) -> AsyncIterator[Instance]:
    async with Bubblewrap().open() as site:
        at = Instance("sandbox", site, {"dns-tcp": Address("127.0.0.1", 8053)})
        for path, text in {"/etc/bind/named.conf": SETTINGS, "/var/lib/bind/example.org": zone}.items():
            await write(at, path, text)
        yield at


async def test_it_is_saved_and_answers_again(tmp_path: Path, prove: Callable[[str, Grade], None]) -> None:
    store = FolderStore(tmp_path / "store", Now())
    async with live_server() as at:
        (probe,) = NAMES.probes(at)
        assert (await probe.look(at)).status is Status.DOWN
        command, server = NAMES.start(at)
        await say(at, *command.argv)  # type: ignore[union-attr]
        assert isinstance(server, Program)
        async with at.site.shell.start(server.argv):
            await wait_for(at, probe)
            snapshot = await save(SUBJECT, Instance("live", at.site, at.dial), store)
    result = await drill(SUBJECT, {"names": snapshot}, store, Bubblewrap(), Now())
    assert (result.obstacles, result.differences) == ((), ())
    assert result.seen["soa-example.org"].evidence["serial"] == "2007010601"
    assert result.is_proven
    prove("bind", "proven")


async def test_a_zone_that_does_not_load_is_not_proven(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store", Now())
    async with live_server(ZONE.replace("192.0.2.10", "192.0.2.1000")) as at:
        snapshot = await save(SUBJECT, Instance("live", at.site, at.dial), store)
    quick = Impatient(zones=NAMES.zones, data=NAMES.data)
    result = await drill(Subject("names", quick), {"names": snapshot}, store, Bubblewrap(), Now())
    assert not result.is_proven
    assert "not ready" in result.obstacles[0].what


class Impatient(Bind):
    """Waits two seconds only."""

    def start(self, at: Instance) -> list:  # type: ignore[type-arg]
        command, server = super().start(at)
        assert isinstance(server, Program)
        return [command, Program(server.argv, server.ready, timedelta(seconds=2))]
