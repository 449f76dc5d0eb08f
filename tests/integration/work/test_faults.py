"""What goes wrong with dumps of a real MariaDB: each fault ends in an error, a difference or a doubt, none in success.

docs/faults.md lists them all with what kedge says; those of stores and of whole runs are in test_restic.py, test_borg.py
and tests/acceptance/test_backup.py.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from kedge.adapters.bubblewrap import Bubblewrap
from kedge.adapters.folder_store import FolderStore
from kedge.errors import OutsideError
from kedge.kinds.mariadb import MariaDB
from kedge.model.census import DOUBLED, OUTSIDE, QUESTIONS
from kedge.model.instance import Instance
from kedge.model.ports import Exit
from kedge.parts.mariadb import MariaDBPart
from kedge.work.doubts import count, find_doubts
from tests.integration.begin import make_spool
from tests.integration.conftest import need
from tests.integration.kinds.test_mariadb import ACCOUNTS, SOCKET, Now, live_server, log_in_as, sql
from tests.integration.rehearsing import Subject, drill, save

LONG = timedelta(seconds=300)
PART = MariaDBPart(SOCKET)
REAL = "/usr/bin/mariadb-dump"


@pytest.fixture(autouse=True)
def programs() -> None:
    need("bwrap", "bubblewrap")
    need("mariadbd", "mariadb-server-core")
    need("mariadb-dump", "mariadb-client")


@dataclass(frozen=True)
class Bent:
    """A site on which a program was replaced."""

    real: Any
    net: Any = None

    @property
    def shell(self) -> Any:
        return self

    async def run(self, argv: Sequence[str], *, stdin: bytes = b"", limit: timedelta) -> Exit:
        bent = ("env", "PATH=/drill/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", *argv)
        return await self.real.run(bent, stdin=stdin, limit=limit)  # type: ignore[no-any-return]


async def bend(at: Instance, program: str, script: str) -> Instance:
    """Return the copy with a program replaced by a script."""
    argv = ("sh", "-c", 'mkdir -p /drill/bin && cat > "/drill/bin/$1" && chmod 755 "/drill/bin/$1"', "sh", program)
    ended = await at.site.shell.run(argv, stdin=f"#!/bin/sh\n{script}\n".encode(), limit=LONG)
    assert ended.code == 0, ended.stderr
    return replace(at, site=Bent(at.site.shell))


async def as_target(at: Instance) -> Instance:
    """Return the copy, emptied, as something to restore to."""
    await sql(at, "DROP DATABASE wiki; DROP DATABASE forum")
    return Instance("target", at.site, at.dial, at.data)


async def spoil(at: Instance, spool: PurePosixPath, edit: str) -> None:
    ended = await at.site.shell.run(("sed", "-i", "-e", edit, str(spool / "dump.sql")), limit=LONG)
    assert ended.code == 0, ended.stderr


DUMPS = {
    "ends-with-an-error": (f'{REAL} "$@" | head -c 2000; exit 3', "failed: exit code 1"),
    "complains-and-ends-well": (f'{REAL} "$@"; echo "mysqldump: Got error: 1146" >&2', "failed"),
    "cut-between-statements": (f"{REAL} \"$@\" | sed '/Table structure for table .page_copy/,$d'", "cut off"),
    "zero-bytes": ("exit 0", "cut off"),
    "killed": (f'{REAL} "$@" | head -c 3000; kill -9 $$', "failed"),
}
"""Faults 1 to 3: how a dump may die -> what kedge says."""


@pytest.mark.parametrize("fault", DUMPS)
async def test_a_dump_that_dies_is_no_snapshot(fault: str, tmp_path: Path) -> None:
    script, said = DUMPS[fault]
    store = FolderStore(tmp_path / "store", Now())
    async with live_server() as live:
        with pytest.raises(OutsideError, match=said):
            await save(Subject("db", MariaDB()), await bend(live, "mariadb-dump", script), store)
        assert "Waiting" not in await sql(live, "SHOW FULL PROCESSLIST")
        await sql(live, "INSERT INTO forum.post (text) VALUES ('still writable')")
    assert await store.list("db") == []


async def test_an_account_that_may_not_see_views(tmp_path: Path) -> None:
    """Fault 6; without TRIGGER: test_mariadb.py."""
    async with live_server(ACCOUNTS) as live:
        await sql(live, "GRANT SELECT, RELOAD, LOCK TABLES, PROCESS, TRIGGER, EVENT ON *.* TO saver@localhost")
        await log_in_as(live, "user=saver", 'password="x y"')
        (obstacle,) = await PART.preflight(live)
        assert obstacle.what == "kedge's account lacks SHOW VIEW"


@pytest.mark.parametrize("charset", ["utf8", "latin1", "binary"])
async def test_an_option_file_with_another_charset_changes_nothing(charset: str) -> None:
    """Fault 7."""
    async with live_server() as live:
        before = await PART.census(live)
        sections = [line for name in ("mariadb-dump", "mysqldump", "mysql") for line in (f"[{name}]", SETS + charset)]
        await log_in_as(live, SETS + charset, *sections)
        spool = await make_spool(live)
        saved = await PART.save(live, spool)
        target = await as_target(live)
        await PART.restore(target, spool)
        assert saved.difference(before) == before.difference(await PART.census(target)) == []


SETS = "default-character-set="


async def test_four_byte_text_in_three_byte_tables_is_a_difference() -> None:
    """Fault 8: the dump turns strict mode off, so that the server says nothing."""
    async with live_server() as live:
        spool = await make_spool(live)
        saved = await PART.save(live, spool)
        target = await as_target(live)
        await spoil(live, spool, "/^INSERT/!s/utf8mb4/utf8mb3/g")
        await spoil(live, spool, "s/NAMES utf8mb3/NAMES utf8mb4/")
        await PART.restore(target, spool)
        found = await PART.census(target)
        assert "wiki.page: same number of entries, different content" in saved.difference(found)


TEXTS = """
CREATE DATABASE wiki; CREATE DATABASE forum; USE wiki;
CREATE TABLE old (t VARCHAR(99)) CHARACTER SET latin1;
CREATE TABLE mixed (t VARCHAR(99)) CHARACTER SET utf8mb4;
INSERT INTO mixed VALUES ('Größe'), ('Straße'), ('ГрóЯе'), (NULL), ('plain'), ('naïve × 4'),
  (CONVERT(CAST(CONVERT('Größe' USING utf8mb4) AS BINARY) USING latin1)),
  (CONVERT(CAST(CONVERT('Привет 🎉' USING utf8mb4) AS BINARY) USING latin1));
