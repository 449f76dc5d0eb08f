"""Ports: the little that probes, parts and engines ask of the outside. Adapters provide them; only `app` wires.

Provisional until MediaWiki and MariaDB have been saved, restored, started and probed through them.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Literal, Protocol, runtime_checkable

from kedge.model.census import Census, Tally
from kedge.model.facts import Fact, Facts


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect: an IP address, a name or an absolute socket path; and a port (0 for a socket).

    Names are resolved where the connection is made; a sandbox resolves none. `is_plain` says that this copy speaks
    without TLS although the endpoint has it: a sandbox holds no certificate for the service's name.
    """

    host: str
    port: int = 0
    is_plain: bool = False


@dataclass(frozen=True, slots=True)
class Exit:
    """How a command ended: `code` None means it never ran or was cut off (unknown), with the reason in `stderr`."""

    code: int | None
    stdout: bytes = b""
    stderr: bytes = b""


class Running(Protocol):
    """A program that was started and not waited for."""

    async def exit(self) -> Exit:
        """Wait until it has ended; `stdout` is the end of what it said."""
        ...

    def output(self) -> str:
        """Return the end of what it has said so far, standard error included."""
        ...


class Shell(Protocol):
    """Runs commands on one machine or in one sandbox, never through a shell of ours."""

    async def run(self, argv: Sequence[str], *, stdin: bytes = b"", limit: timedelta) -> Exit:
        """Run a command to its end, or to its limit: then it and its children are killed, and `code` is None."""
        ...

    def start(self, argv: Sequence[str]) -> AbstractAsyncContextManager[Running]:
        """Run a program for as long as the context lasts; it is stopped with its children at the end."""
        ...

    async def put(self, source: Path, target: PurePosixPath) -> None:
        """Copy a file there and compare length and SHA-256; raises OutsideError."""
        ...

    async def get(self, source: PurePosixPath, target: Path, known: str = "") -> None:
        """Copy a file here and compare length and SHA-256; raises OutsideError.

        `known` is the SHA-256 that it was written with: then it is not read there once more.
        """
        ...


class Net(Protocol):
    """Connects from inside one machine's or sandbox's network namespace."""

    async def connect(self, to: Address, *, limit: timedelta) -> socket.socket:
        """Return a connected, non-blocking socket, which the caller closes (docs/decisions/004).

        Raises OSError or TimeoutError for what the far side does, OutsideError if it could not even be tried.
        """
        ...


@runtime_checkable
class Site(Protocol):
    """One place to act: a host, a sandbox."""

    @property
    def shell(self) -> Shell:
        """Where commands run."""
        ...

    @property
    def net(self) -> Net:
        """Where connections are made from."""
        ...


@runtime_checkable
class Near(Protocol):
    """A site on this machine's own disk, which can have files without copying them."""

    async def take(self, here: Path, there: PurePosixPath) -> None:
        """Have every file below a folder of this machine; raises OutsideError."""
        ...


class Clock(Protocol):
    """The time, as an argument."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A saved set of parts with their censuses; `at` is the moment of the data, not of its saving.

    A store that would have to read each snapshot for them lists it without censuses; what was fetched has them.
    """

    id: str
    service: str
    at: datetime
    censuses: tuple[Census, ...] = ()


@dataclass(frozen=True)
class Held:
    """What the newest snapshot of an adopted store holds: of each part how many files and bytes; None: it lacks it."""

    snapshot: Snapshot
    parts: Mapping[str, Tally | None]


class SnapshotStore(Protocol):
    """A place that holds snapshots. Saving and deleting are separate powers: there is no delete here.

    Everything raises OutsideError if the store cannot be reached, opened or believed. What more a store can do it says
    by being a `Repository`.
    """

    @property
    def counts(self) -> bool:
        """Whether what it holds was counted when it was saved: then what comes back must be equal."""
        ...

    async def save(self, service: str, spool: Path, censuses: Sequence[Census]) -> Snapshot:
        """Save a spool folder and its censuses as one snapshot; complete or absent, never half."""
        ...

    async def list(self, service: str) -> Sequence[Snapshot]:
        """Return the snapshots of a service, oldest first."""
        ...

    async def fetch(self, snapshot: Snapshot, spool: Path) -> Snapshot:
        """Restore a snapshot's spool folder, verified against what was saved; return it with its censuses."""
        ...


