"""A compose project's own files: its compose file, `.env`, and whatever else lies in its folder but its volumes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import PurePosixPath
from typing import ClassVar

from kedge.errors import Refused
from kedge.model.census import Census
from kedge.model.instance import Instance, Obstacle
from kedge.model.room import Fit, Growth, Survey
from kedge.parts.folder import ARCHIVE, FolderPart

LIMIT = timedelta(minutes=5)
COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml", "container-compose.yml")
HAS_COMPOSE = 'cd -- "$1" && shift && for one; do [ ! -e "$one" ] || exit 0; done; exit 3'
MOVE = "make it equal, or move it away: the data of that time belongs to the project of that time"


@dataclass(frozen=True, slots=True)
class ProjectPart:
    """The folder of a compose file with everything in it but its volumes, which are parts of their own.

    It is restored only where none of it is. What is there and equal is left as it is; what is there and differs is an
    obstacle, and never put aside: containers may run on volumes in the same folder.
    """

    growth: ClassVar[Growth] = (1.0, 1.0)
    folder: str
    without: tuple[str, ...] = ()
    """Its volumes, as paths in it."""
    name: str = "project"
    of: str = "self"
    needs_running: bool = False

    def _files(self, folder: str = "") -> FolderPart:
        return replace(FolderPart(folder or self.folder, self.name, self.of), without=self.without)

    async def preflight(self, at: Instance) -> Sequence[Obstacle]:
        """Return what stands in the way, as with any folder."""
        return list((await self.survey(at)).obstacles)

    async def survey(self, at: Instance) -> Survey:
        """Return what stands in the way, how large the archive will be, and whether no compose file is there."""
        survey = await self._files().survey(at)
        argv = ("sh", "-c", HAS_COMPOSE, "sh", str(at.path(self.folder)), *COMPOSE_FILES)
        if survey.obstacles or (await at.site.shell.run(argv, limit=LIMIT)).code != 3:
            return survey
        return replace(survey, words=[f"no compose file lies in {self.folder} under a name that Compose looks for"])

    async def save(self, at: Instance, spool: PurePosixPath) -> Census:
        """Write the archive and return its census."""
        return await self._files().save(at, spool)

    async def fit(self, at: Instance, saved: Census | None) -> Fit:
        """Return whether none of it is there, or the same."""
        place = at.path(self.folder)
        if not await self._is_there(at) or saved is None:
            return Fit(place=place)
        lines = saved.difference(await self.census(at))
        return Fit([self._differs(place, lines)] if lines else (), place=place)

    async def restore(self, at: Instance, spool: PurePosixPath) -> None:
        """Unpack it where none of it is; leave what is equal; raises Refused if what is there differs."""
        if not await self._is_there(at):
            await self._unpack(at, spool)
            return
        if at.mode == "live":
            raise Refused("a folder is never restored over a live copy", hint="restore it beside, as a target")
        scratch = replace(at, data=spool / "compared")
        await self._unpack(scratch, spool)
        if lines := (await self.census(scratch)).difference(await self.census(at)):
            differs = self._differs(at.path(self.folder), lines)
            raise Refused(differs.what, hint=differs.fix)

    async def census(self, at: Instance) -> Census:
        """Count what is there now."""
        return await self._files().census(at)

    async def _is_there(self, at: Instance) -> bool:
        """Return whether any file of its own is there; folders that are volumes, or lead to them, are none."""
        path = str(at.path(self.folder))
        script = (
            '[ -d "$1" ] || exit 0; cd -- "$1" && shift && for one; do set -- "$@" -path "./$one/*" -prune -o; shift; '
            'done && find . "$@" ! -type d -print -quit'
        )
        found = await at.site.shell.run(("sh", "-c", script, "sh", path, *self.without), limit=LIMIT)
        return found.code != 0 or bool(found.stdout)

    async def _unpack(self, at: Instance, spool: PurePosixPath) -> None:
        """Unpack into a folder in which only volumes may be."""
        owners = "--same-owner" if at.mode == "target" else "--no-same-owner"
        script = (
            'mkdir -p -- "$1" && tar --extract --file="$2" --directory="$1" --same-permissions --acls --xattrs "$3"'
        )
        words = ("sh", "-c", script, "sh", str(at.path(self.folder)), str(spool / ARCHIVE), owners)
        ended = await at.site.shell.run(words, limit=timedelta(hours=1))
        if ended.code != 0:
            raise Refused(f"{at.path(self.folder)} could not be filled: exit code {ended.code}")

    @staticmethod
    def _differs(place: PurePosixPath, lines: Sequence[str]) -> Obstacle:
        return Obstacle(
            f"the project's own files in {place} are not those that were saved ({'; '.join(lines[:3])})", MOVE
        )
