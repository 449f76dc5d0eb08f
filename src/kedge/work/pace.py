"""How far the step that is under way is: bytes made so far, their rate, and what is left by the last run like it."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, runtime_checkable

from kedge.errors import OutsideError
from kedge.model.ports import Run

EVERY_S = 1.0
CALM = 20
"""So many times as long as it took to look is waited for the next look."""
RECENT_S = 15.0
"""The rate is that of so many seconds, since a dump and its copy differ."""
NO_TIME = timedelta(0)


@dataclass(frozen=True, slots=True)
class Pace:
    """How far a step is; `left` is what the whole run still takes by the last one like it, None if there was none."""

    step: str
    elapsed: timedelta
    size_bytes: int | None = None
    rate_bytes: float | None = None
    """In a second."""
    left: timedelta | None = None


@runtime_checkable
class Display(Protocol):
    """Somebody at a terminal, who is told more than lines."""

    def show(self, pace: Pace | None) -> None:
        """Show how far a step is; None when it has ended."""
        ...


@runtime_checkable
class Growing(Protocol):
    """A step that makes something whose size tells how far it is."""

    async def grown(self) -> int | None:
        """Return how many bytes it has made so far; None if that cannot be told now."""
        ...


@dataclass(frozen=True)
class Past:
    """How long each step took in the last run like this one, in its order."""

    steps: Mapping[str, timedelta]

    def left(self, step: str, elapsed: timedelta) -> timedelta | None:
        """Return how long a run still takes whose step began so long ago; None if this step is new."""
        if step not in self.steps:
            return None
        names = list(self.steps)
        after = sum((self.steps[name] for name in names[names.index(step) + 1 :]), NO_TIME)
        return max(self.steps[step] - elapsed, NO_TIME) + after


def read_past(runs: Sequence[Run], plan: str) -> Past:
    """Return how long the steps of the newest run took that ended well and was for the same; `runs` the newest last."""
    for run in reversed(runs):
        if run.state == "done" and _purpose(run.plan) == _purpose(plan):
            took = {step.name: step.ended - step.started for step in run.steps if step.ended and step.started}
            return Past(took)
    return Past({})


def _purpose(plan: str) -> tuple[str, str]:
    with suppress(ValueError, KeyError, TypeError):
        read = json.loads(plan)
        return str(read["verb"]), str(read["service"])
    return "", ""


@asynccontextmanager
async def showing(
    display: Display, deed: object, name: str, past: Past, every_s: float = EVERY_S
) -> AsyncIterator[None]:
    """Show how far a step is for as long as the context lasts."""
    task = asyncio.create_task(_follow(display.show, deed, name, past, every_s))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        display.show(None)


async def _follow(show: Callable[[Pace | None], None], deed: object, name: str, past: Past, every_s: float) -> None:
    began, seen = time.monotonic(), deque[tuple[float, int]]()
    while True:
        looked = time.monotonic()
        size = await _size(deed)
        now = time.monotonic()
        if size is not None:
            seen.append((now, size))
        elapsed = timedelta(seconds=now - began)
        show(Pace(name, elapsed, size, _rate(seen), past.left(name, elapsed)))
        await asyncio.sleep(max(every_s, CALM * (now - looked)))


async def _size(deed: object) -> int | None:
    if not isinstance(deed, Growing):
        return None
    try:
        return await deed.grown()
    except (OutsideError, OSError):
        return None


def _rate(seen: deque[tuple[float, int]]) -> float | None:
    """Return the bytes a second lately; None before two looks, and while nothing grows."""
    while len(seen) > 2 and seen[-1][0] - seen[0][0] > RECENT_S:
        seen.popleft()
    if len(seen) < 2 or seen[-1][1] <= seen[0][1]:
        return None
    return (seen[-1][1] - seen[0][1]) / (seen[-1][0] - seen[0][0])
