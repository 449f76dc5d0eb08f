"""The databases of a MariaDB server: one logical dump, and a census of the very moment of that dump.

How they agree while others write: one session takes the global read lock, opens a snapshot, lets mariadb-dump(1) open
its own, releases the lock and counts in its snapshot. The lock lasts as long as the dump needs to begin, not to end.
Tables that know no transactions (MyISAM, Aria) stand outside any snapshot; a remark names them.
A digest is the sum of 64 bits of SHA-1 for each row (half of what MD5 costs: processors help), so that neither order
nor character set matters: text is compared as utf8mb4, whatever a column is stored in. Accounts with rights on the
databases are kept beside it, and not counted.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import ClassVar

from kedge.errors import OutsideError, Refused
from kedge.model.census import Census
from kedge.model.instance import Instance, Obstacle
from kedge.model.ports import Exit, Shell
from kedge.model.room import Fit, Growth, Survey
from kedge.parts.mariadb_accounts import (
    Account,
    accounts_of,
    lacking,
    read_accounts,
    told_statements,
    write_accounts,
)
from kedge.parts.mariadb_counting import Column, count_all, read_census
from kedge.parts.mariadb_look import (
    GROWTH,
    SYSTEM,
    Seen,
    judge_fit,
    look,
    missing_privileges,
    read_look,
)
from kedge.parts.mariadb_words import failed, literal, quote, unhex
from kedge.parts.programs import find_programs

DUMP, ACCOUNTS = "dump.sql", "accounts.sql"
TRAILER = b"-- Dump completed"
QUICK = timedelta(minutes=5)
LONG = timedelta(hours=12)
# Never `utf8`, which drops what needs four bytes; and never what an option file says.
CLIENT = ("--default-character-set=utf8mb4", "--max-allowed-packet=1G")
EMPTY = (
    "SELECT HEX(s.schema_name) FROM information_schema.schemata s "
    f"WHERE s.schema_name NOT IN ({', '.join(map(literal, SYSTEM))}) "
    "AND NOT EXISTS (SELECT 1 FROM information_schema.tables t WHERE t.table_schema = s.schema_name) "
    "AND NOT EXISTS (SELECT 1 FROM information_schema.routines r WHERE r.routine_schema = s.schema_name) "
    "AND NOT EXISTS (SELECT 1 FROM information_schema.events e WHERE e.event_schema = s.schema_name)"
)
BEGIN = r"""
began=$(@CLIENT -e 'SELECT CONNECTION_ID()') || exit 1
digest() { if command -v openssl >/dev/null; then openssl dgst -sha256 -r; else sha256sum; fi; }
dump() {
  @DUMP > dump.sql 2> errors
  echo $? > code.half
  digest < dump.sql > sum && read -r sum rest < sum && echo "$sum  dump.sql" > SHA256SUMS
  rm sum && mv code.half code
}
dump </dev/null >/dev/null 2>&1 &
tries=0
while sleep 0.15; [ ! -e code ]; do
  seen=$(@CLIENT -e "SELECT COUNT(*) FROM information_schema.innodb_trx t JOIN information_schema.processlist p
    ON p.id = t.trx_mysql_thread_id WHERE p.id > $began AND p.user = SUBSTRING_INDEX(USER(), '@', 1)")
  [ "$seen" = 0 ] || break
  tries=$((tries + 1)); [ $tries -lt 200 ] || { echo > late; break; }
done
"""
# It waits until the dump's transaction is there, and only so long is the lock held. INNODB_TRX is a copy, taken anew
# only for who has not looked for a tenth of a second (MariaDB, trx0i_s.cc): to look more often is never to see it.
WAIT = "while [ ! -e code ]; do sleep 0.05; done\n"


@dataclass(frozen=True, slots=True)
class MariaDBPart:
    """Databases with their tables, views, triggers, routines and events; an empty list means all but the system's.

    `socket` is empty where only the instance knows it: for a part that lives in another service's server.
    """

    socket: str = ""
    databases: tuple[str, ...] = ()
    growth: ClassVar[Growth] = GROWTH
    name: str = "databases"
    of: str = "self"
    needs_running: bool = True

    async def preflight(self, at: Instance) -> Sequence[Obstacle]:
        """Return what stands in the way: programs, login, missing databases, missing rights, broken views."""
        return list((await self.survey(at)).obstacles)

    async def survey(self, at: Instance) -> Survey:
        """Return what stands in the way, and between which sizes the dump will be."""
        missing, version = await find_programs(at.site.shell, "mariadb", "mariadb-dump", package="mariadb-client")
        if missing:
            return Survey(missing)
        try:
            said = await self._say(at, look(self.databases), "the server did not answer")
            seen = read_look(said)
            obstacles = [*self._find_obstacles(seen), *await self._broken_views(at, seen)]
        except OutsideError as failure:
            hint = failure.hint or "let kedge log in (unix_socket account or ~/.my.cnf)"
            return Survey([Obstacle(failure.message, hint)])
        return Survey(obstacles, seen.extent, seen.words(version))

    def _find_obstacles(self, seen: Seen) -> Iterator[Obstacle]:
        for name in self.databases:
            if name not in seen.schemas:
                yield Obstacle(f"there is no database '{name}'", "correct `databases` in the inventory")
        missing = missing_privileges(seen.grants)
        if missing:
            rights = ", ".join(missing)
            yield Obstacle(f"kedge's account lacks {rights}", f"GRANT {rights} ON *.* TO kedge's account")

    async def _broken_views(self, at: Instance, seen: Seen) -> list[Obstacle]:
        """Return the views that refer to what is not there: mariadb-dump stops at the first, with nothing dumped."""
        ours = [f"{quote(schema)}.{quote(view)}" for schema, view in seen.views]
        checked = await self._rows(at, f"CHECK TABLE {', '.join(ours)}") if ours else []
        broken = sorted({row[0] for row in checked if row[2].lower() == "error"})
        return [Obstacle(f"the view {view} is broken", "drop or repair it: no dump gets past it") for view in broken]

    async def fit(self, at: Instance, saved: Census | None) -> Fit:
        """Return whether a server takes a dump: its release, the packets it allows, and where it keeps its data."""
        (row,) = await self._rows(at, "SELECT @@version, @@global.max_allowed_packet, @@datadir")
        return judge_fit(saved.remarks if saved else {}, *row)

    async def save(self, at: Instance, spool: PurePosixPath) -> Census:
        """Write the dump; raises OutsideError if anything at all is wrong with it."""
        schemas = self.databases or tuple(await self._schemas(at))
        if not schemas:
            await _write(at.site.shell, spool / DUMP, f"{TRAILER.decode()}: there was nothing\n")
            return await self.census(at)
        columns = await self._columns(at, schemas)
        began = await _now(at.site.shell)
        await _write(at.site.shell, spool / "begin.sh", self._begin(at, schemas))
        await _write(at.site.shell, spool / "wait.sh", WAIT)
        await _write(at.site.shell, spool / "session.sql", _session(spool, schemas, columns))
        script = f'cd -- "$1" && {shlex.join(self._client(at))} < session.sql'
        ended = await at.site.shell.run(("sh", "-c", script, "sh", str(spool)), limit=LONG)
        await _check_dump(at.site.shell, spool, ended)
        await self._save_accounts(at, schemas, spool)
        return read_census(self.name, began, ended.stdout, columns)

    async def restore(self, at: Instance, spool: PurePosixPath) -> None:
        """Load the dump into a running copy that has no tables yet."""
        if at.mode == "live":
            raise Refused("databases are never restored over a live copy", hint="restore them beside, as a target")
        if there := await self._schemas(at):
            raise Refused(f"there is already a database '{there[0]}'")
        await _check_trailer(at.site.shell, spool)
        script = f'{shlex.join(self._client(at))} < "$1"'
        ended = await at.site.shell.run(("sh", "-c", script, "sh", str(spool / DUMP)), limit=LONG)
        if ended.code != 0:
            raise failed("the dump could not be loaded", ended)
        if at.mode == "target":  # a sandbox lets everybody in
            await self._make_accounts(at, spool)

    async def census(self, at: Instance) -> Census:
        """Count what is there now, in one snapshot."""
        schemas = self.databases or tuple(await self._schemas(at))
        columns, began = await self._columns(at, schemas), await _now(at.site.shell)
        lines = ["START TRANSACTION WITH CONSISTENT SNAPSHOT;", *count_all(schemas, columns)]
        ended = await at.site.shell.run(self._client(at), stdin="\n".join(lines).encode(), limit=LONG)
        if ended.code != 0:
            raise failed("the databases could not be counted", ended)
        return read_census(self.name, began, ended.stdout, columns)

    async def names(self, at: Instance) -> Sequence[str]:
        """Return the databases of the server, but the system's."""
        return await self._schemas(at)

    async def drop_empty(self, at: Instance) -> None:
        """Drop the databases in which nothing is: those that an image makes when it is started for the first time."""
        if at.mode == "live":
            raise Refused("nothing is dropped on a live copy")
        for name in [unhex(row[0]) for row in await self._rows(at, EMPTY)]:
            await self._say(at, f"DROP DATABASE {quote(name)};", "an empty database could not be dropped")

    async def _save_accounts(self, at: Instance, schemas: Sequence[str], spool: PurePosixPath) -> None:
        rows = await self._rows(at, accounts_of(schemas))
        found = sorted(Account(*map(unhex, row)) for row in rows)
        if found:
            asked = told_statements(dict.fromkeys(one.name for one in found))
            said = await self._say(at, asked, "the accounts could not be saved")
            await _write(at.site.shell, spool / ACCOUNTS, write_accounts(found, said))

    async def _make_accounts(self, at: Instance, spool: PurePosixPath) -> None:
        """Make the accounts that had rights on these databases, as far as the server has none of their names."""
        script = 'test ! -e "$1" || cat "$1"'
        read = await at.site.shell.run(("sh", "-c", script, "sh", str(spool / ACCOUNTS)), limit=QUICK)
        if read.code != 0:
            raise failed("the accounts could not be read", read)
        kept = read_accounts(read.stdout.decode())
        rows = await self._rows(at, "SELECT HEX(user), HEX(host) FROM mysql.user")
        there = [f"{quote(unhex(user))}@{quote(unhex(host))}" for user, host in rows]
        statements = "".join(kept[name] for name in lacking(kept, there))
        await self._say(at, statements, "the databases are loaded, but their accounts could not be made")

    async def _say(self, at: Instance, statements: str, failing: str) -> str:
        """Return what a server answers to statements that nobody may see in a list of processes."""
        ended = await at.site.shell.run((*self._client(at), "--raw"), stdin=statements.encode(), limit=QUICK)
        if ended.code != 0:
            raise failed(failing, ended)
        return ended.stdout.decode()

    def _client(self, at: Instance) -> tuple[str, ...]:
        return ("mariadb", *CLIENT, f"--socket={self._socket(at)}", "--batch", "--skip-column-names")

    def _socket(self, at: Instance) -> str:
        if self.socket:
            return str(at.path(self.socket))
        if "socket" not in at.dial:
            raise OutsideError("nothing says where the database server's socket is")
        return at.dial["socket"].host

    def _begin(self, at: Instance, schemas: Sequence[str]) -> str:
        options = ("--single-transaction", "--routines", "--events", "--triggers", "--databases", *schemas)
        dump = ("mariadb-dump", *CLIENT, f"--socket={self._socket(at)}", *options)
        return BEGIN.replace("@CLIENT", shlex.join(self._client(at))).replace("@DUMP", shlex.join(dump))

    async def _rows(self, at: Instance, query: str) -> list[list[str]]:
        ended = await at.site.shell.run((*self._client(at), "--execute", query), limit=QUICK)
        if ended.code != 0:
            raise failed("the server did not answer", ended)
        return [line.split("\t") for line in ended.stdout.decode("utf-8", "replace").splitlines()]

    async def _schemas(self, at: Instance) -> list[str]:
        names = [
            unhex(row[0]) for row in await self._rows(at, "SELECT HEX(schema_name) FROM information_schema.schemata")
        ]
        return sorted(name for name in names if name not in SYSTEM)

    async def _columns(self, at: Instance, schemas: Sequence[str]) -> list[Column]:
        query = (
            "SELECT HEX(c.table_schema), HEX(c.table_name), HEX(c.column_name), c.data_type, IFNULL(t.engine, ''), "
            "IFNULL(c.character_set_name, ''), IFNULL(c.character_maximum_length, '') "
            "FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name) "
            f"WHERE t.table_type <> 'VIEW' AND c.table_schema IN ({', '.join(map(literal, schemas)) or 'NULL'}) "
            "ORDER BY c.table_schema, c.table_name, c.ordinal_position"
        )
        rows = await self._rows(at, query)
        return [Column(unhex(s), unhex(t), unhex(n), kind, *rest) for s, t, n, kind, *rest in rows]


def _session(spool: PurePosixPath, schemas: Sequence[str], columns: Sequence[Column]) -> str:
    """Return what the counting session says; a line that begins with `\\!` is run by the shell beside it."""
    return "\n".join(
        (
            "SET SESSION lock_wait_timeout = 60;",
            "FLUSH TABLES WITH READ LOCK;",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT;",
            rf"\! sh {spool / 'begin.sh'}",
            "UNLOCK TABLES;",
            *count_all(schemas, columns),
            rf"\! sh {spool / 'wait.sh'}",
            "",
        )
    )


async def _check_dump(shell: Shell, spool: PurePosixPath, ended: Exit) -> None:
    """Believe a dump only if everything agrees: both exit codes, silence, its last line, the moment it began."""
    if ended.code != 0:
        raise failed("the databases could not be saved", ended)
    script = 'cd -- "$1" && cat code errors && test ! -e late && rm -f code errors begin.sh wait.sh session.sql'
    left = await shell.run(("sh", "-c", script, "sh", str(spool)), limit=QUICK)
    if left.code != 0:
        raise OutsideError("the dump did not begin in time; nothing can be said about its moment")
    if left.stdout.strip() != b"0":
        raise failed("the dump failed", Exit(1, stderr=left.stdout))
    await _check_trailer(shell, spool)


async def _check_trailer(shell: Shell, spool: PurePosixPath) -> None:
    """A dump that was cut between two statements loads without any error; only its last line tells."""
    last = await shell.run(("tail", "-n", "1", str(spool / DUMP)), limit=QUICK)
    if last.code != 0 or not last.stdout.startswith(TRAILER):
        raise OutsideError("the dump is cut off: its last line is missing")


async def _now(shell: Shell) -> datetime:
    ended = await shell.run(("date", "+%s"), limit=QUICK)
    if ended.code != 0:
        raise failed("the time could not be read", ended)
    return datetime.fromtimestamp(int(ended.stdout), UTC)


async def _write(shell: Shell, path: PurePosixPath, text: str) -> None:
    ended = await shell.run(("sh", "-c", 'cat > "$1"', "sh", str(path)), stdin=text.encode(), limit=QUICK)
    if ended.code != 0:
        raise failed(f"{path} could not be written", ended)
