"""Saving a service: look for obstacles, dump each part with its census, save all of it to each store, tidy up.

Dumps are spooled on the service's host, checked there, copied here and compared, and only then given to a store: a dump
that dies is never half a snapshot.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from pydantic import TypeAdapter, ValidationError

from kedge.errors import OutsideError, Refused
from kedge.model.census import OUTSIDE, UNCHECKED, Census
from kedge.model.facts import Fact
from kedge.model.instance import Instance, Part
from kedge.model.ports import Repository, Shell, Snapshot, SnapshotStore
from kedge.model.quantity import format_size
from kedge.work.doubts import NONE, Count, count, find_doubts
from kedge.work.enclosure import Enclosure
from kedge.work.outlook import DUMPED, look_ahead, worth_asking
from kedge.work.spool import FAR, Spool, clear, make_empty, measure, pull, remove, size_of
from kedge.work.step import Deed, Done
from kedge.work.subject import Subject, instance_of

_CENSUSES = TypeAdapter(Census)
NOTHING = Enclosure()


def saving(
    subject: Subject,
    at: Instance,
    stores: Mapping[str, SnapshotStore],
    spool: Spool,
    shelf_life: timedelta,
    before: Mapping[str, Count] = MappingProxyType({}),
    opened: Container[str] = (),
    enclosure: Enclosure = NOTHING,
    sizes: Mapping[str, int] = MappingProxyType({}),
) -> Sequence[Deed]:
    """Return the steps that save a service to these stores.

    `before` is what each part held when last saved, `sizes` the bytes of its last dump; `opened` are stores that opened
    a moment ago; `enclosure` is saved beside the data.
    """
    parts = list(subject.parts())
    return (
        Preflight(subject, at, stores, spool, opened, sizes),
        *(Dump(part, instance_of(part, at), spool, subject.name, before.get(part.name)) for part in parts),
        *(Keep(subject, parts, name, store, spool, shelf_life, enclosure) for name, store in stores.items()),
        Tidy(spool.folder),
    )


@dataclass(frozen=True)
class Preflight:
    """Look for obstacles before anything is written."""

    subject: Subject
    at: Instance
    stores: Mapping[str, SnapshotStore]
    spool: Spool
    opened: Container[str] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    name: str = "preflight"

    async def look(self) -> Done | None:
        """Return None: looking again costs little."""
        return None

    async def do(self) -> Done:
        """Raise Refused with the first obstacle, OutsideError for a store that cannot be opened."""
        asked = worth_asking(self.stores, self.opened)
        outlook = await look_ahead(self.subject, self.at, asked, self.spool, self.sizes)
        for obstacle in outlook.obstacles:
            raise Refused(f"{self.subject.name}, {obstacle.what}", hint=obstacle.fix)
        for name, store in self.stores.items():
            if name not in self.opened:
                await store.list(self.subject.name)
        return Done("; ".join(outlook.words))

    async def undo(self) -> None:
        """Remove the run's folder here: this is undone last, when nothing in it is needed any more."""
        await asyncio.to_thread(clear, self.spool.folder)


@dataclass(frozen=True)
class Dump:
    """Dump one part with the census of the same moment, and bring both here."""

    part: Part
    at: Instance
    spool: Spool
    service: str = ""
    before: Count | None = None

    @property
    def name(self) -> str:
        """Its name in the plan."""
        return f"dump {self.part.name}"

    async def look(self) -> Done | None:
        """Return what the census says if it is there: it is written last."""
        try:
            return self._done(self.census())
        except OutsideError:
            return None

    async def do(self) -> Done:
        """Dump it, beginning anew."""
        shell, there = self.at.site.shell, self.spool.there(self.part, self.at.site)
        here = self.spool.files / self.part.name
        await asyncio.to_thread(_make_room, self.spool)
        await make_empty(shell, there)
        census = await self.part.save(self.at, there)
        if PurePosixPath(here) != there:
            await asyncio.to_thread(clear, here)
            await pull(shell, there, here)
            await remove(shell, there)
        await asyncio.to_thread(write_whole, self.spool.census(self.part), _CENSUSES.dump_json(census))
        return self._done(census)

    async def grown(self) -> int | None:
        """Return the bytes that are here, else those that are still where they are made."""
        here, there = self.spool.files / self.part.name, self.spool.there(self.part, self.at.site)
        return await asyncio.to_thread(size_of, here) or await measure(self.at.site.shell, there)

    async def undo(self) -> None:
        """Remove the dump, there and here."""
        await remove(self.at.site.shell, self.spool.there(self.part, self.at.site))
        await asyncio.to_thread(clear, self.spool.files / self.part.name)
        await asyncio.to_thread(self.spool.census(self.part).unlink, True)

    def census(self) -> Census:
        """Return the census taken; raises OutsideError if the dump is not complete."""
        return read_census(self.spool, self.part)

    def _done(self, census: Census) -> Done:
        now, doubts = count(census), find_doubts(census, self.before)
        size_bytes = size_of(self.spool.files / self.part.name)
        size = format_size(size_bytes)
        said = "".join(f"; doubtful: {doubt}" for doubt in doubts)
        if outside := census.remarks.get(OUTSIDE):
            said += f"; not held still: {outside}"
        if unchecked := census.remarks.get(UNCHECKED):
            said += f"; not checked: {unchecked}"

        def fact(what: str, value: str) -> Fact:
            how = f"{self.spool.run}: {size}"
            return Fact(self.service, f"{what}/{self.part.name}", value, census.at, "counted", by="kedge", how=how)

        values = {"counted": now.text, "doubt": "; ".join(doubts) or NONE, DUMPED: f"{size_bytes} bytes"}
        facts = tuple(fact(what, value) for what, value in values.items() if self.service)
        return Done(f"{now.entries} entries, {size}{said}", facts)


