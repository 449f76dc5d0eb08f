"""Ports: the little that probes, parts and engines ask of the outside. Adapters provide them; only `app` wires.

Provisional until MediaWiki and MariaDB have been saved, restored, started and probed through them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Protocol, runtime_checkable

from kedge.model.census import Census


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect: an IP address or a socket path, and a port (0 for a socket)."""

    host: str
    port: int = 0


@dataclass(frozen=True, slots=True)
class Exit:
    """How a command ended: `code` None means it never ran or was cut off (unknown), with the reason in `stderr`."""

    code: int | None
    stdout: bytes = b""
    stderr: bytes = b""


class Shell(Protocol):
    """Runs commands on one machine or in one sandbox."""

    async def run(self, argv: Sequence[str], *, stdin: bytes = b"", limit: timedelta) -> Exit:
        """Run a command to its end or its limit; never through a shell of ours."""
        ...

    async def put(self, source: Path, target: PurePosixPath) -> None:
        """Copy a file there."""
        ...

    async def get(self, source: PurePosixPath, target: Path) -> None:
        """Copy a file here."""
        ...


class Stream(Protocol):
    """One connection: read, write, close."""

    async def read(self, limit_bytes: int) -> bytes:
        """Return what has arrived, at most so much; empty at the end."""
        ...

    async def write(self, data: bytes) -> None:
        """Send everything."""
        ...


class Net(Protocol):
    """Connects from inside one machine's or sandbox's network namespace."""

    def connect(self, to: Address, *, limit: timedelta) -> AbstractAsyncContextManager[Stream]:
        """Open a connection; raises OSError or TimeoutError."""
        ...


@runtime_checkable
class Site(Protocol):
    """One place to act: a host, a sandbox."""

    shell: Shell
    net: Net


class Clock(Protocol):
    """The time, as an argument."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A saved set of parts with their censuses."""

    id: str
    service: str
    at: datetime
    censuses: tuple[Census, ...]


class SnapshotStore(Protocol):
    """A place that holds snapshots. Saving and deleting are separate powers: there is no delete here."""

    async def save(self, service: str, spool: Path, censuses: Sequence[Census]) -> Snapshot:
        """Save a spool folder and its censuses as one snapshot; complete or absent, never half."""
        ...

    async def list(self, service: str) -> Sequence[Snapshot]:
        """Return the snapshots of a service, oldest first."""
        ...

    async def fetch(self, snapshot: Snapshot, spool: Path) -> None:
        """Restore a snapshot's spool folder, verified against what was saved; raises OutsideError."""
        ...


class Sandbox(Protocol):
    """A closed place to restore and start a copy in: no network beyond itself, gone with its context."""

    def open(self) -> AbstractAsyncContextManager[Site]:
        """Open it."""
        ...
