"""An event loop whose clock only runs while everybody waits: what a busy machine does to a test does not show in it.

A fake server and the probe that looks at it share one loop. Their limits count the time in which neither has anything
to do, so a healthy fake is never too slow, and a silent one costs a test next to nothing.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")
GRACE_S = 0.1
"""So long the kernel may take to bring bytes from one end of a socket to the other; after that nobody is talking."""


class IdleLoop(asyncio.SelectorEventLoop):
    """Takes time as it is only while threads or child processes work, which it cannot see."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.unseen = 0
        super().__init__(_Waiting(self))

    def time(self) -> float:
        """Return the loop's own time; asking takes a moment, too."""
        self.now += 1e-6
        return self.now

    def run_in_executor(self, *words: Any) -> asyncio.Future[Any]:
        """Run a function in a thread, while time passes."""
        self.unseen += 1
        done = super().run_in_executor(*words)
        done.add_done_callback(self._seen)
        return done

    def _seen(self, _: object) -> None:
        self.unseen -= 1

    async def subprocess_exec(self, *words: Any, **more: Any) -> Any:
        """Start a child process; time passes from now on."""
        self.unseen += 1
        return await super().subprocess_exec(*words, **more)


class _Waiting(selectors.DefaultSelector):  # type: ignore[misc,valid-type]
    """Waits for sockets, and for time where there is nothing else to wait for."""

    def __init__(self, loop: IdleLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        """Return what is ready; the time that was asked for has passed if nothing is."""
        if timeout is None or timeout <= 0 or self._loop.unseen:
            began = time.monotonic()
            ready = super().select(timeout)
            self._loop.now += time.monotonic() - began if self._loop.unseen else 0.0
            return ready
        ready = super().select(min(timeout, GRACE_S))
        self._loop.now += 0.0 if ready else timeout
        return ready


def run_idle(work: Coroutine[Any, Any, Result]) -> Result:
    """Return what a coroutine came to, in a loop of its own."""
    with asyncio.Runner(loop_factory=IdleLoop) as runner:
        return runner.run(work)
