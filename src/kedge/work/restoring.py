"""Restoring a service: fetch and verify a snapshot, put aside what is there, load each part, count it again.

What was there is renamed, never deleted; until the run has ended well, undoing it brings it back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path, PurePosixPath

from pydantic import TypeAdapter

from kedge.errors import OutsideError
from kedge.model.census import Census
from kedge.model.instance import ROOT, Instance, Part
from kedge.model.room import Extent
from kedge.work.fetching import Copy
from kedge.work.landing import Placed, look_at_target, refuse
from kedge.work.recount import expected_of, is_loaded, recount
from kedge.work.room import Outlook, free_here
from kedge.work.saving import Tidy, write_whole
from kedge.work.spool import FAR, clear, do, make_empty, push, remove, size_of
from kedge.work.step import Deed, Done, Unclear
from kedge.work.subject import Subject, instance_of

LONG = timedelta(hours=1)
SHOWN = 5
UNLOADED, KEPT = "its dump is equal and lies in", "; what was there is "
_CENSUSES = TypeAdapter(dict[str, Census])

# $1 where it belongs, $2 where what was there is kept, $3 a mark: that is done, and what lies at $1 is ours. The mark
# comes after the move, never before: a crash between the two must not make somebody's data look like ours.
PUT_ASIDE = """
if [ -e "$3" ]; then rm -rf -- "$1"
elif [ -e "$2" ]; then : > "$3"
elif [ -e "$1" ] && [ -n "$(ls -A -- "$1")" ]; then mv -T -- "$1" "$2" && : > "$3" || exit 1
else : > "$3"; fi
[ ! -e "$2" ] || echo kept
"""
# Without the mark nothing is removed: where something new lies at $1, mv -T refuses.
TAKE_BACK = """
[ ! -e "$3" ] || rm -rf -- "$1"
[ ! -e "$2" ] || mv -T -- "$2" "$1" || exit 1
rm -f -- "$3"
"""


@dataclass(frozen=True)
class Restoration:
    """What is restored, and where to: `folder` is room here for what is fetched."""

    run: str
    subject: Subject
    copy: Copy
    target: Instance
    folder: Path
    sizes: Mapping[str, int] = field(default_factory=dict)
    """How many bytes the last dump of each part had, as far as that is known before anything is fetched."""

    @property
    def spool(self) -> Path:
        """The folder into which the snapshot is fetched."""
        return self.folder / "fetched"

    @property
    def counted(self) -> Path:
        """The file with the censuses of the snapshot."""
        return self.folder / "censuses.json"

    def deeds(self) -> Sequence[Deed]:
        """Return the steps that restore it."""
        parts = self.parts
        return (Fetch(self), *(Load(self, part) for part in parts), Settle(self, parts), Tidy(self.folder))

    @property
    def parts(self) -> Sequence[Part]:
        """The parts that are restored: into a folder, only those that need no running server."""
        is_folder = self.target.data != ROOT
        return [part for part in self.subject.parts() if not (is_folder and part.needs_running)]

    def aside(self, place: PurePosixPath) -> PurePosixPath:
        """Return the name under which what was at a place is kept, beside it."""
        return place.with_name(f"{place.name}.before-{self.run}")

    def mark(self, part: Part) -> PurePosixPath:
        """Return the file that says that what was in a part's place is put aside."""
        return FAR / f"kedge-restore.{self.run}.{part.name}.begun"


@dataclass(frozen=True)
class Fetch:
    """Fetch the snapshot, compare it with its record, and look whether the target can take it.

    Whether there is room, and whether servers are recent enough, is found out before anything is put aside.
    """

    of: Restoration
    name: str = "fetch"

    async def look(self) -> Done | None:
        """Return None: it is fetched and compared anew."""
        return None

    async def do(self) -> Done:
        """Fetch it; raises Refused if it does not fit."""
        outlook, need = Outlook(), sum(self.of.sizes.values())
        outlook.weigh(await free_here(self.of.folder), Extent(need, need), "what is fetched", "make room there")
        refuse(outlook, self.of.subject.name)
        await asyncio.to_thread(_make_anew, self.of.folder, self.of.spool)
        snapshot = await self.of.copy.store.fetch(self.of.copy.snapshot, self.of.spool)
        censuses = {census.part: census for census in snapshot.censuses}
        await asyncio.to_thread(write_whole, self.of.counted, _CENSUSES.dump_json(censuses))
        dumps = [(part, self.of.spool / part.name) for part in self.of.parts]
        outlook = refuse(await look_at_target(self.of.target, dumps, censuses), self.of.subject.name)
        what = f"snapshot {snapshot.id[:8]} of {snapshot.at:%Y-%m-%d %H:%M:%S}Z"
        return Done("; ".join((what, *outlook.words)))

    async def grown(self) -> int | None:
        """Return the bytes that were fetched."""
        return await asyncio.to_thread(size_of, self.of.spool)

    async def undo(self) -> None:
        """Remove it."""
        await asyncio.to_thread(clear, self.of.folder)


