"""Files for a sandbox, put into its folder from outside: by hard links, so that a dump is not copied or read again.

What runs in the sandbox owns that folder and may have made links in it. None is followed: each step opens one folder
below the one before (openat(2), O_NOFOLLOW).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from kedge.errors import OutsideError

STEP = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def hand_over(here: Path, folder: Path, there: PurePosixPath, owner: int | None) -> None:
    """Put every file below `here` into a sandbox's folder at the path `there`, and give it to its owner.

    Raises OutsideError if that cannot be done, as between two disks.
    """
    try:
        for path in sorted(path for path in here.rglob("*") if path.is_file() and not path.is_symlink()):
            inner = there / path.relative_to(here).as_posix()
            with _folder_of(folder, inner.parent.parts[1:], owner) as number:
                with suppress(FileNotFoundError):
                    os.unlink(inner.name, dir_fd=number)
                os.link(path, inner.name, dst_dir_fd=number, follow_symlinks=False)
                _give(inner.name, number, owner)
    except OSError as failure:
        raise OutsideError(f"{there} could not be put into the sandbox: {failure.strerror}") from failure


@contextmanager
def _folder_of(folder: Path, steps: Sequence[str], owner: int | None) -> Iterator[int]:
    number = os.open(folder, STEP)
    try:
        for step in steps:
            with suppress(FileExistsError):
                os.mkdir(step, 0o700, dir_fd=number)
                _give(step, number, owner)
            above, number = number, os.open(step, STEP, dir_fd=number)
            os.close(above)
        yield number
    finally:
        os.close(number)


def _give(name: str, number: int, owner: int | None) -> None:
    if owner is not None:
        os.chown(name, owner, owner, dir_fd=number, follow_symlinks=False)
