"""What kinds share that keep part of their data in a database service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from kedge.kinds.web import Web
from kedge.model.service import Service
from kedge.model.thing import ServiceRef

MYSQL = frozenset({"mariadb", "mysql"})
POSTGRESQL = frozenset({"postgresql"})
DATABASES = MYSQL | POSTGRESQL
MAIL = frozenset({"postfix", "exim"})


class WithDatabase(Service):
    """A kind that keeps part of its data in a database service."""

    requires: ClassVar[Mapping[str, frozenset[str]]] = {"database": DATABASES}
    database: ServiceRef | None = Field(None, description="the service that holds its database")


class WebWithDatabase(Web, WithDatabase):
    """A web application with a database."""