@dataclass(frozen=True)
class Load:
    """Load one part where it belongs, what is there put aside before, and count it."""

    of: Restoration
    part: Part

    @property
    def name(self) -> str:
        """Its name in the plan."""
        return f"load {self.part.name}"

    async def look(self) -> Done | None:
        """Return None for a folder, which is loaded anew; whether a database was loaded to its end, nobody can tell."""
        if self.part.needs_running:
            raise Unclear(f"{self.part.name} may be loaded in part", hint="see what is there, then roll the run back")
        return None

    async def do(self) -> Done:
        """Load it; raises OutsideError if it is not what was saved."""
        at = instance_of(self.part, self.of.target)
        kept = await self._put_aside(at)
        spool = self._spool
        try:
            await make_empty(at.site.shell, spool)
            await push(at.site.shell, self.of.spool / self.part.name, spool)
            if is_loaded(self.part, at):
                await self.part.restore(at, spool)
            self._compare(await recount(self.part, at, spool), at)
        except BaseException:
            await remove(at.site.shell, spool)
            raise
        if not is_loaded(self.part, at):
            return Done(f"{UNLOADED} {spool}; nothing says how it is loaded here")
        await remove(at.site.shell, spool)
        equal = "equal" if self.of.copy.store.counts else "loaded; there is no census to compare with"
        return Done(f"{equal}{KEPT}{kept}" if kept else equal)

    async def undo(self) -> None:
        """Bring back what was there; a database that was loaded stays: it took nobody's place."""
        at = instance_of(self.part, self.of.target)
        await remove(at.site.shell, self._spool)
        if isinstance(self.part, Placed):
            await do(at.site.shell, "sh", "-c", TAKE_BACK, "sh", *self._places(self.part.place(at)), limit=LONG)

    @property
    def _spool(self) -> PurePosixPath:
        return FAR / f"kedge-restore.{self.of.run}.{self.part.name}"

    async def _put_aside(self, at: Instance) -> str:
        if not isinstance(self.part, Placed):
            return ""
        place = self.part.place(at)
        said = await do(at.site.shell, "sh", "-c", PUT_ASIDE, "sh", *self._places(place), limit=LONG)
        return str(self.of.aside(place)) if said.strip() == b"kept" else ""

    def _places(self, place: PurePosixPath) -> tuple[str, str, str]:
        return str(place), str(self.of.aside(place)), str(self.of.mark(self.part))

    def _compare(self, found: Census, at: Instance) -> None:
        censuses = _CENSUSES.validate_json(self.of.counted.read_bytes())
        expected = expected_of(self.part, at, censuses.get(self.part.name))
        counts = self.of.copy.store.counts
        lines = expected.difference(found) if expected else ["it was never counted"] if counts else []
        if lines:
            raise OutsideError(f"{self.part.name} is not what was saved: {'; '.join(lines[:SHOWN])}")


@dataclass(frozen=True)
class Settle:
    """Remove the marks by which what was there could have been brought back; what was there stays where it was put."""

    of: Restoration
    parts: Sequence[Part]
    name: str = "settle"

    async def look(self) -> Done | None:
        """Return None: removing again costs nothing."""
        return None

    async def do(self) -> Done:
        """Remove them."""
        for part in self.parts:
            shell = instance_of(part, self.of.target).site.shell
            await do(shell, "rm", "-f", "--", str(self.of.mark(part)))
        return Done()

    async def undo(self) -> None:
        """Nothing to undo."""


def _make_anew(folder: Path, spool: Path) -> None:
    clear(folder)
    folder.mkdir(parents=True, mode=0o700)
    spool.mkdir()


async def find_replaced(subject: Subject, target: Instance) -> list[PurePosixPath]:
    """Return the places in which something lies that a restoration would put aside."""
    found = []
    for part in subject.parts():
        if isinstance(part, Placed):
            at = instance_of(part, target)
            script = '[ -e "$1" ] && ls -A -- "$1" || true'
            if (await do(at.site.shell, "sh", "-c", script, "sh", str(part.place(at)))).strip():
                found.append(part.place(at))
    return found
