"""One name server's own answer for a zone, and every way of not having one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kedge.model.observation import Observation, Status
from kedge.model.ports import Address
from kedge.probes.soa import SoaProbe
from tests.unit.probes.fakes import QUICK, Answer, dripping, hanging_up, instance, serving, silent, unused_port
from tests.unit.probes.nameservers import NameServer, name_servers

SERVER = "192.0.2.53"
ZONE = {"example.org. SOA": ["ns1.example.org. hostmaster.example.org. 7 300 60 86400 60"]}
PROBE = SoaProbe("example.org", limit=QUICK)


async def look(server: NameServer) -> Observation:
    async with name_servers({SERVER: server}) as net:
        return await PROBE.look(instance({"dns-tcp": Address(SERVER, 53)}, net=net))


async def test_a_healthy_one_says_its_serial() -> None:
    found = await look(NameServer(ZONE))
    assert (found.status, found.what, found.evidence["serial"]) == (Status.OK, "answers for example.org", "7")


async def test_a_cut_answer_is_asked_for_by_tcp_and_read_in_pieces() -> None:
    assert (await look(NameServer(ZONE, cut_udp=True))).status is Status.OK


async def test_one_that_no_datagram_reaches_works_only_in_part() -> None:
    found = await look(NameServer(ZONE, lost=10**6))
    assert (found.status, found.what) == (Status.DEGRADED, "answers for example.org by TCP only")
    assert (await look(NameServer(ZONE, lost=2))).status is Status.OK


@pytest.mark.parametrize(
    ("server", "what"),
    [
        (NameServer({}), "does not answer for example.org (NXDOMAIN)"),
        (NameServer(ZONE, is_authoritative=False), "does not answer for example.org (NOERROR)"),
        (NameServer(ZONE, is_silent=True), "did not answer within 0.4 s"),
        (NameServer(ZONE, garbage=b"\x00" * 40), "did not answer within 0.4 s"),
    ],
    ids=["lame", "not its own", "silent", "garbage"],
)
async def test_one_that_does_not_serve_the_zone_is_down(server: NameServer, what: str) -> None:
    found = await look(server)
    assert (found.status, found.what) == (Status.DOWN, what)


@pytest.mark.parametrize("answer", [silent, hanging_up, dripping(b"\x00\x40" + bytes(64))])
async def test_streams_that_come_to_nothing_are_down(answer: Answer) -> None:
    """A sandbox has streams only."""
    async with serving(answer) as address:
        at = instance({"dns-tcp": address})
        assert (await PROBE.look(at)).status is Status.DOWN


async def test_nobody_there() -> None:
    assert (await PROBE.look(instance({"dns-tcp": Address("127.0.0.1", unused_port())}))).status is Status.DOWN
    assert (await replace(PROBE, endpoint="elsewhere").look(instance({}))).status is Status.UNKNOWN
