"""Database servers that speak just enough of their protocols to be logged into and asked."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Rows = Sequence[Sequence[str | None]]
SALT = bytes(range(33, 53))


def packet(number: int, data: bytes) -> bytes:
    return len(data).to_bytes(3, "little") + bytes([number]) + data


def mysql_error(code: int, text: str) -> bytes:
    return b"\xff" + code.to_bytes(2, "little") + b"#HY000" + text.encode()


def lengthy(value: str | None) -> bytes:
    if value is None:
        return b"\xfb"
    data = value.encode()
    return (bytes([len(data)]) if len(data) < 251 else b"\xfc" + len(data).to_bytes(2, "little")) + data


def mysql_greeting(plugin: str = "mysql_native_password", version: str = "10.11.19-MariaDB") -> bytes:
    head = b"\x0a" + version.encode() + b"\0" + b"\x07\0\0\0" + SALT[:8] + b"\0"
    return head + b"\xff\xf7\x2d\x02\0\xff\x81\x15" + bytes(10) + SALT[8:] + b"\0" + plugin.encode() + b"\0"


@dataclass
class MySQL:
    """A server with one account; `databases` are counted, and an int in their place is the error of choosing one."""

    user: str = "kedge"
    password: str = ""
    greeting: bytes = field(default_factory=mysql_greeting)
    switch_to: str = ""
    server: Rows = (("10.11.19-MariaDB", "0"),)
    databases: Mapping[str, int] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()
    failing: bytes = b""
    split: bool = False

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._send(writer, packet(0, self.greeting))
        if self.greeting[0] == 0xFF:
            return
        data = await self._read(reader)
        user, _, rest = data[32:].partition(b"\0")
        secret = rest[1 : 1 + rest[0]]
        number, salt = 2, SALT
        if self.switch_to:
            salt = SALT[::-1]
            await self._send(writer, packet(2, b"\xfe" + self.switch_to.encode() + b"\0" + salt + b"\0"))
            secret, number = await self._read(reader), 4
            if self.switch_to == "caching_sha2_password":
                await self._send(writer, packet(number, b"\x01\x03"))
                number += 1
        if user.decode() != self.user or secret != self._expected(salt):
            await self._send(writer, packet(number, mysql_error(1045, "Access denied")))
            return
        await self._send(writer, packet(number, b"\0\0\0\x02\0\0\0"))
        await self._serve(reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        chosen = ""
        while (command := await self._read(reader))[:1] != b"\x01":
            if self.failing:
                await self._send(writer, packet(1, self.failing))
            elif command[:1] == b"\x02":
                chosen = command[1:].decode()
                await self._send(writer, packet(1, self._choose(chosen)))
            else:
                rows = self.server if b"@@version" in command else [[str(self.databases[chosen])]]
                await self._send(writer, self._result(rows))

    def _choose(self, name: str) -> bytes:
        if name in self.closed:
            return mysql_error(1044, "Access denied to database")
        return b"\0\0\0\x02\0\0\0" if name in self.databases else mysql_error(1049, "Unknown database")

    def _result(self, rows: Rows) -> bytes:
        columns = [b"\x03def" * 4 for _ in rows[0]]
        ends = b"\xfe\0\0\x02\0"
        packets = [bytes([len(columns)]), *columns, ends, *(b"".join(map(lengthy, row)) for row in rows), ends]
        return b"".join(packet(number, data) for number, data in enumerate(packets, 1))

    def _expected(self, salt: bytes) -> bytes:
        word = self.password.encode()
        if not word:
            return b""
        if self.switch_to == "caching_sha2_password":
            once = hashlib.sha256(word).digest()
            mask = hashlib.sha256(hashlib.sha256(once).digest() + salt).digest()
        else:
            once = hashlib.sha1(word).digest()
            mask = hashlib.sha1(salt + hashlib.sha1(once).digest()).digest()
        return bytes(a ^ b for a, b in zip(once, mask, strict=True))

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        header = await reader.readexactly(4)
        return await reader.readexactly(int.from_bytes(header[:3], "little"))

    async def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        for piece in [data[i : i + 1] for i in range(len(data))] if self.split else [data]:
            writer.write(piece)
            await writer.drain()


def message(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("!I", 4 + len(data)) + data


def pg_error(code: str, text: str) -> bytes:
    return message(b"E", f"SFATAL\0C{code}\0M{text}\0\0".encode())


@dataclass
class Postgres:
    """A server with one account and one way to log in: `trust`, `md5`, `scram` or `clear`."""

    user: str = "kedge"
    password: str = "geheim"
    way: str = "scram"
    server: Rows = (("PostgreSQL 15.18 on x86_64", "f", "off"),)
    databases: Mapping[str, int] = field(default_factory=dict)
    failing: bytes = b""
    failing_query: bytes = b""
    rounds: int = 4096
    is_honest: bool = True
    split: bool = False

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (length,) = struct.unpack("!I", await reader.readexactly(4))
        words = (await reader.readexactly(length - 4))[4:].split(b"\0")
        told = dict(zip(words[::2], words[1::2], strict=False))
        if self.failing:
            await self._send(writer, self.failing)
            return
        if not await self._log_in(reader, writer):
            await self._send(writer, pg_error("28P01", "password authentication failed"))
            return
        ready = message(b"S", b"server_encoding\0UTF8\0") + message(b"K", bytes(8)) + message(b"Z", b"I")
        await self._send(writer, message(b"R", bytes(4)) + ready)
        while (head := await reader.readexactly(5))[:1] == b"Q":
            sql = await reader.readexactly(int.from_bytes(head[1:], "big") - 4)
            await self._send(writer, (self.failing_query or self._answer(sql, told)) + message(b"Z", b"I"))

    def _answer(self, sql: bytes, told: Mapping[bytes, bytes]) -> bytes:
        if b"version()" in sql:
            rows = self.server
        elif b"pg_class" in sql:
            rows = [[str(self.databases.get(told[b"database"].decode(), 5))]]
        else:
            rows = [[name] for name in self.databases if f"'{name}'".encode() in sql]
        return message(b"T", b"\0\0") + b"".join(map(_row, rows)) + message(b"C", b"SELECT\0")

    async def _log_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if self.way == "trust":
            return True
        if self.way == "clear":
            await self._send(writer, message(b"R", struct.pack("!I", 3)))
            return await self._read(reader) == self.password.encode() + b"\0"
        if self.way == "md5":
            await self._send(writer, message(b"R", struct.pack("!I", 5) + b"salt"))
            inner = hashlib.md5(self.password.encode() + self.user.encode()).hexdigest()
            return await self._read(reader) == f"md5{hashlib.md5(inner.encode() + b'salt').hexdigest()}\0".encode()
        return await self._scram(reader, writer)

    async def _scram(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        await self._send(writer, message(b"R", struct.pack("!I", 10) + b"SCRAM-SHA-256\0\0"))
        first = (await self._read(reader)).partition(b"n,,")[2].decode()
        nonce = first.partition("r=")[2] + "server"
        challenge = f"r={nonce},s={base64.b64encode(b'pepper').decode()},i={self.rounds}"
        await self._send(writer, message(b"R", struct.pack("!I", 11) + challenge.encode()))
        final = (await self._read(reader)).decode()
        bare, _, proof = final.partition(",p=")
        key = hashlib.pbkdf2_hmac("sha256", self.password.encode(), b"pepper", self.rounds)
        told = f"{first},{challenge},{bare}".encode()
        stored = hashlib.sha256(hmac.new(key, b"Client Key", "sha256").digest()).digest()
        signature = hmac.new(stored, told, "sha256").digest()
        client = bytes(a ^ b for a, b in zip(signature, base64.b64decode(proof), strict=True))
        if hashlib.sha256(client).digest() != stored:
            return False
        server = hmac.new(hmac.new(key, b"Server Key", "sha256").digest(), told if self.is_honest else b"", "sha256")
        await self._send(writer, message(b"R", struct.pack("!I", 12) + b"v=" + base64.b64encode(server.digest())))
        return True

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readexactly(5)
        return await reader.readexactly(int.from_bytes(head[1:], "big") - 4)

    async def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        for piece in [data[i : i + 1] for i in range(len(data))] if self.split else [data]:
            writer.write(piece)
            await writer.drain()


def _row(values: Sequence[str | None]) -> bytes:
    cells = [b"\xff\xff\xff\xff" if v is None else struct.pack("!I", len(v.encode())) + v.encode() for v in values]
    return message(b"D", struct.pack("!H", len(cells)) + b"".join(cells))
