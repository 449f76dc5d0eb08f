"""Accounts come back with the databases on which they have rights, and change nobody who is there."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from kedge.model.instance import Instance
from kedge.parts.mariadb import MariaDBPart
from tests.integration.begin import make_spool
from tests.integration.kinds.test_mariadb import LONG, live_server, log_in_as, sql
from tests.integration.work.test_faults import programs

__all__ = ["programs"]
WIKI = MariaDBPart("/run/mysqld/mysqld.sock", ("wiki",))
SETUP = """
CREATE DATABASE wiki; CREATE TABLE wiki.page (id INT); CREATE TABLE wiki.log (id INT);
CREATE DATABASE wiki_old; CREATE DATABASE forum;
CREATE USER wiki@localhost IDENTIFIED BY 'süß ''und'' \\\\ salzig'; GRANT ALL ON wiki.* TO wiki@localhost;
GRANT SELECT ON forum.* TO wiki@localhost; GRANT PROCESS ON *.* TO wiki@localhost;
CREATE USER 'o`brien'@'%'; GRANT SELECT ON wiki.page TO 'o`brien'@'%';
CREATE USER pattern@localhost; GRANT SELECT ON `wik_`.* TO pattern@localhost;
CREATE USER other@localhost; GRANT ALL ON forum.* TO other@localhost; GRANT ALL ON `wiki\\_old`.* TO other@localhost;
"""
MINE = ("user=wiki", "password=\"süß 'und' \\\\ salzig\"")


async def saved_and_lost(live: Instance) -> tuple[Instance, PurePosixPath]:
    spool = await make_spool(live)
    await WIKI.save(live, spool)
    names = "wiki@localhost, 'o`brien'@'%', pattern@localhost, other@localhost"
    await sql(live, f"DROP DATABASE wiki; DROP DATABASE wiki_old; DROP DATABASE forum; DROP USER {names}")
    return Instance("target", live.site, live.dial, live.data), spool


async def test_they_come_back_with_their_passwords_and_rights_on_it() -> None:
    async with live_server(SETUP) as live:
        target, spool = await saved_and_lost(live)
        await WIKI.restore(target, spool)
        names = (await sql(live, "SELECT user FROM mysql.user WHERE user <> 'root' ORDER BY user")).split()
        assert {"wiki", "o`brien", "pattern"} <= set(names)
        assert "other" not in names
        assert "forum" not in await sql(live, "SHOW GRANTS FOR wiki@localhost")
        assert "PROCESS" not in await sql(live, "SHOW GRANTS FOR wiki@localhost")
        assert "`wiki`.`page`" in await sql(live, "SHOW GRANTS FOR 'o`brien'@'%'")
        await log_in_as(live, *MINE)
        await sql(live, "INSERT INTO wiki.page VALUES (1)")


async def test_one_that_is_there_is_not_changed() -> None:
    async with live_server(SETUP) as live:
        target, spool = await saved_and_lost(live)
        await sql(live, "CREATE USER wiki@localhost IDENTIFIED BY 'new'")
        before = await sql(live, "SHOW CREATE USER wiki@localhost; SHOW GRANTS FOR wiki@localhost")
        await WIKI.restore(target, spool)
        assert await sql(live, "SHOW CREATE USER wiki@localhost; SHOW GRANTS FOR wiki@localhost") == before


@pytest.mark.parametrize("databases", [("wiki",), ()])
async def test_what_a_snapshot_has_no_accounts_of_is_restored_as_ever(databases: tuple[str, ...]) -> None:
    part = MariaDBPart("/run/mysqld/mysqld.sock", databases)
    async with live_server("CREATE DATABASE wiki; CREATE TABLE wiki.page (id INT)") as live:
        spool = await make_spool(live)
        await part.save(live, spool)
        kept = await live.site.shell.run(("ls", str(spool)), limit=LONG)
        await sql(live, "DROP DATABASE wiki")
        await part.restore(Instance("target", live.site, live.dial, live.data), spool)
        assert kept.stdout.split() == [b"SHA256SUMS", b"dump.sql"]
