"""A plain folder as a snapshot store: `SERVICE/ID/` holds `files/` as they were spooled, and `snapshot.json`.

A snapshot is written beside its place, flushed, read back and compared, and then renamed: it is complete or absent.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from kedge.adapters.record import RECORD, Content, Record, list_files, read_content, read_record, write_record
from kedge.errors import OutsideError
from kedge.model.census import Census
from kedge.model.ports import Clock, Snapshot

FILES = "files"
PARTIAL = ".partial-"


@dataclass(frozen=True)
class FolderStore:
    """Holds snapshots in a folder of this machine. It never deletes a snapshot."""

    root: Path
    clock: Clock
    counts: ClassVar[bool] = True

    async def save(self, service: str, spool: Path, censuses: Sequence[Census]) -> Snapshot:
        """Save a spool folder and its censuses; raises OutsideError, and then nothing is left of it."""
        return await asyncio.to_thread(self._save, service, spool, tuple(censuses))

    async def list(self, service: str) -> Sequence[Snapshot]:
        """Return the snapshots of a service, oldest first; one with an unreadable record raises OutsideError."""
        return await asyncio.to_thread(self._list, service)

    async def fetch(self, snapshot: Snapshot, spool: Path) -> Snapshot:
        """Copy a snapshot's files into a folder and compare each; raises OutsideError that names the first bad one."""
        return await asyncio.to_thread(self._fetch, snapshot, spool)

    def _save(self, service: str, spool: Path, censuses: tuple[Census, ...]) -> Snapshot:
        home = self.root / _plain(service)
        now = self.clock.now()
        at = min([now, *(census.at for census in censuses)])
        try:
            home.mkdir(parents=True, exist_ok=True)
            _remove_abandoned(home)
            with _partial(home, f"{PARTIAL}{now:%Y%m%dT%H%M%SZ}-{os.getpid()}") as partial:
                files = {name: _copy(spool / name, partial / FILES / name) for name in list_files(spool)}
                record = Record(service, at, censuses, files)
                write_record(record, partial)
                _flush(partial / RECORD)
                name = f"{at:%Y%m%dT%H%M%SZ}-{read_content(partial / RECORD).sha256[:8]}"
                for folder in {partial, *(path for path in partial.rglob("*") if path.is_dir())}:
                    _flush(folder)
                partial.rename(home / name)
                _flush(home)
        except OSError as failure:
            raise OutsideError(f"the snapshot of {service} was not saved: {failure}") from failure
        return Snapshot(name, service, at, censuses)

    def _list(self, service: str) -> Sequence[Snapshot]:
        home = self.root / _plain(service)
        names = sorted(entry.name for entry in home.iterdir() if entry.name[0] != ".") if home.is_dir() else []
        records = [(name, read_record(home / name)) for name in names]
        return [Snapshot(name, service, record.at, record.censuses) for name, record in records]

    def _fetch(self, snapshot: Snapshot, spool: Path) -> Snapshot:
        home = self.root / _plain(snapshot.service) / _plain(snapshot.id)
        record = read_record(home)
        for name, expected in record.files.items():
            try:
                found = _copy(home / FILES / name, spool / name)
            except OSError as failure:
                raise OutsideError(f"{name} of snapshot {snapshot.id} cannot be read: {failure}") from failure
            if found != expected:
                raise OutsideError(f"{name} of snapshot {snapshot.id} is not what was saved (length or SHA-256)")
        return Snapshot(snapshot.id, snapshot.service, record.at, record.censuses)


def _plain(name: str) -> str:
    """Return a name that is one folder, or raise OutsideError: a name must not lead out of the store."""
    if not name or "/" in name or "\0" in name or name[0] == ".":
        raise OutsideError(f"'{name}' cannot be the name of a folder in a store")
    return name


def _copy(source: Path, target: Path) -> Content:
    """Copy a file, flush it, and return what the copy reads back as; raises OutsideError if they differ."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    _flush(target)
    wanted, written = read_content(source), read_content(target)
    if wanted != written:
        raise OutsideError(f"{target} differs from {source} after copying")
    return written


def _flush(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextmanager
def _partial(home: Path, name: str) -> Iterator[Path]:
    """Yield a new folder, locked as long as somebody writes it; what was not renamed is removed."""
    partial = home / name
    partial.mkdir()
    number = os.open(partial, os.O_RDONLY)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        os.close(number)


def _remove_abandoned(home: Path) -> None:
    """Remove what a killed writer left: a partial folder that nobody holds locked."""
    for partial in home.glob(f"{PARTIAL}*"):
        with contextlib.suppress(OSError):
            number = os.open(partial, os.O_RDONLY)
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(partial)
            finally:
                os.close(number)
