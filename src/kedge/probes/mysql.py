"""The greeting of a MySQL or MariaDB server: the only thing it says to somebody who has no account.

Source: MariaDB client/server protocol, "Connecting" and "ERR_Packet" (mariadb.com/kb, 2024).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

from kedge.model.instance import Instance, Scope
from kedge.model.observation import Observation, Status
from kedge.probes.failure import judge_failure

PROTOCOL = 10
ERROR = 0xFF
PACKET_LIMIT_BYTES = 4096


@dataclass(frozen=True, slots=True)
class MysqlProbe:
    """Waits for the server's greeting. It proves that the server takes connections, not that its tables are whole."""

    endpoint: str = "sql"
    limit: timedelta = timedelta(seconds=10)
    name: str = "sql"
    scope: Scope = "instance"

    async def look(self, at: Instance) -> Observation:
        """Look once; nothing is sent."""
        began = asyncio.get_running_loop().time()
        seen = await self._look(at)
        return replace(seen, took=timedelta(seconds=asyncio.get_running_loop().time() - began))

    async def _look(self, at: Instance) -> Observation:
        dial = at.dial.get(self.endpoint)
        if dial is None:
            return Observation(Status.UNKNOWN, f"nobody said where to connect for '{self.endpoint}'")
        try:
            async with asyncio.timeout(self.limit.total_seconds()):
                sock = await at.site.net.connect(dial, limit=self.limit)
                reader, writer = await asyncio.open_connection(sock=sock)
                try:
                    header = await reader.readexactly(4)
                    length = int.from_bytes(header[:3], "little")
                    return judge_greeting(await reader.readexactly(min(length, PACKET_LIMIT_BYTES)))
                finally:
                    writer.close()
        except asyncio.IncompleteReadError:
            return Observation(Status.DOWN, "hung up without a greeting")
        except Exception as failure:
            return judge_failure(failure, self.limit)


def judge_greeting(packet: bytes) -> Observation:
    """Return what the first packet of a server means; never raises."""
    if packet[:1] == bytes([ERROR]):
        number = int.from_bytes(packet[1:3], "little")
        return Observation(Status.DOWN, f"refused connections: error {number}, {_printable(packet[3:])}")
    version, end, rest = packet[1:].partition(b"\0")
    if packet[:1] != bytes([PROTOCOL]) or not end or not version or len(rest) < 12:
        return Observation(Status.DOWN, "did not answer as a MySQL server")
    return Observation(Status.OK, "greeted", {"version": _printable(version)})


def _printable(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else " " for letter in text)[:160]
