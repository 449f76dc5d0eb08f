"""Where the `kedge` command begins: before the slow imports, ^C is already a word and an exit code."""

from __future__ import annotations

import os
import signal
from types import FrameType


def main() -> None:
    """Run the command line and exit; what comes before this is Python's own."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    from kedge.cli.main import main as command_line

    command_line()


def hear_interrupts() -> None:
    """From now on ^C is KeyboardInterrupt, as the running command expects; unless ^C was never ours to hear."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def end_at_interrupts() -> None:
    """From now on ^C ends the process at once: nothing is left that it could interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def _leave(_number: int, _frame: FrameType | None) -> None:
    os.write(2, b"interrupted\n")
    os._exit(130)
