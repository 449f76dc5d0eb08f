"""A folder of files written as a whole: built beside its place, then swapped; the old one stays until the swap."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kedge.errors import OutsideError, Refused

MARKER = ".kedge-site"
"""The file by which kedge knows a folder as its own; it says which edition and which files."""


@dataclass(frozen=True, slots=True)
class Marker:
    """What kedge wrote into a folder: which edition, which files."""

    edition: str
    files: tuple[str, ...]


def write_folder(out: Path, files: Mapping[str, bytes], edition: str) -> list[Path]:
    """Return the paths written; `out` then holds these files and the marker, nothing else.

    Raises Refused if `out` holds anything kedge did not write or another edition, OutsideError if the disk fails.
    """
    target = out.resolve()
    try:
        _check(target, edition)
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".new", dir=target.parent))
    except OSError as problem:
        raise _failed(out, problem) from problem
    try:
        _fill(fresh, files, edition)
        _swap(fresh, target)
    except OSError as problem:
        raise _failed(out, problem) from problem
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return [out / name for name in sorted(files)]


def _failed(out: Path, problem: OSError) -> OutsideError:
    return OutsideError(
        f"could not write {out}: {problem.strerror or problem}", hint="what was there before is untouched"
    )


def _fill(folder: Path, files: Mapping[str, bytes], edition: str) -> None:
    is_private = edition == "private"
    marker = json.dumps({"written-by": "kedge", "edition": edition, "files": sorted(files)}, indent=1) + "\n"
    for name, content in {**files, MARKER: marker.encode()}.items():
        path = folder / name
        path.write_bytes(content)
        path.chmod(0o600 if is_private else 0o644)
    folder.chmod(0o700 if is_private else 0o755)


def _swap(fresh: Path, target: Path) -> None:
    """Put the fresh folder in its place. Between the two renames there is no folder, never half of one."""
    if not target.exists() or not any(target.iterdir()):
        fresh.rename(target)
        return
    old = fresh.with_suffix(".old")
    target.rename(old)
    try:
        fresh.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _check(target: Path, edition: str) -> None:
    if target.exists() and not target.is_dir():
        raise Refused(f"{target} is not a folder", hint="name a folder that does not exist yet")
    if Path.cwd().is_relative_to(target):
        raise Refused(f"{target} is where you are standing; it would be replaced", hint="name a folder below it")
    if target.exists() and any(target.iterdir()):
        _check_own(target, edition)


def _check_own(target: Path, edition: str) -> None:
    marker = _read_marker(target)
    if not marker:
        raise Refused(
            f"{target} holds files that kedge did not write; nothing was changed",
            hint="name a new or empty folder, or one that `kedge publish` made",
        )
    if marker.edition != edition:
        raise Refused(
            f"{target} holds the {marker.edition} edition and this is the {edition} one; nothing was changed",
            hint="give each edition a folder of its own, so that nothing private is ever served by mistake",
        )
    strange = sorted(path.name for path in target.iterdir() if path.name not in {*marker.files, MARKER})
    if strange:
        raise Refused(
            f"{target} also holds {', '.join(strange[:3])}{' …' if len(strange) > 3 else ''}, "
            "which kedge did not write and would delete; nothing was changed",
            hint="move that elsewhere, or name another folder",
        )


def _read_marker(folder: Path) -> Marker | None:
    try:
        said = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        return Marker(said["edition"], tuple(said["files"])) if said["written-by"] == "kedge" else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
