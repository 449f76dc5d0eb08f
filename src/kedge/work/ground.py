"""The ground of a drill: an empty Debian, built of the packages in an archive alone before anything is restored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from kedge.errors import OutsideError
from kedge.model.package import Package
from kedge.work.rehearsal import Ground
from kedge.work.spool import clear
from kedge.work.step import Done

BUILD = "build an empty Debian"


class Built(Protocol):
    """A root that is there."""

    @property
    def root(self) -> Path:
        """Its folder."""
        ...

    @property
    def packages(self) -> int:
        """Of how many packages it is made."""
        ...

    @property
    def at(self) -> datetime:
        """When it was made."""
        ...

    @property
    def took(self) -> timedelta:
        """How long that took."""
        ...


class Roots(Protocol):
    """Keeps empty Debians by what they are made of."""

    def find(self, packages: Sequence[Package]) -> Built | None:
        """Return the root of these packages, if there is one that is whole."""
        ...

    def place(self, packages: Sequence[Package]) -> Path:
        """Return where the root of these packages is, or will be."""
        ...

    async def build(self, packages: Sequence[Package], files: Path, before: timedelta) -> Built:
        """Make the root of these packages, whose files lie in a folder and took so long; raises KedgeError."""
        ...


class Archive(Protocol):
    """Holds packages."""

    @property
    def name(self) -> str:
        """Where it is, for people."""
        ...

    async def compare(self, packages: Sequence[Package]) -> None:
        """Raise OutsideError that names the packages which it lacks, or has with another SHA-256."""
        ...

    async def fetch(self, packages: Sequence[Package], here: Path) -> None:
        """Copy packages and their index into a folder here, compared; raises OutsideError."""
        ...


@dataclass(frozen=True)
class Build:
    """Build an empty Debian, unless one of the same packages is kept; the archive is compared in either case."""

    archive: Archive
    roots: Roots
    packages: Sequence[Package]
    folder: Path
    name: str = BUILD

    async def look(self) -> Done | None:
        """Return None: what is kept is found again."""
        return None

    async def do(self) -> Done:
        """Build it; raises KedgeError that names what the archive lacks."""
        if built := await asyncio.to_thread(self.roots.find, self.packages):
            await self.archive.compare(self.packages)
            return Done(f"{self._words(built)}; it is kept since {built.at:%Y-%m-%d %H:%M}Z")
        await asyncio.to_thread(_make, self.folder)
        now = asyncio.get_running_loop().time
        began = now()
        await self.archive.fetch(self.packages, self.folder)
        built = await self.roots.build(self.packages, self.folder, timedelta(seconds=now() - began))
        await self.undo()
        return Done(self._words(built))

    async def undo(self) -> None:
        """Remove what was fetched; a root that is whole is kept for the next drill."""
        await asyncio.to_thread(clear, self.folder)

    @property
    def root(self) -> Path:
        """Where it is once it is built."""
        return self.roots.place(self.packages)

    def ground(self) -> Ground:
        """Return what the drill stands on; raises OutsideError if it is not there any more."""
        built = self.roots.find(self.packages)
        if built is None:
            raise OutsideError("the empty Debian is gone", hint="drill again")
        return Ground(f"onto an empty Debian of {built.packages} packages", built.took)

    def _words(self, built: Built) -> str:
        took = f"{built.took.total_seconds():.0f} s"
        return f"{built.packages} packages of {self.archive.name}, fetched and built in {took}"


def _make(folder: Path) -> None:
    """Make a folder that the users of a sandbox may pass."""
    clear(folder)
    for made in (folder.parent, folder):
        made.mkdir(parents=True, exist_ok=True)
        made.chmod(0o711)
