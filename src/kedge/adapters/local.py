"""This machine as a site: commands as child processes, connections as sockets."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import IO, Any

from kedge.errors import OutsideError
from kedge.model.ports import Address, Exit, Shell

STDOUT_LIMIT_BYTES = 64 * 1024 * 1024
TAIL_BYTES = 64 * 1024
GRACE_S = 5.0
COPY_LIMIT = timedelta(hours=12)

Hop = Callable[[Sequence[str]], Sequence[str]]
"""Wraps a command so that it runs elsewhere: `nsenter …`, `sudo -n …`."""


class _Said:
    """What a program said: all of it up to a limit, or only its end."""

    def __init__(self, limit_bytes: int, *, keeps_end: bool) -> None:
        self.data = bytearray()
        self._limit = limit_bytes
        self._keeps_end = keeps_end

    async def follow(self, reader: asyncio.StreamReader) -> None:
        """Read to the end; raises OutsideError beyond the limit, so that no answer is silently cut."""
        while chunk := await reader.read(65536):
            self.data += chunk
            if self._keeps_end:
                del self.data[: -self._limit]
            elif len(self.data) > self._limit:
                raise OutsideError(f"it said more than {self._limit} bytes")


def _answer() -> _Said:
    return _Said(STDOUT_LIMIT_BYTES, keeps_end=False)


def _tail() -> _Said:
    return _Said(TAIL_BYTES, keeps_end=True)


@asynccontextmanager
async def _pipe(said: _Said) -> AsyncIterator[tuple[asyncio.Task[None], IO[bytes]]]:
    """Yield the task that reads, and the end to write to, which is closed once a child has it.

    Not asyncio's own pipes: with those `wait` returns only when every child left behind has closed them as well.
    """
    reading, writing = (os.fdopen(end, mode, 0) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True))
    reader = asyncio.StreamReader()
    with writing:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), reading
        )
        task = asyncio.create_task(said.follow(reader))
        try:
            yield task, writing
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, OutsideError):
                await task
            transport.close()


def open_memory(data: bytes) -> IO[bytes]:
    """Return a file in memory: a child may read it or not, and nobody has to feed it.

    Only Linux has those; elsewhere it is a file without a name, which only this process and its children can read.
    """
    in_memory = getattr(os, "memfd_create", None)
    file = os.fdopen(in_memory("kedge-stdin"), "w+b") if in_memory else tempfile.TemporaryFile()  # noqa: SIM115
    file.write(data)
    file.seek(0)
    return file


def _signal_group(process: asyncio.subprocess.Process, number: signal.Signals = signal.SIGKILL) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


class _LocalRunning:
    def __init__(self, process: asyncio.subprocess.Process, tail: _Said) -> None:
        self._process = process
        self._tail = tail

    async def exit(self) -> Exit:
        code = await self._process.wait()
        return Exit(code, bytes(self._tail.data))

    def output(self) -> str:
        return self._tail.data.decode(errors="replace")


@dataclass(frozen=True)
class LocalShell:
    """Runs commands as child processes in a session of their own, so that a limit ends their children too.

    A child that leaves the session (a daemon) survives here; in a sandbox nothing outlives the sandbox.
    """

    hop: Hop = tuple
    env: Mapping[str, str] = field(default_factory=lambda: {**os.environ, "LC_ALL": "C.UTF-8"})
    fds: tuple[int, ...] = ()
    """Descriptors that every child inherits: the lock of a run, which then outlives us; a secret to be read once."""

    async def run(self, argv: Sequence[str], *, stdin: bytes = b"", limit: timedelta) -> Exit:
        """Run a command to its end, or to its limit: then it and its children are killed, and `code` is None."""
        with open_memory(stdin) as source:
            return await self.feed(argv, source, limit)

    async def feed(self, argv: Sequence[str], stdin: IO[bytes], limit: timedelta) -> Exit:
        """Run a command that reads an open file, as `run` does."""
        said = _answer()
        async with _pipe(said) as (listening, end):
            ended = await self.carry(argv, stdin, end, limit, listening)
        return replace(ended, stdout=bytes(said.data)) if ended.code is not None else ended

    async def carry(
        self,
        argv: Sequence[str],
        stdin: IO[bytes],
        stdout: IO[bytes],
        limit: timedelta,
        listening: asyncio.Task[None] | None = None,
    ) -> Exit:
        """Run a command between two files; `listening` reads what goes to the second if that is a pipe."""
        complaints = _tail()
        async with _pipe(complaints) as (hearing, end):
            try:
                process = await self.spawn(argv, stdin, stdout, end)
            except OSError as failure:
                return Exit(None, stderr=f"{argv[0]} could not be run: {failure.strerror}".encode())
            stdout.close()
            end.close()
            try:
                async with asyncio.timeout(limit.total_seconds()):
                    code = await _end_of(process, [hearing, *([listening] if listening else [])])
                return Exit(code, stderr=bytes(complaints.data))
            except TimeoutError:
                return Exit(None, stderr=f"{argv[0]} was killed: not done after {limit}".encode())
            except OutsideError as failure:
                return Exit(None, stderr=f"{argv[0]} was killed: {failure.message}".encode())
            finally:
                await reap(process)

    async def spawn(
        self,
        argv: Sequence[str],
        stdin: IO[bytes] | int,
        stdout: IO[bytes] | int,
        stderr: IO[bytes],
    ) -> asyncio.subprocess.Process:
        """Return a child that was started between these files; raises OSError if it could not be."""
        return await asyncio.create_subprocess_exec(
            *self.hop(argv),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            env=self.env,
            pass_fds=self.fds,
        )

    @asynccontextmanager
    async def start(self, argv: Sequence[str]) -> AsyncIterator[_LocalRunning]:
        """Run a program for as long as the context lasts; raises OutsideError if it cannot even be started."""
        tail = _tail()
        async with _pipe(tail) as (_, end):
            try:
                process = await self.spawn(argv, asyncio.subprocess.DEVNULL, end, end)
            except OSError as failure:
                raise OutsideError(f"{argv[0]} could not be run: {failure.strerror}") from failure
            end.close()
            try:
                yield _LocalRunning(process, tail)
            finally:
                _signal_group(process, signal.SIGTERM)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(GRACE_S):
                        await process.wait()
                await reap(process)

    async def put(self, source: Path, target: PurePosixPath) -> None:
        """Copy a file there and compare length and SHA-256; raises OutsideError."""
        with source.open("rb") as data, open_memory(b"") as nothing:
            ended = await self.carry(("sh", "-c", 'cat > "$1"', "sh", str(target)), data, nothing, COPY_LIMIT)
        await compare_copy(self, ended, source, target)

    async def get(self, source: PurePosixPath, target: Path, known: str = "") -> None:
        """Copy a file here and compare length and SHA-256; raises OutsideError."""
        with target.open("wb") as data, open_memory(b"") as nothing:
            ended = await self.carry(("cat", "--", str(source)), nothing, data, COPY_LIMIT)
        await compare_copy(self, ended, target, source, known)


async def compare_copy(shell: Shell, ended: Exit, here: Path, there: PurePosixPath, known: str = "") -> None:
    """Raise OutsideError unless copying ended well and both files have the same length and SHA-256.

    If the SHA-256 of the one there is `known`, only its length is asked for.
    """
    if ended.code != 0:
        raise OutsideError(f"could not copy {there}: {ended.stderr.decode(errors='replace').strip()}")
    script = 'wc -c < "$1" && if [ -n "$2" ]; then echo "$2"; else sha256sum < "$1"; fi'
    far, near = await asyncio.gather(
        shell.run(("sh", "-c", script, "sh", str(there), known), limit=COPY_LIMIT),
        asyncio.to_thread(_length_and_digest, here),
    )
    if far.code != 0 or far.stdout.split()[:2] != near:
        raise OutsideError(f"{there} differs from {here} after copying (length or SHA-256)")


async def _end_of(process: asyncio.subprocess.Process, readers: Sequence[asyncio.Task[None]]) -> int:
    """Return the exit code once all it said was read; raises what a reader raises, and then nobody waited.

    A child left behind is killed; one that left the session may hold the pipes open and is not waited for either.
    """
    ending = asyncio.ensure_future(process.wait())
    waiting: set[asyncio.Future[Any]] = {ending, *readers}
    try:
        while not ending.done():
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {ending}:
                task.result()
        _signal_group(process)
        _, late = await asyncio.wait(readers, timeout=GRACE_S)
        for task in set(readers) - late:
            task.result()
        return ending.result()
    finally:
        ending.cancel()


async def reap(process: asyncio.subprocess.Process) -> None:
    """End what still runs. Once it has ended, its number may be another's: then nothing is signalled."""
    if process.returncode is None:
        _signal_group(process)
        await process.wait()