@dataclass(frozen=True)
class Keep:
    """Save what was spooled to one store."""

    subject: Subject
    parts: Sequence[Part]
    store: str
    into: SnapshotStore
    spool: Spool
    shelf_life: timedelta
    enclosure: Enclosure = NOTHING

    @property
    def name(self) -> str:
        """Its name in the plan."""
        return f"save to {self.store}"

    async def look(self) -> Done | None:
        """Return the snapshot of this very moment, if the store has it; take away the lock that may have been left."""
        await self._unlock()
        moment = min((census.at for census in self._censuses()), default=None)
        if moment is None:
            return None
        found = [one for one in await self.into.list(self.subject.name) if abs(one.at - moment) < timedelta(seconds=1)]
        return self._done(found[-1]) if found else None

    async def do(self) -> Done:
        """Save it."""
        files = self.spool.files
        await asyncio.to_thread(self.enclosure.write, files, self.subject.name, self.store, self.parts)
        return self._done(await self.into.save(self.subject.name, self.spool.files, self._censuses()))

    async def undo(self) -> None:
        """Leave the snapshot: it is complete and true, and saving does not delete what it saved. Leave no lock."""
        with suppress(OutsideError):
            await self._unlock()

    async def _unlock(self) -> None:
        if isinstance(self.into, Repository):
            await self.into.unlock()

    def _censuses(self) -> list[Census]:
        return [read_census(self.spool, part) for part in self.parts]

    def _done(self, snapshot: Snapshot) -> Done:
        def fact(what: str) -> Fact:
            return Fact(
                self.subject.name, what, snapshot.id, snapshot.at, "counted", by="kedge",
                how=self.spool.run, shelf_life=self.shelf_life,
            )  # fmt: skip

        return Done(f"snapshot {snapshot.id[:8]}", (fact("backup"), fact(f"backup/{self.store}")))


@dataclass(frozen=True)
class Tidy:
    """Remove a run's folder here."""

    folder: Path
    name: str = "tidy up"

    async def look(self) -> Done | None:
        """Return None: removing again costs nothing."""
        return None

    async def do(self) -> Done:
        """Remove it."""
        await asyncio.to_thread(clear, self.folder)
        return Done()

    async def undo(self) -> None:
        """Remove it as well."""
        await self.do()


@dataclass(frozen=True)
class Remnant:
    """What a step of an older plan left behind: known by its name alone, it can only be removed."""

    name: str
    shells: Sequence[Shell]
    spool: Spool

    async def look(self) -> Done | None:
        """Return None: nobody carries it on."""
        return None

    async def do(self) -> Done:
        """Raise Refused: what it was to do is not declared any more."""
        raise Refused(f"'{self.name}' is not declared any more")

    async def undo(self) -> None:
        """Remove the dump of that name, wherever it may lie."""
        for shell in self.shells:
            await remove(shell, FAR / f"kedge-spool.{self.spool.run}.{self.name.removeprefix('dump ')}")
        await asyncio.to_thread(clear, self.spool.folder)


def remnants(names: Sequence[str], at: Instance, spool: Spool) -> Sequence[Deed]:
    """Return what rolls back a run whose service is declared otherwise now."""
    shells = [at.site.shell, *(used.site.shell for used in at.uses.values())]
    return [Remnant(name, shells if name.startswith("dump ") else (), spool) for name in names]


def read_census(spool: Spool, part: Part) -> Census:
    """Return the census of a dump that is complete; raises OutsideError if it is not."""
    try:
        return _CENSUSES.validate_json(spool.census(part).read_bytes())
    except (OSError, ValidationError) as failure:
        raise OutsideError(f"the dump of {part.name} is not complete") from failure


def _make_room(spool: Spool) -> None:
    try:
        for folder in (spool.folder, spool.files, spool.folder / "census"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as failure:
        raise OutsideError(f"no spool in {spool.folder}: {os.strerror(failure.errno or 0)}") from failure


def write_whole(file: Path, data: bytes) -> None:
    """Write a file that is complete or absent."""
    half = file.with_name(f"{file.name}.half")
    try:
        half.write_bytes(data)
        half.rename(file)
    except OSError as failure:
        raise OutsideError(f"{file} could not be written: {os.strerror(failure.errno or 0)}") from failure
