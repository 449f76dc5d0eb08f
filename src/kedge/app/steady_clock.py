"""A clock for what may wait long: clocks are set back, and what follows from their time must not be."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime


class SteadyClock:
    """Time that neither runs backwards nor stands still: a clock set back is caught up with, 10 % slower."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._steady = wall, steady
        self._last, self._at = wall(), steady()

    def now(self) -> datetime:
        """Return the present moment."""
        at = self._steady()
        self._last, self._at = max(self._wall(), self._last + 0.9 * (at - self._at)), at
        return datetime.fromtimestamp(self._last, UTC)
