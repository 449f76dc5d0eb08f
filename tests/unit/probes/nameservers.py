"""Name servers that answer as told, on UDP and TCP, and a net in which they have addresses of their own."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from kedge.adapters.local import LocalNet, connect_socket
from kedge.model.ports import Address

Records = Mapping[str, Sequence[str]]
"""`example.org. MX` -> its record data."""


@dataclass
class NameServer:
    """One server. `referrals` are zones it points elsewhere for; `rcode`, `is_silent` and the others make it ill."""

    records: Records = field(default_factory=dict)
    referrals: Mapping[str, Sequence[str]] = field(default_factory=dict)
    glue: Records = field(default_factory=dict)
    zone: str = "example.org."
    is_authoritative: bool = True
    is_silent: bool = False
    rcode: dns.rcode.Rcode = dns.rcode.NOERROR
    cut_udp: bool = False
    lost: int = 0
    """How many datagrams are lost first."""
    garbage: bytes = b""
    has_tcp: bool = True

    def answer(self, data: bytes, *, over_udp: bool) -> bytes:
        query = dns.message.from_wire(data)
        response = dns.message.make_response(query)
        name, kind = query.question[0].name, dns.rdatatype.to_text(query.question[0].rdtype)
        if over_udp and self.cut_udp:
            response.flags |= dns.flags.TC
            return response.to_wire()
        response.set_rcode(self.rcode)
        if self.rcode == dns.rcode.NOERROR:
            self._fill(response, name, kind)
        return response.to_wire()

    def _fill(self, response: dns.message.Message, name: dns.name.Name, kind: str) -> None:
        for zone, servers in self.referrals.items():
            if name.is_subdomain(dns.name.from_text(zone)):
                response.authority.append(dns.rrset.from_text(zone, 300, "IN", "NS", *servers))
                for key, values in self.glue.items():
                    owner, type_ = key.split()
                    response.additional.append(dns.rrset.from_text(owner, 300, "IN", type_, *values))
                return
        if self.is_authoritative:
            response.flags |= dns.flags.AA
        found = self.records.get(f"{name} {kind}") or ()
        if found:
            response.answer.append(dns.rrset.from_text(name, 3600, "IN", kind, *found))
        elif alias := self.records.get(f"{name} CNAME"):
            response.answer.append(dns.rrset.from_text(name, 3600, "IN", "CNAME", *alias))
        elif not any(key.startswith(f"{name} ") for key in self.records) and self.is_authoritative:
            response.set_rcode(dns.rcode.NXDOMAIN)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self.server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.DatagramTransport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        if self.server.lost:
            self.server.lost -= 1
        elif self.server.garbage:
            self.transport.sendto(self.server.garbage, address)
        elif not self.server.is_silent:
            self.transport.sendto(self.server.answer(data, over_udp=True), address)


@dataclass(frozen=True)
class TestNet(LocalNet):
    """Addresses that lead to ports of this machine; others have no route."""

    __test__ = False

    ports: dict[tuple[str, int], int] = field(default_factory=dict)
    unreachable: frozenset[str] = frozenset()
    has_datagrams: bool = True

    async def connect(self, to: Address, *, limit: timedelta) -> socket.socket:
        return await super().connect(self._real(to), limit=limit)

    async def connect_datagram(self, to: Address, *, limit: timedelta) -> socket.socket:
        real = self._real(to)
        return await connect_socket(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), (real.host, real.port))

    def _real(self, to: Address) -> Address:
        if to.host in self.unreachable:
            raise OSError(101, "Network is unreachable")
        return Address("127.0.0.1", self.ports[to.host, to.port])


@asynccontextmanager
async def name_servers(servers: Mapping[str, NameServer], **more: object) -> AsyncIterator[TestNet]:
    """Yield a net in which each address has its server on port 53."""
    async with AsyncExitStack() as stack:
        ports = {(address, 53): await stack.enter_async_context(_serve(server)) for address, server in servers.items()}
        yield TestNet(ports=ports, **more)  # type: ignore[arg-type]


def _one_port() -> tuple[socket.socket, socket.socket]:
    """Return a datagram and a stream socket on the same port; the kernel may give it to others in between."""
    while True:
        udp, tcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket()
        udp.bind(("127.0.0.1", 0))
        try:
            tcp.bind(udp.getsockname())
        except OSError:
            udp.close()
            tcp.close()
        else:
            return udp, tcp


@asynccontextmanager
async def _serve(server: NameServer) -> AsyncIterator[int]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not server.is_silent:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                query = await reader.readexactly(length)
                answer = server.garbage or server.answer(query, over_udp=False)
                for piece in (struct.pack("!H", len(answer))[:1], struct.pack("!H", len(answer))[1:], answer):
                    writer.write(piece)
                    await writer.drain()
            await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    loop = asyncio.get_running_loop()
    udp, stream = _one_port()
    port = udp.getsockname()[1]
    transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(server), sock=udp)
    tcp = await asyncio.start_server(talk, sock=stream) if server.has_tcp else stream.close()
    try:
        yield port
    finally:
        transport.close()
        if tcp:
            tcp.close()
