"""A real MariaDB: saved while others write, restored into a sandbox, counted, and shown every way of failing."""

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
from kedge.kinds.mariadb import MariaDB
from kedge.model.census import Census
from kedge.model.instance import Instance
from kedge.model.observation import Status
from kedge.model.ports import Address
from kedge.parts.mariadb import MariaDBPart
from tests.integration.begin import begin, make_spool, say
from tests.integration.conftest import need
from tests.integration.rehearsing import Subject, drill, save

LONG = timedelta(seconds=120)
SOCKET = "/run/mysqld/mysqld.sock"
PART = MariaDBPart(SOCKET)
CONTENT = r"""
CREATE DATABASE wiki CHARACTER SET latin1; USE wiki;
CREATE TABLE page (id INT PRIMARY KEY AUTO_INCREMENT, title VARCHAR(99), body MEDIUMBLOB, note TEXT CHARACTER SET utf8mb4);
INSERT INTO page (title, body, note) VALUES ('Größe', X'00FF27', '🎉 Привет'), ('', '', ''), (NULL, NULL, NULL),
  ('tab\tand\nline', 'x', 'quote '' and `tick`');
CREATE TABLE page_copy LIKE page; INSERT INTO page_copy SELECT * FROM page;
CREATE TABLE `odd ``name` (`a b` INT, d DATETIME, f DOUBLE, e ENUM('ä','b'), t TIMESTAMP NULL, n DECIMAL(20,5), b BIT(3));
INSERT INTO `odd ``name` VALUES (1, '2007-01-05 20:00', 0.1, 'ä', '2007-01-06 03:00:00', 1.5, b'101');
CREATE TABLE search (w VARCHAR(20)) ENGINE=MyISAM; INSERT INTO search VALUES ('x');
CREATE TABLE empty (id INT);
CREATE TABLE block (made BINARY(14), ends VARBINARY(14), told DATETIME);
INSERT INTO block VALUES ('20070106040506', 'infinity', '2999-01-01'), (NULL, '29990101000000', '0000-00-00');
CREATE VIEW titles AS SELECT title FROM page;
CREATE TRIGGER stamp BEFORE INSERT ON page FOR EACH ROW SET NEW.note = CONCAT(NEW.note, '!');
DELIMITER //
CREATE PROCEDURE tidy() BEGIN DELETE FROM page WHERE title IS NULL; SELECT 1; END //
DELIMITER ;
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM search;
CREATE DATABASE forum CHARACTER SET utf8mb4; USE forum;
CREATE TABLE post (id INT PRIMARY KEY AUTO_INCREMENT, text LONGTEXT);
"""


