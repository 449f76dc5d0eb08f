"""What long work says while it goes on: one line for each step, on standard error.

Nobody may be listening any more: that must neither stop the work nor hide what came of it.
"""

from __future__ import annotations

import time
from contextlib import suppress

import click

_BEGAN = time.monotonic()


def say_step(line: str) -> None:
    """Print one line with the seconds since kedge was called; nothing if standard error cannot be written."""
    with suppress(OSError, ValueError):
        click.echo(f"[{time.monotonic() - _BEGAN:7.1f}s] {line}", err=True)
