"""The users of a sandbox: one, or a range of them that nobody else has (user_namespaces(7)).

The kernel neither limits nor distrusts root enough: what root would run is run by nobody, and only the users are given
by root.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

UID = 1000
NOBODY = 65534
USERS = 65536
FIRST_USER = 0x7000_0000
"""Where the users of a sandbox begin, as seen from outside: above what systemd gives to containers (UIDS-GIDS.md)."""
CLOSE_LIMIT_S = 5.0
ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/tmp", "TMPDIR": "/tmp"}
POWERS = ("chown", "dac_override", "fowner", "fsetid", "kill", "setgid", "setuid", "net_bind_service", "sys_chroot")
"""What the root of a sandbox may do of capabilities(7): what a server needs to start its parts as other users."""


def is_root() -> bool:
    """Return whether root runs kedge."""
    return os.geteuid() == 0


def demoted() -> tuple[str, ...]:
    """Return the setpriv(1) prefix that makes an ordinary user of root."""
    if not is_root():
        return ()
    return ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


def limited() -> tuple[str, ...]:
    """Return the setpriv(1) prefix that leaves the sandbox's root no more than a server needs."""
    return ("setpriv", "--bounding-set", ",".join(("-all", *(f"+{power}" for power in POWERS))), "--")


@asynccontextmanager
async def open_users() -> AsyncIterator[int | None]:
    """Yield a user namespace with a range of users, as a descriptor; None where only one user is to be had.

    It belongs to the user nobody, as whom it is entered; only root can give it more than one user (user_namespaces(7)).
    """
    if not is_root():
        yield None
        return
    unshared = (*demoted(), "unshare", "--user", "--", "sh", "-c", "echo ready; exec cat")
    try:
        process = await asyncio.create_subprocess_exec(
            *unshared, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL, start_new_session=True, env=ENV,
        )  # fmt: skip
    except OSError:
        yield None
        return
    assert process.stdout is not None
    try:
        is_ready = await process.stdout.readline() == b"ready\n"
        with _range_of(process.pid) if is_ready else contextlib.nullcontext() as users:
            yield users
    finally:
        await close(process)


@contextlib.contextmanager
def _range_of(pid: int) -> Iterator[int | None]:
    """Yield the user namespace of a process, given a range of users; None if the kernel gives none."""
    namespace = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY)
    try:
        is_given = True
        for name in ("uid_map", "gid_map"):
            try:
                Path(f"/proc/{pid}/{name}").write_text(f"0 {FIRST_USER} {USERS}\n")
            except OSError:  # this machine is itself a container that has no such users
                is_given = False
        yield namespace if is_given else None
    finally:
        os.close(namespace)


def system_users(file: Path) -> str:
    """Return the lines of users or groups that programs run as: without people, and without what is known already."""
    try:
        lines = [line.split(":") for line in file.read_text(errors="replace").splitlines()]
    except OSError:
        return ""
    system = [line for line in lines if len(line) >= 4 and line[2].isdigit() and 0 < int(line[2]) < UID]
    return "".join(":".join([line[0], "x", *line[2:]]) + "\n" for line in system)


async def close(process: asyncio.subprocess.Process) -> None:
    """End the sandbox: its first process sees the end of its input; if that is not enough, by force."""
    assert process.stdin is not None
    process.stdin.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_LIMIT_S):
            await process.wait()
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
