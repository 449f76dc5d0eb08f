"""The database probes, shown healthy servers and every way of not being one."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.model.observation import Observation, Status
from kedge.model.ports import Address, Exit
from kedge.probes.client_program import judge_exit
from kedge.probes.login import Login
from kedge.probes.mysql import MysqlProbe
from kedge.probes.mysql_wire import NotMySQL, parse_greeting, parse_row
from kedge.probes.postgres import PostgresProbe
from kedge.probes.postgres_wire import NotPostgres
from kedge.probes.postgres_wire import parse_row as parse_pg_row
from tests.unit.idle_loop import run_idle
from tests.unit.probes.databases import MySQL, Postgres, message, mysql_error, mysql_greeting, packet, pg_error
from tests.unit.probes.fakes import (
    QUICK,
    Answer,
    Lines,
    Saying,
    dripping,
    endless,
    hanging_up,
    instance,
    serving,
    silent,
    unused_port,
)

LOGIN = Login("kedge", "pw-name")
MYSQL = MysqlProbe(limit=QUICK)
MYSQL_LOGIN = MysqlProbe(LOGIN, ("wiki", "forum"), limit=QUICK)
POSTGRES = PostgresProbe(limit=QUICK)
POSTGRES_LOGIN = PostgresProbe(LOGIN, ("lists",), limit=QUICK * 2)
FULL = {"wiki": 30, "forum": 8}


async def look(answer: Answer, probe: Any) -> Observation:
    async with serving(answer) as address:
        return await probe.look(instance({"sql": address}, **{"pw-name": "geheim"}))  # type: ignore[no-any-return]


class TestMysqlHealthy:
    @pytest.mark.parametrize("split", [False, True])
    async def test_logs_in_and_asks(self, split: bool) -> None:
        found = await look(MySQL(password="geheim", databases=FULL, split=split), MYSQL_LOGIN)
        assert (found.status, found.what) == (Status.OK, "answered a query")
        assert found.evidence["tables/wiki"] == "30"
        assert found.evidence["read-only"] == "no"

    @pytest.mark.parametrize("plugin", ["mysql_native_password", "caching_sha2_password"])
    async def test_the_server_chooses_how_to_log_in(self, plugin: str) -> None:
        server = MySQL(password="geheim", databases=FULL, switch_to=plugin)
        assert (await look(server, MYSQL_LOGIN)).status is Status.OK

    async def test_without_a_login_the_handshake_is_carried_to_its_end(self) -> None:
        found = await look(MySQL(user="somebody"), MYSQL)
        assert (found.status, found.what) == (Status.OK, "greeted, and asked for a login")

    async def test_a_copy_that_lets_everybody_in_is_asked(self) -> None:
        assert (await look(MySQL(), MYSQL)).what == "answered a query"

    async def test_a_database_kedge_may_not_look_into_is_no_missing_one(self) -> None:
        server = MySQL(password="geheim", databases=FULL, closed=frozenset({"forum"}))
        found = await look(server, MYSQL_LOGIN)
        assert (found.status, found.evidence["tables/forum"]) == (Status.OK, "kedge may not look")


class TestMysqlNotHealthy:
    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (silent, "its greeting did not come within 0.4 s"),
            (hanging_up, "hung up instead of sending its greeting"),
            (dripping(packet(0, mysql_greeting())), "its greeting did not come within 0.4 s"),
            (endless(b"\xff\xff\xff\0" * 1000), "announced more than"),
            (Lines(b"SSH-2.0-OpenSSH_9.2\r\n", {}), "announced more than"),
            (Lines(packet(0, b"\x09old\0" + bytes(30)), {}), "did not speak MySQL"),
            (Lines(packet(0, b""), {}), "did not speak MySQL"),
            (MySQL(greeting=b"\xff\x10\x04Too many connections"), "answered the connection with error 1040"),
            (MySQL(password="geheim", databases={"wiki": 3}), "has no database forum"),
            (MySQL(password="geheim", databases=FULL | {"wiki": 0}), "wiki has no tables"),
            (MySQL(password="geheim", failing=mysql_error(1030, "Got error 28 from storage engine")), "answered a query with error 1030"),
            (Lines(packet(0, mysql_greeting()), {}), "the result of the login did not come"),
        ],
        ids=["silent", "hang-up", "drip", "endless", "ssh", "old", "empty", "full", "missing", "emptied", "disk", "mute"],
    )  # fmt: skip
    async def test_says_what_was_wrong(self, answer: Answer, said: str) -> None:
        found = await look(answer, MYSQL_LOGIN)
        assert said in found.what
        assert found.status is Status.DOWN

    async def test_refused(self) -> None:
        found = await MYSQL.look(instance({"sql": Address("127.0.0.1", unused_port())}))
        assert found.status is Status.DOWN

    @pytest.mark.parametrize(
        "answer",
        [
            MySQL(password="other"),
            MySQL(greeting=b"\xff\x6a\x04Host '192.0.2.1' is not allowed"),
            MySQL(greeting=b"\xff\x69\x04Host '192.0.2.1' is blocked"),
            MySQL(greeting=mysql_greeting("client_ed25519"), password="geheim"),
        ],
        ids=["password", "host", "blocked", "plugin"],
    )
    async def test_what_is_about_us_is_unknown(self, answer: Answer) -> None:
        found = await look(answer, MYSQL_LOGIN)
        assert found.status is Status.UNKNOWN
        assert "192.0.2.1" not in found.what

    async def test_a_password_is_never_sent_in_the_clear(self) -> None:
        async def greedy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(packet(0, mysql_greeting("caching_sha2_password")))
            heard.append(await reader.read(500))
            writer.write(packet(2, b"\x01\x04"))
            heard.append(await reader.read(500))

        heard: list[bytes] = []
        assert (await look(greedy, MYSQL_LOGIN)).status is Status.UNKNOWN
        assert b"geheim" not in b"".join(heard)

    @pytest.mark.parametrize(("may", "status"), [(False, Status.DEGRADED), (True, Status.OK)])
    async def test_read_only(self, may: bool, status: Status) -> None:
        server = MySQL(password="geheim", databases=FULL, server=(("10.11", "1"),))
        assert (await look(server, replace(MYSQL_LOGIN, may_be_read_only=may))).status is status


class TestPostgres:
    @pytest.mark.parametrize("way", ["trust", "md5", "scram"])
    @pytest.mark.parametrize("split", [False, True])
    async def test_logs_in_and_asks(self, way: str, split: bool) -> None:
        found = await look(Postgres(way=way, databases={"lists": 40}, split=split), POSTGRES_LOGIN)
        assert (found.status, found.what) == (Status.OK, "answered a query")
        assert found.evidence == {"version": "PostgreSQL 15.18", "read-only": "no", "tables/lists": "40"}

    async def test_without_a_login_it_is_asked_for_one(self) -> None:
        found = await look(Postgres(), POSTGRES)
        assert (found.status, found.what) == (Status.OK, "greeted, and asked for a login")

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (silent, "its answer to a greeting did not come within"),
            (hanging_up, "hung up instead of sending its answer to a greeting"),
            (endless(message(b"N", b"x" * 4000)), "talked without end"),
            (Lines(b"", {"": b"220 hello\r\n"}), "its answer to a greeting did not come"),
            (Postgres(failing=b"SSH-2.0-OpenSSH\r\n"), "announced more than"),
            (Postgres(failing=message(b"1", b"")), "did not speak PostgreSQL"),
            (Postgres(failing=message(b"R", struct.pack("!I", 11) + b"r=x,s=y,i=z")), "did not speak PostgreSQL"),
            (Postgres(failing=pg_error("57P03", "the database system is starting up")), "the login with error 57P03"),
            (Postgres(failing=pg_error("53300", "too many clients")), "the login with error 53300"),
            (Postgres(failing=pg_error("3D000", "no such database")), "the login with error 3D000"),
            (Postgres(databases={}), "has no database lists"),
            (Postgres(databases={"lists": 0}), "lists has no tables"),
            (Postgres(failing_query=pg_error("53100", "could not extend file")), "answered a query with error 53100"),
            (Postgres(is_honest=False), "does not know the password"),
        ],
        ids=[
            "silent", "hang-up", "endless", "mute", "ssh", "digits", "scram", "starting", "full", "no-database", "missing",
            "emptied", "disk", "impostor",
        ],
    )  # fmt: skip
    async def test_says_what_was_wrong(self, answer: Answer, said: str) -> None:
        found = await look(answer, POSTGRES_LOGIN)
        assert said in found.what
        assert found.status is Status.DOWN

    @pytest.mark.parametrize(
        "answer",
        [Postgres(password="other"), Postgres(way="clear"), Postgres(rounds=200_000_000)],
        ids=["password", "clear", "rounds"],
    )
    async def test_what_is_about_us_is_unknown(self, answer: Answer) -> None:
        assert (await look(answer, POSTGRES_LOGIN)).status is Status.UNKNOWN

    async def test_a_standby_takes_no_changes(self) -> None:
        server = Postgres(databases={"lists": 4}, server=(("PostgreSQL 15.18 on x", "t", "off"),))
        assert (await look(server, POSTGRES_LOGIN)).what == "answers queries, but takes no changes"


class TestClientProgram:
    @pytest.mark.parametrize(
        ("ended", "status", "what"),
        [
            (Exit(0, b"10.11.19-MariaDB\t0\nwiki\t30\n"), Status.OK, "answered a query"),
            (Exit(0, b"10.11.19-MariaDB\t1\nwiki\t30\n"), Status.DEGRADED, "answers queries, but takes no changes"),
            (Exit(0, b"10.11.19-MariaDB\t0\nwiki\t0\n"), Status.DOWN, "answers queries, but wiki has no tables"),
            (Exit(0, b"10.11.19-MariaDB\t0\n"), Status.DOWN, "answers queries, but has no database wiki"),
            (Exit(0, b""), Status.DOWN, "did not answer a query"),
            (Exit(1, b"", b"ERROR 2002 (HY000): Can't connect to local server"), Status.DOWN, "did not answer a query"),
            (Exit(1, b"", b"ERROR 1040 (08004): Too many connections"), Status.DOWN, "did not answer a query"),
            (Exit(1, b"", b"ERROR 1698 (28000): Access denied for user"), Status.UNKNOWN, "did not let kedge in"),
            (Exit(127), Status.UNKNOWN, "its client program is not on its host"),
            (Exit(None, b"", b"no login"), Status.UNKNOWN, "its host could not be entered"),
            (Exit(None, b"", b"sh was killed: not done after 0:00:20"), Status.UNKNOWN, "was not done within 20 s"),
        ],
    )
    def test_every_end_means_something(self, ended: Exit, status: Status, what: str) -> None:
        seen = judge_exit(ended, ("wiki",), timedelta(seconds=20), may_be_read_only=False)
        assert (seen.status, seen.what) == (status, what)

    @given(st.binary(max_size=100), st.sampled_from([0, 1, 127, None]))
    def test_any_output_is_judged(self, said: bytes, code: int | None) -> None:
        seen = judge_exit(Exit(code, said, said), ("wiki",), timedelta(seconds=20), may_be_read_only=False)
        assert seen.what.isprintable()


SOUP = st.binary(max_size=300) | st.lists(
    st.sampled_from(
        [
            packet(0, mysql_greeting()), packet(2, b"\0\0\0\x02\0\0\0"), packet(1, b"\x02"), packet(2, b"\xfe\0\0\x02\0"),
            packet(1, b"\x05ab"), packet(1, b"\xfb"), packet(1, b"\x05"), b"\xff", packet(2, b"\x01\x03"),
            message(b"R", bytes(4)), message(b"Z", b"I"), message(b"D", b"\0\x01\0\0\0\x02a"), message(b"E", b"Cx\0\0"),
            message(b"R", struct.pack("!I", 11) + b"r=,s=,i=5"), message(b"C", b""),
        ]
    ),
    max_size=10,
).map(b"".join)  # fmt: skip


@pytest.mark.parametrize("probe", [MYSQL, MYSQL_LOGIN, POSTGRES, POSTGRES_LOGIN])
@given(data=SOUP)
def test_any_bytes_end_in_an_observation(probe: Any, data: bytes) -> None:
    net = Saying(data=data)
    try:
        found = run_idle(probe.look(instance({"sql": Address("127.0.0.1", 1)}, net=net, **{"pw-name": "x"})))
    finally:
        net.close()
    assert found.what.isprintable()


@pytest.mark.parametrize("parse", [parse_greeting, parse_row, parse_pg_row])
@given(data=st.binary(min_size=1, max_size=80))
def test_any_bytes_are_a_packet_or_not(parse: Callable[[bytes], object], data: bytes) -> None:
    try:
        assert parse(data) is not None
    except (NotMySQL, NotPostgres):
        return
