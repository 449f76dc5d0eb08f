"""What a snapshot says of itself: `snapshot.json` beside the spooled files, with the length and SHA-256 of each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from kedge.errors import OutsideError
from kedge.model.census import Census

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


def list_files(spool: Path) -> list[str]:
    """Return the files below a folder, by their paths in it; raises OutsideError for anything but files and folders."""
    names: list[str] = []
    for path in sorted(spool.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise OutsideError(f"{path} is neither a file nor a folder")
        if path.is_file():
            names.append(path.relative_to(spool).as_posix())
    return names


def read_content(path: Path) -> Content:
    """Return what a file is now; raises OSError."""
    with path.open("rb") as data:
        digest = hashlib.file_digest(data, "sha256").hexdigest()
    return Content(path.stat().st_size, digest)


def write_record(record: Record, folder: Path) -> None:
    """Write the record into a folder; raises OSError."""
    (folder / RECORD).write_bytes(_RECORDS.dump_json(record, indent=1))


def read_record(folder: Path) -> Record:
    """Return the record in a folder; raises OutsideError."""
    try:
        return _RECORDS.validate_json((folder / RECORD).read_bytes())
    except (OSError, ValidationError) as failure:
        raise OutsideError(f"the record of snapshot {folder.name} cannot be read") from failure
