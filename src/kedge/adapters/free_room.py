"""What is free where a store lies: asked of this machine, or by sftp(1) of a host that carries it.

A server behind REST, S3 or `borg serve` says nothing of its disk: unknown.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from kedge.adapters.local import LocalShell
from kedge.adapters.login import SSH
from kedge.model.room import Free

LIMIT = timedelta(seconds=30)
ROW = re.compile(rb"^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+\d+%\s*$", re.MULTILINE)
"""What sftp's `df` says: size, used, available for others than root, available for root, in KiB."""


async def free_in_folder(folder: Path, name: str = "") -> Free | None:
    """Return what is free in a folder of this machine; None if it is not there."""
    return await asyncio.to_thread(_free_in_folder, folder, name or str(folder))


def _free_in_folder(folder: Path, name: str) -> Free | None:
    try:
        told = os.statvfs(folder)
        return Free(name, told.f_bavail * told.f_frsize, str(folder.stat().st_dev))
    except OSError:
        return None


async def free_by_sftp(shell: LocalShell, options: Sequence[str], host: str, folder: str, name: str) -> Free | None:
    """Return what is free in a folder behind sftp; None if nobody gets in, or the server cannot tell (not OpenSSH's).

    Who may do nothing but sftp may ask this (statvfs@openssh.com).
    """
    quoted = folder.replace("\\", "\\\\").replace('"', '\\"')
    batch = f'-df "{quoted}"\n'.encode()
    ended = await shell.run(("sftp", "-q", "-b", "-", *options, "--", host), stdin=batch, limit=LIMIT)
    found = ROW.search(ended.stdout) if ended.code == 0 else None
    return Free(name, int(found[3]) * 1024) if found else None


OPTIONS = SSH[2:]
"""What makes sftp(1) ask nobody and give up on a host that is silent, as every login of kedge's does."""
