"""Linux namespaces and mounts, straight from the C library (Python 3.11 has neither)."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

NEW_MOUNTS, NEW_NAMES, NEW_IPC = 0x00020000, 0x04000000, 0x08000000
NEW_PIDS, NEW_NET = 0x20000000, 0x40000000
BIND, RECURSIVE, PRIVATE, READ_ONLY, LAZY = 0x1000, 0x4000, 1 << 18, 1, 2

_c = ctypes.CDLL(None, use_errno=True)


def _called(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str | Path, target: str | Path, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount (mount(2))."""
    arguments = [os.fsencode(str(text)) for text in (source, target, kind)]
    _called(_c.mount(*arguments, ctypes.c_ulong(flags), os.fsencode(options)), f"mount {source} on {target}")


def unmount(target: str | Path) -> None:
    """Detach the mount point at once; what is still open there stays usable (umount2(2), MNT_DETACH)."""
    _called(_c.umount2(os.fsencode(str(target)), LAZY), f"unmount {target}")


def unshare(namespaces: int) -> None:
    """Leave the shared namespaces named; a new pid namespace takes effect for children (unshare(2))."""
    _called(_c.unshare(namespaces), "unshare")


def enter(file: str | Path, namespace: int) -> None:
    """Enter the namespace behind a file such as /proc/7/ns/pid (setns(2))."""
    opened = os.open(file, os.O_RDONLY)
    try:
        _called(_c.setns(opened, namespace), f"enter {file}")
    finally:
        os.close(opened)


def set_hostname(name: str) -> None:
    """Name this uts namespace (sethostname(2))."""
    encoded = name.encode()
    _called(_c.sethostname(encoded, ctypes.c_size_t(len(encoded))), "sethostname")


def change_root(new: str | Path) -> None:
    """Make the folder the root of this mount namespace and forget the old one (pivot_root(2), its section NOTES)."""
    os.chdir(new)
    _called(_c.pivot_root(b".", b"."), f"pivot_root to {new}")
    unmount(".")
    os.chdir("/")
