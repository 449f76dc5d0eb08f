"""Hosts behind a login: commands wrapped by hops (ssh, sudo, docker exec, nsenter), run there under a small POSIX stub.

What the stub is for: a limit with a kill on the far side; the end of the connection (its standard input) ends the
command there too, so that nothing runs on unseen when kedge is killed; and the far command's own exit code 255 becomes
121, so that 255 always means that ssh itself failed, which is *unknown*, never *failed*.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shlex
import socket
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import IO

from kedge.adapters.local import COPY_LIMIT, Hop, LocalShell, LocalSite, compare_copy, open_memory, reap
from kedge.errors import OutsideError, UsageError
from kedge.model.ports import Address, Exit, Running, Site

SAID_CHARACTERS = 300
PIPE_BYTES = 65536
SSH_SAFE = frozenset({"-p", "-l", "-i", "-F", "-J"})
SSH = ("ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=15",
       "-o", "ServerAliveCountMax=4")  # fmt: skip
GRACE = timedelta(seconds=30)
HOW = "`local`, or hops one after the other: `ssh kedge@web1.example.org, sudo, docker exec wiki`"

# $1 seconds it may take, $2 bytes of standard input, then the command. What comes after those bytes is the lifeline:
# nothing is ever sent there, and its end means that nobody waits for the answer any more. A shell that dies of a signal
# runs no EXIT trap (dash), and it says that its command was ended to a standard error that may be closed: SIGPIPE. The
# group is ended, not timeout(1) alone, which forgets its child if it is ended just after it has begun.
STUB = """
limit=$1 bytes=$2; shift 2; umask 077
folder=$(mktemp -d "${XDG_RUNTIME_DIR:-/dev/shm}/kedge.XXXXXX" 2>/dev/null || mktemp -d) || exit 120
trap 'rm -rf "$folder"' EXIT
trap 'exit 129' PIPE
head -c "$bytes" > "$folder/in" && [ "$(wc -c < "$folder/in")" -eq "$bytes" ] || exit 120
exec 3<&0
timeout -k 10 "$limit" "$@" 3<&- < "$folder/in" & command=$!
( while read -r _; do :; done; kill -TERM -$command || kill -TERM $command ) <&3 >/dev/null 2>&1 & lifeline=$!
wait $command; code=$?
kill $lifeline 2>/dev/null
[ $code -ne 255 ] || code=121
exit $code
"""

# $1 host, $2 port. Either side's end is the end of both, and of every process of this command.
RELAY = """
command -v bash >/dev/null 2>&1 || { echo no bash; exit 1; }
exec bash -c 'exec 2>/dev/null
exec 3<>"/dev/tcp/$1/$2" || { echo refused; exit 1; }
echo connected
{ cat <&3; kill 0; } &
cat >&3; kill 0' kedge "$1" "$2"
"""


def read_login(text: str) -> tuple[Hop, ...]:
    """Return the hops that a host's `login` names, outermost first; raises UsageError that names the expected form."""
    if text.strip() == "local":
        return ()
    return tuple(_read_hop(words) for part in text.split(",") if (words := shlex.split(part)))


def _read_hop(words: list[str]) -> Hop:
    match words:
        case ["ssh", *rest]:
            return _ssh(rest)
        case ["sudo"]:
            return lambda argv: ("sudo", "-n", "--", *argv)
        case ["sudo", "-u", user]:
            return lambda argv: ("sudo", "-n", "-u", user, "--", *argv)
        case [("docker" | "podman") as program, "exec", container] if not container.startswith("-"):
            return lambda argv: (program, "exec", "-i", container, *argv)
        case ["nsenter", pid] if pid.isdigit():
            return lambda argv: ("nsenter", "--target", pid, "--all", "--", *argv)
    raise UsageError(f"login: '{shlex.join(words)}' is no way into a host", hint=HOW)


def _ssh(words: list[str]) -> Hop:
    """Return the ssh hop: the user's own configuration, agent and jump hosts; host keys are checked as it says."""
    *options, to = words or [""]
    pairs = list(zip(options[::2], options[1::2], strict=False))
    if not to or to.startswith("-") or len(options) % 2 or any(name not in SSH_SAFE for name, _ in pairs):
        allowed = ", ".join(sorted(SSH_SAFE))
        raise UsageError(f"login: 'ssh {shlex.join(words)}' is not understood", hint=f"options: {allowed}; {HOW}")
    return lambda argv: (*SSH, *options, "--", to, shlex.join(argv))


