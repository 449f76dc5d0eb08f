"""An archive of Debian packages: a folder of .deb files with an index, on a host behind a login.

It is filled by apt-get(8) of the host whose packages they are, so by that host's own sources and keys; each file is
compared with its SHA-256 there, here and in the archive. Nothing is ever removed from it. As a source of apt, by hand:
`deb [trusted=yes] file:/srv/packages ./`.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tarfile
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePosixPath

from kedge.errors import Lacking, OutsideError
from kedge.model.package import Package, by_file, name_some
from kedge.model.ports import Shell

QUICK, LONG = timedelta(minutes=1), timedelta(hours=2)
SAID_CHARACTERS = 300
INDEX = "Packages"
AT_ONCE = 500
"""So many files are named on one command line."""

HINT = "`kedge backup` fills the archive from the host, as far as its apt still has these versions: docs/drills.md"

# $1 a new folder, then packages. apt fetches as its own user where root calls it. What could not be fetched is missed
# by whoever looks at what is there.
DOWNLOAD = r"""
umask 022; cd "$1" || exit 1; shift
[ "$(id -u)" -ne 0 ] || chown _apt . 2>/dev/null
apt-get -q -q -o Acquire::Retries=2 download "$@" >&2; said=$?
for file in *.deb; do
  [ -f "$file" ] || continue
  dpkg-deb --field "$file" || continue
  printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$file" "$(stat -c %s "$file")" "$(sha256sum < "$file" | cut -c-64)"
