"""Spools: folders in which dumps wait, there where they are made and here where they are kept."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePosixPath

from kedge.errors import OutsideError
from kedge.model.checksums import SUMS, read_sums
from kedge.model.instance import Part
from kedge.model.ports import Near, Shell, Site

QUICK = timedelta(minutes=1)
SAID_CHARACTERS = 300
FAR = PurePosixPath("/var/tmp")  # on disk, and not emptied by a boot before the next run looks


@dataclass(frozen=True)
class Spool:
    """Where one run's dumps wait. `is_here` tells whether a site's files are kedge's own: then nothing is copied."""

    run: str
    folder: Path
    is_here: Callable[[Site], bool] = lambda site: False

    @property
    def files(self) -> Path:
        """The folder that is saved."""
        return self.folder / "spool"

    def census(self, part: Part) -> Path:
        """Return the file of a part's census; it is there once its dump is complete."""
        return self.folder / "census" / f"{part.name}.json"

    def there(self, part: Part, site: Site) -> PurePosixPath:
        """Return the folder on a site in which a part is dumped."""
        if self.is_here(site):
            return PurePosixPath(self.files / part.name)
        return FAR / f"kedge-spool.{self.run}.{part.name}"


async def do(shell: Shell, *argv: str, stdin: bytes = b"", limit: timedelta = QUICK) -> bytes:
    """Return what a command said; raises OutsideError, with the end of its complaint, unless it ended with 0."""
    ended = await shell.run(argv, stdin=stdin, limit=limit)
    if ended.code != 0:
        said = ended.stderr.decode(errors="replace").strip()[-SAID_CHARACTERS:]
        raise OutsideError(f"{argv[0]} failed: {said or f'exit code {ended.code}'}")
    return ended.stdout


async def make_empty(shell: Shell, folder: PurePosixPath) -> None:
    """Make a folder that only its owner may enter, without what an interrupted run left in it."""
    script = 'rm -rf -- "$1" && umask 077 && mkdir -p -- "$1"'
    await do(shell, "sh", "-c", script, "sh", str(folder), limit=timedelta(minutes=30))


async def remove(shell: Shell, folder: PurePosixPath) -> None:
    """Remove a folder; nothing if it is not there."""
    await do(shell, "rm", "-rf", "--", str(folder), limit=timedelta(minutes=30))


async def pull(shell: Shell, there: PurePosixPath, here: Path) -> None:
    """Copy every file of a folder there into a folder here, each compared by length and SHA-256.

    What is listed in `SHA256SUMS` there is compared with that, and not read there a second time.
    """
    names = await _file_names(shell, there)
    known = read_sums(await do(shell, "cat", "--", str(there / SUMS))) if SUMS in names else {}
    for name in names:
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        await shell.get(there / name, here / name, known.get(name, ""))


async def push(shell: Shell, here: Path, there: PurePosixPath) -> None:
    """Copy every file of a folder here into a folder there, each compared by length and SHA-256."""
    for path in await asyncio.to_thread(_files_below, here):
        target = there / path.relative_to(here).as_posix()
        await do(shell, "mkdir", "-p", "--", str(target.parent))
        await shell.put(path, target)


async def bring(site: Site, here: Path, there: PurePosixPath) -> None:
    """Let a site have every file of a folder here: as they are if it is near, else copied and compared."""
    if isinstance(site, Near):
        await site.take(here, there)
    else:
        await push(site.shell, here, there)


async def _file_names(shell: Shell, folder: PurePosixPath) -> Sequence[str]:
    # In a container find(1) may be busybox's, which knows no -printf.
    listed = await do(shell, "sh", "-c", 'cd -- "$1" && find . -type f -print0', "sh", str(folder))
    return [name.removeprefix("./") for name in listed.decode().split("\0")[:-1]]


def _files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder; what vanishes meanwhile counts for nothing."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.stat(os.path.join(path, name), follow_symlinks=False).st_size
    return total


async def measure(shell: Shell, folder: PurePosixPath) -> int | None:
    """Return the bytes that a folder there takes on its disk; None if it is not there, or nobody answers."""
    ended = await shell.run(("du", "-sk", "--", str(folder)), limit=QUICK)
    found = ended.stdout.split()
    return int(found[0]) * 1024 if ended.code == 0 and found and found[0].isdigit() else None


def clear(folder: Path) -> None:
    """Remove a folder here, also what a restored copy made read-only in it; nothing if it is not there."""
    for path, names, _ in os.walk(folder):
        for name in names:  # before os.walk looks into them
            with suppress(OSError):
                os.chmod(os.path.join(path, name), 0o700)
    if folder.is_symlink() or folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError as failure:
            raise OutsideError(f"{folder} could not be removed: {os.strerror(failure.errno or 0)}") from failure
