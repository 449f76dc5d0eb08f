"""What a snapshot says of itself: `snapshot.json` beside the spooled files, with the length and SHA-256 of each."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from pydantic import TypeAdapter, ValidationError

from kedge.errors import OutsideError
from kedge.model.census import Census
from kedge.model.checksums import SUMS, read_sums

RECORD = "snapshot.json"


@dataclass(frozen=True, slots=True)
class Content:
    """What a file must be: its length and SHA-256."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Record:
    """What a snapshot says of itself; `at` is the moment of the data."""

    service: str
    at: datetime
    censuses: tuple[Census, ...]
    files: Mapping[str, Content]


_RECORDS = TypeAdapter(Record)


def make_record(service: str, at: datetime, censuses: tuple[Census, ...], spool: Path) -> Record:
    """Return the record, written into the spool folder, where an older one may lie from an interrupted save."""
    try:
        (spool / RECORD).unlink(missing_ok=True)
        names = list_files(spool)
        known = _known_sums(spool, names)
        files = {name: read_content(spool / name, known.get(name, "")) for name in names}
        record = Record(service, at, censuses, files)
        write_record(record, spool)
    except OSError as failure:
        raise OutsideError(f"the spool folder {spool} cannot be used: {os.strerror(failure.errno or 0)}") from failure
    return record


def size_with_record(record: Record, spool: Path) -> tuple[int, int]:
    """Return how many files a spool folder holds, its record included, and how many bytes."""
    size = sum(content.size_bytes for content in record.files.values()) + (spool / RECORD).stat().st_size
    return len(record.files) + 1, size


def compare(snapshot: str, spool: Path) -> Record:
    """Return the record of what was fetched; raises OutsideError unless every file is what was saved."""
    record = read_record(spool)
    if set(list_files(spool)) - {RECORD} != set(record.files):
        raise OutsideError(f"snapshot {snapshot[:8]} does not hold the files that were saved")
    for name, expected in record.files.items():
        if read_content(spool / name) != expected:
            raise OutsideError(f"{name} of snapshot {snapshot[:8]} is not what was saved (length or SHA-256)")
    return record


def compare_below(snapshot: str, spool: Path, folder: str) -> None:
    """Compare a folder of what was fetched in part; raises OutsideError unless it is what was saved."""
    wanted = {name: content for name, content in read_record(spool).files.items() if name.startswith(f"{folder}/")}
    try:
        found = {name: read_content(spool / name) for name in wanted}
    except OSError as failure:
        raise OutsideError(f"snapshot {snapshot[:8]} does not give back all below {folder}") from failure
    if found != wanted:
        raise OutsideError(f"what lies below {folder} of snapshot {snapshot[:8]} is not what was saved")


def list_files(spool: Path) -> list[str]:
    """Return the files below a folder, by their paths in it; raises OutsideError for anything but files and folders."""
    names: list[str] = []
    for path in sorted(spool.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise OutsideError(f"{path} is neither a file nor a folder")
        if path.is_file():
            names.append(path.relative_to(spool).as_posix())
    return names


def read_content(path: Path, known: str = "") -> Content:
    """Return what a file is now, or what it was written as, if its SHA-256 is known from then; raises OSError."""
    if known:
        return Content(path.stat().st_size, known)
    with path.open("rb") as data:
        digest = hashlib.file_digest(data, "sha256").hexdigest()
    return Content(path.stat().st_size, digest)


def _known_sums(spool: Path, names: Sequence[str]) -> Mapping[str, str]:
    """Return the SHA-256 with which files were written, for those parts that took it then; raises OSError."""
    folders = [spool / name for name in names if PurePosixPath(name).name == SUMS and name.count("/") == 1]
    return {
        f"{path.parent.name}/{name}": digest
        for path in folders
        for name, digest in read_sums(path.read_bytes()).items()
    }


def write_record(record: Record, folder: Path) -> None:
    """Write the record into a folder; raises OSError."""
    (folder / RECORD).write_bytes(_RECORDS.dump_json(record, indent=1))


def read_record(folder: Path) -> Record:
    """Return the record in a folder; raises OutsideError."""
    try:
        return _RECORDS.validate_json((folder / RECORD).read_bytes())
    except (OSError, ValidationError) as failure:
        raise OutsideError(f"the record of snapshot {folder.name} cannot be read") from failure
