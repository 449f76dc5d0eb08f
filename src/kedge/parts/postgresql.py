"""The databases of a PostgreSQL server: a dump of each, its roles, and a census of the very snapshot of each dump.

How they agree while others write: one session exports its snapshot (pg_export_snapshot()), pg_dump(1) reads the same
one, and the session counts in it meanwhile. A snapshot belongs to one database: two databases are of two moments.
A digest is the sum of a 64-bit hash of each row's text, so that order does not matter. Values of sequences stand
outside any snapshot: they are dumped, and not counted.
Roles come with the hashes of their passwords; those that a server has already are left as they are there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import ClassVar

from kedge.errors import OutsideError, Refused
from kedge.model.census import VERSION, Census, Tally
from kedge.model.instance import Instance, Obstacle
from kedge.model.ports import Exit, Shell
from kedge.model.room import Extent, Fit, Growth, Survey
from kedge.parts.postgresql_words import (
    DATABASES,
    IS_EMPTY,
    count_here,
    count_of_dump,
    identifier,
    look,
    without_roles,
)
from kedge.parts.programs import find_programs

SOCKET = "postgresql"
"""What an instance calls the socket of a PostgreSQL server, so that one can tell it from others."""
DRILL_USER = "kedge_drill"
"""The superuser of a server in a sandbox: no role that a dump brings along has this name."""
MAINTENANCE = "postgres"
"""The database that every server has and most leave empty; its dump bears its name."""
ROLES = "roles.sql"
VERSION_FILE = "version"
TRAILER = "-- PostgreSQL database cluster dump complete"
DUMPED: Growth = (0.2, 3.0)
"""How many times a database its dump has: indexes are not in it, and what the server had compressed is not any more."""
GROWTH: Growth = (1.0, 2.5)
"""How many times its dump a loaded database has: with its indexes, and the log that loading writes."""
QUICK = timedelta(minutes=5)
LONG = timedelta(hours=12)
ERROR_CODE = re.compile(r"(?:ERROR|FATAL|PANIC): {1,2}([0-9A-Z]{5})\b")

# Entered as root, everything is done as the server's own user, as whom peer authentication lets it in. That user may
# not enter the spool: its files are opened here, and inherited.
AS_SERVER = """
as_server() {
  if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"; else "$@"; fi
}
umask 077
"""
RUN = f'{AS_SERVER} cd / && as_server "$@"'
# $1 spool, $2 name of the dump, then psql's words. Descriptors: 3 dump, 4 complaints, 5 pg_dump's exit code.
SAVE = f"""{AS_SERVER}
cd -- "$1" && number=$2 && shift 2 || exit 1
(cd / && as_server "$@") <session.sql 3>"$number.dump" 4>errors 5>code || exit 1
[ "$(cat code)" = 0 ] || {{ cat errors >&2; exit 1; }}
if [ -s errors ]; then cat errors >&2; exit 1; fi
rm -f -- errors code session.sql
"""
SAVE_ROLES = f"""{AS_SERVER}
spool=$1 && shift
(cd / && as_server "$@") >"$spool/{ROLES}"
"""
LOAD = f"""{AS_SERVER}
file=$1 && shift && cd / && as_server "$@" <"$file"
"""


@dataclass(frozen=True, slots=True)
class PostgresPart:
    """Databases with everything in them, and the server's roles; an empty list means all but an empty `postgres`.

    `socket` (`/run/postgresql/.s.PGSQL.5432`) is empty where only the instance knows it: for a part that lives in
    another service's server.
    """

    socket: str = ""
    databases: tuple[str, ...] = ()
    growth: ClassVar[Growth] = GROWTH
    name: str = "databases"
    of: str = "self"
    needs_running: bool = True

    async def preflight(self, at: Instance) -> Sequence[Obstacle]:
        """Return what stands in the way: programs, their version, login, rights, missing databases."""
        return list((await self.survey(at)).obstacles)

    async def survey(self, at: Instance) -> Survey:
        """Return what stands in the way, and between which sizes the dumps will be."""
        programs = ("psql", "pg_dumpall", "pg_dump")
        missing, said = await find_programs(at.site.shell, *programs, package="postgresql-client")
        if missing:
            return Survey(missing)
        try:
            return await self._look(at, said)
        except OutsideError as failure:
            hint = failure.hint or "let kedge log in as the server's superuser (peer, as postgres)"
            return Survey([Obstacle(failure.message, hint)])

    async def _look(self, at: Instance, told: str) -> Survey:
        """Return what the server says; `told` is what pg_dump said of its version."""
        version, is_super, size = await self._ask(at, look(self.databases))
        found, server = re.search(r"(\d+)", told), int(version) // 10000
        program = int(found[1]) if found else 0
        obstacles = []
        if program < server:
            fix = f"install postgresql-client-{server}"
            obstacles.append(Obstacle(f"pg_dump {program} cannot dump a server {server}", fix))
        if is_super != "t":
            fix = "let kedge become the server's own user, postgres"
            obstacles.append(Obstacle("kedge's account is no superuser", fix))
        there = set(await self._names(at)) if self.databases else set()
        missing = [name for name in self.databases if name not in there]
        fix = "correct `databases` in the inventory"
        obstacles += [Obstacle(f"there is no database '{name}'", fix) for name in missing]
        return Survey(obstacles, Extent(int(size), int(size)).grown(DUMPED))

    async def fit(self, at: Instance, saved: Census | None) -> Fit:
        """Return whether a server takes the dumps: its release, and where it keeps its data."""
        version, folder = await self._ask(at, "SHOW server_version_num; SHOW data_directory;")
        was, now = saved.remarks.get(VERSION, "") if saved else "", int(version) // 10000
        return Fit(_too_old(int(was.rpartition(" ")[2] or 0), now), place=PurePosixPath(folder))

    async def save(self, at: Instance, spool: PurePosixPath) -> Census:
        """Write the dumps; raises OutsideError if anything at all is wrong with one."""
        shell, began, release = at.site.shell, await self._now(at), await self._server_version(at)
        await _write(shell, spool / VERSION_FILE, f"{release}\n")
        await self._save_roles(at, spool)
        tallies: dict[str, Tally] = {}
        newest: list[datetime] = []
        for number, name in enumerate(self.databases or await self._names(at)):
            dump = ("pg_dump", *self._words(at, name), "-Fc", "-Z0", "--create", "--lock-wait-timeout=60s")
            await _write(shell, spool / "session.sql", count_of_dump(name, dump))
            words = ("psql", *self._words(at, name), *QUIET)
            file = MAINTENANCE if name == MAINTENANCE else str(number)
            ended = await _script(shell, SAVE, str(spool), file, *words, limit=LONG)
            if ended.code != 0:
                raise _failed(f"the database {name} could not be saved", ended)
            _read_tallies(ended.stdout, tallies, newest)
        return Census(self.name, began, tallies, max(newest, default=None), {VERSION: f"PostgreSQL {release}"})

    async def _save_roles(self, at: Instance, spool: PurePosixPath) -> None:
        dump = ("pg_dumpall", *self._words(at, "postgres"), "--roles-only")
        ended = await _script(at.site.shell, SAVE_ROLES, str(spool), *dump)
        if ended.code != 0 or ended.stderr:
            raise _failed("the roles could not be saved", ended)
        if TRAILER not in await _read(at.site.shell, spool / ROLES):
            raise OutsideError("the dump of the roles is cut off: its last line is missing")

    async def restore(self, at: Instance, spool: PurePosixPath) -> None:
        """Load the dumps into a running server that has none of these databases yet."""
        if at.mode == "live":
            raise Refused("databases are never restored over a live copy", hint="restore them beside, as a target")
        shell = at.site.shell
        if too_old := _too_old(int(await _read(shell, spool / VERSION_FILE)), await self._server_version(at)):
            raise OutsideError(too_old[0].what, hint=too_old[0].fix)
        dumps = await self._dumps(shell, spool)
        there = set(await self._names(at))
        for name in self.databases:
            if name in there:
                raise Refused(f"there is already a database '{name}'")
        if there and not self.databases:
            raise Refused(f"there is already a database '{min(there)}'")
        roles = without_roles(await _read(shell, spool / ROLES), await self._ask(at, ROLE_NAMES))
        loaded = await _script(shell, RUN, *self._psql(at), stdin=roles.encode())
        if loaded.code != 0:
            raise _failed("the roles could not be loaded", loaded)
        for dump in dumps:
            words = ("--create", "--exit-on-error", "--no-tablespaces")
            # Every server has this one, empty as long as nobody uses it: it is made anew, from another.
            is_there = dump.endswith(f"/{MAINTENANCE}.dump")
            into = (
                (*self._words(at, "template1"), "--clean", "--if-exists") if is_there else self._words(at, "postgres")
            )
            ended = await _script(shell, LOAD, dump, "pg_restore", *into, *words, limit=LONG)
            if ended.code != 0:
                raise _failed("the dump could not be loaded", ended)

    async def _dumps(self, shell: Shell, spool: PurePosixPath) -> list[str]:
        ended = await _script(shell, 'cd -- "$1" && for one in *.dump; do echo "$1/$one"; done', str(spool))
        found = ended.stdout.decode().splitlines()
        return [] if found == [f"{spool}/*.dump"] else found

    async def census(self, at: Instance) -> Census:
        """Count what is there now, each database in one snapshot."""
        began, newest = await self._now(at), list[datetime]()
        tallies: dict[str, Tally] = {}
        for name in self.databases or await self._names(at):
            argv = ("psql", *self._words(at, name), *QUIET)
            ended = await _script(at.site.shell, RUN, *argv, stdin=count_here(name).encode(), limit=LONG)
            if ended.code != 0:
                raise _failed(f"the database {name} could not be counted", ended)
            _read_tallies(ended.stdout, tallies, newest)
        return Census(self.name, began, tallies, max(newest, default=None))

    def _words(self, at: Instance, database: str) -> tuple[str, ...]:
        """Return the words by which a client program reaches a database."""
        address = str(at.path(self.socket)) if self.socket else at.dial[SOCKET].host if SOCKET in at.dial else ""
        if not address:
            raise OutsideError("nothing says where the database server's socket is")
        folder, _, port = address.rpartition("/.s.PGSQL.")
        user = (f"--username={DRILL_USER}",) if at.mode == "sandbox" else ()
        # A name that looks like a connection string would be taken for one; in this form nothing can.
        name = "".join(f"\\{letter}" if letter in "\\'" else letter for letter in database)
        return (f"--dbname=dbname='{name}'", f"--host={folder}", f"--port={port}", *user, "--no-password")

    def _psql(self, at: Instance) -> tuple[str, ...]:
        return ("psql", *self._words(at, "postgres"), *QUIET)

    async def _ask(self, at: Instance, query: str, database: str = MAINTENANCE) -> list[str]:
        argv = ("psql", *self._words(at, database), *QUIET)
        ended = await _script(at.site.shell, RUN, *argv, stdin=query.encode())
        if ended.code != 0:
            raise _failed("the server did not answer", ended)
        return ended.stdout.decode().splitlines()

    async def names(self, at: Instance) -> Sequence[str]:
        """Return the databases of the server; `postgres` only if something is in it."""
        return await self._names(at)

    async def drop_empty(self, at: Instance) -> None:
        """Drop the databases in which nothing is: those that an image makes when it is started for the first time."""
        if at.mode == "live":
            raise Refused("nothing is dropped on a live copy")
        for name in await self._names(at):
            if await self._ask(at, IS_EMPTY, name) == ["t"]:
                await self._ask(at, f"DROP DATABASE {identifier(name)}")

    async def _names(self, at: Instance) -> list[str]:
        names = [bytes.fromhex(line).decode() for line in await self._ask(at, DATABASES)]
        return names if await self._ask(at, IS_EMPTY) == ["t"] else [*names, MAINTENANCE]

    async def _now(self, at: Instance) -> datetime:
        (seconds,) = await self._ask(at, "SELECT floor(extract(epoch FROM now()))")
        return datetime.fromtimestamp(int(seconds), UTC)

    async def _server_version(self, at: Instance) -> int:
        (version,) = await self._ask(at, "SHOW server_version_num")
        return int(version) // 10000


QUIET = ("--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--field-separator=\t", "--set=ON_ERROR_STOP=1",
         "--set=VERBOSITY=sqlstate", "--file=-")  # fmt: skip
"""Errors are shown by their numbers only: their texts repeat whole rows of data."""
ROLE_NAMES = "SELECT quote_ident(rolname) FROM pg_roles"


def _too_old(saved: int, here: int) -> list[Obstacle]:
    """Return that a server of one release cannot read the dumps of another one, where it cannot."""
    what, fix = f"saved from PostgreSQL {saved}, and {here} cannot read it", f"install PostgreSQL {saved} there"
    return [Obstacle(what, fix)] if here < saved else []


def _read_tallies(said: bytes, tallies: dict[str, Tally], newest: list[datetime]) -> None:
    """Read lines of a name in hexadecimal, a count, a digest and the seconds of the newest entry."""
    for line in said.decode().splitlines():
        name, count, digest, seconds = line.split("\t")
        label = bytes.fromhex(name).decode()
        tallies[label] = Tally(int(count), digest)
        if seconds and math.isfinite(moment := float(seconds)) and moment > 0:
            newest.append(datetime.fromtimestamp(moment, UTC))


async def _script(shell: Shell, script: str, *arguments: str, stdin: bytes = b"", limit: timedelta = QUICK) -> Exit:
    return await shell.run(("sh", "-c", script, "sh", *arguments), stdin=stdin, limit=limit)


async def _write(shell: Shell, path: PurePosixPath, text: str) -> None:
    ended = await _script(shell, 'umask 077; cat > "$1"', str(path), stdin=text.encode())
    if ended.code != 0:
        raise _failed(f"{path} could not be written", ended)


async def _read(shell: Shell, path: PurePosixPath) -> str:
    ended = await shell.run(("cat", "--", str(path)), limit=QUICK)
    if ended.code != 0:
        raise OutsideError(f"{path.name} is missing in the snapshot")
    return ended.stdout.decode()


def _failed(what: str, ended: Exit) -> OutsideError:
    """Return an error that shows the number of the server's error only."""
    said = ended.stderr.decode("utf-8", "replace")
    if ended.code is None:
        return OutsideError(f"{what}: {said.strip()[:200]}")
    found = ERROR_CODE.search(said)
    if found:
        return OutsideError(f"{what}: error {found[1]}")
    for sign, meaning, hint in MEANINGS:
        if sign.search(said):
            return OutsideError(f"{what}: {meaning}", hint=hint)
    reason = next((phrase for phrase in HARMLESS if phrase in said), f"exit code {ended.code}")
    return OutsideError(f"{what}: {reason}")


MEANINGS = (
    (re.compile(r"\b(?:psql|pg_\w+): (?:command )?not found|setpriv: failed to (?:execute (?:psql|pg_)|parse reuid)"),
     "its programs are not there", "apt install postgresql"),
    (re.compile(r"connection to server on socket .*(?:No such file or directory|Connection refused)"),
     "nothing listens at its socket", "is postgresql installed there, and started?"),
)  # fmt: skip
"""What says that there is no server -> what it means, and what to do."""
HARMLESS = (
    "No space left on device", "could not connect to server", "No such file or directory", "Connection refused",
    "Permission denied", "server closed the connection unexpectedly", "unexpected end of file",
    "did not find magic string in file header", "Peer authentication failed", "aborting because of server version",
)  # fmt: skip
"""What the programs say that holds nobody's data."""
