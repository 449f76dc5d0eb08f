"""What the machine under the lab must have: rights, a kernel, and a few programs, which apt brings."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.errors import LabError, NoGroundError

if TYPE_CHECKING:
    from tests.lab.progress import Progress

TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "ip": "iproute2",
    "nft": "nftables",
    "ping": "iputils-ping",
    "openssl": "openssl",
    "ssh-keygen": "openssh-client",
    "nsenter": "util-linux",
}
"""Program -> the Debian package that brings it."""


def require_ground() -> None:
    """Raise NoGroundError with the reason if this machine cannot carry a lab."""
    if os.geteuid() != 0:
        raise NoGroundError("the lab needs root (namespaces, overlayfs)")
    if not _has_overlay():
        subprocess.run(["modprobe", "-q", "overlay"], check=False)
    if not _has_overlay():
        raise NoGroundError("the kernel has no overlayfs")
    tried = subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "true"], capture_output=True, text=True)
    if tried.returncode:
        raise NoGroundError(f"no namespaces for us here: {tried.stderr.strip()}")


def _has_overlay() -> bool:
    return "overlay" in Path("/proc/filesystems").read_text()


def _has_venv() -> bool:
    return subprocess.run(["/usr/bin/python3", "-c", "import ensurepip"], capture_output=True).returncode == 0


def install_tools(progress: Progress) -> None:
    """Install the programs the lab needs on the machine itself, and say so; nothing if they are there."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = [package for program, package in TOOLS.items() if not shutil.which(program, path=path)]
    if not _has_venv():
        missing.append("python3-venv")
    if not missing:
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with progress.step(f"apt-get install {' '.join(missing)}", announce=True):
        for argv in (
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *missing],
        ):
            done = subprocess.run(argv, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise LabError(f"apt-get install {' '.join(missing)} ended with {done.returncode}: {done.stderr.strip()}")
