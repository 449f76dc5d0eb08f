"""What is costly to make and the same every time: the package root, the wheels, the prepared layers."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

DEFAULT_FOLDER = Path("/var/cache/kedge-lab")
UNUSED_AFTER_S = 14 * 24 * 3600


def digest(*texts: str) -> str:
    """Twelve hexadecimal digits that change when any of the texts changes."""
    state = hashlib.sha256()
    for text in texts:
        state.update(len(text).to_bytes(8, "big") + text.encode())
    return state.hexdigest()[:12]


class Cache:
    """Entries in one folder, each a folder `KIND-KEY` that is complete or absent."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(os.environ.get("KEDGE_LAB_CACHE", DEFAULT_FOLDER))
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o755)

    def path(self, kind: str, key: str) -> Path:
        """Where the entry is or will be."""
        return self.folder / f"{kind}-{key}"

    def has(self, kind: str, key: str) -> bool:
        """Whether the entry is there, complete."""
        return self.path(kind, key).is_dir()

    def entry(self, kind: str, key: str, build: Callable[[Path], None]) -> Path:
        """The entry's folder; built now if it is missing, once even if two labs ask at the same time."""
        path = self.path(kind, key)
        with self._locked(kind):
            if not path.is_dir():
                self._build(path, build)
        os.utime(path)
        self._prune(kind, keep=path)
        return path

    def _build(self, path: Path, build: Callable[[Path], None]) -> None:
        half = path.with_name(path.name + ".half")
        if half.exists():
            shutil.rmtree(half)
        half.mkdir()
        build(half)
        half.rename(path)

    @contextmanager
    def _locked(self, kind: str) -> Iterator[None]:
        with (self.folder / f"{kind}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _prune(self, kind: str, keep: Path) -> None:
        """Remove entries of this kind that no lab has taken for two weeks."""
        for other in self.folder.glob(f"{kind}-*"):
            unused_s = time.time() - other.stat().st_mtime
            if other != keep and unused_s > UNUSED_AFTER_S:
                shutil.rmtree(other, ignore_errors=True)
