"""A real PowerDNS that keeps its zones in SQL: transferred to its own host, and served again from zone files."""

from __future__ import annotations

import asyncio
import shlex
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import pytest

from kedge.adapters.bubblewrap import Bubblewrap
from kedge.adapters.folder_store import FolderStore
from kedge.adapters.local import LocalShell
from kedge.adapters.login import LoginNet, LoginShell, LoginSite
from kedge.errors import Refused
from kedge.kinds.grades import Grade
from kedge.kinds.powerdns import PowerDNS
from kedge.model.instance import Instance
from kedge.model.ports import Address
from kedge.parts.zone import ZonePart, read_zone
from kedge.probes.soa import SoaProbe
from tests.integration.begin import make_spool, say, write
from tests.integration.conftest import need
from tests.integration.probes.servers import accepts, folder, free_port, running
from tests.integration.rehearsing import Subject, drill, save

LONG = timedelta(minutes=2)
SERVICE = PowerDNS(zones=("verein.example", "0-25.2.0.192.in-addr.arpa"))
SUBJECT = Subject("names", SERVICE)
SCHEMA = Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
SETTINGS = """\
launch=gsqlite3
gsqlite3-database=@FOLDER/db
gsqlite3-dnssec=yes
local-address=127.0.0.1
local-port=@PORT
socket-dir=@FOLDER
daemon=no
guardian=no
write-pid=no
disable-syslog=yes
security-poll-suffix=
@MORE
"""
ZONE = r"""
verein.example. 3600 IN SOA ns1.verein.example. hostmaster.verein.example. 2007010601 3600 600 604800 300
verein.example. 3600 IN NS ns1.verein.example.
verein.example. 3600 IN NS ns2.anderswo.example.
verein.example. 3600 IN MX 10 mail.verein.example.
verein.example. 3600 IN MX 20 mail2.verein.example.
verein.example. 3600 IN TXT "v=spf1 mx -all"
*.verein.example. 60 IN A 192.0.2.80
ns1.verein.example. 3600 IN A 192.0.2.53
ns1.verein.example. 3600 IN AAAA 2001:db8::53
mail.verein.example. 3600 IN A 192.0.2.25
mail2.verein.example. 3600 IN A 192.0.2.26
key._domainkey.verein.example. 3600 IN TXT "v=DKIM1; p=@LONG" "\"quoted\" \195\182;"
_xmpp-client._tcp.verein.example. 3600 IN SRV 0 5 5222 jabber.verein.example.
jabber.verein.example. 3600 IN CNAME mail.verein.example.
sub.verein.example. 3600 IN NS ns.sub.verein.example.
ns.sub.verein.example. 3600 IN A 192.0.2.99
_443._tcp.verein.example. 3600 IN TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
""".replace("@LONG", "A" * 200)
REVERSE = """
0-25.2.0.192.in-addr.arpa. 60 IN SOA ns1.verein.example. hostmaster.verein.example. 7 3600 600 604800 300
0-25.2.0.192.in-addr.arpa. 60 IN NS ns1.verein.example.
53.0-25.2.0.192.in-addr.arpa. 60 IN PTR ns1.verein.example.
"""


class Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture(autouse=True)
def programs() -> None:
    need("bwrap", "bubblewrap")
    need("pdns_server", "pdns-server")
    if not SCHEMA.exists():
        pytest.skip("needs Debian package pdns-backend-sqlite3")
    if not list(Path("/usr/lib").glob("*/pdns/libbindbackend.so")):
        pytest.skip("needs Debian package pdns-backend-bind")


def make_database(file: Path) -> Path:
    with sqlite3.connect(file) as database:
        database.executescript(SCHEMA.read_text())
    return file


@asynccontextmanager
async def name_server(tmp_path: Path, more: str = "", *, is_empty: bool = False) -> AsyncIterator[Instance]:
    """A machine whose PowerDNS keeps its zones in SQLite, with its usual settings for transfers."""
    (tmp_path / "made").mkdir(exist_ok=True)
    database = await asyncio.to_thread(make_database, tmp_path / "made" / f"db{len(more)}{is_empty}")
    async with Bubblewrap().open() as site:
        at = Instance("live", site, {"dns-tcp": Address("127.0.0.1", 21053)})
        settings = SETTINGS.replace("@FOLDER", "/var/lib/powerdns").replace("@PORT", "21053").replace("@MORE", more)
        await write(at, "/etc/powerdns/pdns.conf", settings)
        await say(at, "mkdir", "-p", "/var/lib/powerdns", "/run/pdns")
        await site.shell.put(database, PurePosixPath("/var/lib/powerdns/db"))
        zones = {} if is_empty else {"verein.example": ZONE, "0-25.2.0.192.in-addr.arpa": REVERSE}
        for zone, text in {**zones, "bereit.invalid": "@ 60 IN SOA a. b. 1 1 1 1 1\n@ 60 IN NS a.\n"}.items():
            await write(at, f"/drill/{zone}", text)
            await say(at, "pdnsutil", "load-zone", zone, f"/drill/{zone}")
        async with site.shell.start(("pdns_server",)) as server:
            ready = SoaProbe("bereit.invalid")
            async with asyncio.timeout(60):
                while (seen := await ready.look(at)).status != "ok":
                    assert "ended" not in server.output(), (server.output(), seen)
                    await asyncio.sleep(0.05)
            yield at


