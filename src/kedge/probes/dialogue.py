"""One conversation over one connection, within limits of time and size; line protocols are built on it.

Whatever the far side does ends as an Observation: `Broken` carries one out of the middle of a conversation.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from kedge.errors import OutsideError
from kedge.model.instance import Instance
from kedge.model.observation import Observation, Status
from kedge.probes.certificate import SOON, NotACertificate, now, read_der
from kedge.probes.failure import judge_failure
from kedge.probes.wording import quote, seconds

LINE_LIMIT_BYTES = 16 * 1024
HEARD_LIMIT_BYTES = 64 * 1024
"""A greeting of this length is no greeting, and no answer to one question of a probe is longer."""
CHUNK_BYTES = 8192
PARTING_LIMIT_S = 0.5


class Broken(Exception):  # noqa: N818 - it carries an observation, not an error of ours
    """The conversation ended before it was over; `seen` is what that means."""

    def __init__(self, what: str, status: Status = Status.DOWN, evidence: Mapping[str, str] | None = None) -> None:
        super().__init__(what)
        self.seen = Observation(status, what, evidence or {})


@dataclass(frozen=True, slots=True)
class Call:
    """How a conversation is begun: at which endpoint, within which time, with TLS from the start or without."""

    endpoint: str
    limit: timedelta
    tls: ssl.SSLContext | None = None
    name: str = ""
    """The name the certificate must have."""


class Dialogue:
    """One side of a conversation.

    `awaited` says what the far side owes us, so that silence and hanging up can be put into words;
    `evidence` is what was learnt so far, and is kept whatever happens later; `parting` is said at the end.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.awaited = "its greeting"
        self.evidence: dict[str, str] = {}
        self.parting = b""
        self._reader, self._writer = reader, writer
        self._held = bytearray()
        self._heard = 0

    @property
    def own_address(self) -> str:
        """The address this side speaks from, empty for a socket that has none."""
        name = self._writer.get_extra_info("sockname")
        return str(name[0]) if isinstance(name, tuple) else ""

    async def read_line(self) -> bytes:
        """Return the next line without its end; raises Broken if there is none."""
        while (end := self._held.find(b"\n")) < 0:
            if len(self._held) > LINE_LIMIT_BYTES:
                raise Broken(f"sent a line of more than {LINE_LIMIT_BYTES} bytes", evidence=self.evidence)
            await self._hear()
        line = bytes(self._held[:end])
        del self._held[: end + 1]
        return line.removesuffix(b"\r")

    async def read_exactly(self, count: int) -> bytes:
        """Return so many bytes; raises Broken if they are too many or do not come."""
        if count > HEARD_LIMIT_BYTES:
            raise Broken(f"announced more than {HEARD_LIMIT_BYTES} bytes", evidence=self.evidence)
        while len(self._held) < count:
            await self._hear()
        data = bytes(self._held[:count])
        del self._held[:count]
        return data

    async def read_some(self) -> bytes:
        """Return what was said and not read yet, waiting for at least one byte; raises Broken at the end."""
        if not self._held:
            await self._hear()
        data = bytes(self._held)
        self._held.clear()
        return data

    async def _hear(self) -> None:
        chunk = await self._reader.read(CHUNK_BYTES)
        if not chunk:
            raise Broken(f"hung up instead of sending {self.awaited}", evidence=self.evidence)
        self._heard += len(chunk)
        if self._heard > HEARD_LIMIT_BYTES:
            raise Broken(f"talked without end instead of sending {self.awaited}", evidence=self.evidence)
        self._held += chunk

    async def say(self, data: bytes, awaited: str) -> None:
        """Send something; from now on the far side owes `awaited`, and has said nothing of it but what waits unread."""
        self.awaited = awaited
        self._heard = len(self._held)
        self._writer.write(data)
        await self._writer.drain()

    async def start_tls(self, context: ssl.SSLContext, name: str) -> None:
        """Go on encrypted, with the certificate checked as the context says.

        Raises Broken if something was said in the clear that would now count as encrypted (CVE-2011-0411).
        """
        if self._held:
            raise Broken("went on in the clear after it had agreed to TLS", evidence=self.evidence)
        if context.check_hostname and not name:
            raise Broken("nobody said which name its certificate must have", Status.UNKNOWN, self.evidence)
        self.awaited = "its part of the TLS handshake"
        await self._writer.start_tls(context, server_hostname=name or None)
        told = self._writer.get_extra_info("ssl_object")
        self.evidence["tls"] = str(told.version()) if told else ""
        with contextlib.suppress(NotACertificate):
            self.evidence["certificate ends"] = f"{read_der(self.certificate()).ends:%Y-%m-%dT%H:%M:%S%z}"

    def certificate(self) -> bytes:
        """Return the certificate that was shown, as DER; empty without TLS."""
        told = self._writer.get_extra_info("ssl_object")
        return (told.getpeercert(True) or b"") if told else b""

    async def part(self) -> None:
        """Say goodbye, and give the far side a moment to do so too; nothing depends on it."""
        if self.parting and not self._writer.is_closing():
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(PARTING_LIMIT_S):
                    self._writer.write(self.parting)
                    await self._writer.drain()
                    await self._reader.read(CHUNK_BYTES)

    def close(self) -> None:
        """End it at once; nothing waits for the far side."""
        self._writer.transport.abort()


