"""What long work says while it goes on: one line for each step, on standard error."""

from __future__ import annotations

import time

import click

_BEGAN = time.monotonic()


def say_step(line: str) -> None:
    """Print one line with the seconds since kedge was called."""
    click.echo(f"[{time.monotonic() - _BEGAN:7.1f}s] {line}", err=True)
