"""Whether a host is there at all: by ping, and by whatever its ports answer. Says nothing about its services."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar

from kedge.errors import OutsideError
from kedge.model.instance import Instance, Scope
from kedge.model.observation import Observation, Status
from kedge.model.ports import Address, Net
from kedge.probes.echo import EchoNet, ping
from kedge.probes.failure import OURS
from kedge.probes.wording import seconds


@dataclass(frozen=True, slots=True)
class ReachProbe:
    """Pings a host and knocks at ports that ought to answer from here; any sign of life will do, even a refusal.

    A host that answers may still be dead to its users: in 2007 the one that answered pings ran no Jabber any more.
    So `is_shallow`: a good look clears a host of nothing, a bad one accuses it.
    """

    is_shallow: ClassVar[bool] = True

    ports: tuple[int, ...] = ()
    endpoint: str = "host"
    limit: timedelta = timedelta(seconds=5)
    name: str = "reach"
    scope: Scope = "instance"

    async def look(self, at: Instance) -> Observation:
        """Look once; all ways at the same time, the first answer ends it."""
        dial = at.dial.get(self.endpoint)
        if dial is None:
            return Observation(Status.UNKNOWN, f"nobody said where to connect for '{self.endpoint}'")
        loop = asyncio.get_running_loop()
        began = loop.time()
        signs = await _first_sign(at.site.net, dial.host, self.ports, self.limit)
        return replace(_judge(signs, self.limit), took=timedelta(seconds=loop.time() - began))


async def _first_sign(net: Net, host: str, ports: tuple[int, ...], limit: timedelta) -> Mapping[str, str]:
    """Return what each way came to: `answered`, `silent`, or why it could not be tried; the rest is left undone."""
    ways = {"ping": _ping(net, host, limit)} | {f"port {port}": _knock(net, host, port, limit) for port in ports}
    tasks = {asyncio.ensure_future(way): name for name, way in ways.items()}
    signs: dict[str, str] = {}
    waiting = set(tasks)
    try:
        while waiting and "answered" not in signs.values():
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            signs |= {tasks[task]: task.result() for task in done}
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    return signs


async def _ping(net: Net, host: str, limit: timedelta) -> str:
    if not isinstance(net, EchoNet):
        return "there is no ping here"
    try:
        with net.open_echo(host) as sock:
            return "answered" if await ping(sock, limit) else "silent"
    except PermissionError:
        return "this vantage may not ping"
    except OSError as failure:
        return _explain(failure)


async def _knock(net: Net, host: str, port: int, limit: timedelta) -> str:
    try:
        async with asyncio.timeout(limit.total_seconds()):
            (await net.connect(Address(host, port), limit=limit)).close()
    except ConnectionRefusedError:
        return "answered"
    except (OSError, OutsideError) as failure:  # TimeoutError is one
        return _explain(failure)
    return "answered"


def _explain(failure: Exception) -> str:
    """Return `silent` where the far side did not answer, or why we could not ask."""
    if isinstance(failure, OutsideError):
        return failure.message
    if isinstance(failure, OSError) and failure.errno in OURS:
        return failure.strerror or "no way from here"
    return "silent"


def _judge(signs: Mapping[str, str], limit: timedelta) -> Observation:
    if answered := sorted(way for way, sign in signs.items() if sign == "answered"):
        return Observation(Status.OK, "is there", {"answered": " ".join(answered)})
    if all(sign != "silent" for way, sign in signs.items() if way != "ping"):
        # Many hosts ignore pings on purpose; without a port that ought to answer, silence says nothing.
        return Observation(Status.UNKNOWN, "could not be told from one that ignores pings", dict(signs))
    return Observation(Status.DOWN, f"gave no sign of life within {seconds(limit)}", dict(signs))
