"""PostgreSQL over its own protocol: logged in, and a real query answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from kedge.model.instance import Instance, Scope
from kedge.model.observation import Observation, Status
from kedge.probes.dialogue import Broken, Call, Dialogue, converse, not_spoken
from kedge.probes.login import Login, open_login
from kedge.probes.postgres_wire import (
    SCRAM,
    Failure,
    NotPostgres,
    Scram,
    md5_answer,
    message,
    parse_failure,
    query,
    read_message,
    startup,
)  # fmt: skip
from kedge.probes.sql import Health, judge_health, quoted

SERVER = "SELECT version(), pg_is_in_recovery(), current_setting('default_transaction_read_only')"
TABLES = (
    "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace NOT IN "
    "(SELECT oid FROM pg_namespace WHERE nspname LIKE 'pg\\_%' OR nspname = 'information_schema')"
)
DATABASES = "SELECT datname FROM pg_database WHERE datname IN ({})"
ACCEPTED, CLEAR, MD5, SASL, GOES_ON, ENDED = 0, 3, 5, 10, 11, 12
LOGIN_REFUSED = ("28P01", "28000", "42501")


@dataclass(frozen=True, slots=True)
class PostgresProbe:
    """Logs in and asks: version, read-only, which databases there are. Without a login, up to being asked for one."""

    login: Login | None = None
    databases: tuple[str, ...] = ()
    may_be_read_only: bool = False
    endpoint: str = "sql"
    limit: timedelta = timedelta(seconds=10)
    name: str = "sql"
    scope: Scope = "instance"

    async def look(self, at: Instance) -> Observation:
        """Look once."""

        async def talk(line: Dialogue) -> Observation:
            try:
                return await self._talk(line, at)
            except ValueError as error:  # NotPostgres, and base64 that is none
                raise not_spoken("PostgreSQL", str(error).encode(), line) from error

        return await converse(at, Call(self.endpoint, self.limit), talk)

    async def _talk(self, line: Dialogue, at: Instance) -> Observation:
        user, password = await open_login(at, self.login) if self.login else ("kedge", "")
        database = self.databases[0] if self.login and self.databases else "postgres"
        await line.say(startup(user, database), "its answer to a greeting")
        failure = await _log_in(line, user, password if self.login else None)
        line.parting = message(b"X", b"")
        if failure is None:
            return judge_health(await self._ask(line), may_be_read_only=self.may_be_read_only)
        if not self.login and failure.code in LOGIN_REFUSED:
            return Observation(Status.OK, "greeted, and asked for a login", line.evidence)
        raise _refused(failure, "the login", line)

    async def _ask(self, line: Dialogue) -> Health:
        ((version, in_recovery, read_only),) = await _rows(line, SERVER)
        known = {row[0] for row in await _rows(line, DATABASES.format(quoted(self.databases)))}
        ((count,),) = await _rows(line, TABLES)
        return Health(
            (version or "").partition(" on ")[0],
            in_recovery == "t" or read_only == "on",
            {self.databases[0]: int(count or 0)} if self.databases else {},
            missing=tuple(name for name in self.databases if name not in known),
        )


async def _rows(line: Dialogue, sql: str) -> list[list[str | None]]:
    rows = await query(line, sql)
    if isinstance(rows, Failure):
        raise _refused(rows, "a query", line)
    return rows


async def _log_in(line: Dialogue, user: str, password: str | None) -> Failure | None:
    """Log in, in whichever way the server asks; return why not, or None once it is ready for queries.

    Without a password, being asked for one is as far as it goes: a failure of class 28. Raises Broken or NotPostgres.
    """
    scram = Scram(password or "")
    while True:
        kind, data = await read_message(line)
        if kind == b"E":
            return parse_failure(data)
        if kind == b"Z":
            return None
        if kind == b"R":
            if password is None and data[:4] != b"\0\0\0\0":
                return Failure(LOGIN_REFUSED[0], "")
            if answer := _answer(data, user, password or "", scram):
                await line.say(message(b"p", answer), "the result of the login")
        elif kind != b"K":
            raise NotPostgres("no answer to a login")


def _answer(data: bytes, user: str, password: str, scram: Scram) -> bytes:
    """Return what to say to a request for a password; nothing where it was the last word. Raises as _log_in does."""
    way, rest = int.from_bytes(data[:4], "big"), data[4:]
    if way == MD5:
        return md5_answer(user, password, rest)
    if way == SASL and SCRAM in rest.split(b"\0"):
        return scram.first()
    if way == GOES_ON:
        return scram.final(rest)
    if way == ENDED and not scram.is_proven(rest):
        raise Broken("does not know the password of kedge's login itself: it may be somebody else")
    if way in (ACCEPTED, ENDED):
        return b""
    asked = "the password in the clear" if way == CLEAR else f"a login of kind {way}"
    raise Broken(f"asks for {asked}; kedge does not send it", Status.UNKNOWN)


def _refused(failure: Failure, step: str, line: Dialogue) -> Broken:
    """Return what an error means: unknown where it is about kedge's login, otherwise down."""
    evidence = {**line.evidence, "answer": f"{failure.code} {failure.text}"}
    if failure.code in LOGIN_REFUSED:
        return Broken("refused kedge's login; its password may have changed", Status.UNKNOWN, evidence)
    return Broken(f"answered {step} with error {failure.code}", Status.DOWN, evidence)
