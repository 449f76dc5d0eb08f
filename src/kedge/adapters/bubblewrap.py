"""bubblewrap (bwrap(1)): a sandbox of namespaces, for root and for ordinary users alike.

Inside: the host's programs, read-only; else an empty disk, so that what is restored lies where its configuration
expects it; a private /tmp; a network that ends at its own loopback; no capabilities; one uid, so that nothing can
change user. Run by root, it is nobody's, since the kernel neither limits nor distrusts root enough, and has a range of
users of its own, none of whom is anybody outside: there, what has to change users (Postfix) can be started as `root`.
Commands enter by nsenter(1). Everything dies with the sandbox's first process, and that with kedge: by a pipe that
only kedge holds open, and by PR_SET_PDEATHSIG where there is only one user.
Not limited: the space used on that disk (a folder of the host), and memory as a sum: RLIMIT_AS is per process.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path, PurePosixPath

from kedge.adapters.local import LocalShell, connect_socket
from kedge.adapters.sandbox_folder import hand_over
from kedge.adapters.sandbox_users import (
    CLOSE_LIMIT_S,
    ENV,
    FIRST_USER,
    NOBODY,
    UID,
    close,
    demoted,
    is_root,
    limited,
    open_users,
    system_users,
)  # fmt: skip
from kedge.errors import OutsideError
from kedge.model.ports import Address, Site

ROOT = PurePosixPath("/drill")
OPEN_LIMIT_S = 20.0
HINT = "install bubblewrap; the kernel must allow user namespaces (sysctl user.max_user_namespaces)"
PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SETTINGS = (
    "/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime",
    "/etc/mime.types", "/etc/services", "/etc/protocols", "/etc/ssl/certs", "/etc/os-release",
    "/etc/php",
)  # fmt: skip
"""What programs need of /etc to start at all; everything else there (keys, passwords) stays outside."""
DEVICES = ("null", "zero", "full", "random", "urandom")
OWN_USERS = f"root:x:0:0::/:/bin/sh\nkedge:x:{UID}:{UID}::/tmp:/bin/sh\n"
OWN_GROUPS = f"root:x:0:\nkedge:x:{UID}:\n"
WRITTEN = {
    "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "/etc/resolv.conf": "# nothing to ask\n",  # some programs will not start without it
}

# Runs in the sandbox's network namespace only, with our own interpreter and file system. A socket belongs to the
# namespace in which it is made, so making it is all that has to happen there; it is connected and used by us.
DOOR = """
import socket
door = socket.socket(fileno=0)
while family := door.recv(16):
    try:
        with socket.socket(int(family), socket.SOCK_STREAM) as made:
            socket.send_fds(door, [b"0"], [made.fileno()])
    except OSError as failure:
        door.send(str(failure.errno).encode())
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process in a sandbox may use: address space, processes of its user, size of one file, open files."""

    memory_bytes: int = 8 * 2**30
    processes: int = 1024
    file_bytes: int = 1 << 40
    open_files: int = 8192
    tmp_bytes: int = 2**30

    def command(self) -> tuple[str, ...]:
        """Return the prlimit(1) prefix; limits are inherited."""
        return (
            "prlimit", f"--as={self.memory_bytes}", f"--nproc={self.processes}", f"--fsize={self.file_bytes}",
            f"--nofile={self.open_files}", "--core=0",
        )  # fmt: skip


@dataclass(frozen=True)
class SandboxNet:
    """Connects inside the sandbox, by sockets made there and handed out (SCM_RIGHTS)."""

    door: socket.socket
    pid: int
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def connect(self, to: Address, *, limit: timedelta) -> socket.socket:
        """Return a connected socket; raises OutsideError for a name, since there is nothing to resolve it."""
        async with asyncio.timeout(limit.total_seconds()):
            if to.host.startswith("/"):
                return await connect_socket(socket.socket(socket.AF_UNIX), f"/proc/{self.pid}/root{to.host}")
            try:
                host = ipaddress.ip_address("127.0.0.1" if to.host == "localhost" else to.host)
            except ValueError:
                raise OutsideError(f"a sandbox resolves no names: {to.host}") from None
            async with self._turn:
                family = socket.AF_INET if host.version == 4 else socket.AF_INET6
                made = await asyncio.to_thread(self._make, family)
            return await connect_socket(made, (str(host), to.port))

    def _make(self, family: socket.AddressFamily) -> socket.socket:
        try:
            self.door.send(str(int(family)).encode())
            answer, sockets, _, _ = socket.recv_fds(self.door, 16, 1)
        except OSError as failure:
            raise OutsideError("the sandbox is gone") from failure
        if not sockets:
            number = int(answer or 0)
            raise OutsideError(f"no socket in the sandbox: {os.strerror(number) if number else 'it is gone'}")
        return socket.socket(fileno=sockets[0])


@dataclass(frozen=True)
class SandboxSite:
    """An open sandbox, in a folder of a user outside; `root` runs commands as its root, where it has more users."""

    shell: LocalShell
    net: SandboxNet
    folder: Path
    owner: int | None = None
    root: LocalShell | None = None

    async def take(self, here: Path, there: PurePosixPath) -> None:
        """Have every file below a folder of this machine, without copying it; raises OutsideError."""
        await asyncio.to_thread(hand_over, here, self.folder, there, self.owner)


@dataclass(frozen=True)
class Bubblewrap:
    """Opens sandboxes. `scratch` is where their folders lie, and others may pass; `readable` is further shown.

    `programs` is the root whose programs are shown: this machine's, or a folder that holds another system.
    """

    scratch: Path | None = None
    readable: tuple[str, ...] = ()
    limits: Limits = Limits()
    root: PurePosixPath = ROOT
    programs: Path = Path("/")

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Site]:
        """Open a sandbox; raises OutsideError if this machine cannot have one."""
        folder = Path(tempfile.mkdtemp(prefix="kedge-sandbox-", dir=self.scratch))
        try:
            async with AsyncExitStack() as stack:
                users = await stack.enter_async_context(open_users())
                owner = _owner(users)
                if owner is not None:
                    os.chown(folder, owner, owner)
                pid = await stack.enter_async_context(self._namespaces(folder, users))
                door = await stack.enter_async_context(_door(pid))
                shell = self._shell(_enter(pid, None if users is None else UID))
                root = None if users is None else self._shell((*_enter(pid, 0), *limited()))
                yield SandboxSite(shell, SandboxNet(door, pid), folder, owner, root)
        finally:
            await asyncio.to_thread(_remove, folder)

    def _shell(self, enter: Sequence[str]) -> LocalShell:
        return LocalShell(hop=lambda argv: (*demoted(), *self.limits.command(), *enter, *argv), env=ENV)

    def command(self, folder: Path, options: Sequence[str] = (), users: int | None = None) -> list[str]:
        """Return the bwrap command line; its first process tells that it runs, then waits for the end of its input."""
        # Joining users costs PR_SET_PDEATHSIG; but with the first process of a sandbox the kernel ends all others.
        joined = ("--unshare-user",) if users is None else ("--userns", str(users), "--as-pid-1")
        argv = ["bwrap", *joined, "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
        argv += ["--unshare-cgroup-try", "--die-with-parent", "--new-session", "--hostname", "sandbox"]
        argv += ["--uid", str(UID), "--gid", str(UID), "--bind", str(folder), "/", "--dir", str(self.root)]
        argv += ["--proc", "/proc", "--tmpfs", "/dev"]
        # Not --dev: with it bwrap nests a second user namespace, which an ordinary user could not enter again.
        for device in DEVICES:
            argv += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
        argv += ["--symlink", "/proc/self/fd", "/dev/fd"]
        for path in ("/dev/shm", "/run", "/tmp"):
            argv += ["--size", str(self.limits.tmp_bytes), "--tmpfs", path]
        for path in (*PROGRAMS, *SETTINGS, *self.readable):
            argv += _show(path, self.programs)
        waiting = ("sh", "-c", "echo ready; exec cat")
        return [*argv, *options, "--remount-ro", "/dev", "--chdir", "/", "--", *waiting]

    @asynccontextmanager
    async def _namespaces(self, folder: Path, users: int | None) -> AsyncIterator[int]:
        """Yield the pid of the sandbox's first process, as seen from here."""
        with contextlib.ExitStack() as files:
            told, tell = (
                files.enter_context(os.fdopen(end, mode)) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True)
            )
            texts = {**WRITTEN, **self._known_users(is_ranged=users is not None)}
            written = {path: files.enter_context(_piped(text)) for path, text in texts.items()}
            options = ["--info-fd", str(tell.fileno())]
            for path, number in written.items():
                options += ["--ro-bind-data", str(number), path]
            inherited = (tell.fileno(), *written.values(), *(() if users is None else (users,)))
            process = await self._spawn(self.command(folder, options, users), inherited)
            tell.close()
            try:
                await _wait_ready(process)
                yield int(json.load(told)["child-pid"])
            finally:
                await close(process)

    def _known_users(self, *, is_ranged: bool) -> dict[str, str]:
        """Return the files of users and groups: its own and nobody; in a range, those that its programs run as."""
        users, groups = OWN_USERS, OWN_GROUPS
        if is_ranged:
            users += system_users(self.programs / "etc/passwd")
            groups += system_users(self.programs / "etc/group")
        nobody = f"nobody:x:{NOBODY}:{NOBODY}::/:/bin/false\n"
        return {"/etc/passwd": users + nobody, "/etc/group": f"{groups}nogroup:x:{NOBODY}:\n"}

    async def _spawn(self, argv: Sequence[str], fds: Sequence[int]) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                *(*demoted(), *self.limits.command(), *argv),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=fds,
                start_new_session=True,
                env=ENV,
            )
        except OSError as failure:
            raise OutsideError(f"bwrap could not be run: {failure.strerror}", hint=HINT) from failure


