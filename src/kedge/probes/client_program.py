"""Databases that listen on their own host only: asked there, by the server's own client program."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from datetime import timedelta

from kedge.model.instance import Instance, Scope
from kedge.model.observation import Observation, Status
from kedge.model.ports import Exit
from kedge.probes.entry import not_entered
from kedge.probes.sql import NAME, Health, judge_health, quoted
from kedge.probes.wording import quote, seconds

NOT_FOUND = 127
MYSQL_SERVER = "SELECT @@version, @@read_only;"
MYSQL_TABLES = (
    "SELECT s.schema_name, COUNT(t.table_name) FROM information_schema.schemata s LEFT JOIN information_schema.tables t"
    " ON t.table_schema = s.schema_name WHERE s.schema_name IN ({}) GROUP BY s.schema_name;"
)
POSTGRES_SERVER = "SELECT version(), CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END;"
POSTGRES_DATABASES = "SELECT datname, 1 FROM pg_database WHERE datname IN ({});"
OURS = re.compile(r"access denied|password authentication failed|peer authentication failed|role .* does not exist"
                  r"|permission denied|not allowed", re.IGNORECASE)  # fmt: skip
"""What client programs say when they were not let in."""
STOPPED = re.compile(r"the container \S+( of the project \S+)? does not run$")
"""What is said of a container that the engine was asked for, and does not run."""


@dataclass(frozen=True, slots=True)
class MysqlClientProbe:
    """Runs `mariadb` on the server's own host, over its socket: version, read-only, the tables of each database.

    Databases that its account may not look into count as missing: kedge's account is root, or may read everything.
    """

    databases: tuple[str, ...] = ()
    socket: str = ""
    may_be_read_only: bool = False
    limit: timedelta = timedelta(seconds=15)
    name: str = "sql"
    scope: Scope = "instance"

    async def look(self, at: Instance) -> Observation:
        """Look once."""
        sql = MYSQL_SERVER + (MYSQL_TABLES.format(quoted(self.databases)) if self.databases else "")
        options = [f"--socket={at.path(self.socket)}"] if self.socket else []
        # Debian calls it mariadb, elsewhere it is still mysql; both read SQL from standard input.
        script = (
            'for client in mariadb mysql; do command -v "$client" >/dev/null && exec "$client" "$@"; done; exit 127'
        )
        argv = ("sh", "-c", script, "sh", "--batch", "--skip-column-names", "--connect-timeout=10", *options)
        return await _look(at, argv, sql, self.databases, self.limit, may_be_read_only=self.may_be_read_only)


@dataclass(frozen=True, slots=True)
class PostgresClientProbe:
    """Runs `psql` on the server's own host as its own user: version, read-only, which databases there are."""

    databases: tuple[str, ...] = ()
    user: str = "postgres"
    may_be_read_only: bool = False
    limit: timedelta = timedelta(seconds=15)
    name: str = "sql"
    scope: Scope = "instance"

    async def look(self, at: Instance) -> Observation:
        """Look once. Entered as root it becomes the server's user, as whom peer authentication lets it in."""
        sql = POSTGRES_SERVER + POSTGRES_DATABASES.format(quoted(self.databases))
        script = (
            'command -v psql >/dev/null || exit 127; cd /; if [ "$(id -u)" = 0 ]; '
            'then exec setpriv --reuid="$1" --regid="$1" --init-groups psql -XAtF "$2" postgres; '
            'else exec psql -XAtF "$2" postgres; fi'
        )
        argv = ("sh", "-c", script, "sh", self.user, "\t")
        return await _look(at, argv, sql, self.databases, self.limit, may_be_read_only=self.may_be_read_only)


async def _look(
    at: Instance,
    argv: tuple[str, ...],
    sql: str,
    databases: tuple[str, ...],
    limit: timedelta,
    *,
    may_be_read_only: bool,
) -> Observation:
    loop = asyncio.get_running_loop()
    began = loop.time()
    ended = await at.site.shell.run(argv, stdin=sql.encode(), limit=limit)
    seen = judge_exit(ended, databases, limit, may_be_read_only=may_be_read_only)
    return replace(seen, took=timedelta(seconds=loop.time() - began))


def judge_exit(ended: Exit, databases: tuple[str, ...], limit: timedelta, *, may_be_read_only: bool) -> Observation:
    """Return what a client program's end means; a host that cannot be entered tells nothing of its database."""
    said = quote(ended.stderr)
    if ended.code is None:
        if "not done after" in said:
            return Observation(Status.UNKNOWN, f"was not done within {seconds(limit)}", {"said": said})
        if STOPPED.search(said):
            return Observation(Status.DOWN, "its container does not run", {"said": said})
        return not_entered(ended, "its host")
    if ended.code == NOT_FOUND:
        return Observation(Status.UNKNOWN, "its client program is not on its host", {"said": said})
    if ended.code != 0 or not (rows := _rows(ended.stdout)):
        if OURS.search(said):
            return Observation(Status.UNKNOWN, "did not let kedge in", {"said": said})
        return Observation(Status.DOWN, "did not answer a query", {"said": said})
    version, read_only = rows[0]
    found = dict(rows[1:])
    tables = {name: _count(found[name]) for name in databases if name in found}
    missing = tuple(name for name in databases if name not in found and NAME.fullmatch(name))
    health = Health(version, read_only not in ("0", "OFF"), tables, missing=missing)
    return judge_health(health, may_be_read_only=may_be_read_only)


def _rows(output: bytes) -> list[tuple[str, str]]:
    lines = [line.split("\t") for line in output.decode(errors="replace").splitlines()]
    return [(quote(line[0]), quote(line[1])) for line in lines if len(line) == 2]


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
