"""A file replaced whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from kedge.errors import OutsideError, Refused


def replace_file(path: Path, content: bytes, known: bytes) -> None:
    """Write a file through a temporary one beside it, synchronised and renamed; its mode stays, links are followed.

    Raises Refused if the file no longer holds what was `known`, OutsideError if the disk fails; then it is as it was.
    """
    target = Path(os.path.realpath(path))
    try:
        if target.read_bytes() != known:
            raise Refused(f"{path} was changed by somebody else meanwhile", hint="nothing was written; try again")
        temporary = _write_beside(target, content)
        try:
            os.replace(temporary, target)
        except OSError:
            os.unlink(temporary)
            raise
        _synchronise(target.parent)
    except OSError as error:
        raise OutsideError(f"{path} could not be written ({error.strerror})", hint="it is as it was") from error


def _write_beside(target: Path, content: bytes) -> str:
    """Return the path of a synchronised file with this content and the target's owner and mode."""
    before = target.stat()
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            if (before.st_uid, before.st_gid) != (os.getuid(), os.getgid()):
                os.fchown(stream.fileno(), before.st_uid, before.st_gid)
            os.fchmod(stream.fileno(), before.st_mode & 0o7777)
            os.fsync(stream.fileno())
    except BaseException:
        os.unlink(temporary)
        raise
    return temporary


def _synchronise(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
