"""How long work shows on a terminal that something happens; on stderr, so that stdout stays data."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

FEW = 4
"""So many names fit on a line."""


@contextmanager
def telling(names: Sequence[str]) -> Iterator[Callable[[str], None]]:
    """Yield what to call with the name of each thing done: a bar on a terminal, nothing elsewhere.

    It names who is waited for, once they are few.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    waiting = Counter(names)
    columns = (TextColumn("looking"), BarColumn(20), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=len(names))

        def done(name: str) -> None:
            waiting.subtract([name])
            progress.update(task, advance=1, description=waited_for([one for one in waiting if waiting[one] > 0]))

        yield done


def waited_for(names: Sequence[str]) -> str:
    """Return who is waited for, as long as that can be read at a glance."""
    return f"waiting for {', '.join(names)}" if 0 < len(names) <= FEW else ""