@dataclass(frozen=True)
class LoginShell:
    """Runs commands on a host behind a login."""

    hops: tuple[Hop, ...]
    near: LocalShell = field(default_factory=LocalShell)

    async def run(self, argv: Sequence[str], *, stdin: bytes = b"", limit: timedelta) -> Exit:
        """Run a command there; `code` is None if it was cut off, or if ssh failed and nobody knows what happened."""
        with _lifeline(stdin) as source:
            ended = await self.near.feed(self._wrapped(argv, len(stdin), limit), source, limit + GRACE)
        return _told(argv[0], ended, limit)

    @asynccontextmanager
    async def start(self, argv: Sequence[str]) -> AsyncIterator[Running]:
        """Not offered: programs are started in sandboxes, and those are on kedge's own machine so far."""
        raise OutsideError(f"{argv[0]} cannot be kept running behind a login")
        yield

    async def spawn(self, argv: Sequence[str], both: socket.socket, complaints: IO[bytes]) -> Process:
        """Run a command there for as long as somebody holds the other end of its standard input and output."""
        try:
            return await self.near.spawn(self._hopped(argv), both.fileno(), both.fileno(), complaints)
        except OSError as failure:
            raise OutsideError(f"{argv[0]} could not be run: {failure.strerror}") from failure

    async def put(self, source: Path, target: PurePosixPath) -> None:
        """Copy a file there and compare length and SHA-256; raises OutsideError."""
        argv = self._hopped(("sh", "-c", 'cat > "$1"', "sh", str(target)))
        with source.open("rb") as data, open_memory(b"") as nothing:
            ended = await self.near.carry(argv, data, nothing, COPY_LIMIT)
        await compare_copy(self, _told("cat", ended, COPY_LIMIT), source, target)

    async def get(self, source: PurePosixPath, target: Path, known: str = "") -> None:
        """Copy a file here and compare length and SHA-256; raises OutsideError."""
        argv = self._hopped(("cat", "--", str(source)))
        with target.open("wb") as data, open_memory(b"") as nothing:
            ended = await self.near.carry(argv, nothing, data, COPY_LIMIT)
        await compare_copy(self, _told("cat", ended, COPY_LIMIT), target, source, known)

    def _wrapped(self, argv: Sequence[str], bytes_in: int, limit: timedelta) -> Sequence[str]:
        seconds = max(int(limit.total_seconds()), 1)
        return self._hopped(("sh", "-c", STUB, "kedge", str(seconds), str(bytes_in), *argv))

    def _hopped(self, argv: Sequence[str]) -> Sequence[str]:
        for hop in reversed(self.hops):
            argv = hop(argv)
        return argv


def _told(program: str, ended: Exit, limit: timedelta) -> Exit:
    """Return what an exit code means when there is a login between us and the command."""
    said = ended.stderr.decode(errors="replace").strip()
    match ended.code:
        case 255:
            return Exit(None, stderr=f"the login failed: {said[-SAID_CHARACTERS:] or 'ssh said nothing'}".encode())
        case 120:
            return Exit(None, stderr=f"{program} could not be run there: no room for temporary files".encode())
        case 124 | 137:
            return Exit(None, stderr=f"{program} was killed: not done after {limit}".encode())
    return ended


@contextmanager
def _lifeline(data: bytes) -> Iterator[IO[bytes]]:
    """Yield a file with this input that does not end before the context does, or kedge."""
    reading, writing = os.pipe()
    try:
        if hasattr(fcntl, "F_SETPIPE_SZ"):  # only Linux: elsewhere a pipe holds 64 KiB, as much as a script needs
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, max(len(data), PIPE_BYTES))
        os.set_blocking(writing, False)
        if os.write(writing, data) != len(data):
            raise OSError
    except OSError:
        os.close(reading)
        os.close(writing)
        raise OutsideError(f"{len(data)} bytes of input are too many; copy a file instead") from None
    try:
        with os.fdopen(reading, "rb", 0) as source:
            yield source
    finally:
        os.close(writing)


@dataclass(frozen=True)
class LoginNet:
    """Connections from a host behind a login, carried through that login (docs/decisions/004)."""

    shell: LoginShell

    async def connect(self, to: Address, *, limit: timedelta) -> socket.socket:
        """Return one end of a pair, whose other end is the standard input and output of a relay there."""
        if to.host.startswith("/"):
            raise OutsideError(f"no connection to the socket {to.host} from behind a login")
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        relay: Process | None = None
        try:
            with theirs, open_memory(b"") as complaints:
                relay = await self.shell.spawn(("sh", "-c", RELAY, "kedge", to.host, str(to.port)), theirs, complaints)
                theirs.close()
                async with asyncio.timeout(limit.total_seconds()):
                    said = await _first_line(ours)
                if said != b"connected":
                    raise _not_connected(said, to, complaints)
        except BaseException:
            ours.close()
            if relay:
                await reap(relay)
            raise
        return ours


async def _first_line(sock: socket.socket) -> bytes:
    """Return the line that the relay says before anybody else; empty if it ended without one."""
    said = b""
    while not said.endswith(b"\n") and (more := await asyncio.get_running_loop().sock_recv(sock, 1)):
        said += more
    return said.rstrip(b"\n")


def _not_connected(said: bytes, to: Address, complaints: IO[bytes]) -> Exception:
    if said == b"refused":
        return ConnectionRefusedError(f"nobody answers at {to.host} port {to.port} there")
    if said == b"no bash":
        return OutsideError(f"no connection to {to.host} from there: it needs bash", hint="install bash on that host")
    complaints.seek(0)
    why = complaints.read().decode(errors="replace").strip()[-SAID_CHARACTERS:]
    return OutsideError(f"the login failed: {why or 'it said nothing'}")


@dataclass(frozen=True)
class LoginSite:
    """A host behind a login."""

    shell: LoginShell
    net: LoginNet


def enter(login: str, near: LocalShell, entry: Sequence[str] = ()) -> Site:
    """Return the site that a host's `login` leads to; this machine for `local`. Raises UsageError.

    `entry` are the words that lead on from there, into a container: what follows them is run in it.
    """
    hops = read_login(login)
    if entry:
        hops = (*hops, lambda argv: (*entry, *argv))
    shell = LoginShell(hops, near)
    return LoginSite(shell, LoginNet(shell)) if hops else LocalSite(near)
