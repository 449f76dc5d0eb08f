"""One question to one name server: UDP, or TCP where it is cut, lost or not to be had (RFC 1035, RFC 7766)."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from kedge.model.ports import Address, Net

if TYPE_CHECKING:
    import dns.message
    import dns.name
    import dns.rdatatype

TRIES = 3
"""A datagram may be lost; three in a row are silence."""


class NotDns(Exception):  # noqa: N818 - caught where a probe says so
    """What came is no answer to the question."""


@runtime_checkable
class DatagramNet(Protocol):
    """An optional ability of a net: datagrams. What lacks it is asked by TCP."""

    async def connect_datagram(self, to: Address, *, limit: timedelta) -> socket.socket:
        """Return a connected, non-blocking UDP socket, which the caller closes; raises as Net.connect does."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a name, a type, and whether the server shall ask others (resolvers only)."""

    name: dns.name.Name
    kind: dns.rdatatype.RdataType
    recursive: bool = False

    def message(self) -> dns.message.Message:
        """Return it as a message with a random id."""
        import dns.flags
        import dns.message

        query = dns.message.make_query(self.name, self.kind, use_edns=0, payload=1232)
        if not self.recursive:
            query.flags &= ~dns.flags.RD
        return query


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and how it came: whether every datagram was lost, so that only TCP was left; whether TCP was used."""

    message: dns.message.Message
    is_udp_lost: bool = False
    is_by_tcp: bool = False


async def ask(net: Net, server: Address, question: Question, limit: timedelta) -> Reply:
    """Return the answer; raises OSError, TimeoutError, OutsideError or NotDns.

    Datagrams have half the time. If none is answered, TCP tells a dead server from a way on which they get lost.
    """
    import dns.flags

    async with asyncio.timeout(limit.total_seconds()):
        if not isinstance(net, DatagramNet):
            return Reply(await ask_tcp(net, server, question, limit), is_by_tcp=True)
        try:
            answer = await ask_udp(net, server, question, limit / 2)
        except OSError as silence:
            return Reply(await _ask_instead(net, server, question, limit / 2, silence), True, True)
        if answer.flags & dns.flags.TC:
            return Reply(await ask_tcp(net, server, question, limit), is_by_tcp=True)
        return Reply(answer)


async def _ask_instead(
    net: Net, server: Address, question: Question, limit: timedelta, silence: OSError
) -> dns.message.Message:
    """Return what TCP answers where no datagram was; raises what was wrong with these if it is no better."""
    try:
        async with asyncio.timeout(limit.total_seconds()):
            return await ask_tcp(net, server, question, limit)
    except (OSError, NotDns):
        raise silence from None


async def ask_udp(net: DatagramNet, server: Address, question: Question, limit: timedelta) -> dns.message.Message:
    """Return the answer, perhaps cut; the question is repeated twice within the limit."""
    query = question.message()
    wire = query.to_wire()
    with await net.connect_datagram(server, limit=limit) as sock:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + limit.total_seconds()
        for left in range(TRIES, 0, -1):
            await loop.sock_sendall(sock, wire)
            try:
                async with asyncio.timeout((deadline - loop.time()) / left):
                    return await _hear(sock, query)
            except TimeoutError:
                continue
        raise TimeoutError


async def _hear(sock: socket.socket, query: dns.message.Message) -> dns.message.Message:
    """Return the first datagram that answers this question; others are somebody else's, or forged."""
    loop = asyncio.get_running_loop()
    while True:
        data = await loop.sock_recv(sock, 65535)
        try:
            return parse_answer(data, query)
        except NotDns:
            continue


async def ask_tcp(net: Net, server: Address, question: Question, limit: timedelta) -> dns.message.Message:
    """Return the whole answer."""
    query = question.message()
    wire = query.to_wire()
    with await net.connect(server, limit=limit) as sock:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(sock, struct.pack("!H", len(wire)) + wire)
        async with asyncio.timeout(limit.total_seconds()):
            (length,) = struct.unpack("!H", await _receive(sock, 2))
            return parse_answer(await _receive(sock, length), query)


async def _receive(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        chunk = await asyncio.get_running_loop().sock_recv(sock, count - len(data))
        if not chunk:
            raise ConnectionResetError("it hung up in the middle of its answer")
        data += chunk
    return data


def parse_answer(data: bytes, query: dns.message.Message) -> dns.message.Message:
    """Return the message, which answers this query; raises NotDns."""
    import dns.exception
    import dns.message

    try:
        answer = dns.message.from_wire(data, ignore_trailing=True)
        if query.is_response(answer):
            return answer
    except (dns.exception.DNSException, ValueError, struct.error, IndexError) as error:
        raise NotDns(str(error)) from error
    raise NotDns("an answer to another question")
