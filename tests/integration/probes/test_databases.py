"""Real database servers, by their own protocols and by their own clients."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from kedge.adapters.local import LocalNet, LocalShell, connect_socket
from kedge.model.instance import Instance
from kedge.model.observation import Status
from kedge.model.ports import Address
from kedge.probes.client_program import MysqlClientProbe
from kedge.probes.login import Login
from kedge.probes.mysql import MysqlProbe
from kedge.probes.postgres import PostgresProbe
from tests.integration.conftest import need
from tests.integration.probes.servers import NOBODY, POSTGRES, folder, free_port, mariadb, postgresql, psql, sql
from tests.unit.probes.fakes import Here


def here(port: int, password: str = "geheim") -> Instance:
    return Instance("live", Here(secrets={"password": password}), {"sql": Address("127.0.0.1", port)})


LOGIN = Login("kedge", "password")


@asynccontextmanager
async def a_mariadb() -> AsyncIterator[tuple[Path, int]]:
    need("mariadbd", "mariadb-server-core")
    need("mariadb-install-db", "mariadb-server-core")
    with folder() as path:
        port = free_port()
        async with mariadb(path, port):
            yield path, port


@asynccontextmanager
async def a_postgresql() -> AsyncIterator[tuple[Path, int]]:
    if POSTGRES is None:
        pytest.skip("needs postgres (Debian package postgresql)")
    with folder(NOBODY) as path:
        port = free_port()
        async with postgresql(path, port):
            yield path, port


async def test_mariadb_by_its_protocol() -> None:
    async with a_mariadb() as (path, port):
        found = await MysqlProbe(LOGIN, ("wiki",)).look(here(port))
        assert (found.status, found.evidence["tables/wiki"]) == (Status.OK, "2")
        assert (await MysqlProbe(LOGIN, ("wiki", "forum")).look(here(port))).evidence[
            "tables/forum"
        ] == "kedge may not look"
        assert (
            await MysqlProbe(LOGIN, ("emptied",)).look(here(port))
        ).what == "answers queries, but emptied has no tables"
        assert (await MysqlProbe(LOGIN).look(here(port, "wrong"))).status is Status.UNKNOWN
        assert (await MysqlProbe().look(here(port))).what == "greeted, and asked for a login"
        await sql(path, "SET GLOBAL read_only = 1;")
        assert (await MysqlProbe(LOGIN, ("wiki",)).look(here(port))).status is Status.DEGRADED
        await sql(path, "SET GLOBAL max_connections = 10; SET GLOBAL extra_max_connections = 1;")
    assert (await MysqlProbe(LOGIN).look(here(port))).status is Status.DOWN


@dataclass(frozen=True)
class From(LocalNet):
    """Comes from another address of this machine: MariaDB counts no mistakes of 127.0.0.1."""

    address: str = ""

    async def connect(self, to: Address, *, limit: timedelta) -> socket.socket:
        sock = socket.socket()
        sock.bind((self.address, 0))
        return await connect_socket(sock, (to.host, to.port))


async def test_looking_without_a_login_never_gets_kedge_blocked() -> None:
    """MariaDB counts handshakes that break off, and blocks the host: reading the greeting alone shuts one out."""
    async with a_mariadb() as (path, port):
        await sql(path, "SET GLOBAL max_connect_errors = 3; CREATE USER somebody@'%' IDENTIFIED BY 'x';")
        dial = {"sql": Address("127.0.0.1", port)}
        for _ in range(6):
            found = await MysqlProbe().look(Instance("live", Here(From(address="127.0.0.2")), dial))
        assert (found.status, found.what) == (Status.OK, "greeted, and asked for a login")

        careless = From(address="127.0.0.3")
        heard = b""
        while b"is blocked" not in heard:  # it counts when it notices, not when we hang up
            with await careless.connect(dial["sql"], limit=timedelta(seconds=5)) as sock:
                heard = await asyncio.get_running_loop().sock_recv(sock, 500)
        found = await MysqlProbe().look(Instance("live", Here(careless), dial))
        assert (found.status, found.what) == (Status.UNKNOWN, "refuses to talk to this vantage (error 1129)")


async def test_mariadb_by_its_client() -> None:
    async with a_mariadb() as (path, _):
        at = Instance("live", Here(shell=LocalShell()), {})
        found = await MysqlClientProbe(("wiki", "forum"), str(path / "sock")).look(at)
        assert (found.status, found.evidence["tables/wiki"], found.evidence["tables/forum"]) == (Status.OK, "2", "1")
        assert (
            await MysqlClientProbe(("gone",), str(path / "sock")).look(at)
        ).what == "answers queries, but has no database gone"
        assert (await MysqlClientProbe(("emptied",), str(path / "sock")).look(at)).status is Status.DOWN
    assert (await MysqlClientProbe(("wiki",), str(path / "sock")).look(at)).what == "did not answer a query"


async def test_postgresql_by_its_protocol() -> None:
    async with a_postgresql() as (path, port):
        for user in ("scram", "old"):
            found = await PostgresProbe(Login(user, "password"), ("lists",)).look(here(port))
            assert (found.status, found.evidence["tables/lists"]) == (Status.OK, "1"), found
        assert (
            await PostgresProbe(Login("scram", "password"), ("lists", "gone")).look(here(port))
        ).status is Status.DOWN
        assert (await PostgresProbe(Login("scram", "password"), ("gone",)).look(here(port))).status is Status.DOWN
        assert (await PostgresProbe(Login("clear", "password")).look(here(port))).status is Status.UNKNOWN
        assert (await PostgresProbe(Login("scram", "password")).look(here(port, "wrong"))).status is Status.UNKNOWN
        assert (await PostgresProbe().look(here(port))).what == "greeted, and asked for a login"
        await psql(path, port, "ALTER SYSTEM SET default_transaction_read_only = on; SELECT pg_reload_conf();")
        while (said := await psql(path, port, "SHOW default_transaction_read_only;")) != "on\n":
            assert said == "off\n"
            await asyncio.sleep(0.05)
        assert (await PostgresProbe(Login("scram", "password")).look(here(port))).status is Status.DEGRADED
    assert (await PostgresProbe().look(here(port))).status is Status.DOWN
