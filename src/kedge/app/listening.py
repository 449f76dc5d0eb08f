"""The little HTTP that the watch speaks: pings in, status and figures out. GET, HEAD and POST, no body is read."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from kedge.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HEAD_LIMIT_BYTES = 8192
LIMIT_S = 10.0
AT_ONCE = 100
REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}


@dataclass(frozen=True, slots=True)
class Page:
    """An answer."""

    status: int
    text: str
    type: str = "text/plain; charset=utf-8"


Answer = Callable[[str], Awaitable[Page]]
"""Path -> page."""


@asynccontextmanager
async def listening(where: str, answer: Answer) -> AsyncIterator[int]:
    """Serve at `HOST:PORT` for as long as the context lasts; yields the port. Raises UsageError or OutsideError."""
    host, _, port = where.rpartition(":")
    if not host or not port.isdigit():
        raise UsageError(f"--listen {where}", hint="an address and a port: --listen 127.0.0.1:8800")
    slots = asyncio.Semaphore(AT_ONCE)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with slots, asyncio.timeout(LIMIT_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_written(*await _answered(head, answer)))
                await writer.drain()
        writer.close()

    try:
        server = await asyncio.start_server(serve, host.strip("[]"), int(port), limit=HEAD_LIMIT_BYTES)
    except OSError as failure:
        raise OutsideError(f"--listen {where}: {failure.strerror}") from failure
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _answered(head: bytes, answer: Answer) -> tuple[Page, bool]:
    words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    if len(words) != 3 or not words[1].startswith("/"):
        return Page(400, "kedge did not understand\n"), True
    if words[0] not in ("GET", "HEAD", "POST"):
        return Page(405, "GET, HEAD or POST\n"), True
    return await answer(unquote(urlsplit(words[1]).path)), words[0] != "HEAD"


def _written(page: Page, has_body: bool) -> bytes:
    body = page.text.encode()
    head = (
        f"HTTP/1.1 {page.status} {REASONS[page.status]}\r\nContent-Type: {page.type}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\nCache-Control: no-store\r\n\r\n"
    )
    return head.encode() + (body if has_body else b"")


def json_page(answer: object) -> Page:
    """Return an answer as JSON."""
    return Page(200, json.dumps(answer, indent=1) + "\n", "application/json")
