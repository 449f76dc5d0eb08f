"""What kinds share that keep part of their data in a database service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import ClassVar

from pydantic import Field

from kedge.kinds.web import Web
from kedge.model.instance import Instance, Part
from kedge.model.service import Service
from kedge.model.thing import ServiceRef

MYSQL = frozenset({"mariadb", "mysql"})
POSTGRESQL = frozenset({"postgresql"})
DATABASES = MYSQL | POSTGRESQL
MAIL = frozenset({"postfix", "exim"})


class WithDatabase(Service):
    """A kind that keeps part of its data in a database service, and can be saved with it."""

    requires: ClassVar[Mapping[str, frozenset[str]]] = {"database": DATABASES}
    database: ServiceRef | None = Field(None, description="the service that holds its database")
    database_name: str = Field("", description="its database in that service; needed to save it apart from others")

    def database_parts(self) -> Iterable[Part]:
        """Yield its database, if it is known by name; else it is saved with the service that holds it."""
        from kedge.parts.database import DatabasePart

        if self.database_name and self.database:
            yield DatabasePart(self.database_name)

    def parts(self) -> Iterable[Part]:
        """Yield its database, if it is known by name."""
        yield from self.database_parts()


class WebWithDatabase(Web, WithDatabase):
    """A web application with a database."""


def socket_of(at: Instance) -> tuple[str, PurePosixPath] | None:
    """Return the kind of server ("postgresql" or "mysql") and the socket of the database that a copy uses."""
    dial = at.uses["database"].dial if "database" in at.uses else {}
    if "postgresql" in dial:
        return "postgresql", PurePosixPath(dial["postgresql"].host)
    return ("mysql", PurePosixPath(dial["socket"].host)) if "socket" in dial else None
