"""What a failed call of SQLite means for people: one EvidenceError with a hint for each way it goes wrong.

Codes: https://www.sqlite.org/rescode.html; the lowest byte is the primary code.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

from kedge.errors import EvidenceError

OUTSIDE_REACH = frozenset(
    {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL,
     sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_PERM}
)  # fmt: skip
"""Primary codes of a file that may be sound but cannot be worked on where it lies."""

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED = "move it away and import the last export; `sqlite3 FILE .recover` may still save something"


def primary_code(error: BaseException) -> int:
    """Return SQLite's primary result code; 0 where the driver gave none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def is_busy(error: BaseException) -> bool:
    """Return whether somebody else holds the database, so that waiting can help."""
    return primary_code(error) in _BUSY


def explain(error: BaseException, file: Path) -> EvidenceError:
    """Return what to tell people about a driver's error."""
    code = primary_code(error)
    if code in _BUSY:
        return EvidenceError(
            f"{file} is locked by another process", hint=f"try again; `fuser -v {file}` shows who holds it"
        )
    if code == sqlite3.SQLITE_FULL:
        return EvidenceError(f"{file} cannot grow: the disk is full", hint=f"make room; `df {file.parent}` shows it")
    if code == sqlite3.SQLITE_IOERR:
        return EvidenceError(
            f"{file}: the disk failed ({error})",
            hint="look for a quota, a limit on file sizes (`ulimit -f`), or errors of the disk in the kernel's log",
        )
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return explain_refused(file)
    return explain_damage(error, file)


def explain_refused(file: Path) -> EvidenceError:
    """Return what to say about a file or folder that this user may not use."""
    return EvidenceError(
        f"{file}: permission denied for user {os.geteuid()}",
        hint=f"run as the owner of {file.parent}, or name another file in KEDGE_EVIDENCE",
    )


def explain_os(error: OSError, file: Path) -> EvidenceError:
    """Return what to say about a system call on the file or its folder that failed."""
    if isinstance(error, PermissionError):
        return explain_refused(file)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EvidenceError(f"{file}: {error.strerror}", hint="make room; `df` shows where there is none")
    return EvidenceError(f"{file}: {error.strerror}", hint="name another file in KEDGE_EVIDENCE")


def explain_damage(error: BaseException, file: Path) -> EvidenceError:
    """Return what to say about a file whose content makes no sense."""
    return EvidenceError(f"{file} is damaged ({error})", hint=_DAMAGED)