SET NAMES latin1; INSERT INTO old VALUES (X'4772C3B6C39F65'), (X'47726FDF65');
"""


async def test_text_that_was_encoded_twice_is_counted_and_correct_text_is_not() -> None:
    """Faults 9 and 10: UTF-8 in a latin1 column; double-encoded rows among good ones."""
    async with live_server(TEXTS) as live:
        census = await PART.census(live)
    assert census.remarks[DOUBLED] == "wiki.mixed 2, wiki.old 1"
    assert find_doubts(census, None) == ["text encoded twice (rows): wiki.mixed 2, wiki.old 1"]


async def test_umlauts_that_became_question_marks_are_doubted_at_the_next_backup() -> None:
    """Fault 11."""
    rows = "INSERT INTO forum.post (text) SELECT CONCAT('Köln ', seq) FROM forum.seq_1_to_50"
    async with live_server() as live:
        await sql(live, rows)
        before = await PART.census(live)
        await sql(live, "UPDATE forum.post SET text = REPLACE(text, 'ö', '?')")
        after = await PART.census(live)
    assert QUESTIONS not in before.remarks
    assert find_doubts(after, count(before)) == ["question marks in 0 -> 50 rows since the last backup"]


async def test_a_row_that_does_not_fit_is_named() -> None:
    """Fault 12."""
    async with live_server() as live:
        await sql(live, "INSERT INTO forum.post (text) VALUES (REPEAT('lang ', 5000000))")  # 25 MB
        spool = await make_spool(live)
        await PART.save(live, spool)
        target = await as_target(live)
        await sql(live, "SET GLOBAL max_allowed_packet = 16777216")
        with pytest.raises(OutsideError, match="larger than its max_allowed_packet") as failure:
            await PART.restore(target, spool)
        assert "lang lang" not in f"{failure.value}{failure.value.hint}"


async def test_an_unknown_collation_is_named() -> None:
    """Fault 13."""
    async with live_server() as live:
        spool = await make_spool(live)
        await PART.save(live, spool)
        target = await as_target(live)
        await spoil(live, spool, "s/utf8mb4_general_ci/utf8mb4_0900_ai_ci/")
        with pytest.raises(OutsideError, match="does not know a collation"):
            await PART.restore(target, spool)


OLD_CLIENT = r"""
case " $* " in *" --execute "*) exec /usr/bin/mariadb "$@" ;; esac
read -r first
case $first in *sandbox*) echo "ERROR at line 1: Unknown command '\\-'." >&2; exit 1 ;; esac
exec /usr/bin/mariadb "$@"
"""


async def test_a_client_that_is_older_than_the_dump_is_named() -> None:
    """Fault 14, with a client that refuses the line as those before May 2024 do."""
    async with live_server() as live:
        spool = await make_spool(live)
        await PART.save(live, spool)
        first = await live.site.shell.run(("head", "-n", "1", str(spool / "dump.sql")), limit=LONG)
        assert b"sandbox" in first.stdout
        target = await bend(await as_target(live), "mariadb", OLD_CLIENT)
        with pytest.raises(OutsideError, match="client is older than the dump"):
            await PART.restore(target, spool)


async def test_a_table_outside_the_snapshot_is_named_where_the_backup_is() -> None:
    """Fault 15."""
    async with live_server() as live:
        census = await PART.save(live, await make_spool(live))
    assert census.remarks[OUTSIDE] == "wiki.search (MyISAM)"


async def test_no_room_where_the_dump_is_written_is_an_error(tmp_path: Path) -> None:
    """Fault 21, spool: /dev/full is a disk without room."""
    script = f'{REAL} "$@" > /dev/full'
    async with live_server() as live:
        with pytest.raises(OutsideError, match="failed"):
            await PART.save(await bend(live, "mariadb-dump", script), await make_spool(live))


@contextmanager
def small_disk(size: str) -> Iterator[Path]:
    """Yield a folder on a file system of its own, where the sandbox's user may pass."""
    small = Path(tempfile.mkdtemp(dir="/var/tmp"))
    try:
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(small)], check=False).returncode:
            pytest.skip("may not mount here")
        small.chmod(0o711)
        yield small
        subprocess.run(["umount", "--lazy", str(small)], check=True)
    finally:
        small.rmdir()


