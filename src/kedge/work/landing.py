"""Whether a copy can take what was saved: room where it will lie, and a server that understands its dump."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Protocol, runtime_checkable

from kedge.errors import OutsideError, Refused
from kedge.model.census import Census
from kedge.model.instance import Instance, Obstacle, Part
from kedge.model.room import Extent, Fit, Fitting, Free
from kedge.work.room import Outlook, by_disk, free_here, free_there, growth_of
from kedge.work.spool import FAR, size_of
from kedge.work.subject import instance_of


@runtime_checkable
class Placed(Protocol):
    """A part with a place of its own in the file system, where something else may lie now."""

    def place(self, at: Instance) -> PurePosixPath:
        """Return where it belongs."""
        ...


def refuse(outlook: Outlook, service: str) -> Outlook:
    """Return an outlook without obstacles; raises Refused with the first of them."""
    for obstacle in outlook.obstacles:
        raise Refused(f"{service}, {obstacle.what}", hint=obstacle.fix)
    return outlook


async def look_at_target(
    target: Instance, dumps: Iterable[tuple[Part, Path]], censuses: Mapping[str, Census]
) -> Outlook:
    """Return what loading these dumps (a part, its folder here) into a target would meet; nothing is touched.

    They are loaded one after the other: of all but one, only what they became lies there.
    """
    outlook = Outlook()
    needs: list[tuple[Free, Extent]] = []
    waiting: dict[str, tuple[Free, Extent]] = {}
    for part, dump in dumps:
        at, size = instance_of(part, target), await asyncio.to_thread(size_of, dump)
        fit = await _fit(part, at, censuses.get(part.name))
        outlook.obstacles += [Obstacle(f"{part.name}: {one.what}", one.fix) for one in fit.obstacles]
        outlook.words += [f"{part.name}: {word}" for word in fit.words]
        loaded = Extent(size, size).grown(growth_of(part))
        place = part.place(at) if isinstance(part, Placed) else fit.place
        if place and (free := await free_there(at.site.shell, place)):
            needs.append((free, loaded))
        if free := await free_there(at.site.shell, FAR):
            known = waiting.get(free.disk, (free, Extent(0, 0)))[1]
            waiting[free.disk] = (free, Extent(max(known.least, size), max(known.most, size)))
    for free, need in by_disk([*needs, *waiting.values()]):
        outlook.weigh(free, need, "what is restored", "make room on the target")
    return outlook


async def _fit(part: Part, at: Instance, saved: Census | None) -> Fit:
    """Return what a part's server says of its dump; one that does not answer is an obstacle, for it takes nothing."""
    try:
        return await part.fit(at, saved) if isinstance(part, Fitting) else Fit()
    except OutsideError as failure:
        return Fit([Obstacle(failure.message, failure.hint)])


async def require_room(folder: Path, dumps: Iterable[tuple[Part, int]], *, is_fetched: bool) -> None:
    """Raise Refused if a folder here has no room for what dumps of these sizes become once they are loaded.

    Unless they are fetched already, the dumps themselves are counted as well; size 0 stands for an unknown one.
    """
    outlook, need = Outlook(), Extent(0, 0)
    for part, size in dumps:
        dump = Extent(size, size)
        need += dump.grown(growth_of(part)) if is_fetched else dump + dump.grown(growth_of(part))
    outlook.weigh(await free_here(folder), need, "a restored copy", "make room there")
    for obstacle in outlook.obstacles:
        raise Refused(obstacle.what, hint=obstacle.fix)
