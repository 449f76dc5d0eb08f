"""A copy of a database file, for readers who cannot read it where it lies.

SQLite cannot read a WAL database where it can neither find nor make the shared-memory file beside it: in a folder of
somebody else, on a full disk (https://www.sqlite.org/wal.html#readonly). A copy together with its log is what a crash
would have left, and SQLite reads that.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from kedge.errors import EvidenceError

_PARTS = ("", "-wal", "-journal")
_TRIES = 5


def copy_at_rest(path: Path, folder: Path) -> Path:
    """Return a copy in `folder`, taken while nobody wrote; raises OSError, or EvidenceError if writing never stops."""
    for _ in range(_TRIES):
        before = _look(path)
        for part in _PARTS:
            (folder / f"copy{part}").unlink(missing_ok=True)
            if before[part]:
                _copy(f"{path}{part}", folder / f"copy{part}")
        if _look(path) == before:
            return folder / "copy"
    raise EvidenceError(f"{path} changes faster than it can be read", hint="try again")


def _copy(source: str, target: Path) -> None:
    # By another process: were this one to close the file, it would lose every lock that SQLite holds on it in any
    # thread (https://www.sqlite.org/howtocorrupt.html §2.2).
    if os.path.exists(source) and not os.access(source, os.R_OK):
        raise PermissionError(source)
    done = subprocess.run(["cp", "--", source, str(target)], capture_output=True, check=False)
    if done.returncode and os.path.exists(source):  # else it went away: the next look says so
        raise OSError(0, done.stderr.decode(errors="replace").strip())


def _look(path: Path) -> dict[str, tuple[int, int, int] | None]:
    return {part: _fingerprint(f"{path}{part}") for part in _PARTS}


def _fingerprint(path: str) -> tuple[int, int, int] | None:
    try:
        seen = os.stat(path)
    except FileNotFoundError:
        return None
    return seen.st_ino, seen.st_size, seen.st_mtime_ns