Talk: TypeAlias = Callable[[Dialogue], Awaitable[Observation]]


async def converse(at: Instance, call: Call, talk: Talk) -> Observation:
    """Return what a conversation came to, whatever the far side did, within its limit and with the time it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    seen = await _converse(at, call, talk)
    return replace(seen, took=timedelta(seconds=loop.time() - began))


async def _converse(at: Instance, call: Call, talk: Talk) -> Observation:
    dial = at.dial.get(call.endpoint)
    if dial is None:
        return Observation(Status.UNKNOWN, f"nobody said where to connect for '{call.endpoint}'")
    line: Dialogue | None = None
    try:
        async with asyncio.timeout(call.limit.total_seconds()):
            sock = await at.site.net.connect(dial, limit=call.limit)
            line = Dialogue(*await asyncio.open_connection(sock=sock))
            if call.tls:
                await line.start_tls(call.tls, call.name)
                line.awaited = "its greeting"
            return _ageing(await talk(line))
    except Broken as ended:
        return ended.seen
    except (TimeoutError, OSError, OutsideError) as failure:
        if line:
            line.parting = b""
        return _judge(failure, line, call.limit)
    finally:
        if line:
            await line.part()
            line.close()


def _ageing(seen: Observation) -> Observation:
    """Return what was seen, degraded if all is well but the certificate that was shown ends soon."""
    ends = seen.evidence.get("certificate ends")
    if seen.status is not Status.OK or ends is None or datetime.fromisoformat(ends) - now() > SOON:
        return seen
    return replace(seen, status=Status.DEGRADED, what=f"{seen.what}, but its certificate ends within {SOON.days} days")


def _judge(failure: Exception, line: Dialogue | None, limit: timedelta) -> Observation:
    """Return what a failure means once connected: the far side owed us something."""
    if line is None:
        return judge_failure(failure, limit)
    if isinstance(failure, (ssl.SSLError, OutsideError)):
        seen = judge_failure(failure, limit)
        return replace(seen, evidence={**seen.evidence, **line.evidence})
    if isinstance(failure, TimeoutError):
        what = f"accepted the connection, but {line.awaited} did not come within {seconds(limit)}"
        return Observation(Status.DOWN, what, line.evidence)
    return Observation(Status.DOWN, f"hung up instead of sending {line.awaited}", line.evidence)


def not_spoken(protocol: str, said: bytes, line: Dialogue) -> Broken:
    """Return that this is no such protocol, with the beginning of what was said instead; no goodbye is owed."""
    line.parting = b""
    return Broken(f"did not speak {protocol}", evidence={**line.evidence, "said": quote(said)})
