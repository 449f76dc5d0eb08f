"""What saving a service will meet, found out before anything is written: obstacles, sizes, and where room is scarce."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Mapping

from kedge.model.facts import Facts
from kedge.model.instance import Instance, Obstacle
from kedge.model.ports import Site, SnapshotStore
from kedge.model.room import Extent, Free, Roomy
from kedge.work.room import Outlook, by_disk, free_here, free_there, shares, survey_part
from kedge.work.spool import FAR, Spool
from kedge.work.subject import Subject, instance_of

DUMPED = "dumped"
"""What the fact is called that says how many bytes a part's dump had: `dumped/PART`."""
FEW_BYTES = 16 * 2**20
"""What a store that keeps only what is new needs in any case: as much as restic writes at once."""


def read_sizes(facts: Facts, subject: Subject) -> Mapping[str, int]:
    """Return how many bytes the last dump of each part of a service had, as far as facts say."""
    told = {part.name: facts.get(subject.name, f"{DUMPED}/{part.name}") for part in subject.parts()}
    values = {name: fact.value.removesuffix(" bytes") for name, fact in told.items() if fact}
    return {name: int(value) for name, value in values.items() if value.isdigit()}


async def look_ahead(
    subject: Subject, at: Instance, stores: Mapping[str, Roomy], spool: Spool, sizes: Mapping[str, int]
) -> Outlook:
    """Return what saving a service meets: obstacles, how large its dumps may become, where room is scarce."""
    spools: dict[int, asyncio.Task[Free | None]] = {}  # a host is asked once, while its first part is looked at
    outlook, rooms = Outlook(), {name: asyncio.create_task(store.room()) for name, store in stores.items()}
    try:
        for part in subject.parts():
            on = instance_of(part, at)
            if id(on.site) not in spools:
                spools[id(on.site)] = asyncio.create_task(_free_for(on.site, spool))
            survey, free = await asyncio.gather(survey_part(part, on), spools[id(on.site)])
            outlook.obstacles += [Obstacle(f"{part.name}: {one.what}", one.fix) for one in survey.obstacles]
            outlook.words += [f"{part.name}: {word}" for word in survey.words]
            extent = outlook.extents[part.name] = survey.extent and survey.extent.told(sizes.get(part.name))
            if free and extent:
                outlook.weigh(free, extent, f"{subject.name}, {part.name}", "make room on its host")
        here = await free_here(spool.folder)
        kept = {name: free for name, room in rooms.items() if (free := await room)}
    finally:
        for asked in (*rooms.values(), *spools.values()):
            asked.cancel()
    _weigh_here(outlook, here, kept, stores)
    return outlook


async def _free_for(site: Site, spool: Spool) -> Free | None:
    """Return what is free where a dump waits on its host; None where that is kedge's own spool."""
    return None if spool.is_here(site) else await free_there(site.shell, FAR, f"{FAR} of its host")


def worth_asking(stores: Mapping[str, SnapshotStore], opened: Container[str]) -> Mapping[str, Roomy]:
    """Return the stores that can tell what is free in them; a far one that opened a moment ago is not asked again."""
    known = {name: store for name, store in stores.items() if isinstance(store, Roomy)}
    return {name: store for name, store in known.items() if not (store.is_far and name in opened)}


def _weigh_here(outlook: Outlook, here: Free | None, kept: Mapping[str, Free], stores: Mapping[str, Roomy]) -> None:
    """Weigh what all parts need together: here, where they wait, and in each store."""
    whole, told = outlook.extent, shares(outlook.extents)
    needs = [(here, whole)] if here else []
    for name, free in kept.items():
        new = whole if stores[name].keeps_all else Extent(min(whole.least, FEW_BYTES), whole.most)
        needs.append((free, new))
    for free, need in by_disk(needs):
        outlook.weigh(free, need, told, "make room there, or give it a larger disk")
