"""A folder: saved as one tar archive, counted file by file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

from kedge.errors import OutsideError, Refused
from kedge.model.census import OUTSIDE, Census, Tally
from kedge.model.instance import Instance, Obstacle
from kedge.model.ports import Exit, Shell

ARCHIVE = "folder.tar"
SKIPPED = "skipped"
LOOK_LIMIT = timedelta(minutes=30)
LOAD_LIMIT = timedelta(hours=12)
TRIES = 2

# One record for each entry: type, mode, size, mtime, ctime, inode, link target, path; NUL between all.
# What lies in a folder named after the first word is passed over; the folder itself is not.
PASS_OVER = 'cd -- "$1" && shift && for one; do set -- "$@" -path "./$one/*" -prune -o; shift; done && find . "$@" '
LIST = PASS_OVER + r"""-printf '%y\0%m\0%s\0%T@\0%C@\0%i\0%l\0%P\0'"""
DIGESTS = PASS_OVER + "-type f -print0 | xargs -0 -r sha256sum -z --"
# Devices, pipes and sockets are left out by name: an ordinary user could not unpack them, and nobody misses them.
SAVE = r"""cd -- "$1" && archive=$2 skipped=$3 && find . ! -type f ! -type d ! -type l -print > "$skipped" && shift 3 &&
for one; do [ ! -d "$one" ] || find "./$one" -mindepth 1 -maxdepth 1 -print >> "$skipped"; done &&
exec tar --create --file="$archive" --sort=name --acls --xattrs --anchored --no-wildcards --exclude-from="$skipped" ."""
NOW = "date +%s"
UNREADABLE = 'find "$1" ! -type l ! -readable -print -quit'


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a folder; `stamp` changes whenever it is touched."""

    path: str
    type: str
    mode: str
    size: int
    modified: float
    target: str
    stamp: tuple[str, str]


@dataclass(frozen=True, slots=True)
class FolderPart:
    """One folder with everything below it: contents, modes, owners, links, ACLs, extended attributes.

    Its census leaves owners and times out, since a sandbox has only one user; sockets, pipes and devices are not saved.
    """

    folder: str
    name: str = "folder"
    of: str = "self"
    needs_running: bool = False
    needs_programs: tuple[str, ...] = field(default=("tar", "find", "xargs", "sha256sum"))
    without: tuple[str, ...] = ()
    """Folders in it, by plain names, of which nothing is saved but that they are there: locks, caches."""
    writer: str = ""
    """A program that writes into it at any moment, so that its files may not fit together: its census says so."""

    def place(self, at: Instance) -> PurePosixPath:
        """Return where it belongs, and what a restoration would take the place of."""
        return at.path(self.folder)

    async def preflight(self, at: Instance) -> Sequence[Obstacle]:
        """Return what stands in the way: programs, the folder itself, files that cannot be read."""
        shell, path = at.site.shell, str(at.path(self.folder))
        for program in self.needs_programs:
            if (await shell.run(("sh", "-c", 'command -v "$1"', "sh", program), limit=LOOK_LIMIT)).code != 0:
                return [Obstacle(f"{program} is missing", f"install {program}")]
        if (await shell.run(("test", "-d", path), limit=LOOK_LIMIT)).code != 0:
            return [Obstacle(f"{path} is not there", "correct the folder in the inventory")]
        closed = await _script(shell, UNREADABLE, path)
        if closed.stdout or closed.code != 0:
            first = closed.stdout.decode(errors="replace").strip()
            return [Obstacle(f"{first or path} cannot be read", "let kedge read it (sudoers line) or exclude it")]
        return []

    async def save(self, at: Instance, spool: PurePosixPath) -> Census:
        """Write the archive; its census counts exactly what is in it, even while files change."""
        shell, path, archive = at.site.shell, str(at.path(self.folder)), str(spool / ARCHIVE)
        for _ in range(TRIES):
            began, before = await _now(shell), await _list(shell, path, self.without)
            ended = await _script(shell, SAVE, path, archive, str(spool / SKIPPED), *self.without, limit=LOAD_LIMIT)
            if ended.code not in {0, 1}:  # 1: "some files differ" (GNU tar manual, section 3.2)
                raise _failed(f"{path} could not be saved", ended)
            census = self._remarked(await self._count(shell, path, began))
            if ended.code == 0 and before == await _list(shell, path, self.without):
                return census
        return self._remarked(await self._count_archive(shell, archive, spool / "count", began))

    def _remarked(self, census: Census) -> Census:
        return replace(census, remarks={OUTSIDE: f"files of {self.writer}"}) if self.writer else census

    async def _count_archive(self, shell: Shell, archive: str, scratch: PurePosixPath, at: datetime) -> Census:
        """Return the census of an archive by unpacking it: for folders that never hold still."""
        try:
            await _unpack(shell, archive, str(scratch), keeps_owners=False)
            return await self._count(shell, str(scratch), at)
        finally:
            await shell.run(("rm", "-rf", "--", str(scratch)), limit=LOOK_LIMIT)

    async def restore(self, at: Instance, spool: PurePosixPath) -> None:
        """Unpack into an empty folder; refuses a live copy and a folder that has something in it."""
        if at.mode == "live":
            raise Refused("a folder is never restored over a live copy", hint="restore it beside, as a target")
        shell, path = at.site.shell, str(at.path(self.folder))
        there = await _script(shell, 'mkdir -p -- "$1" && ls -A -- "$1"', path)
        if there.code != 0:
            raise _failed(f"{path} could not be made", there)
        if there.stdout:
            raise Refused(f"{path} is not empty")
        await _unpack(shell, str(spool / ARCHIVE), path, keeps_owners=at.mode == "target")

    async def census(self, at: Instance) -> Census:
        """Count what is there now: entries and a digest for each folder directly below."""
        shell = at.site.shell
        return await self._count(shell, str(at.path(self.folder)), await _now(shell))

    async def _count(self, shell: Shell, path: str, at: datetime) -> Census:
        entries = await _list(shell, path, self.without)
        ended = await _script(shell, DIGESTS, path, *self.without, limit=LOAD_LIMIT)
        # A file that vanished meanwhile makes sha256sum fail; the caller compares the lists before and after.
        fields = [line.partition("  ") for line in _text(ended.stdout).split("\0") if line]
        digests = {name.removeprefix("./"): digest for digest, _, name in fields}
        return take_census(self.name, at, entries, digests)


