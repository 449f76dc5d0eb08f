"""A real slapd: its settings and its directory dumped while it runs, loaded and asked in a drill."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kedge.adapters.bubblewrap import Bubblewrap
from kedge.adapters.folder_store import FolderStore
from kedge.errors import Refused
from kedge.kinds.grades import Grade
from kedge.kinds.openldap import Openldap
from kedge.model.instance import Instance, Program, Start
from kedge.model.observation import Status
from kedge.model.ports import Address
from kedge.parts.command import CommandPart
from kedge.probes.ldap import LdapProbe
from tests.integration.begin import make_spool, say, write
from tests.integration.conftest import need
from tests.integration.rehearsing import Subject, drill, save

LONG = timedelta(minutes=2)
SERVICE = Openldap(hostname="ldap.verein.example", suffixes=("dc=verein,dc=example",))
SUBJECT = Subject("directory", SERVICE)
HASH = "{SSHA}0123456789abcdefghijklmnopqrstuvwxyz"
# As people have it: certificates, a demand for them, nothing for strangers, and a second server.
SETTINGS = """\
dn: cn=config
objectClass: olcGlobal
cn: config
olcPidFile: /run/slapd/slapd.pid
olcTLSCertificateFile: /etc/ssl/private/verein.pem
olcTLSCertificateKeyFile: /etc/ssl/private/verein.key
olcSecurity: tls=1
olcServerID: 1 ldap://ldap1.verein.example/
olcServerID: 2 ldap://ldap2.verein.example/

dn: cn=module{0},cn=config
objectClass: olcModuleList
cn: module{0}
olcModulePath: /usr/lib/ldap
olcModuleLoad: back_mdb

dn: cn=schema,cn=config
objectClass: olcSchemaConfig
cn: schema

include: file:///etc/ldap/schema/core.ldif
include: file:///etc/ldap/schema/cosine.ldif
include: file:///etc/ldap/schema/inetorgperson.ldif

dn: olcDatabase={1}mdb,cn=config
objectClass: olcDatabaseConfig
objectClass: olcMdbConfig
olcDatabase: {1}mdb
olcSuffix: dc=verein,dc=example
olcDbDirectory: /var/lib/ldap
olcRootDN: cn=admin,dc=verein,dc=example
olcAccess: to * by users read by anonymous auth
olcSyncrepl: rid=1 provider=ldap://ldap2.verein.example/ searchbase="dc=verein,dc=example" type=refreshAndPersist
  bindmethod=simple retry="60 +"
olcMultiProvider: TRUE
"""
SECOND = """
dn: olcDatabase={2}mdb,cn=config
objectClass: olcDatabaseConfig
objectClass: olcMdbConfig
olcDatabase: {2}mdb
olcSuffix: dc=zweiter,dc=example
olcDbDirectory: /var/lib/zweiter
"""
DATA = f"""\
dn: dc=verein,dc=example
objectClass: dcObject
objectClass: organization
dc: verein
o: Verein für Größe

dn: ou=people,dc=verein,dc=example
objectClass: organizationalUnit
ou: people

dn: uid=anna,ou=people,dc=verein,dc=example
objectClass: inetOrgPerson
uid: anna
cn: Änna
sn: Straße
userPassword: {HASH}

