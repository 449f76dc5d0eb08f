"""One run at a time for one purpose: a kernel lock (flock(2)) on a file, shared with every child that inherits it.

The kernel lets go of it when the last holder has ended, however that came; so no lock is ever stale.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kedge.errors import OutsideError, Refused


@contextmanager
def hold(folder: Path, name: str) -> Iterator[int]:
    """Yield the descriptor of a lock that is held; raises Refused, with the holder, if another one holds it."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        number = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as failure:
        raise OutsideError(
            f"the lock {name} cannot be taken in {folder}: {os.strerror(failure.errno or 0)}"
        ) from failure
    try:
        _take(number, name)
        yield number
    finally:
        os.close(number)


def _take(number: int, name: str) -> None:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(number, 64, 0).decode(errors="replace").strip()
        raise Refused(f"{name} is under way already (process {holder})", hint="wait for it: kedge runs") from None
    os.ftruncate(number, 0)
    os.pwrite(number, f"{os.getpid()}\n".encode(), 0)
