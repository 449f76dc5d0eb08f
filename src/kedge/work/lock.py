"""One run at a time for one purpose: a kernel lock (flock(2)) on a file, shared with every child that inherits it.

The kernel lets go of it when the last holder has ended, however that came; so no lock is ever stale.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kedge.errors import OutsideError, Refused

RETRY_S = 0.1


@contextmanager
def hold(folder: Path, name: str, *, patience_s: float = 0) -> Iterator[int]:
    """Yield the descriptor of a lock that is held; raises Refused, with the holder, if another one keeps it."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        number = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as failure:
        raise OutsideError(
            f"the lock {name} cannot be taken in {folder}: {os.strerror(failure.errno or 0)}"
        ) from failure
    try:
        _take(number, name, time.monotonic() + patience_s)
        yield number
    finally:
        os.close(number)


def _take(number: int, name: str, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() >= deadline:
                holder = os.pread(number, 64, 0).decode(errors="replace").strip()
                hint = f"wait for it, or for what process {holder} left running: kedge runs"
                raise Refused(f"{name} is under way already (process {holder})", hint=hint) from None
            time.sleep(RETRY_S)
    os.ftruncate(number, 0)
    os.pwrite(number, f"{os.getpid()}\n".encode(), 0)
