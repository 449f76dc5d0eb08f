"""A real PostgreSQL: dump and census of one snapshot, restored into a sandbox, and told from what was changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import pytest

from kedge.adapters.bubblewrap import Bubblewrap
from kedge.adapters.folder_store import FolderStore
from kedge.errors import OutsideError, Refused
from kedge.kinds.grades import Grade
from kedge.kinds.postgresql import Postgresql
from kedge.model.census import Census
from kedge.model.instance import Instance
from kedge.model.observation import Status
from kedge.model.ports import Address
from kedge.parts.postgresql import DRILL_USER, PostgresPart
from tests.integration.begin import begin, make_spool, say
from tests.integration.conftest import need
from tests.integration.probes.servers import POSTGRES
from tests.integration.rehearsing import Subject, drill, save

LONG = timedelta(seconds=120)
SERVER = Postgresql()
PORT = 8000
ADDRESS = "/run/postgresql/.s.PGSQL.5432"
(PART,) = (part for part in SERVER.parts() if isinstance(part, PostgresPart))
SECRET = "Kennwort-im-Klartext"
CONTENT = rf"""
CREATE ROLE kedge SUPERUSER LOGIN;
CREATE ROLE lists LOGIN PASSWORD '{SECRET}'; CREATE ROLE "read er"; CREATE ROLE guest; GRANT "read er" TO lists;
CREATE DATABASE lists OWNER lists TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';
CREATE DATABASE "odd ""name'" TEMPLATE template0;
\connect lists
SET ROLE lists;
CREATE TYPE mood AS ENUM ('gut', 'schlecht');
CREATE TABLE member (id serial PRIMARY KEY, name text, born timestamptz, mood mood, photo bytea, x double precision);
INSERT INTO member (name, born, mood, photo, x) VALUES ('Größe 🎉', '2007-01-05 20:00+01', 'gut', '\x00ff', 0.1),
  (NULL, 'infinity', NULL, NULL, 'NaN'), ('tab' || chr(9) || 'line' || chr(10), '2999-01-01', 'gut', '', 1e-300);