dn: uid=ben,ou=people,dc=verein,dc=example
objectClass: inetOrgPerson
uid: ben
cn: Ben
sn: Beispiel
"""
# The sandbox shows no /etc of the machine, so the schemas that the package brings are given as they are there.
MAKE = """
mkdir -p /etc/ldap/slapd.d /etc/ldap/schema /var/lib/ldap /var/lib/zweiter /run/slapd
slapadd -n 0 -F /etc/ldap/slapd.d -l /etc/settings.ldif && slapadd -n 1 -F /etc/ldap/slapd.d -l /etc/data.ldif
"""


class Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture(autouse=True)
def programs() -> None:
    need("bwrap", "bubblewrap")
    need("slapd", "slapd")


def read_schemas() -> dict[str, str]:
    return {str(file): file.read_text() for file in Path("/etc/ldap/schema").glob("*.ldif")}


@asynccontextmanager
async def directory(settings: str = SETTINGS, data: str = DATA) -> AsyncIterator[Instance]:
    """A machine with a directory on it, not started."""
    schemas = read_schemas()
    async with Bubblewrap().open() as site:
        at = Instance("live", site, {"ldap": Address("127.0.0.1", 21389, True)})
        for path, text in {"/etc/settings.ldif": settings, "/etc/data.ldif": data, **schemas}.items():
            await write(at, path, text)
        await say(at, "sh", "-c", MAKE)
        yield at


@asynccontextmanager
async def running(at: Instance) -> AsyncIterator[LdapProbe]:
    """The server on it, asked in the clear; its own settings would want certificates."""
    copied, program = SERVICE.start(replace(at, mode="sandbox"))
    await say(at, *copied.argv)  # type: ignore[union-attr]
    (probe,) = SERVICE.probes(at)
    assert isinstance(probe, LdapProbe)
    async with at.site.shell.start(program.argv), asyncio.timeout(60):  # type: ignore[union-attr]
        while (await probe.look(at)).status is Status.DOWN:  # noqa: ASYNC110 - a server
            await asyncio.sleep(0.05)
        yield probe


async def test_it_is_saved_while_it_runs_and_asked_again_in_a_drill(
    tmp_path: Path, prove: Callable[[str, Grade], None]
) -> None:
    store = FolderStore(tmp_path / "store", Now())
    async with directory() as live, running(live) as probe:
        assert (await probe.look(live)).status is Status.OK
        snapshot = await save(SUBJECT, live, store)
    counts = {census.part: {n: t.count for n, t in census.tallies.items()} for census in snapshot.censuses}
    assert counts["database-1"].items() >= {"entries": 4, "inetOrgPerson": 2, "organization": 1}.items()
    assert counts["settings"]["olcMdbConfig"] == 1
    proof = await drill(SUBJECT, {"directory": snapshot}, store, Bubblewrap(), Now())
    assert (proof.obstacles, proof.differences, proof.unloaded) == ((), (), ())
    assert proof.seen["ldap"].what == "holds dc=verein,dc=example"
    assert proof.is_proven
    prove("openldap", "proven")


async def test_it_comes_back_on_a_host_byte_for_byte(tmp_path: Path) -> None:
    settings, data = SERVICE.parts()
    dumps = {}
    async with directory() as live:
        for part in (settings, data):
            spool = await make_spool(live, part.name)
            dumps[part.name] = (await part.save(live, spool), await say(live, "cat", str(spool / "dump")))
            with pytest.raises(Refused, match="live"):
                await part.restore(live, spool)
            with pytest.raises(Refused, match="not empty"):
                await part.restore(replace(live, mode="target"), spool)
    assert HASH in dumps["database-1"][1] or "userPassword:: " in dumps["database-1"][1]
    async with Bubblewrap().open() as site:
        there = Instance("target", site, {})
        for part in (settings, data):
            assert isinstance(part, CommandPart)
            spool = await make_spool(there, part.name)
            await write(there, str(spool / "dump"), dumps[part.name][1])
            await part.restore(there, spool)
            assert dumps[part.name][0].difference(await part.recount(there, spool)) == []
        await say(there, "sh", "-c", "slapcat -n 1 | sed s/Beispiel/Anders/ > /drill/changed; rm -r /var/lib/ldap/*")
        await say(there, "slapadd", "-n", "1", "-l", "/drill/changed")
        found = await data.recount(there, spool)  # type: ignore[attr-defined]
        assert dumps["database-1"][0].difference(found) == ["entries: same number of entries, different content"]


class Impatient(Openldap):
    """Waits two seconds only."""

    def start(self, at: Instance) -> list[Start]:
        command, server = super().start(at)
        assert isinstance(server, Program)
        return [command, replace(server, limit=timedelta(seconds=2))]


async def test_another_directory_than_the_declared_one_is_not_proven(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store", Now())
    async with directory(data=DATA.partition("\n\n")[0] + "\n") as live:
        snapshot = await save(SUBJECT, live, store)
    other = Impatient(suffixes=("dc=other,dc=example",))
    proof = await drill(Subject("directory", other), {"directory": snapshot}, store, Bubblewrap(), Now())
    assert not proof.is_proven
    assert "shows nothing of dc=other,dc=example" in proof.obstacles[0].what


class TestLooks:
    async def test_one_that_lost_its_data_and_one_that_shows_it_to_nobody(self) -> None:
        async with directory(data="") as at, running(at) as probe:
            seen = await probe.look(at)
            assert (seen.status, seen.evidence["result"]) == (Status.UNKNOWN, "32")
            seen = await replace(probe, suffixes=()).look(at)
            assert seen.status is Status.UNKNOWN

    async def test_one_that_is_dead(self) -> None:
        async with directory() as at:
            (probe,) = SERVICE.probes(at)
            assert (await probe.look(at)).status is Status.DOWN


async def test_a_database_that_nobody_named_is_an_obstacle() -> None:
    async with directory(settings=SETTINGS + SECOND) as at:
        for part in SERVICE.parts():
            (obstacle,) = await part.preflight(at)
            assert obstacle.what == "the directory has a database {2}mdb that the inventory does not name"
        both = Openldap(databases={"1": "/var/lib/ldap", "2": "/var/lib/zweiter"})
        assert [o for part in both.parts() for o in await part.preflight(at)] == []
