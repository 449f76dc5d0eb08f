"""A plain folder as a snapshot store: `SERVICE/ID/` holds `files/` as they were spooled, and `snapshot.json`.

A snapshot is written beside its place, flushed, read back and compared, and then renamed: it is complete or absent.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from kedge.errors import OutsideError
from kedge.model.census import Census
from kedge.model.ports import Clock, Snapshot

RECORD = "snapshot.json"
FILES = "files"
PARTIAL = ".partial-"


@dataclass(frozen=True, slots=True)
class Content:
    """What a file must be: its length and SHA-256."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Record:
    """What a snapshot says of itself."""

    service: str
    at: datetime
    censuses: tuple[Census, ...]
    files: Mapping[str, Content]


_RECORDS = TypeAdapter(Record)


@dataclass(frozen=True)
class FolderStore:
    """Holds snapshots in a folder of this machine. It never deletes a snapshot."""

    root: Path
    clock: Clock

    async def save(self, service: str, spool: Path, censuses: Sequence[Census]) -> Snapshot:
        """Save a spool folder and its censuses; raises OutsideError, and then nothing is left of it."""
        return await asyncio.to_thread(self._save, service, spool, tuple(censuses))

    async def list(self, service: str) -> Sequence[Snapshot]:
        """Return the snapshots of a service, oldest first; one with an unreadable record raises OutsideError."""
        return await asyncio.to_thread(self._list, service)

    async def fetch(self, snapshot: Snapshot, spool: Path) -> None:
        """Copy a snapshot's files into a folder and compare each; raises OutsideError that names the first bad one."""
        await asyncio.to_thread(self._fetch, snapshot, spool)

    def _save(self, service: str, spool: Path, censuses: tuple[Census, ...]) -> Snapshot:
        home = self.root / _plain(service)
        at = self.clock.now()
        try:
            home.mkdir(parents=True, exist_ok=True)
            _remove_abandoned(home)
            with _partial(home, f"{PARTIAL}{at:%Y%m%dT%H%M%SZ}-{os.getpid()}") as partial:
                files = {name: _copy(spool / name, partial / FILES / name) for name in _names(spool)}
                record = Record(service, at, censuses, files)
                _write(partial / RECORD, _RECORDS.dump_json(record, indent=1))
                name = f"{at:%Y%m%dT%H%M%SZ}-{_digest(partial / RECORD)[:8]}"
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
        records = [(name, _read_record(home / name)) for name in names]
        return [Snapshot(name, service, record.at, record.censuses) for name, record in records]

    def _fetch(self, snapshot: Snapshot, spool: Path) -> None:
        home = self.root / _plain(snapshot.service) / _plain(snapshot.id)
        for name, expected in _read_record(home).files.items():
            try:
                found = _copy(home / FILES / name, spool / name)
            except OSError as failure:
                raise OutsideError(f"{name} of snapshot {snapshot.id} cannot be read: {failure}") from failure
            if found != expected:
                raise OutsideError(f"{name} of snapshot {snapshot.id} is not what was saved (length or SHA-256)")


def _plain(name: str) -> str:
    """Return a name that is one folder, or raise OutsideError: a name must not lead out of the store."""
    if not name or "/" in name or "\0" in name or name[0] == ".":
        raise OutsideError(f"'{name}' cannot be the name of a folder in a store")
    return name


def _names(spool: Path) -> list[str]:
    """Return the files below a folder, by their paths in it; raises OutsideError for anything but files and folders."""
    names: list[str] = []
    for path in sorted(spool.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise OutsideError(f"{path} is neither a file nor a folder")
        if path.is_file():
            names.append(path.relative_to(spool).as_posix())
    return names


def _digest(path: Path) -> str:
    with path.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _copy(source: Path, target: Path) -> Content:
    """Copy a file, flush it, and return what the copy reads back as; raises OutsideError if they differ."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    _flush(target)
    wanted, written = Content(source.stat().st_size, _digest(source)), Content(target.stat().st_size, _digest(target))
    if wanted != written:
        raise OutsideError(f"{target} differs from {source} after copying")
    return written


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    _flush(path)


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


def _read_record(home: Path) -> Record:
    try:
        return _RECORDS.validate_json((home / RECORD).read_bytes())
    except (OSError, ValidationError) as failure:
        raise OutsideError(f"the record of snapshot {home.name} cannot be read") from failure
