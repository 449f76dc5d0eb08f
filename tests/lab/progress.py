"""One line per step on standard error, with the time it took."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


class Progress:
    """Prints `[ 12.3s] what (1.2s)` when a step ends; quiet when asked to be."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._begun = time.monotonic()
        self._quiet = quiet
        self._lock = threading.Lock()

    def say(self, text: str) -> None:
        """Print one line, with the seconds since the beginning in front."""
        if self._quiet:
            return
        with self._lock:
            sys.stderr.write(f"[{time.monotonic() - self._begun:6.1f}s] {text}\n")
            sys.stderr.flush()

    @contextmanager
    def step(self, text: str, *, announce: bool = False) -> Iterator[None]:
        """Time what happens inside; announce long steps when they begin, too."""
        begun = time.monotonic()
        if announce:
            self.say(f"{text} …")
        try:
            yield
        except BaseException:
            self.say(f"FAILED: {text} ({time.monotonic() - begun:.1f}s)")
            raise
        self.say(f"{text} ({time.monotonic() - begun:.1f}s)")


def side_by_side(*works: Callable[[], object]) -> None:
    """Do all works at once, wait for all, then raise the first error, if any."""
    if not works:
        return
    with ThreadPoolExecutor(max_workers=len(works)) as pool:
        futures = [pool.submit(work) for work in works]
    for future in futures:
        future.result()
