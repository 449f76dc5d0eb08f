"""The little of the MySQL protocol that a query needs: packets, the handshake, text results.

Source: MariaDB Knowledge Base, "Clients & Utilities: client/server protocol".
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kedge.model.observation import Status
from kedge.probes.dialogue import Broken, Dialogue, not_spoken
from kedge.probes.wording import quote

# CLIENT_LONG_PASSWORD, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, PLUGIN_AUTH
ABILITIES = 0x1 | 0x200 | 0x2000 | 0x8000 | 0x80000
UTF8MB4 = 45
MAX_PACKET = 1 << 24
ROWS_LIMIT = 1000
NATIVE, SHA2 = "mysql_native_password", "caching_sha2_password"
OK, MORE, SWITCH, ERR = 0x00, 0x01, 0xFE, 0xFF
TOO_MANY, DENIED, NOT_ALLOWED, BLOCKED = 1040, 1045, 1130, 1129


class NotMySQL(ValueError):  # noqa: N818 - caught where a probe says so
    """The bytes are no such packet."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error packet: code and text."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Greeting:
    """The first packet of a server: its version, and what a password is mixed with."""

    version: str
    salt: bytes
    plugin: str


class Packets:
    """The packets of one connection; their numbers go up on both sides."""

    def __init__(self, line: Dialogue) -> None:
        self.line = line
        self._number = 0

    async def read(self) -> bytes:
        """Return the next packet; raises Broken if it is none."""
        header = await self.line.read_exactly(4)
        self._number = header[3] + 1
        data = await self.line.read_exactly(int.from_bytes(header[:3], "little"))
        if not data:
            raise not_spoken("MySQL", header, self.line)
        return data

    async def send(self, data: bytes, awaited: str, *, is_new: bool = False) -> None:
        """Send a packet; a new command begins to count anew."""
        if is_new:
            self._number = 0
        await self.line.say(len(data).to_bytes(3, "little") + bytes([self._number & 0xFF]) + data, awaited)


def parse_greeting(data: bytes) -> Greeting | Failure:
    """Return the greeting, or the error a server greets with; raises NotMySQL."""
    if data[0] == ERR:
        return parse_failure(data)
    if data[0] != 10 or b"\0" not in data:
        raise NotMySQL("another protocol")
    version, _, rest = data[1:].partition(b"\0")
    if len(rest) < 13:
        raise NotMySQL("cut short")
    salt, plugin = rest[4:12], NATIVE
    if len(rest) >= 31:
        length = max(13, rest[20] - 8)
        salt += rest[31 : 31 + length].rstrip(b"\0")[:12]
        plugin = rest[31 + length :].partition(b"\0")[0].decode(errors="replace") or NATIVE
    return Greeting(version.decode(errors="replace"), salt, plugin)


def parse_failure(data: bytes) -> Failure:
    """Return an error packet; raises NotMySQL."""
    if len(data) < 3:
        raise NotMySQL("cut short")
    text = data[3:]
    return Failure(int.from_bytes(data[1:3], "little"), quote(text[6:] if text[:1] == b"#" else text))


def login_packet(user: str, secret: bytes, plugin: str) -> bytes:
    """Return the answer to a greeting."""
    head = struct.pack("<IIB23x", ABILITIES, MAX_PACKET, UTF8MB4)
    return head + user.encode() + b"\0" + bytes([len(secret)]) + secret + plugin.encode() + b"\0"


def scramble(plugin: str, password: str, salt: bytes) -> bytes:
    """Return a password as a plugin sends it, never in the clear; raises Broken for plugins kedge does not know."""
    if not password:
        return b""
    word = password.encode()
    if plugin == NATIVE:
        once = hashlib.sha1(word).digest()
        mask = hashlib.sha1(salt + hashlib.sha1(once).digest()).digest()
    elif plugin == SHA2:
        once = hashlib.sha256(word).digest()
        mask = hashlib.sha256(hashlib.sha256(once).digest() + salt).digest()
    else:
        raise Broken(f"asks to log in by '{quote(plugin, 40)}', which kedge cannot", Status.UNKNOWN)
    return bytes(a ^ b for a, b in zip(once, mask, strict=True))


async def choose_database(packets: Packets, name: str) -> Failure | None:
    """Choose the database that queries are about; return why not, or None. Raises Broken or NotMySQL."""
    await packets.send(b"\x02" + name.encode(), "the answer to a choice of database", is_new=True)
    data = await packets.read()
    return parse_failure(data) if data[0] == ERR else None


async def query(packets: Packets, sql: str) -> list[list[str | None]] | Failure:
    """Return the rows of a text result, at most 1000; raises Broken or NotMySQL."""
    await packets.send(b"\x03" + sql.encode(), "the answer to a query", is_new=True)
    first = await packets.read()
    if first[0] == ERR:
        return parse_failure(first)
    for _ in range(_number(first, 0)[0] + 1):  # the columns, and the packet after them
        await packets.read()
    rows: list[list[str | None]] = []
    while len(rows) < ROWS_LIMIT:
        data = await packets.read()
        if data[0] == ERR:
            return parse_failure(data)
        if data[0] == SWITCH and len(data) < 9:
            return rows
        rows.append(list(_strings(data)))
    raise NotMySQL("rows without end")


def parse_row(data: bytes) -> Sequence[str | None]:
    """Return the values of a row; raises NotMySQL."""
    return list(_strings(data))


def _strings(data: bytes) -> Iterator[str | None]:
    at = 0
    while at < len(data):
        if data[at] == 0xFB:
            at += 1
            yield None
            continue
        length, at = _number(data, at)
        if at + length > len(data):
            raise NotMySQL("cut short")
        yield data[at : at + length].decode(errors="replace")
        at += length


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Return a length-encoded number and where it ends."""
    size = {0xFC: 2, 0xFD: 3, 0xFE: 8}.get(data[at], 0)
    if data[at] == ERR or at + size >= len(data) + (size == 0):
        raise NotMySQL("no number")
    return (int.from_bytes(data[at + 1 : at + 1 + size], "little"), at + 1 + size) if size else (data[at], at + 1)
