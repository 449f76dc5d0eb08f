"""Small disks: file systems of their own on which room runs out."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kedge.adapters.local import LocalShell
from kedge.adapters.login import LoginNet, LoginShell, LoginSite


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Yield the folder, with a file system of its own in it; skips the test where nothing may be mounted."""
    folder.mkdir(exist_ok=True)
    mount = ("mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder))
    if os.geteuid() or subprocess.run(mount, check=False).returncode:
        pytest.skip("may not mount here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def host_with_small_spool(size: str) -> Iterator[LoginSite]:
    """Yield a host, which is this machine but for a small /var/tmp."""
    script = f"mount -t tmpfs -o size={size},mode=1777 none /var/tmp && echo ready && exec cat"
    unshared = ("unshare", "--mount", "--propagation", "private", "sh", "-c", script)
    with subprocess.Popen(unshared, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as apart:
        assert apart.stdout
        if apart.stdout.readline() != "ready\n":
            pytest.skip("may not mount here")
        enter = ("nsenter", f"--mount=/proc/{apart.pid}/ns/mnt", "--")
        shell = LoginShell((lambda argv: (*enter, *argv),), LocalShell())
        yield LoginSite(shell, LoginNet(shell))
