"""Servers that answer as told, and a place to look from; each fake ends with its context."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from kedge.adapters.local import LocalNet, LocalShell
from kedge.errors import OutsideError
from kedge.model.instance import Instance, Mode
from kedge.model.ports import Address

QUICK = timedelta(seconds=0.4)
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Here:
    """This machine, with a network that can be told to fail, and kedge's secrets."""

    net: LocalNet = field(default_factory=LocalNet)
    shell: LocalShell = field(default_factory=LocalShell)
    secrets: Mapping[str, str] = field(default_factory=dict)

    async def open_secret(self, name: str) -> str:
        if name not in self.secrets:
            raise OutsideError(f"no secret '{name}'")
        return self.secrets[name]


@dataclass(frozen=True)
class Failing(LocalNet):
    failure: Exception = field(default_factory=OSError)

    async def connect(self, to: Address, *, limit: timedelta) -> socket.socket:
        raise self.failure


@dataclass(frozen=True)
class Saying(LocalNet):
    """A far side that says all of this at once and, unless it `stays`, hangs up; it listens to nothing."""

    data: bytes = b""
    stays: bool = False
    kept: list[socket.socket] = field(default_factory=list)

    async def connect(self, to: Address, *, limit: timedelta) -> socket.socket:
        near, far = socket.socketpair()
        near.setblocking(False)
        far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        far.setblocking(False)
        far.send(self.data)
        if self.stays:
            self.kept.append(far)
        else:
            far.shutdown(socket.SHUT_WR)
            self.kept.append(far)
        return near

    def close(self) -> None:
        for one in self.kept:
            one.close()


@asynccontextmanager
async def serving(answer: Answer, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> AsyncIterator[Address]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, host, 0, ssl=tls)
    try:
        yield Address(*server.sockets[0].getsockname()[:2])
    finally:
        server.close()


def instance(
    dial: Mapping[str, Address], *, mode: Mode = "live", net: LocalNet | None = None, **secrets: str
) -> Instance:
    return Instance(mode, Here(net or LocalNet(), secrets=secrets), dial)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def hanging_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close at once."""


def dripping(data: bytes, every_s: float = 0.05) -> Answer:
    """Say this byte by byte, slower than any limit."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in data:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(every_s)

    return answer


def endless(data: bytes) -> Answer:
    """Say this again and again."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(data)
            await writer.drain()

    return answer


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        return int(unused.getsockname()[1])


@dataclass
class Lines:
    """A server of a line protocol: says `greeting`, then to each command what `answers` has for its first words.

    `split` sends every byte as a segment of its own. `heard` are the commands that came. An answer of None ends the
    connection, an empty one is silence. `tls` is what STARTTLS switches to.
    """

    greeting: bytes
    answers: Mapping[str, bytes | None]
    split: bool = False
    tls: ssl.SSLContext | None = None
    tagged: bool = False
    heard: list[str] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._send(writer, self.greeting)
        while line := await reader.readline():
            text = line.decode(errors="replace").strip()
            self.heard.append(text)
            answer = self._find(text)
            if answer is None:
                return
            await self._send(writer, answer)
            if text.upper().endswith("STARTTLS") and self.tls:
                await writer.start_tls(self.tls)

    def _find(self, text: str) -> bytes | None:
        spoken = text.partition(" ")[2] if self.tagged else text
        for words, answer in self.answers.items():
            if spoken.upper().startswith(words):
                return answer
        return b"k BAD what\r\n" if self.tagged else b"500 5.5.1 what\r\n"

    async def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        for piece in [data[i : i + 1] for i in range(len(data))] if self.split else [data]:
            writer.write(piece)
            await writer.drain()
            if self.split:
                await asyncio.sleep(0)
