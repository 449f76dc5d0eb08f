"""ICMP echo (RFC 792, RFC 4443) by an unprivileged socket where the system allows it (ping_group_range), else raw."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import secrets
import socket
import struct
from datetime import timedelta
from typing import Protocol, runtime_checkable

TRIES = 3
REQUEST = {4: 8, 6: 128}
REPLY = {4: 0, 6: 129}


@runtime_checkable
class EchoNet(Protocol):
    """An optional ability of a net: a socket for ICMP echo."""

    def open_echo(self, address: str) -> socket.socket:
        """Return a non-blocking ICMP socket connected to an address; raises PermissionError where nobody may ping."""
        ...


def open_echo(address: str) -> socket.socket:
    """Return a socket for pings from this machine; raises PermissionError where it may not ping."""
    version = ipaddress.ip_address(address.partition("%")[0]).version
    family, protocol = (
        (socket.AF_INET6, socket.IPPROTO_ICMPV6) if version == 6 else (socket.AF_INET, socket.IPPROTO_ICMP)
    )
    refused: OSError | None = None
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            sock = socket.socket(family, kind, protocol)
        except PermissionError as failure:
            refused = failure
            continue
        sock.setblocking(False)
        try:
            sock.connect((address, 0))
        except OSError:
            sock.close()
            raise
        return sock
    raise refused or PermissionError("no ICMP")


async def ping(sock: socket.socket, limit: timedelta) -> bool:
    """Return whether an echo came back within the limit; three are sent. Raises OSError if none can be."""
    loop = asyncio.get_running_loop()
    version = 6 if sock.family == socket.AF_INET6 else 4
    token = secrets.token_bytes(16)
    deadline = loop.time() + limit.total_seconds()
    for left in range(TRIES, 0, -1):
        sock.send(request(version, left, token))
        try:
            async with asyncio.timeout((deadline - loop.time()) / left):
                while not is_reply(await loop.sock_recv(sock, 2048), version, token):
                    pass
            return True
        except TimeoutError:
            continue
    return False


def request(version: int, number: int, token: bytes) -> bytes:
    """Return an echo request; the kernel fills in what a datagram socket or ICMPv6 needs of the rest."""
    body = struct.pack("!HH", os.getpid() & 0xFFFF, number) + token
    head = bytes([REQUEST[version], 0])
    return head + struct.pack("!H", checksum(head + b"\0\0" + body)) + body


def is_reply(data: bytes, version: int, token: bytes) -> bool:
    """Return whether this is the echo of our request; raw IPv4 sockets put the IP header before it."""
    if version == 4 and len(data) > 20 and data[0] >> 4 == 4 and data[0] & 0x0F >= 5:
        data = data[(data[0] & 0x0F) * 4 :]
    return data[:1] == bytes([REPLY[version]]) and data.endswith(token)


def checksum(data: bytes) -> int:
    """Return the checksum of RFC 1071."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
