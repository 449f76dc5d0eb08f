"""PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from kedge.kinds.container import Containable
from kedge.kinds.looks import LOOK_AS, LookAs, sql_looks
from kedge.model.folder import Folder
from kedge.model.instance import Command, Endpoint, Instance, Part, Probe, Program, Start
from kedge.model.thing import OneOrMore

SOCKET = "postgresql"  # as its part looks for it; what takes a database of any kind tells the servers apart by it
DATA = "/var/lib/postgresql/kedge-drill"
# A copy that is thrown away need not survive a power cut, and nobody but the drill is there to ask it.
DRILL = (
    "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off", "-c", "wal_level=minimal",
    "-c", "max_wal_senders=0", "-c", "autovacuum=off",
)  # fmt: skip
# Debian keeps the servers of every version beside each other; the newest reads what all others wrote.
NEWEST = """
program=$1; shift
for folder in $(ls -dv /usr/lib/postgresql/*/bin 2>/dev/null); do PATH=$folder:$PATH; done
exec "$program" "$@"
"""


class Postgresql(Containable):
    """A database server. Who keeps data in it names it as `database`."""

    kind: ClassVar[str] = "postgresql"
    summary: ClassVar[str] = "a PostgreSQL server"
    example: ClassVar[Mapping[str, Any]] = {"databases": ["lists", "tickets"]}
    acts_as: ClassVar[str] = "postgres"
    address: str = Field("", description="the name or address it listens on, if not only on its own host")
    port: int = Field(5432, ge=1, le=65535, description="its TCP port")
    sockets_in: Folder = Field("/run/postgresql", description="the folder of its sockets on its host")
    databases: Annotated[tuple[str, ...], OneOrMore] = Field((), description="the databases in it; empty: all of them")
    replica: bool = Field(False, description="it follows another server and takes no changes")
    look_as: LookAs | None = Field(None, description=LOOK_AS)

    def names(self) -> Iterable[str]:
        """Yield its domains and, if it listens for others, the name they use."""
        yield from dict.fromkeys((*self.domains, *([self.address] if self.address else [])))

    def endpoints(self) -> Iterable[Endpoint]:
        """Yield its SQL port."""
        yield Endpoint("sql", self.address, self.port)

    def probes(self, at: Instance) -> Iterable[Probe]:
        """Yield a query."""
        is_live = at.mode == "live"
        yield from sql_looks(
            "postgresql", self.databases, self.look_as if is_live else None,
            is_dialled=bool(self.address) or not is_live, is_replica=self.replica,
        )  # fmt: skip

    def sockets(self) -> Mapping[str, str]:
        """Return the socket of its clients."""
        return {SOCKET: self._socket}

    @property
    def _socket(self) -> str:
        return f"{self.sockets_in}/.s.PGSQL.{self.port}"

    def parts(self) -> Iterable[Part]:
        """Yield its databases and roles as one part."""
        from kedge.parts.postgresql import PostgresPart

        yield PostgresPart(self._socket, self.databases)

    def programs(self) -> Iterable[str]:
        """Yield the programs of a copy."""
        yield from ("/usr/lib/postgresql/*/bin/postgres", "psql")

    def start(self, at: Instance) -> Iterable[Start]:
        """Yield an empty server of the same programs, into which the dumps are loaded."""
        from kedge.parts.postgresql import DRILL_USER
        from kedge.probes.postgres import PostgresProbe

        sql = at.dial.get("sql")
        if at.mode != "sandbox" or sql is None:
            return
        data, socket = at.path(DATA), at.path(self._socket)
        yield Command(("mkdir", "-p", str(data.parent), str(socket.parent)))
        made = ("--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", f"--username={DRILL_USER}")
        yield Command((*_newest("initdb"), f"--pgdata={data}", *made))
        where = ("-c", f"unix_socket_directories={socket.parent}", "-h", sql.host, "-p", str(sql.port))
        yield Program((*_newest("postgres"), "-D", str(data), *where, *DRILL), PostgresProbe())
        if sql.port != self.port:  # its socket is named after its port, and looked for under the declared one
            yield Command(("ln", "-s", f".s.PGSQL.{sql.port}", str(socket)))


def _newest(program: str) -> tuple[str, ...]:
    return ("sh", "-c", NEWEST, "sh", program)
