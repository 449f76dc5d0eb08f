"""One running copy of a service, and what a kind says about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Literal, Protocol, runtime_checkable

from kedge.model.census import Census
from kedge.model.observation import Observation
from kedge.model.ports import Address, Site

Mode = Literal["live", "sandbox", "target"]
Scope = Literal["instance", "world"]
ROOT = PurePosixPath("/")


@dataclass(frozen=True)
class Instance:
    """One running copy; a service on several hosts has one per host.

    `dial` says where to connect for each endpoint; names (Host, SNI, EHLO) come from the kind's configuration.
    `data` is put before the absolute folders of its parts; `uses` are the bound required services. A copy of which
    nothing is started (`runs`) is data only.
    """

    mode: Mode
    site: Site
    dial: Mapping[str, Address]
    data: PurePosixPath = ROOT
    uses: Mapping[str, Instance] = field(default_factory=dict)
    runs: bool = True

    def path(self, absolute: str | PurePosixPath) -> PurePosixPath:
        """Return where a folder of the service lies for this copy."""
        return self.data / PurePosixPath(absolute).relative_to("/")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service is used: a name, a port, a transport, and the domain name it is reached by ("": its host's)."""

    name: str
    host: str
    port: int
    transport: Literal["tcp", "udp", "tls"] = "tcp"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a part cannot be saved or restored as it is, and what to do."""

    what: str
    fix: str


@runtime_checkable
class Probe(Protocol):
    """One read-only look. Scope `world` (registries, delegation, round trip) makes no sense in a sandbox."""

    @property
    def name(self) -> str:
        """Its name within the service."""
        ...

    @property
    def scope(self) -> Scope:
        """Whether any copy can be looked at so, or only the one the world sees."""
        ...

    async def look(self, at: Instance) -> Observation:
        """Look once; never raises for what the far side does."""
        ...


@runtime_checkable
class Part(Protocol):
    """Something that must be saved. `of` is "self" or a role of `requires`: whose instance it is given."""

    @property
    def name(self) -> str:
        """Its name within the service, in kebab-case; also the name of its spool folder."""
        ...

    @property
    def of(self) -> str:
        """Whose instance it acts on."""
        ...

    @property
    def needs_running(self) -> bool:
        """Whether it is restored into a copy that already runs (a database), or before it starts (a folder)."""
        ...

    async def preflight(self, at: Instance) -> Sequence[Obstacle]:
        """Return what stands in the way, before anything is touched."""
        ...

    async def save(self, at: Instance, spool: PurePosixPath) -> Census:
        """Write dump and census of one and the same moment into a folder on the instance's site."""
        ...

    async def restore(self, at: Instance, spool: PurePosixPath) -> None:
        """Load the dump; refuses mode `live` unless an approved plan says so."""
        ...

    async def census(self, at: Instance) -> Census:
        """Count what is there now."""
        ...


@runtime_checkable
class Recountable(Protocol):
    """A part whose dump may not be loaded everywhere, and is counted with its restored copy: it says where, and how."""

    def as_file(self, saved: Census) -> Census:
        """Return what of a saved census the dump alone shows again."""
        ...

    def is_loaded(self, at: Instance) -> bool:
        """Whether this copy takes the dump; where it does not, the dump is a file and no more."""
        ...

    async def recount(self, at: Instance, spool: PurePosixPath) -> Census:
        """Count what came back: the dump as a file and, where it was loaded, what is there now."""
        ...


@dataclass(frozen=True, slots=True)
class File:
    """A file written before start; it overrides restored configuration."""

    path: PurePosixPath
    content: str
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Command:
    """A command run to its end before what follows; as the sandbox's root, if it has to change users."""

    argv: tuple[str, ...]
    limit: timedelta = timedelta(minutes=5)
    as_root: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """A program that keeps running; it is ready when its readiness probe says ok. `as_root` as for a command."""

    argv: tuple[str, ...]
    ready: Probe
    limit: timedelta = timedelta(minutes=2)
    as_root: bool = False


Start = File | Command | Program
