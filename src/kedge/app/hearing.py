"""What the watch is told rather than sees: heartbeats of jobs, and what a peer kedge holds and last saw."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from kedge.app.targets import Target
from kedge.app.vantage import LiveSite, NoShell, VantageNet
from kedge.errors import OutsideError
from kedge.model.instance import Instance, Scope
from kedge.model.observation import Observation, Status
from kedge.probes.rest import NotJson, fetch
from kedge.watch.verdict import Seen, Thresholds

HEARTBEAT, PEER = "heartbeat", "peer"
Key = tuple[str, str]
LIMIT = timedelta(seconds=10)
LATE = 1.25
"""A job may be late by a quarter of its promised RPO."""
PATIENCE = 1.5
"""So many rounds a peer has to look for itself before what is seen here counts alone."""


@dataclass(frozen=True, slots=True)
class Hearsay:
    """A probe that never looks: what it says comes in by itself."""

    name: str
    scope: Scope = "world"

    async def look(self, at: Instance) -> Observation:
        """Return that nothing was said."""
        return Observation(Status.UNKNOWN, "nothing was said")


def hearsay(thing: str, name: str) -> Target:
    """Return the target that stands for what is heard of a thing."""
    silent = NoShell("nobody looks there")
    return Target(thing, name, Hearsay(name), Instance("live", LiveSite(VantageNet(), silent, silent), {}))


def certain(thing: str, probe: str, at: datetime, what: Observation, thresholds: Thresholds) -> list[Seen]:
    """Return what is heard as so many looks that it counts at once: a job's own word needs no confirmation."""
    count = max(thresholds.failures, thresholds.successes)
    return [Seen(thing, probe, at + timedelta(microseconds=number), what) for number in range(count)]


@dataclass
class Heartbeats:
    """The jobs that have ever said something; `limit` is how long each may be silent."""

    limit: Callable[[str], timedelta]
    last: dict[str, datetime] = field(default_factory=dict)
    late: set[str] = field(default_factory=set)

    def ping(self, name: str, word: str, at: datetime) -> Observation | None:
        """Return what a ping says of its job: `""`, `start`, `fail` or an exit status; None if nothing yet."""
        self.last[name] = at
        self.late.discard(name)
        if word == "start":
            return None
        if word in ("", "0"):
            return Observation(Status.OK, "said that it ran")
        return Observation(Status.DOWN, "said that it failed" if word == "fail" else f"ended with {word}")

    def overdue(self, now: datetime) -> list[tuple[str, Observation]]:
        """Return the jobs that have just become overdue, each once."""
        found = []
        for name, last in self.last.items():
            if name not in self.late and now - last > self.limit(name) * LATE:
                self.late.add(name)
                found.append((name, Observation(Status.DOWN, f"has not been heard of since {last:%Y-%m-%d %H:%M} UTC")))
        return found


@dataclass
class Peer:
    """Another kedge: when it last answered, and what it last saw."""

    url: str
    answered: datetime | None = None
    looks: Mapping[Key, tuple[Status, datetime]] = field(default_factory=dict)
    _asked: datetime | None = None

    @property
    def name(self) -> str:
        """What it is called in incidents."""
        return f"peer {urlsplit(self.url).netloc}"

    async def ask(self, net: VantageNet, now: datetime) -> Observation:
        """Return whether it answers, having taken over what it last saw."""
        self._asked = now
        try:
            status, said = await fetch(net, f"{self.url.rstrip('/')}/status.json", LIMIT)
            if said is None:
                return Observation(Status.DOWN, f"answered with status {status}")
            self.looks = dict(read_looks(said))
        except (OSError, TimeoutError, OutsideError, NotJson, ValueError, KeyError, TypeError) as failure:
            return Observation(Status.DOWN, f"did not answer: {failure or 'in time'}")
        except Exception as failure:
            if not type(failure).__module__.startswith("aiohttp"):
                raise
            return Observation(Status.DOWN, f"did not answer: {failure}")
        self.answered = now
        return Observation(Status.OK, "answers, and watches")

    def may_ask(self, now: datetime, pause: timedelta) -> bool:
        """Whether it was not asked just now."""
        return self._asked is None or now - self._asked >= pause


def read_looks(said: Mapping[str, Any]) -> Sequence[tuple[Key, tuple[Status, datetime]]]:
    """Return what a peer last saw; raises ValueError, KeyError or TypeError."""
    return [
        ((one["thing"], one["probe"]), (Status(one["status"]), datetime.fromisoformat(one["at"])))
        for one in said.get("looks", ())
    ]


@dataclass
class Agreement:
    """Lets a thing count as down only if the peers that look at it see it so as well."""

    peers: Sequence[Peer]
    every: timedelta
    failing: dict[Key, datetime] = field(default_factory=dict)

    def weigh(self, seen: Seen, now: datetime) -> Seen | None:
        """Return what a look counts as: itself, unknown if a peer sees it well, None while a peer has yet to look."""
        key = (seen.thing, seen.probe)
        if seen.what.status is not Status.DOWN:
            self.failing.pop(key, None)
            return seen
        began = self.failing.setdefault(key, seen.at)
        others = [one.looks[key] for one in self.peers if self._is_awake(one, now) and key in one.looks]
        fresh = [status for status, at in others if at >= began]
        if any(status is Status.OK for status in fresh):
            what = Observation(Status.UNKNOWN, f"{seen.what.what}; a peer sees it well", seen.what.evidence)
            return replace(seen, what=what)
        if len(fresh) == len(others) or now - began > self.every * PATIENCE:
            return seen
        return None

    def _is_awake(self, peer: Peer, now: datetime) -> bool:
        return peer.answered is not None and now - peer.answered <= 2 * self.every

    @property
    def is_in_doubt(self) -> bool:
        """Whether something fails here that a peer may see otherwise."""
        return bool(self.failing)


async def ask_peers(peers: Sequence[Peer], net: VantageNet, now: datetime) -> list[tuple[Peer, Observation]]:
    """Return what each peer answers, all asked at once."""
    said = await asyncio.gather(*(one.ask(net, now) for one in peers))
    return list(zip(peers, said, strict=True))
