"""Starts the watch as a process: its log, its lock, its signals."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from kedge.app.lookout import Rhythm
from kedge.app.opening import Opened
from kedge.app.probing import choose_vantage
from kedge.app.watching import Company, Watch
from kedge.app.workshop import Workshop
from kedge.errors import OutsideError, UsageError
from kedge.model.quantity import format_duration, parse_duration

T = TypeVar("T")
SHORTEST = timedelta(seconds=1)


@dataclass(frozen=True)
class Running:
    """How the watch was asked to run."""

    every: str = "60s"
    vantage: str = ""
    company: Company = field(default_factory=Company)
    is_once: bool = False


def keep_watch(opened: Opened, running: Running) -> int:
    """Watch until SIGTERM or ^C, or once; return the exit code. Raises Refused if somebody else watches already."""
    workshop, rhythm = Workshop.open(opened), Rhythm(_every(running.every))
    vantage = choose_vantage(opened.inventory, running.vantage)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    with contextlib.ExitStack() as stack:
        workshop = _hold(stack, workshop.locked(f"watch-{vantage}")) or workshop
        _hold(stack, workshop.database.held(f"watch-{vantage}"))
        watch = Watch(workshop, vantage, rhythm, running.company)
        return asyncio.run(_once(watch) if running.is_once else _always(watch))


def _hold(stack: contextlib.ExitStack, lock: AbstractContextManager[T]) -> T | None:
    """Return what a lock yields; None on a full disk, without the server: better two watches than none."""
    try:
        return stack.enter_context(lock)
    except OutsideError as failure:
        logging.getLogger(__name__).error("%s", failure.message)
        return None


def _every(text: str) -> timedelta:
    try:
        every = parse_duration(text)
    except ValueError as cause:
        raise UsageError(f"--every: {cause}") from cause
    if every < SHORTEST:
        raise UsageError("--every: a second is the shortest")
    return every


async def _always(watch: Watch) -> int:
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(watch.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    looks, every = len(watch.scene.targets), format_duration(watch.rhythm.every)
    logging.getLogger(__name__).info("watching from %s: %d looks every %s", watch.vantage, looks, every)
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return 0


async def _once(watch: Watch) -> int:
    await watch.once()
    return int(any(one.is_bad for one in watch.state.standings.values()))
