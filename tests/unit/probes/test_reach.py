"""Whether a host is there: signs of life, silence, and what this vantage may not ask."""

from __future__ import annotations

import asyncio
import errno
import socket
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.adapters.local import LocalNet
from kedge.model.observation import Observation, Status
from kedge.model.ports import Address
from kedge.probes.echo import checksum, is_reply, open_echo, ping, request
from kedge.probes.reach import ReachProbe
from tests.unit.probes.fakes import instance


@dataclass(frozen=True)
class World(LocalNet):
    """Ports by what they do; a host whose echo answers, is silent, or may not be asked."""

    ports: dict[int, str] = field(default_factory=dict)
    echo: str = "silent"

    async def connect(self, to: Address, *, limit: timedelta) -> socket.socket:
        match self.ports[to.port]:
            case "open":
                near, far = socket.socketpair()
                _KEPT.append(far)
                return near
            case "refused":
                raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
            case "no route":
                raise OSError(errno.ENETUNREACH, "Network is unreachable")
            case "prohibited":
                raise OSError(errno.EHOSTUNREACH, "No route to host")
        await asyncio.sleep(3600)
        raise AssertionError

    def open_echo(self, address: str) -> socket.socket:
        if self.echo == "forbidden":
            raise PermissionError(errno.EACCES, "Permission denied")
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        near.setblocking(False)
        if self.echo == "answers":
            asyncio.get_running_loop().create_task(_echo(far))
        else:
            far.close()
            near.close()
            near, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            near.setblocking(False)
            _KEPT.append(other)
        return near


_KEPT: list[socket.socket] = []


async def _echo(far: socket.socket) -> None:
    far.setblocking(False)
    with far:
        data = await asyncio.get_running_loop().sock_recv(far, 2048)
        far.send(b"\0\0" + data[2:])


async def look(**world: object) -> Observation:
    net = World(**world)  # type: ignore[arg-type]
    try:
        return await ReachProbe(tuple(net.ports), limit=timedelta(seconds=0.3)).look(
            instance({"host": Address("192.0.2.1")}, net=net)
        )
    finally:
        while _KEPT:
            _KEPT.pop().close()


@pytest.mark.parametrize(
    ("ports", "echo", "status"),
    [
        ({22: "silent"}, "answers", Status.OK),
        ({22: "open"}, "forbidden", Status.OK),
        ({22: "refused"}, "silent", Status.OK),
        ({22: "silent", 25: "refused"}, "silent", Status.OK),
        ({22: "silent"}, "silent", Status.DOWN),
        ({22: "silent"}, "forbidden", Status.DOWN),
        ({22: "prohibited"}, "silent", Status.DOWN),
        ({}, "silent", Status.UNKNOWN),
        ({}, "forbidden", Status.UNKNOWN),
        ({22: "no route"}, "forbidden", Status.UNKNOWN),
    ],
)
async def test_signs(ports: dict[int, str], echo: str, status: Status) -> None:
    assert (await look(ports=ports, echo=echo)).status is status


async def test_the_first_sign_is_enough() -> None:
    found = await look(ports={22: "silent", 25: "open"}, echo="silent")
    assert found.evidence == {"answered": "port 25"}
    assert found.took < timedelta(seconds=0.3)


async def test_a_net_without_ping_knocks_only() -> None:
    probe = ReachProbe((9,), limit=timedelta(seconds=0.3))
    found = await probe.look(instance({"host": Address("127.0.0.1")}))
    assert (found.status, found.evidence) == (Status.OK, {"answered": "port 9"})


async def test_nowhere_to_look() -> None:
    assert (await ReachProbe().look(instance({}))).status is Status.UNKNOWN


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_this_machine_answers_its_own_ping(address: str) -> None:
    try:
        sock = open_echo(address)
    except OSError as failure:
        pytest.skip(f"does not apply: {failure}")
    with sock:
        assert await ping(sock, timedelta(seconds=5))


@given(st.binary(max_size=100), st.sampled_from([4, 6]))
def test_other_datagrams_are_no_reply(data: bytes, version: int) -> None:
    assert not is_reply(data, version, b"0123456789abcdef")


def test_requests_sum_to_zero() -> None:
    assert checksum(request(4, 1, b"odd")) == 0