def zone_parts(service: PowerDNS = SERVICE) -> list[ZonePart]:
    return [part for part in service.parts() if isinstance(part, ZonePart)]


async def test_zones_in_sql_are_transferred_and_served_again(
    tmp_path: Path, prove: Callable[[str, Grade], None]
) -> None:
    store = FolderStore(tmp_path / "store", Now())
    async with name_server(tmp_path) as live:
        snapshot = await save(SUBJECT, live, store)
    census = {census.part: census for census in snapshot.censuses}["zone-verein-example"]
    assert {name: tally.count for name, tally in census.tallies.items()} == {
        "SOA": 1, "NS": 2, "MX": 1, "TXT": 2, "A": 5, "AAAA": 1, "SRV": 1, "CNAME": 1, "TLSA": 1,
    }  # fmt: skip
    assert census.remarks["serial"] == "2007010601"
    proof = await drill(SUBJECT, {"names": snapshot}, store, Bubblewrap(), Now())
    assert (proof.obstacles, proof.differences, proof.unloaded) == ((), (), ())
    assert proof.seen["soa-verein.example"].evidence["serial"] == "2007010601"
    assert proof.is_proven
    prove("powerdns", "proven")


async def test_a_zone_comes_back_into_the_database_of_a_host(tmp_path: Path) -> None:
    part = zone_parts()[0]
    async with name_server(tmp_path) as live:
        spool = await make_spool(live, part.name)
        saved, text = await part.save(live, spool), await say(live, "cat", str(spool / "zone"))
        with pytest.raises(Refused, match="live"):
            await part.restore(live, spool)
        with pytest.raises(Refused, match="already a zone verein"):
            await part.restore(replace(live, mode="target"), spool)
        await say(live, "pdnsutil", "add-record", "verein.example", "new", "A", "192.0.2.77")
        await say(live, "pdns_control", "purge")
        assert saved.difference(await part.census(live)) == ["A: 5 -> 6 entries"]
    async with name_server(tmp_path, is_empty=True) as empty:
        there = replace(empty, mode="target")
        spool = await make_spool(there, part.name)
        await write(there, str(spool / "zone"), text)
        await part.restore(there, spool)
        assert saved.difference(await part.recount(there, spool)) == []
        await write(there, str(spool / "zone"), "verein.example. 60 IN SOA nonsense\n")
        other = replace(part, zone="other.example")
        with pytest.raises(Exception, match=r"other\.example could not be loaded"):
            await other.restore(there, spool)


async def test_what_does_not_let_itself_be_transferred_is_an_obstacle(tmp_path: Path) -> None:
    part = zone_parts()[0]
    async with name_server(tmp_path, "allow-axfr-ips=192.0.2.1") as at:
        (obstacle,) = await part.preflight(at)
        assert "does not transfer verein.example to its own host" in obstacle.what
        assert "allow-axfr-ips=127.0.0.0/8" in obstacle.fix
        (obstacle,) = await replace(part, zone="fehlt.example").preflight(at)
        assert obstacle.what == "the name server does not answer for fehlt.example"
        (obstacle,) = await replace(part, endpoint="none", address="127.0.0.2").preflight(at)
        assert "does not answer" in obstacle.what


async def test_a_signed_zone_wants_its_keys_saved_too(tmp_path: Path) -> None:
    part = zone_parts()[0]
    async with name_server(tmp_path) as at:
        spool = await make_spool(at, part.name)
        unsigned = await part.save(at, spool)
        await say(at, "pdnsutil", "secure-zone", "verein.example")
        await say(at, "pdns_control", "purge")
        (obstacle,) = await part.preflight(at)
        assert "private keys are in no transfer" in obstacle.what
        assert await replace(part, keeps_keys=True).preflight(at) == []
        signed = await part.save(at, spool)
        assert unsigned.difference(signed) == []
        assert {str(r.kind) for r in read_zone(await say(at, "cat", str(spool / "zone")), part.zone)}.isdisjoint(
            {"46", "48"}
        )


async def test_one_behind_a_login_is_asked_from_its_own_host(tmp_path: Path) -> None:
    shell = LoginShell((lambda argv: ("sh", "-c", shlex.join(argv)),), LocalShell())
    with folder() as here:
        port = free_port()
        await asyncio.to_thread(make_database, here / "db")
        settings = SETTINGS.replace("@FOLDER", str(here)).replace("@PORT", str(port)).replace("@MORE", "")
        (here / "pdns.conf").write_text(settings)
        (here / "zone").write_text(ZONE)
        at = Instance("live", LoginSite(shell, LoginNet(shell)), {"dns-tcp": Address("127.0.0.1", port)})
        await say(at, "pdnsutil", f"--config-dir={here}", "load-zone", "verein.example", f"{here}/zone")
        spool = PurePosixPath(tmp_path)
        async with running(("pdns_server", f"--config-dir={here}"), lambda: accepts(port), here / "log"):
            part = zone_parts()[0]
            assert await part.preflight(at) == []
            census = await part.save(at, spool)
        assert census.tallies["A"].count == 5
        (obstacle,) = await part.preflight(at)
        assert "nobody answers at 127.0.0.1" in obstacle.what