CREATE TABLE "odd ""table" ("a b" int); INSERT INTO "odd ""table" VALUES (1), (1);
CREATE TABLE event (at date) PARTITION BY RANGE (at);
CREATE TABLE event_2007 PARTITION OF event FOR VALUES FROM ('2007-01-01') TO ('2008-01-01');
INSERT INTO event VALUES ('2007-01-06');
CREATE VIEW names AS SELECT name FROM member; CREATE INDEX by_name ON member (name);
CREATE FUNCTION tidy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER tidying BEFORE INSERT ON member FOR EACH ROW EXECUTE FUNCTION tidy();
GRANT SELECT ON member TO "read er";
SELECT lo_from_bytea(0, '\x4142');
"""


class Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture(autouse=True)
def programs() -> None:
    need("bwrap", "bubblewrap")
    if not POSTGRES:
        pytest.skip("needs initdb (Debian package postgresql)")


async def sql(at: Instance, text: str, database: str = "postgres") -> str:
    client = ("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-U", DRILL_USER, "-h", "/run/postgresql", "-d", database)
    return await say(at, *client, stdin=text)


@asynccontextmanager
async def live_server(content: str = CONTENT) -> AsyncIterator[Instance]:
    """A server that plays the live one, on a machine of its own."""
    async with Bubblewrap().open() as site, AsyncExitStack() as stack:
        dial = {"sql": Address("127.0.0.1", PORT), "postgresql": Address(ADDRESS)}
        at = Instance("sandbox", site, dial)
        await begin(SERVER.start(at), at, stack)
        await sql(at, content)
        yield Instance("live", site, dial)


async def in_spool(at: Instance, script: str, spool: PurePosixPath) -> bytes:
    ended = await at.site.shell.run(("sh", "-c", script, "sh", str(spool)), limit=LONG)
    assert ended.code == 0, ended.stderr
    return ended.stdout


async def test_it_is_saved_restored_counted_and_asked(tmp_path: Path, prove: Callable[[str, Grade], None]) -> None:
    store, subject = FolderStore(tmp_path / "store", Now()), Subject("db", SERVER)
    async with live_server() as live:
        snapshot = await save(subject, live, store)
    result = await drill(subject, {"db": snapshot}, store, Bubblewrap(), Now())
    (census,) = snapshot.censuses
    counts = {name: tally.count for name, tally in census.tallies.items() if "(" not in name}
    assert counts == {"lists.public.member": 3, 'lists.public.odd "table': 2, "lists.public.event_2007": 1}
    objects = {name: census.tallies[f"lists ({name})"].count for name in ("triggers", "large objects", "functions")}
    assert objects == {"triggers": 1, "large objects": 1, "functions": 1}
    assert "odd \"name' (settings)" in census.tallies
    assert census.newest == datetime(2007, 1, 5, 19, tzinfo=UTC)  # the latest that is neither future nor infinite
    assert (result.obstacles, result.differences) == ((), ())
    assert result.seen["sql"].status is Status.OK
    assert result.is_proven
    prove("postgresql", "proven")


async def load_elsewhere(live: Instance, spool: PurePosixPath, part: PostgresPart = PART) -> Census:
    """Return the census of a dump loaded into another server, as a target where some roles are there already."""
    archive = await in_spool(live, 'tar -C "$1" -c .', spool)
    async with live_server("CREATE ROLE kedge SUPERUSER LOGIN; CREATE ROLE lists LOGIN CONNECTION LIMIT 7;") as other:
        there = await make_spool(other)
        unpack = ("tar", "-x", "-C", str(there))
        assert (await other.site.shell.run(unpack, stdin=archive, limit=LONG)).code == 0
        target = Instance("target", other.site, other.dial)
        await part.restore(target, there)
        limit = await sql(other, "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'lists'")
        assert limit.strip() == "7"  # what the target has already is left alone
        return await part.census(target)


async def test_dump_and_census_are_of_one_moment_while_others_write() -> None:
    write = 'while :; do echo "INSERT INTO member (name) SELECT gen_random_uuid() FROM generate_series(1, 50);"; done'
    writer = f"{write} | psql -Xq -U {DRILL_USER} -h /run/postgresql lists"
    async with live_server() as live, live.site.shell.start(("sh", "-c", writer)):
        for part in (PART, PostgresPart(ADDRESS, ("lists",))):
            spool = await make_spool(live)
            saved = await part.save(live, spool)
            later = int(await sql(live, "SELECT count(*) FROM member", "lists"))
            assert later > saved.tallies["lists.public.member"].count  # they did write
            assert saved.difference(await load_elsewhere(live, spool, part)) == []


CHANGES = {
    "DELETE FROM member WHERE name IS NULL": "lists.public.member: 3 -> 2 entries",
    "UPDATE member SET name = 'GrÃ¶ÃŸe 🎉' WHERE id = 1": "lists.public.member: same number of entries, different content",
    "UPDATE member SET x = 0.1000000000000001 WHERE id = 1": (
        "lists.public.member: same number of entries, different content"
    ),
    "DROP TRIGGER tidying ON member": "lists (triggers): 1 -> 0 entries",
    "ALTER TABLE member ALTER COLUMN id DROP DEFAULT; VACUUM member": "",
    "SELECT lo_unlink(loid) FROM pg_largeobject": "lists (large objects): 1 -> 0 entries",
    "DROP VIEW names; CREATE VIEW names AS SELECT 'x' AS name": (
        "lists (views): same number of entries, different content"
    ),
    "INSERT INTO event VALUES ('2007-01-07')": "lists.public.event_2007: 1 -> 2 entries",
    "GRANT SELECT ON event TO guest": "lists (roles in use): 2 -> 3 entries",
}
"""What is done -> the first line that the census says."""


async def test_a_census_sees_every_loss() -> None:
    part = PostgresPart(ADDRESS, ("lists",))
    async with live_server() as live:
        for change, line in CHANGES.items():
            before = await part.census(live)
            for one in change.split("; "):
                await sql(live, one, "lists")
            assert before.difference(await part.census(live))[:1] == ([line] if line else []), change


async def test_an_empty_server_is_empty_and_not_broken(tmp_path: Path) -> None:
    store, subject = FolderStore(tmp_path / "store", Now()), Subject("db", SERVER)
    async with live_server("CREATE ROLE kedge SUPERUSER LOGIN") as live:
        snapshot = await save(subject, live, store)
    result = await drill(subject, {"db": snapshot}, store, Bubblewrap(), Now())
    assert snapshot.censuses[0].tallies == {}
    assert result.is_proven, result


async def test_the_database_that_every_server_has_is_saved_if_something_is_in_it() -> None:
    async with live_server() as live:
        await sql(live, "CREATE TABLE stray (id int); INSERT INTO stray VALUES (1)")
        spool = await make_spool(live)
        saved = await PART.save(live, spool)
        assert saved.tallies["postgres.public.stray"].count == 1
        assert saved.difference(await load_elsewhere(live, spool)) == []


async def test_only_a_database_with_nothing_in_it_is_dropped() -> None:
    async with live_server() as live:
        with pytest.raises(Refused):
            await PART.drop_empty(live)
        await PART.drop_empty(Instance("target", live.site, live.dial))
        assert await PART.names(live) == ["lists"]


class TestRefusals:
    @pytest.mark.parametrize("damage", ["truncate -s -5000", "truncate -s 0"])
    async def test_a_dump_that_is_cut_off(self, damage: str) -> None:
        async with live_server() as live:
            spool = await make_spool(live)
            await PART.save(live, spool)
            await in_spool(live, f'{damage} "$1/0.dump"', spool)
            with pytest.raises(OutsideError, match="could not be loaded"):
                await load_elsewhere(live, spool)

    async def test_over_a_live_copy_or_other_databases(self) -> None:
        async with live_server() as live:
            spool = await make_spool(live)
            await PART.save(live, spool)
            with pytest.raises(Refused, match="live"):
                await PART.restore(live, spool)
            with pytest.raises(Refused, match="already a database"):
                await PART.restore(Instance("target", live.site, live.dial), spool)

    async def test_a_server_that_dies_while_it_is_saved(self) -> None:
        async with live_server() as live:
            await sql(
                live, "INSERT INTO member (name) SELECT repeat('x', 1000) FROM generate_series(1, 100000)", "lists"
            )
            spool = await make_spool(live)
            saving = asyncio.create_task(PART.save(live, spool))
            kill = 'until [ -s "$1/0.dump" ]; do sleep 0.01; done; kill -9 $(head -n 1 /var/lib/postgresql/*/postmaster.pid)'
            await in_spool(live, kill, spool)
            with pytest.raises(OutsideError):
                await saving

    async def test_a_missing_database_and_an_account_that_may_not(self) -> None:
        async with live_server() as live:
            await sql(live, "ALTER ROLE kedge NOSUPERUSER")
            found = await PostgresPart(ADDRESS, ("shop",)).preflight(live)
            assert [obstacle.what for obstacle in found] == [
                "kedge's account is no superuser", "there is no database 'shop'",
            ]  # fmt: skip
            await sql(live, "ALTER ROLE kedge NOLOGIN")
            (obstacle,) = await PART.preflight(live)
            assert "did not answer" in obstacle.what

    async def test_an_error_repeats_no_data(self) -> None:
        async with live_server() as live:
            spool = await make_spool(live)
            await PART.save(live, spool)
            hidden = "Adresse-05"
            await in_spool(live, f"""sed -i 's/2007-01-05/{hidden}/' "$1"/0.dump""", spool)
            with pytest.raises(OutsideError) as failure:
                await load_elsewhere(live, spool)
            assert "could not be loaded" in failure.value.message
            assert SECRET not in failure.value.message
            assert hidden not in failure.value.message