done > Packages
tar -cf all.tar -- Packages *.deb 2>/dev/null || { [ $said -ne 0 ] && exit $said; exit 1; }
"""
# What a killed run left behind a day ago or more goes first.
MAKE = """
find /var/tmp -maxdepth 1 -type d -name 'kedge-packages.*' -mtime +0 -exec rm -rf -- {} + 2>/dev/null
exec mktemp -d /var/tmp/kedge-packages.XXXXXX
"""
# $1 the archive, $2 a tar file of packages and their index. Two who fill it do so one after the other.
TAKE = r"""
umask 022; mkdir -p -- "$1" && cd "$1" || exit 1
exec 9>> .lock && flock 9 || exit 1
mkdir -p .half && tar -xf "$2" -C .half --no-same-owner || exit 1
touch Packages && cat Packages .half/Packages > .Packages.new && rm .half/Packages || exit 1
for file in .half/*.deb; do mv -- "$file" . || exit 1; done
sync . 2>/dev/null; mv .Packages.new Packages && rm -rf .half
"""


@dataclass(frozen=True)
class PackageArchive:
    """A folder of packages on a host."""

    shell: Shell
    folder: PurePosixPath
    name: str
    """Where it is, for people: `backup:/srv/packages`."""

    async def find_missing(self, packages: Sequence[Package]) -> list[Package]:
        """Return the packages whose file the index does not have; raises OutsideError if it cannot be read."""
        script = '[ ! -e "$1" ] || cat -- "$1"'
        index = await _do(self.shell, "sh", "-c", script, "sh", str(self.folder / INDEX), limit=LONG)
        known = read_index(index.decode(errors="replace"))
        return [package for package in packages if package.sha256 not in known]

    async def fill(self, host: Shell, packages: Sequence[Package]) -> list[Package]:
        """Have a host fetch these packages and keep them; return those that it could not get as they should be.

        Raises OutsideError if that cannot be tried, or nothing can be kept.
        """
        with tempfile.TemporaryDirectory(prefix="kedge-packages-") as place:
            here = Path(place)
            async with _folder_on(host) as there:
                exact = [package.exact for package in packages]
                await _do(host, "sh", "-c", DOWNLOAD, "sh", str(there), *exact, limit=LONG)
                await host.get(there / "all.tar", here / "all.tar")
            good = await asyncio.to_thread(_sift, here, packages)
            if good:
                async with _folder_on(self.shell) as there:
                    await self.shell.put(here / "good.tar", there / "good.tar")
                    await _do(self.shell, "sh", "-c", TAKE, "sh", str(self.folder), str(there / "good.tar"), limit=LONG)
        return [package for package in packages if package not in good]

    async def fetch(self, packages: Sequence[Package], here: Path) -> None:
        """Copy these packages and an index of them into a folder here; raises Lacking that names what is wrong."""
        await self.compare(packages)
        async with _folder_on(self.shell) as there:
            names = "".join(f"{package.file}\n" for package in packages)
            script = 'tar -cf "$2/some.tar" -C "$1" --verbatim-files-from --files-from=- Packages'
            await _do(
                self.shell, "sh", "-c", script, "sh", str(self.folder), str(there), stdin=names.encode(), limit=LONG
            )
            await self.shell.get(there / "some.tar", here / "all.tar")
        good = await asyncio.to_thread(_sift, here, packages)
        lost = [package for package in packages if package not in good]
        if lost:
            raise Lacking(f"{self.name} has no whole file of {name_some(lost)} in its index", hint=HINT)
        for name in ("all.tar", "good.tar"):
            (here / name).unlink()

    async def compare(self, packages: Sequence[Package]) -> None:
        """Raise Lacking that names the packages which the archive lacks, or has with another SHA-256."""
        unsure = [package for package in packages if not package.sha256]
        if unsure:
            why = "no source of its host's apt had that version when it was saved"
            raise Lacking(f"the SHA-256 of {name_some(unsure)} is not known: {why}", hint=HINT)
        found: dict[str, str] = {}
        script = 'cd -- "$1" && xargs -d "\\n" sha256sum -- 2>/dev/null; true'
        names = "".join(f"{package.file}\n" for package in packages).encode()
        said = await _do(self.shell, "sh", "-c", script, "sh", str(self.folder), stdin=names, limit=LONG)
        for line in said.decode(errors="replace").splitlines():
            digest, _, file = line.partition("  ")
            found[file] = digest
        missing = [package for package in packages if package.file not in found]
        if missing:
            raise Lacking(f"the archive {self.name} lacks {name_some(missing)}", hint=HINT)
        other = [package for package in packages if found[package.file] != package.sha256]
        if other:
            raise Lacking(
                f"in the archive {self.name}, {name_some(other)} has another SHA-256 than on its host", hint=HINT
            )


def read_index(text: str) -> Mapping[str, str]:
    """Return the stanzas of an index of packages by the SHA-256 of their files; what is no stanza is left out."""
    found = {}
    for stanza in text.split("\n\n"):
        lines = [line for line in stanza.split("\n") if line.startswith("SHA256: ")]
        if lines and stanza.count("\nFilename: ./") == 1:
            found[lines[-1].removeprefix("SHA256: ").strip()] = stanza.strip("\n") + "\n"
    return found


def _sift(here: Path, packages: Sequence[Package]) -> list[Package]:
    """Unpack what is whole and wanted of `all.tar` into its folder; return it, with an index and tar of it alone."""
    wanted, good, index = by_file(packages), [], ""
    with tarfile.open(here / "all.tar") as tar:
        for member in tar:
            if member.isfile() and member.name in {*wanted, INDEX} and (source := tar.extractfile(member)):
                with source, (here / member.name).open("wb") as target:
                    shutil.copyfileobj(source, target)
    known = read_index((here / INDEX).read_text(errors="replace")) if (here / INDEX).exists() else {}
    for name, package in wanted.items():
        file = here / name
        stanza = known.get(package.sha256, "")
        if file.exists() and _digest(file) == package.sha256 and f"\nFilename: ./{name}\n" in stanza:
            good.append(package)
            index += f"{stanza}\n"
        else:
            file.unlink(missing_ok=True)
    (here / INDEX).write_text(index)
    for name in (INDEX, *(package.file for package in good)):
        (here / name).chmod(0o644)  # who unpacks them may be nobody
    with tarfile.open(here / "good.tar", "w") as tar:
        for name in (INDEX, *(package.file for package in good)):
            tar.add(here / name, name)
    return good


def _digest(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


@asynccontextmanager
async def _folder_on(shell: Shell) -> AsyncIterator[PurePosixPath]:
    """Yield a new folder on a host, which is removed in the end."""
    made = await _do(shell, "sh", "-c", MAKE, limit=QUICK)
    there = PurePosixPath(made.decode().strip())
    try:
        yield there
    finally:
        await shell.run(("rm", "-rf", "--", str(there)), limit=QUICK)


async def _do(shell: Shell, *argv: str, stdin: bytes = b"", limit: timedelta) -> bytes:
    ended = await shell.run(argv, stdin=stdin, limit=limit)
    if ended.code != 0:
        said = ended.stderr.decode(errors="replace").strip()[-SAID_CHARACTERS:]
        raise OutsideError(f"packages: {said or f'{argv[0]} ended with {ended.code}'}")
    return ended.stdout
