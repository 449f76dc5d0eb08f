"""An empty Debian: a root of nothing but given packages, made by mmdebstrap(1) without network, and kept for later.

It is made by root, in namespaces of its own: what the packages' scripts do ends with them, and reaches nobody. Nothing
of the machine's own root is in it, but kedge's copy of the machine's kernel interfaces while it is made.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kedge.adapters.local import LocalShell
from kedge.adapters.sandbox_users import is_root
from kedge.errors import OutsideError, Refused
from kedge.model.package import Package, PackageList

LIMIT = timedelta(hours=1)
UNUSED_AFTER_S = 30 * 24 * 3600
SAID_CHARACTERS = 400
RECIPE = "1"
"""Changes when a root of the same packages would be made otherwise."""
APART = (
    "unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc",
    "--propagation=private", "--",
)  # fmt: skip
ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", "HOME": "/"}
MERGED = frozenset({"usr-is-merged", "usrmerge"})
# Where /bin is a link to /usr/bin, it was one before the first package came: as debootstrap(8) makes it.
MERGE = 'for d in bin sbin lib lib64; do mkdir -p "$1/usr/$d" && ln -s "usr/$d" "$1/$d" || exit 1; done'
HINT = "apt install mmdebstrap; it needs no network"


@dataclass(frozen=True)
class Built:
    """A root that is there: of how many packages, when it was made, and how long that took."""

    root: Path
    packages: int
    at: datetime
    took: timedelta


@dataclass(frozen=True)
class DebianRoots:
    """Empty Debians, kept in a folder that others may pass, by what they are made of."""

    folder: Path
    near: LocalShell

    def place(self, packages: Sequence[Package]) -> Path:
        """Return where the root of these packages is, or will be."""
        return self.folder / _key(packages) / "root"

    def find(self, packages: Sequence[Package]) -> Built | None:
        """Return the root of these packages; None if there is none that is whole."""
        key = _key(packages)
        try:
            record = json.loads((self.folder / key / "record.json").read_text())
            at, took = datetime.fromisoformat(record["at"]), timedelta(seconds=record["took_s"])
            built = Built(self.folder / key / "root", int(record["packages"]), at, took)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        with contextlib.suppress(OSError):
            os.utime(self.folder / key)
        return built if built.root.is_dir() else None

    async def build(self, packages: Sequence[Package], files: Path) -> Built:
        """Return the root of these packages, whose files and index lie in a folder; made anew if it is there.

        Raises Refused unless root does it, OutsideError if it cannot be made.
        """
        if not is_root():
            raise Refused("an empty Debian is built by root: packages bring users of their own", hint="drill as root")
        key = _key(packages)
        with self._locked():
            half = self.folder / f"{key}.half"
            await asyncio.to_thread(_make_anew, half)
            began, at = time.monotonic(), datetime.now(UTC)
            await self._make(half, packages, files)
            took = timedelta(seconds=round(time.monotonic() - began, 1))
            record = {"packages": len(packages), "at": at.isoformat(), "took_s": took.total_seconds()}
            (half / "record.json").write_text(json.dumps(record) + "\n")
            await asyncio.to_thread(self._settle, half, key)
        return Built(self.folder / key / "root", len(packages), at, took)

    async def _make(self, half: Path, packages: Sequence[Package], files: Path) -> None:
        names = ",".join(package.exact for package in packages)
        is_merged = not MERGED.isdisjoint(package.name for package in packages)
        argv = [*APART, "mmdebstrap", "--mode=root", "--variant=essential", "--format=directory", f"--include={names}"]
        # The packages' files are trusted by their SHA-256, one by one. apt's own user may not read them.
        argv += ["--aptopt=APT::Install-Recommends false", "--aptopt=APT::Sandbox::User root"]
        argv += ["--dpkgopt=force-unsafe-io", *([f"--setup-hook={MERGE}"] if is_merged else [])]
        argv += ["", str(half / "root"), f"deb [trusted=yes] copy://{files} ./"]
        environment = (f"{name}={text}" for name, text in ENV.items())
        ended = await self.near.run(("env", "-i", *environment, *argv), limit=LIMIT)
        if ended.code != 0:
            said = ended.stderr.decode(errors="replace").strip()
            lines = [line for line in said.splitlines() if line.startswith(("E:", "dpkg: error", "mmdebstrap:"))]
            raise OutsideError(f"no empty Debian: {(' '.join(lines) or said)[-SAID_CHARACTERS:]}", hint=HINT)

    def _settle(self, half: Path, key: str) -> None:
        """Give a root that is whole its name; remove what nobody has used for a month."""
        (half / "root").chmod(0o755)
        shutil.rmtree(self.folder / key, ignore_errors=True)
        half.rename(self.folder / key)
        for other in self.folder.iterdir():
            with contextlib.suppress(OSError):
                if other.is_dir() and other.name != key and time.time() - other.stat().st_mtime > UNUSED_AFTER_S:
                    shutil.rmtree(other, ignore_errors=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o711)
            lock = (self.folder / "lock").open("w")
        except OSError as failure:
            raise OutsideError(f"no room for an empty Debian in {self.folder}: {failure.strerror}") from failure
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def find_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder in which roots are kept: those of root where the sandbox's users may pass."""
    declared = environ.get("XDG_CACHE_HOME", "")
    if declared.startswith("/"):
        return Path(declared, "kedge", "roots")
    return Path("/var/cache/kedge/roots") if is_root() else Path(environ.get("HOME", "/"), ".cache/kedge/roots")


def _make_anew(half: Path) -> None:
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(mode=0o711)


def _key(packages: Sequence[Package]) -> str:
    return f"{PackageList(tuple(packages)).digest}-{RECIPE}"
