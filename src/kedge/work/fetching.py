"""Snapshots fetched for a drill while its copies start: one after the other, in the order they are needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from kedge.errors import OutsideError
from kedge.model.ports import Snapshot, SnapshotStore
from kedge.work.landing import require_room
from kedge.work.spool import size_of
from kedge.work.subject import Subject


@dataclass(frozen=True)
class Copy:
    """A snapshot and the store it is fetched from."""

    store: SnapshotStore
    snapshot: Snapshot


class Fetching:
    """Snapshots on their way into folders named after their services."""

    def __init__(self, copies: Mapping[str, Copy], folder: Path, tell: Callable[[str], None]) -> None:
        self.copies, self.folder, self.tell = copies, folder, tell
        self.fetched: dict[str, Snapshot] = {}
        self._begun: dict[str, asyncio.Task[Snapshot]] = {}

    @asynccontextmanager
    async def begin(self, subjects: Sequence[Subject]) -> AsyncIterator[None]:
        """Fetch the snapshots of these in turn; what is still under way at the end is stopped."""
        turns = asyncio.Lock()  # fair: who asked first is first
        for subject in subjects:
            self._begun[subject.name] = asyncio.create_task(self._fetch(subject, turns))
        try:
            yield
        finally:
            for task in self._begun.values():
                task.cancel()
            await asyncio.gather(*self._begun.values(), return_exceptions=True)

    async def take(self, subject: Subject) -> tuple[Snapshot, Path]:
        """Return the snapshot of a service and where it lies; raises OutsideError or Refused if it could not be had."""
        return await asyncio.shield(self._begun[subject.name]), self._folder(subject)

    async def _fetch(self, subject: Subject, turns: asyncio.Lock) -> Snapshot:
        copy = self.copies.get(subject.name)
        if copy is None:
            raise OutsideError(f"no snapshot of {subject.name}")
        here = self._folder(subject)
        async with turns:
            self.tell(f"fetch {subject.name}")
            here.parent.mkdir(mode=0o700, exist_ok=True)
            here.mkdir()
            fetched = await copy.store.fetch(copy.snapshot, here)
            snapshot = replace(fetched, censuses=copy.snapshot.censuses or fetched.censuses)
            self.fetched[subject.name] = snapshot
            dumps = [(part, await asyncio.to_thread(size_of, here / part.name)) for part in subject.parts()]
            await require_room(self.folder, dumps, is_fetched=True)
            return snapshot

    def _folder(self, subject: Subject) -> Path:
        return self.folder / "fetched" / subject.name
