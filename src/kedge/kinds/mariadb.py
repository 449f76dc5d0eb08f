"""MariaDB, and MySQL by the same means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from kedge.model.instance import Endpoint
from kedge.model.service import Service
from kedge.model.thing import OneOrMore


class MariaDB(Service):
    """A database server. Who keeps data in it names it as `database`."""

    kind: ClassVar[str] = "mariadb"
    summary: ClassVar[str] = "a MariaDB server"
    example: ClassVar[Mapping[str, Any]] = {"databases": ["wiki", "forum"]}

    address: str = Field("", description="the name or address it listens on, if not only on its own host")
    port: int = Field(3306, ge=1, le=65535, description="its TCP port")
    socket: str = Field("/run/mysqld/mysqld.sock", pattern="^/", description="its socket on its host")
    databases: Annotated[tuple[str, ...], OneOrMore] = Field((), description="the databases in it; empty: all of them")

    def names(self) -> Iterable[str]:
        """Yield its domains and, if it listens for others, the name they use."""
        yield from dict.fromkeys((*self.domains, *([self.address] if self.address else [])))

    def endpoints(self) -> Iterable[Endpoint]:
        """Yield its SQL port."""
        yield Endpoint("sql", self.address, self.port)


class MySQL(MariaDB):
    """A MySQL server, handled as a MariaDB."""

    kind: ClassVar[str] = "mysql"
    summary: ClassVar[str] = "a MySQL server"
