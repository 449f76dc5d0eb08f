"""Looks at every target again and again: none waits for another, and none is looked at twice at once."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import random
import resource
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from kedge.app.probing import MOST, PER_PLACE, SPARE_FILES, Look, Sweep
from kedge.app.targets import Target
from kedge.model.observation import Status
from kedge.watch.rounds import Rounds

Key = tuple[str, str]
"""Thing and probe."""
FILES = 65536
SOON_S, PER_SECOND = 10.0, 100
"""What is new is looked at within so many seconds, but so many at most in each."""
RARE_RETRY = 20
"""A probe that looks seldom looks so many times as often while it fails."""


@dataclass(frozen=True)
class Rhythm:
    """How often: each thing `every`, give or take `jitter`; much sooner after a look that has to be confirmed."""

    every: timedelta = timedelta(seconds=60)
    jitter: float = 0.1

    @property
    def retry(self) -> timedelta:
        """How soon to look again at what the last look does not confirm."""
        return self.every / 12

    @property
    def beat(self) -> timedelta:
        """How often what was seen is taken to heart."""
        return min(timedelta(seconds=1), self.every / 20)


def allow_files() -> int:
    """Return how many looks may be under way, after having asked the system for as many files as it gives."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES if hard == resource.RLIM_INFINITY else min(hard, FILES)
    if most > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return max(8, min(MOST, (max(most, soft) - SPARE_FILES) // 2))


@dataclass
class Lookout:
    """Keeps looking for as long as it runs, and tells of each look."""

    sweep: Sweep
    rhythm: Rhythm
    told: Callable[[Target, Look], None]
    is_settled: Callable[[Key], bool] = lambda key: True
    """Whether the last looks confirm what is held; if not, the next one comes soon."""
    chance: random.Random = field(default_factory=random.Random)
    targets: Mapping[Key, Target] = field(default_factory=dict)
    started: dict[Key, float] = field(default_factory=dict)
    due: dict[Key, float] = field(default_factory=dict)
    busy: set[Key] = field(default_factory=set)
    rounds: Rounds[Key] = field(default_factory=Rounds)
    """Those of what is looked at in each; not of what is looked at more seldom."""
    late_s: float = 0.0
    """How much later than it was due the last look began."""

    def __post_init__(self) -> None:
        self._heap: list[tuple[float, Key]] = []
        self._changed = asyncio.Event()
        self._again: set[Key] = set()
        self.rounds.least = self.rhythm.every * (1 - self.rhythm.jitter)
        self._tasks: set[asyncio.Task[None]] = set()
        self._places: defaultdict[tuple[str, int], asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(PER_PLACE)
        )

    def watch(self, targets: Mapping[Key, Target]) -> None:
        """Look at these from now on: at what is new soon, spread so that it is no storm; at the rest as planned."""
        now = _now()
        new = [key for key in targets if key not in self.targets]
        spread = min(self.rhythm.every.total_seconds(), max(SOON_S, len(new) / PER_SECOND))
        for key in new:
            self._plan(key, now + self.chance.random() * spread)
        for key in self.targets.keys() - targets.keys():
            self.due.pop(key, None)
        self.targets = targets
        self.rounds.keep_only([key for key, target in targets.items() if _every(target) <= self.rhythm.every])

    def want(self, things: Collection[str]) -> None:
        """Look at these things as soon as may be."""
        now, retry = _now(), self.rhythm.retry.total_seconds()
        for key in self.targets:
            if key[0] in things and key not in self.busy:
                soon = max(now, self.started.get(key, now - retry) + retry)
                if soon < self.due.get(key, 0):
                    self._plan(key, soon)

    async def once(self) -> None:
        """Look at everything once."""
        for key in list(self.targets):
            self._begin(key)
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def run(self) -> None:
        """Look until cancelled."""
        slots = asyncio.Semaphore(allow_files())
        try:
            while True:
                await self._wait()
                while self._heap and self._heap[0][0] <= _now():
                    at, key = heapq.heappop(self._heap)
                    if self.due.get(key) != at or key in self.busy or key not in self.targets:
                        continue
                    await slots.acquire()
                    self.late_s = _now() - at
                    self._begin(key).add_done_callback(lambda _: slots.release())
                    if self.late_s > 1.0:
                        await asyncio.sleep(0)
        finally:
            for task in self._tasks:
                task.cancel()

    def _begin(self, key: Key) -> asyncio.Task[None]:
        self.busy.add(key)
        self.started[key] = _now()
        self.due.pop(key, None)
        task = asyncio.create_task(self._look(key, self.targets[key]))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _look(self, key: Key, target: Target) -> None:
        dial = target.dial
        async with self._places[(dial.host, dial.port) if dial else (target.thing, 0)]:
            (look,) = await self.sweep.run([target])
        self.busy.discard(key)
        self.told(target, look)
        if key not in self._again or self.rhythm.retry >= self.rounds.least:
            self.rounds.take(key, self.sweep.now())
        if key in self.targets:
            self._plan(key, self._next(key, target, look))

    def _next(self, key: Key, target: Target, look: Look) -> float:
        every = max(self.rhythm.every, _every(target))
        if look.seen.status in (Status.DOWN, Status.DEGRADED) and every > self.rhythm.every:
            every /= RARE_RETRY
        self._again.discard(key)
        if not self.is_settled(key) and every <= self.rhythm.every:
            self._again.add(key)
            return _now() + self.rhythm.retry.total_seconds()
        spread = 1 + self.rhythm.jitter * (2 * self.chance.random() - 1)
        return max(_now(), self.started[key] + every.total_seconds() * spread)

    def _plan(self, key: Key, at: float) -> None:
        self.due[key] = at
        heapq.heappush(self._heap, (at, key))
        self._changed.set()

    async def _wait(self) -> None:
        """Wait until something is due, or planned anew."""
        self._changed.clear()
        pause = self._heap[0][0] - _now() if self._heap else 60.0
        if pause > 0:
            # Not wait_for: in Python 3.11 it swallows a cancellation if both happen at once (gh-86296).
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._changed.wait()


def _every(target: Target) -> timedelta:
    """Return how often a probe itself wants to look; nothing if it does not mind."""
    found: timedelta = getattr(target.probe, "every", timedelta())
    return found


def _now() -> float:
    return asyncio.get_running_loop().time()
