"""Where the databases of tests lie: files of their own, or schemas of their own at a real PostgreSQL."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from kedge.evidence.database import Database
from kedge.evidence.place import Server
from tests.integration.probes.servers import NOBODY, POSTGRES, folder, free_port, postgresql

PATIENCE = timedelta(seconds=20)
USER, PASSWORD = "scram", "geheim"


@dataclass
class Files:
    """Each database is a file in a folder of its own."""

    folder: Path
    numbers: Iterator[int] = field(default_factory=count)

    def place(self) -> Path:
        return self.folder / str(next(self.numbers)) / "evidence.sqlite"

    def database(self) -> Database:
        return Database(self.place(), kedge="9.9", patience=PATIENCE)

    def is_untouched(self, database: Database) -> bool:
        """Whether nobody has made anything there."""
        assert database.path
        return not database.path.exists()


@dataclass
class Postgresql:
    """A server of the tests' own; each database is a schema there, since a schema is made at once."""

    folder: Path
    port: int
    numbers: Iterator[int] = field(default_factory=count)

    def place(self) -> Server:
        schema = f"place_{next(self.numbers)}"
        self.run(f"CREATE SCHEMA {schema} AUTHORIZATION {USER}")
        return Server(f"{self.url()}&options={quote(f'-csearch_path={schema}')}")

    def url(self, name: str = "evidence") -> str:
        """The address by the socket, where nobody is asked for a password."""
        return f"postgresql://{USER}@/{name}?host={quote(str(self.folder), safe='')}&port={self.port}"

    def network_url(self, name: str = "evidence", port: int = 0) -> str:
        """The address by the network, where the password is asked for."""
        return f"postgresql://{USER}@127.0.0.1:{port or self.port}/{name}"

    def database(self) -> Database:
        return Database(self.place(), kedge="9.9", patience=PATIENCE)

    def is_untouched(self, database: Database) -> bool:
        """Whether nobody has made anything there."""
        assert isinstance(database.place, Server)
        with psycopg.connect(database.place.url) as connection:
            query = "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
            return connection.execute(query).fetchone() == (0,)

    def run(self, *statements: str, name: str = "evidence") -> list[tuple[object, ...]]:
        """Return what the last statement yields, as the server's own administrator."""
        url = self.url(name).replace(USER, "postgres", 1)
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in statements:
                found = connection.execute(statement.encode())
            return found.fetchall() if found.description else []

    def end_connections(self) -> None:
        """End every connection but this one's."""
        self.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")


Places = Files | Postgresql


@contextmanager
def a_postgresql() -> Iterator[Postgresql]:
    """Yield a server with the database `evidence`, which belongs to an ordinary user."""
    if POSTGRES is None:
        pytest.skip("needs postgres (Debian package postgresql)")
    with folder(NOBODY) as path, asyncio.Runner() as runner:
        port = free_port()
        running = postgresql(path, port)
        runner.run(running.__aenter__())
        try:
            server = Postgresql(path, port)
            server.run(f"CREATE DATABASE evidence OWNER {USER} TEMPLATE template0 ENCODING 'UTF8'", name="postgres")
            yield server
        finally:
            runner.run(running.__aexit__(None, None, None))


def stop(server: Postgresql) -> None:
    """Let the server end at once, as if its machine had lost its power."""
    control(server, "stop", "-m", "immediate")


def start(server: Postgresql) -> None:
    options = f"-p {server.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={server.folder} -c fsync=off"
    control(server, "start", "-w", "-o", options, "-l", str(server.folder / "log-2"))


def control(server: Postgresql, *words: str) -> None:
    from tests.integration.probes.servers import as_nobody

    assert POSTGRES
    argv = [*as_nobody(), str(POSTGRES.with_name("pg_ctl")), "-D", str(server.folder / "data"), *words]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, cwd="/")
