"""An empty Debian: a root of nothing but given packages, made by mmdebstrap(1) without network, and kept for later.

The scripts of packages run as root of a sandbox's users, none of whom is anybody outside it, and in namespaces of their
own: what they do ends with them and reaches nobody. Only root can give such users, so only root can build one.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kedge.adapters.local import LocalShell
from kedge.adapters.sandbox_users import FIRST_USER, is_root, open_users
from kedge.errors import OutsideError, Refused
from kedge.model.package import Package, PackageList

LIMIT = timedelta(hours=1)
RETRY_S = 0.2
UNUSED_AFTER_S = 30 * 24 * 3600
SAID_CHARACTERS = 400
RECIPE = "1"
"""Changes when a root of the same packages would be made otherwise."""
# Entering users clears the signal that would end it with kedge: so that is asked for after, and it must be one that
# unshare(1) cannot ignore.
APART = (
    "setpriv", "--clear-groups", "--pdeathsig", "KILL", "--", "unshare", "--mount", "--pid", "--net", "--ipc", "--uts",
    "--fork", "--kill-child", "--mount-proc", "--propagation=private", "--",
)  # fmt: skip
OPTIONS = (
    "--mode=root", "--variant=essential", "--format=directory", "--aptopt=APT::Install-Recommends false",
    "--aptopt=APT::Sandbox::User root", "--dpkgopt=force-unsafe-io",
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

    async def build(self, packages: Sequence[Package], files: Path, before: timedelta = timedelta(0)) -> Built:
        """Return the root of these packages, whose files and index lie in a folder; made anew if it is there.

        `before` is how long it took to get them. Raises Refused unless root does it, OutsideError if it cannot be made.
        """
        key = _key(packages)
        async with open_users() as users, self._locked():
            if users is None:
                why = "packages bring users of their own, and kedge has only one"
                raise Refused(f"no empty Debian: {why}", hint="drill as root")
            half = self.folder / f"{key}.half"
            await asyncio.to_thread(_make_anew, half)
            began, at = time.monotonic(), datetime.now(UTC)
            await self._make(half / "root", packages, files, users)
            took = before + timedelta(seconds=round(time.monotonic() - began, 1))
            record = {"packages": len(packages), "at": at.isoformat(), "took_s": took.total_seconds()}
            await asyncio.to_thread(self._settle, key, json.dumps(record))
        return Built(self.folder / key / "root", len(packages), at, took)

    async def _make(self, root: Path, packages: Sequence[Package], files: Path, users: int) -> None:
        argv = ["nsenter", f"--user=/proc/self/fd/{users}", "--", *APART, "mmdebstrap", "--quiet", *OPTIONS]
        argv.append(f"--include={','.join(package.exact for package in packages)}")
        if not MERGED.isdisjoint(package.name for package in packages):
            argv.append(f"--setup-hook={MERGE}")
        # The packages' files are trusted by their SHA-256, one by one.
        argv += ["", str(root), f"deb [trusted=yes] copy://{files} ./"]
        environment = (f"{name}={text}" for name, text in ENV.items())
        shell = replace(self.near, fds=(*self.near.fds, users))
        ended = await shell.run(("env", "-i", *environment, *argv), limit=LIMIT)
        if ended.code != 0:
            said = ended.stderr.decode(errors="replace").strip()
            lines = [line for line in said.splitlines() if line.startswith(("E:", "dpkg: error", "mmdebstrap:"))]
            raise OutsideError(f"no empty Debian: {(' '.join(lines) or said)[-SAID_CHARACTERS:]}", hint=HINT)

    def _settle(self, key: str, record: str) -> None:
        """Give a root that is whole its name; remove what nobody has used for a month."""
        half = self.folder / f"{key}.half"
        (half / "record.json").write_text(f"{record}\n")
        shutil.rmtree(self.folder / key, ignore_errors=True)
        half.rename(self.folder / key)
        for other in self.folder.iterdir():
            with contextlib.suppress(OSError):
                if other.is_dir() and other.name != key and time.time() - other.stat().st_mtime > UNUSED_AFTER_S:
                    shutil.rmtree(other, ignore_errors=True)

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        """Wait until nobody else builds one here: also not this process, which must not be held up."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o711)
            lock = (self.folder / "lock").open("w")
        except OSError as failure:
            raise OutsideError(f"no room for an empty Debian in {self.folder}: {failure.strerror}") from failure
        with lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    await asyncio.sleep(RETRY_S)
            yield


def find_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder in which roots are kept: those of root where the sandbox's users may pass."""
    declared = environ.get("XDG_CACHE_HOME", "")
    if declared.startswith("/"):
        return Path(declared, "kedge", "roots")
    return Path("/var/cache/kedge/roots") if is_root() else Path(environ.get("HOME", "/"), ".cache/kedge/roots")


def _make_anew(half: Path) -> None:
    """Make a folder in which the root of the sandbox's users may make one."""
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(mode=0o711)
    os.chown(half, FIRST_USER, FIRST_USER)


def _key(packages: Sequence[Package]) -> str:
    return f"{PackageList(tuple(packages)).digest}-{RECIPE}"