def _length_and_digest(path: Path) -> list[bytes]:
    with path.open("rb") as data:
        digest = hashlib.file_digest(data, "sha256").hexdigest()
    return [str(path.stat().st_size).encode(), digest.encode()]


class LocalNet:
    """Connects from this machine."""

    async def connect(self, to: Address, *, limit: timedelta) -> socket.socket:
        """Return a connected socket; every address of a name gets its share of the limit."""
        async with asyncio.timeout(limit.total_seconds()):
            if to.host.startswith("/"):
                return await connect_socket(socket.socket(socket.AF_UNIX), to.host)
            found = await asyncio.get_running_loop().getaddrinfo(to.host, to.port, type=socket.SOCK_STREAM)
            share = limit.total_seconds() / len(found)
            for family, kind, protocol, _, address in found[:-1]:
                with contextlib.suppress(OSError):
                    async with asyncio.timeout(share):
                        return await _connect(family, kind, protocol, address)
            family, kind, protocol, _, address = found[-1]
            return await _connect(family, kind, protocol, address)


async def _connect(family: int, kind: int, protocol: int, address: tuple[object, ...]) -> socket.socket:
    """Return a new connected socket; it is made in here, for a task ended before its first step would leave it open."""
    return await connect_socket(socket.socket(family, kind, protocol), address)


async def connect_socket(sock: socket.socket, address: str | tuple[object, ...]) -> socket.socket:
    """Return the socket connected, or close it and raise OSError."""
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


@dataclass(frozen=True)
class LocalSite:
    """This machine."""

    shell: LocalShell = field(default_factory=LocalShell)
    net: LocalNet = field(default_factory=LocalNet)
