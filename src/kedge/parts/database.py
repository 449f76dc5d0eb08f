"""A database in whichever server a service's role is bound to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar

from kedge.model.census import Census
from kedge.model.instance import Instance, Obstacle
from kedge.model.room import Fit, Growth, Survey
from kedge.parts.mariadb import MariaDBPart
from kedge.parts.mariadb_look import GROWTH
from kedge.parts.postgresql import SOCKET, PostgresPart


@dataclass(frozen=True, slots=True)
class DatabasePart:
    """One database of a server that several services share, be it MariaDB or PostgreSQL: dump and census.

    What kind of server it is, the instance says: by the name under which it dials the server's socket.
    """

    database: str
    growth: ClassVar[Growth] = GROWTH
    name: str = "database"
    of: str = "database"
    needs_running: bool = True

    @property
    def databases(self) -> tuple[str, ...]:
        """The one there is."""
        return (self.database,)

    def _part(self, at: Instance) -> PostgresPart | MariaDBPart:
        kind = PostgresPart if SOCKET in at.dial else MariaDBPart
        return kind(databases=(self.database,), name=self.name, of=self.of)

    async def preflight(self, at: Instance) -> Sequence[Obstacle]:
        """Return what stands in the way."""
        return await self._part(at).preflight(at)

    async def survey(self, at: Instance) -> Survey:
        """Return what stands in the way, and between which sizes the dump will be."""
        return await self._part(at).survey(at)

    async def fit(self, at: Instance, saved: Census | None) -> Fit:
        """Return whether a server takes the dump."""
        return await self._part(at).fit(at, saved)

    async def save(self, at: Instance, spool: PurePosixPath) -> Census:
        """Write the dump; raises OutsideError if anything at all is wrong with it."""
        return await self._part(at).save(at, spool)

    async def restore(self, at: Instance, spool: PurePosixPath) -> None:
        """Load the dump into a running server that has no such database yet."""
        await self._part(at).restore(at, spool)

    async def census(self, at: Instance) -> Census:
        """Count what is there now."""
        return await self._part(at).census(at)
