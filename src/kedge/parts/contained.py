"""The databases of a server in a container: dumped and counted as those of any other, by the clients in there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import PurePosixPath
from typing import ClassVar, Literal

from kedge.model.census import Census
from kedge.model.instance import Instance, Obstacle
from kedge.model.room import Fit, Growth, Survey
from kedge.parts.command import INSTEAD
from kedge.parts.mariadb import MariaDBPart
from kedge.parts.mariadb_look import GROWTH
from kedge.parts.postgresql import PostgresPart

Server = Literal["mariadb", "postgresql"]
QUICK = timedelta(minutes=1)
PASSWORD = {
    "mariadb": "kedge logs in as root, with MARIADB_ROOT_PASSWORD of the container: let it be the right one",
    "postgresql": "kedge logs in as POSTGRES_USER of the container, else as postgres: let it be a superuser",
}
CONTAINERS = PurePosixPath("containers")
"""Where the servers of a project lie in a sandbox, each below its own name: there they share one file system."""


def apart(at: Instance, below: str) -> Instance:
    """Return a copy of a server whose files lie below a folder of its own, where it is in a sandbox."""
    return replace(at, data=at.data / CONTAINERS / below) if at.mode == "sandbox" else at


@dataclass(frozen=True, slots=True)
class ContainedDatabases:
    """All databases of a server in a container, dumped by its own client programs; its volume is not saved as files.

    `databases` are those that must be there; `volumes` are what the server keeps its files in.
    """

    growth: ClassVar[Growth] = GROWTH
    container: str
    server: Server
    socket: str
    name: str
    of: str
    databases: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    needs_running: bool = True

    def _part(self) -> MariaDBPart | PostgresPart:
        kind = PostgresPart if self.server == "postgresql" else MariaDBPart
        return kind(self.socket, name=self.name, of=self.of)

    async def preflight(self, at: Instance) -> Sequence[Obstacle]:
        """Return what stands in the way: a container that does not run, and whatever does with any such server."""
        return list((await self.survey(at)).obstacles)

    async def survey(self, at: Instance) -> Survey:
        """Return what stands in the way, and between which sizes the dump will be."""
        entered = await at.site.shell.run(("true",), limit=QUICK)
        if entered.code != 0:
            said = " ".join(entered.stderr.decode(errors="replace").split())[:300]
            why = f"nobody gets into the container {self.container}: {said or f'exit code {entered.code}'}"
            return Survey([Obstacle(why, "start it; let kedge's login use the engine (docker or podman)")])
        survey = await self._part().survey(at)
        found = survey.obstacles
        if any("login" in one.what or "did not answer" in one.what for one in found):
            return Survey([Obstacle(one.what, PASSWORD[self.server]) for one in found])
        there = set() if found or not self.databases else set(await self._part().names(at))
        lacking = [name for name in self.databases if name not in there] if not found else []
        hint = "correct `databases` in the inventory; `all` takes whatever is there"
        more = [Obstacle(f"there is no database '{name}'", hint) for name in lacking]
        return replace(survey, obstacles=[*found, *more])

    async def fit(self, at: Instance, saved: Census | None) -> Fit:
        """Return whether the server takes the dump."""
        return await self._part().fit(apart(at, self.of), saved)

    async def save(self, at: Instance, spool: PurePosixPath) -> Census:
        """Write the dump into a folder in the container; raises OutsideError if anything at all is wrong with it."""
        census = await self._part().save(at, spool)
        return replace(census, remarks={**census.remarks, INSTEAD: ", ".join(self.volumes)}) if self.volumes else census

    async def restore(self, at: Instance, spool: PurePosixPath) -> None:
        """Load the dump into a running server; the empty databases that an image makes at first are no obstacle."""
        if at.mode == "target":
            await self._part().drop_empty(at)
        await self._part().restore(apart(at, self.of), spool)

    async def census(self, at: Instance) -> Census:
        """Count what is there now."""
        return await self._part().census(apart(at, self.of))