async def test_no_room_in_the_sandbox_is_not_proven(tmp_path: Path) -> None:
    """Fault 21, sandbox: what is restored does not fit."""
    store = FolderStore(tmp_path / "store", Now())
    async with live_server() as live:
        await sql(live, "INSERT INTO forum.post (text) SELECT REPEAT(UUID(), 3000) FROM forum.seq_1_to_300")
        snapshot = await save(Subject("db", MariaDB()), live, store)
    with small_disk("140m") as small:
        sandbox = Bubblewrap(scratch=small)
        proof = await drill(Subject("db", MariaDB()), {"db": snapshot}, store, sandbox, Now())
    assert not proof.is_proven
    assert proof.value.startswith("failed ")


async def test_an_emptied_database_is_ok_once_and_doubted_when_it_was_full() -> None:
    """Fault 25: what was always empty is no mismatch; what lost its rows is worth a look."""
    async with live_server("CREATE DATABASE forum; CREATE TABLE forum.post (id INT)") as live:
        empty = await PART.census(live)
        await sql(live, "INSERT INTO forum.post SELECT seq FROM forum.seq_1_to_100")
        full = await PART.census(live)
    assert find_doubts(empty, count(empty)) == []
    assert find_doubts(empty, count(full)) == ["100 -> 0 entries since the last backup"]


async def test_every_error_is_free_of_what_the_rows_say() -> None:
    """What mariadb(1) and mariadb-dump(1) complain of may be a megabyte of somebody's mail."""
    async with live_server() as live:
        await sql(live, "INSERT INTO forum.post (text) VALUES ('kontonummer 4711')")
        bent = await bend(live, "mariadb-dump", 'echo "Error: 1064 near kontonummer 4711" >&2; exit 2')
        with pytest.raises(OutsideError) as failure:
            await PART.save(bent, await make_spool(live))
    assert "kontonummer" not in f"{failure.value}{failure.value.hint}"


async def test_others_write_while_the_dump_takes_its_time() -> None:
    """The lock is held until the dump has its snapshot, and not for as long as a slow disk needs to take the dump."""
    tick = "CREATE TABLE forum.tick (at DECIMAL(20, 6) DEFAULT (UNIX_TIMESTAMP(NOW(6))));"
    insert = 'echo "INSERT INTO forum.tick VALUES (DEFAULT);"; sleep 0.05'
    write = f"while :; do {insert}; done | mariadb --unbuffered --socket=/drill{SOCKET}"
    longest = "SELECT MAX(pause) FROM (SELECT at - LAG(at) OVER (ORDER BY at) AS pause FROM forum.tick) AS pauses"
    async with live_server() as live:
        await sql(live, f"{tick} INSERT INTO forum.post (text) VALUES (REPEAT('lang ', 1000000))")
        slow = await bend(live, "mariadb-dump", f'{REAL} "$@" | {{ sleep 8; cat; }}')
        async with live.site.shell.start(("sh", "-c", write)):
            await PART.save(slow, await make_spool(live))
        assert 0 < float(await sql(live, longest)) < 4
