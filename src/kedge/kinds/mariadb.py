"""MariaDB and MySQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from kedge.kinds.container import Containable
from kedge.kinds.looks import LOOK_AS, LookAs, sql_looks
from kedge.model.instance import Command, Endpoint, File, Instance, Part, Probe, Program, Start
from kedge.model.thing import OneOrMore

DATA = "/var/lib/mysql"
INSTALL = ("--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
# A copy that is thrown away need not survive a power cut. Not --skip-grant-tables: it forbids to create events.
DRILL = (
    "--skip-log-bin", "--skip-slave-start", "--event-scheduler=OFF", "--skip-name-resolve",
    "--max-allowed-packet=1G", "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0",
)  # fmt: skip


ACCOUNTS = "CREATE OR REPLACE USER ''@localhost;\nGRANT ALL PRIVILEGES ON *.* TO ''@localhost WITH GRANT OPTION;\n"
"""Everybody in the sandbox may do everything there: the accounts of the live server are not part of a dump."""


class SqlServer(Containable):
    """What MariaDB and MySQL share."""

    address: str = Field("", description="the name or address it listens on, if not only on its own host")
    port: int = Field(3306, ge=1, le=65535, description="its TCP port")
    socket: str = Field("/run/mysqld/mysqld.sock", pattern="^/", description="its socket on its host")
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
        """Yield a query; a copy is asked over its sandbox's network, where everybody may."""
        is_dialled = bool(self.address) or at.mode != "live"
        yield from sql_looks(
            "mysql", self.databases, self.look_as if at.mode == "live" else None,
            is_dialled=is_dialled, is_replica=self.replica, socket=self.socket,
        )  # fmt: skip

    def sockets(self) -> Mapping[str, str]:
        """Return the socket of its clients."""
        return {"socket": self.socket}


class MariaDB(SqlServer):
    """A database server. Who keeps data in it names it as `database`."""

    kind: ClassVar[str] = "mariadb"
    summary: ClassVar[str] = "a MariaDB server"
    example: ClassVar[Mapping[str, Any]] = {"databases": ["wiki", "forum"]}

    def parts(self) -> Iterable[Part]:
        """Yield its databases as one part."""
        from kedge.parts.mariadb import MariaDBPart

        yield MariaDBPart(self.socket, self.databases)

    def programs(self) -> Iterable[str]:
        """Yield the programs of a copy."""
        yield from ("mariadbd", "mariadb-install-db", "mariadb")

    def start(self, at: Instance) -> Iterable[Start]:
        """Yield an empty server of the same programs, into which the dump is loaded."""
        from kedge.probes.mysql import MysqlProbe

        sql = at.dial.get("sql")
        if at.mode != "sandbox" or sql is None:
            return
        data, socket = at.path(DATA), at.path(self.socket)
        yield Command(("mkdir", "-p", str(data), str(socket.parent)))
        yield Command(("mariadb-install-db", "--no-defaults", f"--datadir={data}", *INSTALL))
        where = (f"--datadir={data}", f"--socket={socket}", f"--bind-address={sql.host}", f"--port={sql.port}")
        yield File(data / "accounts.sql", ACCOUNTS)
        files = (f"--pid-file={data / 'pid'}", f"--init-file={data / 'accounts.sql'}")
        yield Program(("mariadbd", "--no-defaults", *files, *where, *DRILL), MysqlProbe())


class MySQL(SqlServer):
    """A database server. Who keeps data in it names it as `database`."""

    kind: ClassVar[str] = "mysql"
    summary: ClassVar[str] = "a MySQL server"
    example: ClassVar[Mapping[str, Any]] = {"databases": ["wiki", "forum"]}