@runtime_checkable
class Repository(SnapshotStore, Protocol):
    """A store that a program such as restic or borg keeps for kedge alone; every such program can do all of this."""

    async def initialise(self) -> None:
        """Make it; raises OutsideError if it is there."""
        ...

    async def list_all(self) -> Sequence[Snapshot]:
        """Return the snapshots of every service, oldest first."""
        ...

    async def fetch_below(self, snapshot: Snapshot, folder: str, spool: Path) -> None:
        """Restore one folder of a snapshot, verified as `fetch` does; nothing if it has none."""
        ...

    async def unlock(self) -> None:
        """Remove the locks of programs that are gone, and of no others; nothing where they go by themselves."""
        ...

    async def forget(self, snapshots: Sequence[Snapshot]) -> None:
        """Forget snapshots, and free the room of all that was ever forgotten. Only pruning calls this.

        Safe to repeat after half a forget, and with no snapshots.
        """
        ...


class Sandbox(Protocol):
    """A closed place to restore and start a copy in: no network beyond itself, gone with its context.

    What is not the host's programs is writable and empty at first.
    """

    @property
    def root(self) -> PurePosixPath:
        """A folder in it for what must lie apart."""
        ...

    def open(self) -> AbstractAsyncContextManager[Site]:
        """Open it."""
        ...


class Ledger(Protocol):
    """Keeps facts. Calls block for a short transaction; an event loop makes them in a thread.

    Everything raises EvidenceError when the database cannot be read or written.
    """

    def facts(self, now: datetime) -> Facts:
        """Return the newest fact for each thing and what, as known at `now`; none if nothing was ever recorded."""
        ...

    def record(self, facts: Iterable[Fact]) -> None:
        """Keep all of these facts or, on an error, none; one that is already known changes nothing."""
        ...


RunState = Literal["running", "stopped", "done", "failed", "rolled-back"]
"""Where a run stands; `stopped` waits for a person's answer, the last three are its end."""

StepState = Literal["waiting", "doing", "done", "undoing", "undone", "failed", "unclear"]
"""Where a step stands; `unclear`: nobody can tell whether its effect happened."""


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a run; `result` is what it found or made, for the steps after it and for people."""

    number: int
    name: str
    state: StepState = "waiting"
    result: str = ""
    started: datetime | None = None
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One piece of durable work: its plan, frozen as JSON text, and where it stands.

    `id` is unique for ever and chosen by whoever begins it; `version`, `host` and `pid` say which kedge holds it now.
    """

    id: str
    plan: str
    version: str
    host: str
    pid: int
    started: datetime
    state: RunState = "running"
    ended: datetime | None = None
    steps: tuple[Step, ...] = ()


class Runs(Protocol):
    """Keeps runs. Each call is one transaction and safe to repeat; raises as Ledger does."""

    def begin(self, run: Run) -> None:
        """Keep a new run with all its steps; raises Refused if another one has its id."""
        ...

    def load(self, run: str) -> Run | None:
        """Return the run of this id, or None."""
        ...

    def unfinished(self) -> Sequence[Run]:
        """Return the runs that have not ended, oldest first."""
        ...

    def latest_runs(self, most: int) -> Sequence[Run]:
        """Return at most so many runs, the newest last."""
        ...

    def mark_run(self, run: Run) -> None:
        """Keep a run's state, holder and end; id, plan, start and steps stay. Raises Refused once it has ended."""
        ...

    def mark_step(self, run: str, step: Step, facts: Iterable[Fact] = ()) -> None:
        """Keep where a step stands and, in the same transaction, what it learnt; raises Refused as mark_run does."""
        ...