class Now:
    def now(self) -> datetime:
        return datetime(2007, 1, 5, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def programs() -> None:
    need("bwrap", "bubblewrap")
    need("mariadbd", "mariadb-server-core")
    need("mariadb-dump", "mariadb-client")


async def sql(at: Instance, text: str) -> str:
    client = (
        "mariadb",
        "--default-character-set=utf8mb4",
        f"--socket={at.path(SOCKET)}",
        "--batch",
        "--skip-column-names",
    )
    return await say(at, *client, stdin=text)


@asynccontextmanager
async def live_server(content: str = CONTENT) -> AsyncIterator[Instance]:
    """A server that plays the live one, on a machine of its own."""
    async with Bubblewrap().open() as site, AsyncExitStack() as stack:
        at = Instance("sandbox", site, {"sql": Address("127.0.0.1", 3306)}, PurePosixPath("/drill"))
        await begin(MariaDB().start(at), at, stack)
        live = Instance("live", site, at.dial, at.data)
        await sql(live, content)
        yield live


async def log_in_as(at: Instance, *lines: str) -> None:
    """Let kedge's client be somebody, by the option file that people use for it."""
    file = "\n".join(("[client]", *lines, ""))
    await at.site.shell.run(("sh", "-c", "cat > /tmp/.my.cnf"), stdin=file.encode(), limit=LONG)


ACCOUNTS = "CREATE DATABASE wiki; CREATE TABLE wiki.page (id INT); CREATE USER saver@localhost IDENTIFIED BY 'x y';"


async def test_it_is_saved_restored_counted_and_greets(tmp_path: Path, prove: Callable[[str, Grade], None]) -> None:
    store = FolderStore(tmp_path / "store", Now())
    subject = Subject("db", MariaDB())
    async with live_server() as live:
        await sql(live, "INSERT INTO forum.post (text) VALUES (REPEAT('lang ', 5000000))")  # 25 MB in one row
        (probe,) = MariaDB().probes(live)
        assert (await probe.look(live)).status is Status.OK
        snapshot = await save(subject, live, store)
    assert (await probe.look(live)).status is not Status.OK
    result = await drill(subject, {"db": snapshot}, store, Bubblewrap(), Now())
    (census,) = snapshot.censuses
    assert {name: tally.count for name, tally in census.tallies.items()} == {
        "forum.post": 1, "wiki.empty": 0, "wiki.odd `name": 1, "wiki.page": 4, "wiki.page_copy": 4, "wiki.search": 1,
        "wiki.block": 2, "wiki (views)": 1, "wiki (triggers)": 1, "wiki (routines)": 1, "wiki (events)": 1,
    }  # fmt: skip
    # The latest that is neither future nor for ever: MediaWiki keeps moments as digits.
    assert census.newest == datetime(2007, 1, 6, 4, 5, 6, tzinfo=UTC)
    assert census.remarks.pop("server").startswith("MariaDB ")  # type: ignore[attr-defined]
    assert census.remarks == {
        "charsets": "latin1 4, utf8mb4 3", "outside-the-snapshot": "wiki.search (MyISAM)",
        "max-allowed-packet": str(2**30), "largest-row": "25000000 (forum.post)",
    }  # fmt: skip
    assert (result.obstacles, result.differences, result.newest) == ((), (), census.newest)
    assert "newest entry 2007-01-06 04:05Z" in result.grounds
    assert result.seen["sql"].status is Status.OK
    assert result.is_proven
    prove("mariadb", "proven")


async def test_a_dump_and_its_census_are_of_one_moment_while_others_write() -> None:
    write = 'while :; do echo "INSERT INTO forum.post (text) VALUES (UUID());"; done | mariadb --socket=/drill/run/mysqld/mysqld.sock'
    async with live_server() as live, live.site.shell.start(("sh", "-c", write)):
        for _ in range(2):
            spool = await make_spool(live)
            saved = await PART.save(live, spool)
            later = int(await sql(live, "SELECT COUNT(*) FROM forum.post"))
            assert later > saved.tallies["forum.post"].count  # they did write
            assert saved.difference(await load_elsewhere(live, spool)) == []


async def load_elsewhere(live: Instance, spool: PurePosixPath) -> Census:
    """Return the census of a dump loaded into another server."""
    async with live_server("") as other:
        read = await live.site.shell.run(("cat", str(spool / "dump.sql")), limit=LONG)
        there = await make_spool(other)
        await other.site.shell.run(
            ("sh", "-c", 'cat > "$1"', "sh", str(there / "dump.sql")), stdin=read.stdout, limit=LONG
        )
        target = Instance("target", other.site, other.dial, other.data)
        await PART.restore(target, there)
        return await PART.census(target)


CHANGES = {
    "DELETE FROM wiki.page_copy WHERE title = ''": "wiki.page_copy: 4 -> 3 entries",
    "UPDATE wiki.page SET title = '' WHERE title IS NULL": "wiki.page: same number of entries, different content",
    "UPDATE wiki.page SET title = 'GrÃ¶ÃŸe' WHERE id = 1": "wiki.page: same number of entries, different content",
    "UPDATE wiki.page SET note = REPLACE(note, '🎉', '?')": "wiki.page: same number of entries, different content",
    "INSERT INTO wiki.search VALUES ('x')": "wiki.search: 1 -> 2 entries",
    "DROP TABLE wiki.empty": "wiki.empty: missing",
    "DROP TRIGGER wiki.stamp": "wiki (triggers): missing",
    "ALTER TABLE wiki.page CONVERT TO CHARACTER SET utf8mb4": "",
}
"""What is done -> what the census says; another character set for the same text is no difference."""


async def test_a_census_sees_every_loss_and_no_change_of_charset() -> None:
    async with live_server() as live:
        for change, line in CHANGES.items():
            before = await PART.census(live)
            await sql(live, change)
            assert before.difference(await PART.census(live)) == ([line] if line else [])


async def test_an_empty_server_is_empty_and_not_broken(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store", Now())
    async with live_server("") as live:
        snapshot = await save(Subject("db", MariaDB()), live, store)
    result = await drill(Subject("db", MariaDB()), {"db": snapshot}, store, Bubblewrap(), Now())
    assert snapshot.censuses[0].tallies == {}
    assert result.is_proven


class TestRefusals:
    async def test_a_dump_that_is_cut_between_two_statements(self) -> None:
        async with live_server() as live:
            spool = await make_spool(live)
            await PART.save(live, spool)
            cut = f"sed -i '$d' {spool}/dump.sql"
            await live.site.shell.run(("sh", "-c", cut), limit=LONG)
            await sql(live, "DROP DATABASE wiki; DROP DATABASE forum")
            with pytest.raises(OutsideError, match="cut off"):
                await PART.restore(Instance("target", live.site, live.dial, live.data), spool)

    async def test_over_a_live_copy_or_over_other_databases(self) -> None:
        async with live_server() as live:
            spool = await make_spool(live)
            await PART.save(live, spool)
            with pytest.raises(Refused, match="live"):
                await PART.restore(live, spool)
            with pytest.raises(Refused, match="already a database 'forum'"):
                await PART.restore(Instance("target", live.site, live.dial, live.data), spool)

    async def test_a_broken_view_and_a_missing_database(self) -> None:
        async with live_server() as live:
            await sql(live, "USE wiki; CREATE TABLE t (a INT); CREATE VIEW v AS SELECT a FROM t; DROP TABLE t")
            found = await MariaDBPart(SOCKET, ("wiki", "shop")).preflight(live)
            assert [obstacle.what for obstacle in found] == ["there is no database 'shop'", "the view wiki.v is broken"]
            with pytest.raises(OutsideError):
                await PART.save(live, await make_spool(live))

    async def test_a_server_that_dies_while_it_is_saved(self) -> None:
        async with live_server() as live:
            await sql(live, "INSERT INTO forum.post (text) SELECT REPEAT('x', 1000) FROM forum.seq_1_to_100000")
            spool = await make_spool(live)
            saving = asyncio.create_task(PART.save(live, spool))
            kill = f"until [ -s {spool}/dump.sql ]; do sleep 0.01; done; kill -9 $(cat /drill/var/lib/mysql/pid)"
            await live.site.shell.run(("sh", "-c", kill), limit=LONG)
            with pytest.raises(OutsideError):
                await saving

    async def test_an_error_repeats_no_data(self) -> None:
        async with live_server() as live:
            spool = await make_spool(live)
            await PART.save(live, spool)
            spoil = f"sed -i 's/INSERT INTO `page` VALUES/INSERT INTO `page` VALUES secret,/' {spool}/dump.sql"
            await live.site.shell.run(("sh", "-c", spoil), limit=LONG)
            await sql(live, "DROP DATABASE wiki; DROP DATABASE forum")
            with pytest.raises(OutsideError) as failure:
                await PART.restore(Instance("target", live.site, live.dial, live.data), spool)
            assert "ERROR 1064" in failure.value.message
            assert "secret" not in failure.value.message

    async def test_an_account_that_may_not_see_triggers(self) -> None:
        async with live_server(ACCOUNTS) as live:
            await sql(live, "GRANT SELECT, RELOAD, LOCK TABLES, PROCESS, SHOW VIEW, EVENT ON *.* TO saver@localhost")
            await log_in_as(live, "user=saver", 'password="x y"', "default-character-set=utf8")
            (obstacle,) = await PART.preflight(live)
            assert obstacle.what == "kedge's account lacks TRIGGER"

    async def test_nobody_to_log_in_as(self) -> None:
        async with live_server(ACCOUNTS) as live:
            await log_in_as(live, "user=root", "password=wrong")
            (obstacle,) = await PART.preflight(live)
            assert "ERROR 1045" in obstacle.what
