"""Database servers in the containers of a compose project, as services within it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kedge.kinds.files import part_name
from kedge.kinds.mariadb import MariaDB
from kedge.kinds.postgresql import Postgresql
from kedge.model.instance import Instance, Part, Start
from kedge.model.service import Service


class _Apart(Service):
    """Starts in a sandbox below a folder of its own."""

    below: str = ""

    def start(self, at: Instance) -> Iterable[Start]:
        """Yield an empty server of the same kind, into which the dump is loaded."""
        from kedge.parts.contained import apart

        return super().start(apart(at, self.below))


class ContainedMariaDB(_Apart, MariaDB):
    """A MariaDB server in a container of a project."""


class ContainedPostgresql(_Apart, Postgresql):
    """A PostgreSQL server in a container of a project."""


SERVERS: Mapping[str, type[ContainedMariaDB | ContainedPostgresql]] = {
    "mariadb": ContainedMariaDB,
    "postgresql": ContainedPostgresql,
    "postgres": ContainedPostgresql,
}
"""The database servers that are dumped, by the word an inventory has for them."""


@dataclass(frozen=True)
class Contained:
    """A database server in a container of a project: the service that it is there, and the part of the project."""

    container: str
    server: type[ContainedMariaDB | ContainedPostgresql]
    project: str
    host: tuple[str, ...] | None
    databases: Sequence[str]

    @property
    def role(self) -> str:
        """What the project calls it."""
        return f"container-{part_name(self.container)}"

    @property
    def service(self) -> Service:
        """It, as a service of its own."""
        return self.server(host=self.host, container=self.container, project=self.project, below=self.role)

    def part(self, volumes: Sequence[str]) -> Part:
        """Return its databases, as a part of the project; its volumes are not saved as files."""
        from kedge.parts.contained import ContainedDatabases, Server

        (socket,) = self.service.sockets().values()
        name = f"database-{part_name(self.container)}"
        kind: Server = "mariadb" if self.server is ContainedMariaDB else "postgresql"
        return ContainedDatabases(self.container, kind, socket, name, self.role, tuple(self.databases), tuple(volumes))


def read_names(text: str) -> tuple[str, ...]:
    """Return the databases named after the kind; `all`, and PostgreSQL's own `postgres`, need not be there."""
    return tuple(name for name in re.split(r"[,\s]+", text) if name and name not in ("all", "postgres"))
