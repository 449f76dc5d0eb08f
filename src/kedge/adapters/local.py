"""This machine as a site: commands as child processes, connections as sockets."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import IO, Any

from kedge.errors import OutsideError
from kedge.model.ports import Address, Exit

STDOUT_LIMIT_BYTES = 64 * 1024 * 1024
TAIL_BYTES = 64 * 1024
GRACE_S = 5.0
COPY_LIMIT = timedelta(hours=12)

Hop = Callable[[Sequence[str]], Sequence[str]]
"""Wraps a command so that it runs elsewhere: `nsenter …`, `sudo -n …`."""


class _Tail:
    """The last bytes of what a program said."""

    def __init__(self) -> None:
        self.data = bytearray()

    async def follow(self, reader: asyncio.StreamReader) -> bytes:
        while chunk := await reader.read(65536):
            self.data += chunk
            del self.data[:-TAIL_BYTES]
        return bytes(self.data)


async def _head(reader: asyncio.StreamReader) -> bytes:
    """Return everything that was said; raises OutsideError beyond the limit, so that no answer is silently cut."""
    data = bytearray()
    while chunk := await reader.read(65536):
        data += chunk
        if len(data) > STDOUT_LIMIT_BYTES:
            raise OutsideError(f"the command said more than {STDOUT_LIMIT_BYTES} bytes")
    return bytes(data)


def _signal_group(process: asyncio.subprocess.Process, number: signal.Signals = signal.SIGKILL) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


async def _feed(process: asyncio.subprocess.Process, stdin: bytes) -> None:
    if process.stdin is None:
        return
    with contextlib.suppress(ConnectionError):
        process.stdin.write(stdin)
        await process.stdin.drain()
    process.stdin.close()


class _LocalRunning:
    def __init__(self, process: asyncio.subprocess.Process, tail: _Tail) -> None:
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

    async def run(self, argv: Sequence[str], *, stdin: bytes = b"", limit: timedelta) -> Exit:
        """Run a command to its end, or to its limit: then it and its children are killed, and `code` is None."""
        try:
            process = await self._spawn(argv, asyncio.subprocess.PIPE, asyncio.subprocess.PIPE)
        except OSError as failure:
            return Exit(None, stderr=f"{argv[0]} could not be run: {failure.strerror}".encode())
        return await self._finish(process, argv[0], stdin, limit)

    async def _spawn(
        self,
        argv: Sequence[str],
        stdin: int | IO[bytes],
        stdout: int | IO[bytes],
        stderr: int = asyncio.subprocess.PIPE,
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self.hop(argv), stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True, env=self.env
        )

    async def _finish(self, process: asyncio.subprocess.Process, name: str, stdin: bytes, limit: timedelta) -> Exit:
        assert process.stderr is not None
        reading = asyncio.gather(
            _head(process.stdout) if process.stdout else _nothing(),
            _Tail().follow(process.stderr),
            _feed(process, stdin),
        )
        try:
            async with asyncio.timeout(limit.total_seconds()):
                # Not the end of the pipes but the end of the process: a child left behind must not hold us up.
                code = await _ended(process, reading)
                _signal_group(process)
                stdout, stderr, _ = await asyncio.wait_for(reading, GRACE_S)
                return Exit(code, stdout, stderr)
        except (TimeoutError, OutsideError) as failure:
            reason = failure.message if isinstance(failure, OutsideError) else f"not done after {limit}"
            return Exit(None, stderr=f"{name}: {reason}; it was killed".encode())
        finally:
            await _reap(process)
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError, OutsideError, ConnectionError):
                await reading

    @asynccontextmanager
    async def start(self, argv: Sequence[str]) -> AsyncIterator[_LocalRunning]:
        """Run a program for as long as the context lasts; raises OutsideError if it cannot even be started."""
        try:
            process = await self._spawn(
                argv, asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT
            )
        except OSError as failure:
            raise OutsideError(f"{argv[0]} could not be run: {failure.strerror}") from failure
        assert process.stdout is not None
        tail = _Tail()
        following = asyncio.create_task(tail.follow(process.stdout))
        try:
            yield _LocalRunning(process, tail)
        finally:
            _signal_group(process, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), GRACE_S)
            await _reap(process)
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following

    async def put(self, source: Path, target: PurePosixPath) -> None:
        """Copy a file there and compare length and SHA-256; raises OutsideError."""
        with source.open("rb") as data:
            process = await self._spawn(("sh", "-c", 'cat > "$1"', "sh", str(target)), data, asyncio.subprocess.PIPE)
        ended = await self._finish(process, f"copy to {target}", b"", COPY_LIMIT)
        await self._compare(ended, source, target)

    async def get(self, source: PurePosixPath, target: Path) -> None:
        """Copy a file here and compare length and SHA-256; raises OutsideError."""
        with target.open("wb") as data:
            process = await self._spawn(("cat", "--", str(source)), asyncio.subprocess.DEVNULL, data)
        ended = await self._finish(process, f"copy of {source}", b"", COPY_LIMIT)
        await self._compare(ended, target, source)

    async def _compare(self, ended: Exit, here: Path, there: PurePosixPath) -> None:
        if ended.code != 0:
            raise OutsideError(f"could not copy {there}: {ended.stderr.decode(errors='replace').strip()}")
        script = 'wc -c < "$1" && sha256sum < "$1"'
        far = await self.run(("sh", "-c", script, "sh", str(there)), limit=COPY_LIMIT)
        near = await asyncio.to_thread(_length_and_digest, here)
        if far.code != 0 or far.stdout.split()[:2] != near:
            raise OutsideError(f"{there} differs from {here} after copying (length or SHA-256)")


async def _nothing() -> bytes:
    return b""


async def _ended(process: asyncio.subprocess.Process, reading: asyncio.Future[tuple[bytes, bytes, None]]) -> int:
    """Return the exit code; an exception of the reading side comes first."""
    waiting = asyncio.ensure_future(process.wait())
    both: set[asyncio.Future[Any]] = {waiting, reading}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if reading.done():
            reading.result()
        return await waiting
    finally:
        waiting.cancel()


async def _reap(process: asyncio.subprocess.Process) -> None:
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
                    return await asyncio.wait_for(connect_socket(socket.socket(family, kind, protocol), address), share)
            family, kind, protocol, _, address = found[-1]
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