def take_census(part: str, at: datetime, entries: Sequence[Entry], digests: Mapping[str, str]) -> Census:
    """Return the census of listed entries: one tally for each first-level folder, `.` for what lies directly there."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.type in "fdl" and entry.path:
            first, slash, _ = entry.path.partition("/")
            groups.setdefault(_printable(first) if slash or entry.type == "d" else ".", []).append(entry)
    tallies = {name: _tally(found, digests) for name, found in groups.items()}
    files = [entry.modified for entry in entries if entry.type == "f"]
    newest = datetime.fromtimestamp(max(files), UTC) if files else None
    return Census(part, at, tallies, newest)


def _printable(name: str) -> str:
    """Return a name as valid text: a byte that is none (a Latin-1 name of old) is written as its number."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _tally(entries: Sequence[Entry], digests: Mapping[str, str]) -> Tally:
    whole = hashlib.sha256()
    for entry in sorted(entries, key=lambda entry: entry.path):
        content = digests.get(entry.path, "") if entry.type == "f" else entry.target
        mode = "" if entry.type == "l" else entry.mode
        whole.update("\0".join((entry.type, mode, entry.path, content, "")).encode("utf-8", "surrogateescape"))
    return Tally(len(entries), whole.hexdigest(), sum(entry.size for entry in entries if entry.type == "f"))


async def _now(shell: Shell) -> datetime:
    """Return the time by that machine's own clock, in whole seconds."""
    ended = await _script(shell, NOW)
    if ended.code != 0:
        raise _failed("the time could not be read", ended)
    return datetime.fromtimestamp(int(ended.stdout), UTC)


async def _list(shell: Shell, path: str, without: Sequence[str]) -> list[Entry]:
    """Return every entry, in order of their paths."""
    ended = await _script(shell, LIST, path, *without)
    if ended.code != 0:
        raise _failed(f"{path} could not be listed", ended)
    fields = _text(ended.stdout).split("\0")[:-1]
    entries = [
        Entry(path, kind, mode, int(size), float(modified), target, (changed, inode))
        for kind, mode, size, modified, changed, inode, target, path in zip(*[iter(fields)] * 8, strict=True)
    ]
    return sorted(entries, key=lambda entry: entry.path)


async def _unpack(shell: Shell, archive: str, path: str, *, keeps_owners: bool) -> None:
    owners = "--same-owner" if keeps_owners else "--no-same-owner"
    script = 'mkdir -p -- "$1" && tar --extract --file="$2" --directory="$1" --same-permissions --acls --xattrs "$3"'
    ended = await _script(shell, script, path, archive, owners, limit=LOAD_LIMIT)
    if ended.code != 0:
        raise _failed(f"{archive} could not be unpacked", ended)


async def _script(shell: Shell, script: str, *arguments: str, limit: timedelta = LOOK_LIMIT) -> Exit:
    return await shell.run(("sh", "-c", script, "sh", *arguments), limit=limit)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _failed(what: str, ended: Exit) -> OutsideError:
    lines = ended.stderr.decode(errors="replace").strip().splitlines()
    said = [line for line in lines if "exiting now" not in line]  # tar's own last word says nothing
    return OutsideError(f"{what}: {said[-1][:300] if said else f'exit code {ended.code}'}")