def _owner(users: int | None) -> int | None:
    """Return the user outside who is the sandbox's own; None if that is who runs kedge."""
    if not is_root():
        return None
    return NOBODY if users is None else FIRST_USER + UID


def _show(path: str, programs: Path) -> tuple[str, ...]:
    """Return the options that show a path of the root with the programs, read-only; none if it does not exist."""
    source = str(programs / path.lstrip("/"))
    if os.path.islink(source) and path.count("/") == 1:
        return ("--symlink", os.readlink(source), path)
    return ("--ro-bind", source, path) if os.path.exists(source) else ()


@contextlib.contextmanager
def _piped(text: str) -> Iterator[int]:
    """Yield a descriptor from which a short text can be read once."""
    reading, writing = os.pipe()
    try:
        os.write(writing, text.encode())
        os.close(writing)
        yield reading
    finally:
        os.close(reading)


async def _wait_ready(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(OPEN_LIMIT_S):
            if await process.stdout.readline() == b"ready\n":
                return
            said = (await process.stderr.read(4096)).decode(errors="replace").strip()
    except TimeoutError:
        said = f"not ready after {OPEN_LIMIT_S:.0f} s"
    raise OutsideError(f"no sandbox: {said or 'bwrap said nothing'}", hint=HINT)


def _enter(pid: int, uid: int | None) -> tuple[str, ...]:
    """Return the nsenter(1) prefix. By the time the command runs, it has no capability, unless its uid is 0."""
    namespaces = ("--user", "--mount", "--pid", "--net", "--ipc", "--uts")
    who = ("--preserve-credentials",) if uid is None else (f"--setuid={uid}", f"--setgid={uid}")
    return ("setpriv", "--no-new-privs", "nsenter", f"--target={pid}", *namespaces, *who, "--")


@asynccontextmanager
async def _door(pid: int) -> AsyncIterator[socket.socket]:
    """Yield the socket through which sockets made in the sandbox's network are handed out."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.settimeout(OPEN_LIMIT_S)
        enter = ("nsenter", f"--target={pid}", "--user", "--preserve-credentials", "--net", "--")
        process = await asyncio.create_subprocess_exec(
            *enter, sys.executable, "-I", "-S", "-c", DOOR, stdin=theirs.fileno(), start_new_session=True, env=ENV
        )
        theirs.close()
        try:
            yield ours
        finally:
            ours.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_LIMIT_S):
                    await process.wait()
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _remove(folder: Path) -> None:
    """Remove the sandbox's folder, including folders that a restored copy made read-only."""
    for path, names, _ in os.walk(folder):
        for name in names:  # before os.walk looks into them
            with contextlib.suppress(OSError):
                os.chmod(os.path.join(path, name), 0o700)
    shutil.rmtree(folder)
