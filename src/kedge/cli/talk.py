"""What long work says while it goes on: one line for each step, on standard error.

On a terminal a last line lives: how far the step is, how fast, and what is left by the last time. Nobody may be
listening any more: that must neither stop the work nor hide what came of it.
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from kedge.model.quantity import format_duration, format_size

if TYPE_CHECKING:
    from rich.status import Status

    from kedge.work.pace import Pace

_BEGAN = time.monotonic()
A_SECOND = timedelta(seconds=1)


class Lines:
    """Says lines with the seconds since kedge was called; nothing if standard error cannot be written."""

    def __call__(self, line: str) -> None:
        """Print one line."""
        with suppress(OSError, ValueError):
            click.echo(f"[{time.monotonic() - _BEGAN:7.1f}s] {line}", err=True)


class Live(Lines):
    """Says lines on a terminal, and shows beneath them how far the step under way is."""

    def __init__(self) -> None:
        self._status: Status | None = None

    def __call__(self, line: str) -> None:
        """Print one line above the one that lives."""
        status, self._status = self._status, None
        if status:
            status.stop()
        super().__call__(line)
        if status:
            status.start()
            self._status = status

    def show(self, pace: Pace | None) -> None:
        """Show how far a step is; None takes the line away."""
        if pace is None:
            if self._status:
                self._status.stop()
            self._status = None
        elif self._status:
            self._status.update(describe(pace))
        else:
            from rich.console import Console

            self._status = Console(stderr=True).status(describe(pace))
            self._status.start()


def describe(pace: Pace) -> str:
    """Return how far a step is, for people: `dump database · 412 MB · 38.1 MB/s · 11 s · about 18 s left`."""
    words = [pace.step.replace("[", "\\[")]
    if pace.size_bytes:
        words.append(format_size(pace.size_bytes))
    if pace.rate_bytes:
        words.append(f"{format_size(pace.rate_bytes)}/s")
    words.append(format_duration(pace.elapsed) if pace.elapsed >= A_SECOND else "begun")
    if pace.left:
        words.append(f"about {format_duration(max(pace.left, A_SECOND))} left")
    elif pace.left is not None and pace.elapsed >= A_SECOND:
        words.append("longer than last time")
    return " · ".join(words)


say_step = Live() if sys.stderr is not None and sys.stderr.isatty() else Lines()
