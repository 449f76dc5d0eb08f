"""Whether there is room, looked at before it is used up: for dumps on their hosts and here, in stores, for copies.

Too little is an obstacle only where even the least that is expected does not fit; what is unknown is no obstacle.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path, PurePosixPath

from kedge.model.instance import Instance, Obstacle, Part
from kedge.model.ports import Shell
from kedge.model.quantity import format_size
from kedge.model.room import NOTHING, Extent, Free, Growth, Sized, Survey

LIMIT = timedelta(minutes=1)
MARGIN = 1.25
"""How many times the most that is expected must be free, so that nothing is said."""
ONE_TO_ONE = (1.0, 1.0)
DF = re.compile(rb"\s\d+\s+\d+\s+(-?\d+)\s+\S+\s+(/.*)$")
# $1 a place that need not be there yet.
FREE = 'p=$1; while [ ! -e "$p" ]; do p=$(dirname -- "$p"); done; LC_ALL=C df -Pk "$p" | tail -n 1'


@dataclass
class Outlook:
    """What saving meets: obstacles, what is nearly one, and how large each part's dump may become (None: unknown)."""

    obstacles: list[Obstacle] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    extents: dict[str, Extent | None] = field(default_factory=dict)

    @property
    def extent(self) -> Extent:
        """All dumps together, as far as they are known."""
        return total(self.extents.values())

    def weigh(self, free: Free | None, need: Extent, what: str, fix: str) -> None:
        """Compare what is free with what is needed, and keep what is to be said of it."""
        if free is None or not need.most:
            return
        room = f"{free.where}: {format_size(free.free_bytes)} free, {needed(need)} needed for {what}"
        if free.free_bytes < need.least:
            self.obstacles.append(Obstacle(f"not enough room in {room}", fix))
        elif free.free_bytes < need.most * MARGIN:
            self.words.append(f"hardly enough room in {room}")


def total(extents: Iterable[Extent | None]) -> Extent:
    """Return the sum of those that are known."""
    return sum((one for one in extents if one), NOTHING)


def needed(need: Extent) -> str:
    """Return an extent for people: `1.2 GB`, `0.6 to 1.2 GB`."""
    least, most = format_size(need.least), format_size(need.most)
    number, _, unit = least.partition(" ")
    return most if least == most else f"{number if most.endswith(f' {unit}') else least} to {most}"


def growth_of(part: Part) -> Growth:
    """Return how many times its dump a part takes when it is loaded."""
    return part.growth if isinstance(part, Sized) else ONE_TO_ONE


async def survey_part(part: Part, at: Instance) -> Survey:
    """Return what a part sees before it is saved."""
    return await part.survey(at) if isinstance(part, Sized) else Survey(await part.preflight(at))


async def free_there(shell: Shell, place: PurePosixPath, name: str = "") -> Free | None:
    """Return what is free at a place of a host; None if it does not tell."""
    ended = await shell.run(("sh", "-c", FREE, "sh", str(place)), limit=LIMIT)
    found = DF.search(ended.stdout.rstrip()) if ended.code == 0 else None
    return Free(name or str(place), int(found[1]) * 1024, os.fsdecode(found[2])) if found else None


async def free_here(place: Path) -> Free | None:
    """Return what is free at a place of this machine, which need not be there yet; None if nobody can tell."""
    return await asyncio.to_thread(_free_here, place)


def _free_here(place: Path) -> Free | None:
    there = next((folder for folder in (place, *place.parents) if folder.exists()), place)
    try:
        told = os.statvfs(there)
        return Free(str(place), told.f_bavail * told.f_frsize, str(there.stat().st_dev))
    except OSError:
        return None


def by_disk(needs: Sequence[tuple[Free, Extent]]) -> Iterator[tuple[Free, Extent]]:
    """Yield what is needed in each place; places on one disk share its room, and are one."""
    found: dict[str, list[tuple[Free, Extent]]] = {}
    for number, (free, need) in enumerate(needs):
        found.setdefault(free.disk or f"unknown {number}", []).append((free, need))
    for disk, places in found.items():
        where = " and ".join(dict.fromkeys(free.where for free, _ in places))
        yield Free(where, min(free.free_bytes for free, _ in places), disk), total(need for _, need in places)


def shares(extents: Mapping[str, Extent | None]) -> str:
    """Return which parts need how much, for people: `databases 2.0 GB, uploads 500 MB`."""
    known = ", ".join(f"{name} {needed(one)}" for name, one in extents.items() if one)
    unknown = [name for name, one in extents.items() if one is None]
    return f"{known}; nobody knows of {', '.join(unknown)}" if unknown and known else known
