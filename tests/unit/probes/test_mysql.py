"""The greeting of a database server, and everything else that may be said instead."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.adapters.local import LocalSite
from kedge.model.instance import Instance
from kedge.model.observation import Status
from kedge.model.ports import Address
from kedge.parts.mariadb import PRIVILEGES, missing_privileges
from kedge.probes.mysql import MysqlProbe, judge_greeting

GREETING = b"\x0a10.11.19-MariaDB\x00" + bytes(30)


def packet(data: bytes) -> bytes:
    return len(data).to_bytes(3, "little") + b"\0" + data


@pytest.mark.parametrize(
    ("said", "status", "what"),
    [
        (packet(GREETING), Status.OK, "greeted"),
        (packet(b"\xff\x10\x04Too many connections"), Status.DOWN, "error 1040, Too many connections"),
        (packet(b"\xff\x6a\x04Host '192.0.2.1' is not allowed"), Status.DOWN, "error 1130"),
        (b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n" * 300, Status.DOWN, "did not answer as a MySQL server"),
        (packet(b"\x09old\x00" + bytes(30)), Status.DOWN, "did not answer as a MySQL server"),
        (packet(GREETING)[:9], Status.DOWN, "hung up without a greeting"),
        (b"", Status.DOWN, "hung up without a greeting"),
        (None, Status.DOWN, "did not answer within 0.3 s"),
    ],
    ids=["healthy", "full", "host", "ssh", "version", "cut", "closed", "silent"],
)
async def test_what_is_said(said: bytes | None, status: Status, what: str) -> None:
    is_over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if said is None:
            await reader.read()
        else:
            writer.write(said)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        is_over.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        dial = {"sql": Address(*server.sockets[0].getsockname())}
        seen = await MysqlProbe(limit=timedelta(seconds=0.3)).look(Instance("live", LocalSite(), dial))
        await is_over.wait()
    assert seen.status is status
    assert what in seen.what
    assert seen.evidence == ({"version": "10.11.19-MariaDB"} if status is Status.OK else {})


async def test_nowhere_to_connect_is_unknown() -> None:
    assert (await MysqlProbe().look(Instance("live", LocalSite(), {}))).status is Status.UNKNOWN


@given(st.binary(max_size=200))
def test_nothing_that_is_said_breaks_the_probe(said: bytes) -> None:
    assert judge_greeting(said).what.isprintable()


@pytest.mark.parametrize(
    ("grants", "missing"),
    [
        ("GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION", []),
        (f"GRANT {', '.join(PRIVILEGES)} ON *.* TO `kedge`@`localhost` IDENTIFIED VIA unix_socket", []),
        ("GRANT USAGE ON *.* TO `kedge`@`%`\nGRANT ALL PRIVILEGES ON `wiki`.* TO `kedge`@`%`", list(PRIVILEGES)),
        ("GRANT SELECT, RELOAD, LOCK TABLES, PROCESS, SHOW VIEW, EVENT ON *.* TO `kedge`@`%`", ["TRIGGER"]),
        ("", list(PRIVILEGES)),
    ],
)
def test_rights_that_a_complete_dump_needs(grants: str, missing: list[str]) -> None:
    assert missing_privileges(grants) == missing
