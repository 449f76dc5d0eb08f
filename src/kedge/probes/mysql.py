"""MariaDB and MySQL over their own protocol: logged in, and a real query answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from kedge.model.instance import Instance, Scope
from kedge.model.observation import Observation, Status
from kedge.probes.dialogue import Broken, Call, Dialogue, converse, not_spoken
from kedge.probes.login import Login, open_login
from kedge.probes.mysql_wire import (
    BLOCKED,
    DENIED,
    ERR,
    MORE,
    NOT_ALLOWED,
    OK,
    SWITCH,
    Failure,
    Greeting,
    NotMySQL,
    Packets,
    choose_database,
    login_packet,
    parse_failure,
    parse_greeting,
    query,
    scramble,
)  # fmt: skip
from kedge.probes.sql import Health, judge_health

FULL = b"\x01\x04"
SERVER = "SELECT @@version, @@read_only"
TABLES = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()"
NO_SUCH_DATABASE, CLOSED_DATABASE = 1049, 1044


@dataclass(frozen=True, slots=True)
class MysqlProbe:
    """Logs in and asks: version, read-only, the tables of each database. Without a login, up to being asked for one.

    The handshake is always carried to its end: MariaDB blocks hosts that hang up in the middle (max_connect_errors).
    """

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
            packets = Packets(line)
            try:
                return await self._talk(packets, at)
            except ValueError as error:  # NotMySQL, and numbers that are none
                raise not_spoken("MySQL", str(error).encode(), line) from error

        return await converse(at, Call(self.endpoint, self.limit), talk)

    async def _talk(self, packets: Packets, at: Instance) -> Observation:
        evidence = packets.line.evidence
        greeting = parse_greeting(await packets.read())
        if isinstance(greeting, Failure):
            raise _refused(greeting, "the connection", packets)
        evidence["version"] = greeting.version
        user, password = await open_login(at, self.login) if self.login else ("kedge", "")
        failure = await log_in(packets, greeting, user, password)
        if failure and failure.code == DENIED and not self.login:
            return Observation(Status.OK, "greeted, and asked for a login", evidence)
        if failure:
            raise _refused(failure, "the login", packets)
        health = await self._ask(packets)
        packets.line.parting = b"\x01\0\0\0\x01"
        return judge_health(health, may_be_read_only=self.may_be_read_only)

    async def _ask(self, packets: Packets) -> Health:
        (version, read_only), *_ = await _rows(packets, SERVER)
        tables: dict[str, int] = {}
        refused: dict[int, list[str]] = {NO_SUCH_DATABASE: [], CLOSED_DATABASE: []}
        for name in self.databases:
            failure = await choose_database(packets, name)
            if failure is None:
                ((count,), *_) = await _rows(packets, TABLES)
                tables[name] = int(count or 0)
            elif failure.code in refused:
                refused[failure.code].append(name)
            else:
                raise _refused(failure, "a query", packets)
        is_read_only = (read_only or "0").upper() not in ("0", "OFF")
        return Health(
            version or "", is_read_only, tables, tuple(refused[CLOSED_DATABASE]), tuple(refused[NO_SUCH_DATABASE])
        )


async def _rows(packets: Packets, sql: str) -> list[list[str | None]]:
    """Return the rows of a query, at least one; raises Broken or NotMySQL."""
    rows = await query(packets, sql)
    if isinstance(rows, Failure):
        raise _refused(rows, "a query", packets)
    if not rows:
        raise NotMySQL("no rows")
    return rows


async def log_in(packets: Packets, greeting: Greeting, user: str, password: str) -> Failure | None:
    """Log in, by whichever plugin the server wants; return why not, or None. Raises Broken or NotMySQL."""
    secret = scramble(greeting.plugin, password, greeting.salt)
    await packets.send(login_packet(user, secret, greeting.plugin), "the result of the login")
    for _ in range(4):  # a switch, then perhaps a word or two about how it goes on
        data = await packets.read()
        if data[0] == ERR:
            return parse_failure(data)
        if data[0] == OK:
            return None
        if data[0] == SWITCH:
            plugin, _, salt = data[1:].partition(b"\0")
            answer = scramble(plugin.decode(errors="replace"), password, salt.rstrip(b"\0"))
            await packets.send(answer, "the result of the login")
        elif data == FULL:
            raise Broken("asks for the password in the clear; kedge does not send it", Status.UNKNOWN)
        elif data[0] != MORE:
            raise NotMySQL("no answer to a login")
    raise NotMySQL("a login without end")


def _refused(failure: Failure, step: str, packets: Packets) -> Broken:
    """Return what an error means: unknown where it is about kedge's login or vantage, otherwise down."""
    evidence = {**packets.line.evidence, "answer": f"{failure.code} {failure.text}"}
    if failure.code in (NOT_ALLOWED, BLOCKED):
        return Broken(f"refuses to talk to this vantage (error {failure.code})", Status.UNKNOWN, evidence)
    if failure.code == DENIED:
        return Broken("refused kedge's login; its password may have changed", Status.UNKNOWN, evidence)
    return Broken(f"answered {step} with error {failure.code}", Status.DOWN, evidence)
