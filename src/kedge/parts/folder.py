"""A folder: saved as one tar archive, counted file by file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import ClassVar, NamedTuple

from kedge.errors import OutsideError, Refused
from kedge.model.census import OUTSIDE, Census, Tally
from kedge.model.instance import Instance, Obstacle
from kedge.model.ports import Exit, Shell
from kedge.model.room import Extent, Growth, Survey
from kedge.parts.sqlite import Held, append, find_databases, hold

ARCHIVE = "folder.tar"
SKIPPED = "skipped"
LOOK_LIMIT = timedelta(minutes=30)
LOAD_LIMIT = timedelta(hours=12)
TRIES = 2
KINDS = ("f", "d", "l")
"""What is saved: files, folders, links."""

# What vanishes while find walks is no failure of its: whoever compares before and after sees that it did.
SEEK = r"""
seek() {
  { lost=$(LC_ALL=C find . -ignore_readdir_race "$@" 2>&1 >&3); code=$?; } 3>&1
  [ $code != 0 ] || return 0
  lost=$(printf '%s\n' "$lost" | sed '/: No such file or directory$/d')
  [ -z "$lost" ] || { printf '%s\n' "$lost" >&2; return 1; }
}
"""
# One record for each entry: type, mode, size, mtime, ctime, inode, link target, path; NUL between all.
# What lies in a folder named after the first word is passed over; the folder itself is not.
PASS_OVER = 'cd -- "$1" && shift && for one; do set -- "$@" -path "./$one/*" -prune -o; shift; done && seek "$@" '
LIST = SEEK + PASS_OVER + r"""-printf '%y\0%m\0%s\0%T@\0%C@\0%i\0%l\0%P\0'"""
# The first word is a file of names in order, each ended by NUL: those are passed over, if it is there.
DIGESTS = (
    SEEK
    + "but=$1 && shift && "
    + PASS_OVER
    + """-type f -print0 | if [ -e "$but" ]; then LC_ALL=C sort -z | LC_ALL=C comm -z -23 - "$but"; else cat; fi |
xargs -0 -r sha256sum -z --"""
)
# Devices, pipes and sockets are left out by name: an ordinary user could not unpack them, and nobody misses them.
# A list of names that are left out is one of lines: a name of several lines comes as a word for tar, among the folders.
SAVE = (
    SEEK
    + r"""cd -- "$1" && archive=$2 skipped=$3 but=$4 && shift 4 &&
seek ! -type f ! -type d ! -type l -print > "$skipped" &&
if [ -e "$but" ]; then
  LC_ALL=C sort -z -o "$but" -- "$but" && sed -z '/\n/d' -- "$but" | tr '\0' '\n' >> "$skipped"
fi &&
for one; do
  shift
  case $one in
    --exclude=*) set -- "$@" "$one" ;;
    *) [ ! -d "./$one" ] || find "./$one" -mindepth 1 -maxdepth 1 -print >> "$skipped" ;;
  esac
done &&
exec tar --create --file="$archive" --sort=name --acls --xattrs --anchored --no-wildcards --exclude-from="$skipped" \
  "$@" ."""
)
NOW = "date +%s"
# $1 the folder, $2 the programs, then what is passed over. The walk that finds what cannot be read adds up what the
# archive will have: blocks of 512 bytes, and one for each entry; a file of several names lies in it once.
LOOK = (
    SEEK
    + r"""
for program in $2; do command -v "$program" >/dev/null 2>&1 || { echo "missing $program"; exit; }; done
[ -d "$1" ] || { echo absent; exit; }
cd -- "$1" || { echo "closed ."; exit; }
shift 2; for one; do set -- "$@" -path "./$one/*" -prune -o; shift; done
command -v awk >/dev/null 2>&1 || awk() { grep -am 1 '^closed' || true; }
unread='[ ! -r "$1" ] && [ -e "$1" ]'
{ seek "$@" \( ! -type l ! -readable -exec sh -c "$unread" sh {} \; -printf 'closed %p\n' -quit \) \
  -o -type f -printf '%s %n\n' -o -printf '0 1\n' || echo "closed ."; } | awk '
  /^closed/ { print; seen = 1; exit }
  { blocks = 512 * int(($1 + 511) / 512); most += blocks + 1536; least += blocks / $2 + 512 }
  END { if (!seen) printf "size %.0f %.0f\n", least, most }'
"""
)


class Entry(NamedTuple):
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
    """One folder: contents, modes, owners, links, ACLs, extended attributes; SQLite databases in it are held still.

    Its census leaves owners and times out, since a sandbox has only one user; sockets, pipes and devices are not saved.
    """

    folder: str
    growth: ClassVar[Growth] = (1.0, 1.0)
    name: str = "folder"
    of: str = "self"
    needs_running: bool = False
    needs_programs: tuple[str, ...] = field(default=("tar", "find", "xargs", "sha256sum"))
    without: tuple[str, ...] = ()
    """Folders in it, by plain names, of which nothing is saved but that they are there: locks, caches."""
    writer: str = ""
    """A program that writes into it at any moment, so that its files may not fit together: its census says so."""
    patience: timedelta = timedelta(seconds=30)
    """How long each SQLite database in it may be locked by a program before it is saved as a mere file."""

    def place(self, at: Instance) -> PurePosixPath:
        """Return where it belongs, and what a restoration would take the place of."""
        return at.path(self.folder)

    async def preflight(self, at: Instance) -> Sequence[Obstacle]:
        """Return what stands in the way: programs, the folder itself, files that cannot be read."""
        return list((await self.survey(at)).obstacles)

    async def survey(self, at: Instance) -> Survey:
        """Return what stands in the way, and how large the archive will be."""
        path = str(at.path(self.folder))
        looked = await _script(at.site.shell, LOOK, path, " ".join(self.needs_programs), *self.without)
        what, _, rest = looked.stdout.decode(errors="replace").strip().partition(" ")
        match what:
            case "missing":
                return Survey([Obstacle(f"{rest} is missing", f"install {rest}")])
            case "absent":
                return Survey([Obstacle(f"{path} is not there", "correct the folder in the inventory")])
            case "size" if looked.code == 0:
                return Survey(extent=Extent(*map(int, rest.split())))
        if looked.code is None:
            return Survey([Obstacle(looked.stderr.decode(errors="replace").strip()[:300], "let kedge in")])
        if looked.code == 0 and not what:  # no awk, and nothing that cannot be read
            return Survey()
        first = rest.removeprefix(".").removeprefix("/")
        unread = f"{path}/{first}" if first else path
        return Survey([Obstacle(f"{unread} cannot be read", "let kedge read it (sudoers line) or exclude it")])

    async def save(self, at: Instance, spool: PurePosixPath) -> Census:
        """Write the archive; its census counts exactly what is in it, even while files change.

        SQLite databases in it are held still; where that cannot be, the census says so.
        """
        for _ in range(TRIES):
            began = await _now(at.site.shell)
            held, census = await self._save_once(at, spool, began)
            if census:
                return census
        return await self._count_archive(at.site.shell, spool, began, held)

    async def _save_once(self, at: Instance, spool: PurePosixPath, began: datetime) -> tuple[Held, Census | None]:
        """Write the archive; return what became of databases in it, and its census unless anything else changed."""
        shell, path, held = at.site.shell, str(at.path(self.folder)), Held(spool / "held")
        before = await _list(shell, path, self.without)
        databases = await find_databases(shell, path, [(one.path, one.size) for one in before if one.type == "f"])
        try:
            if databases:
                held = await hold(shell, path, databases, held.room, self.patience)
            members = await self._archive(shell, path, spool, held)
            digests = await _digest(shell, path, self.without, str(held.left_out))
            after = await _list(shell, path, self.without)
            if _lasting(before, held) != _lasting(after, held):
                return held, None
            copies, copied = await _read_copies(shell, held)
            entries = [*_beside(before, held), *copies]
            if members is not None and members != sum(entry.type in KINDS for entry in entries):
                return held, None
            return held, self._remarked(take_census(self.name, began, entries, {**digests, **copied}), held)
        finally:
            if databases:
                await shell.run(("rm", "-rf", "--", str(held.room)), limit=LOOK_LIMIT)

    async def _archive(self, shell: Shell, path: str, spool: PurePosixPath, held: Held) -> int | None:
        """Write the archive; return how many members it has, if any of them is a copy of what was held still."""
        odd = [f"--exclude=./{name}" for name in sorted(held.replaced) if "\n" in name]
        archive = str(spool / ARCHIVE)
        words = (path, archive, str(spool / SKIPPED), str(held.left_out), *self.without, *odd)
        ended = await _script(shell, SAVE, *words, limit=LOAD_LIMIT)
        if ended.code not in {0, 1}:  # 1: "some files differ" (GNU tar manual, section 3.2): the lists tell
            raise _failed(f"{path} could not be saved", ended)
        return await append(shell, archive, held) if held.names else None

    def _remarked(self, census: Census, held: Held) -> Census:
        found = dict(held.remarks())
        loose = [f"files of {self.writer}" if self.writer else "", found.get(OUTSIDE, "")]
        outside = {OUTSIDE: ", ".join(filter(None, loose))} if any(loose) else {}
        return replace(census, remarks={**found, **outside})

    async def _count_archive(self, shell: Shell, spool: PurePosixPath, at: datetime, held: Held) -> Census:
        """Return the census of an archive by unpacking it: for folders that never hold still."""
        scratch = spool / "count"
        try:
            await _unpack(shell, str(spool / ARCHIVE), str(scratch), keeps_owners=False)
            entries = await _list(shell, str(scratch), self.without)
            new = [(one.path, one.size) for one in entries if one.type == "f" and one.path not in held.words]
            late = dict.fromkeys(await find_databases(shell, str(scratch), new), "late")
            census = take_census(self.name, at, entries, await _digest(shell, str(scratch), self.without))
            return self._remarked(census, replace(held, words={**late, **held.words}))
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
        shell, path = at.site.shell, str(at.path(self.folder))
        began, entries = await _now(shell), await _list(shell, path, self.without)
        return take_census(self.name, began, entries, await _digest(shell, path, self.without))


def take_census(part: str, at: datetime, entries: Sequence[Entry], digests: Mapping[str, str]) -> Census:
    """Return the census of listed entries: one tally for each first-level folder, `.` for what lies directly there."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.type in KINDS and entry.path:
            first, slash, _ = entry.path.partition("/")
            groups.setdefault(_printable(first) if slash or entry.type == "d" else ".", []).append(entry)
    tallies = {name: _tally(found, digests) for name, found in groups.items()}
    files = [entry.modified for entry in entries if entry.type == "f"]
    newest = datetime.fromtimestamp(max(files), UTC) if files else None
    return Census(part, at, tallies, newest)


def _beside(entries: Sequence[Entry], held: Held) -> list[Entry]:
    """Return the entries whose place no copy takes."""
    replaced = held.replaced
    return [entry for entry in entries if entry.path not in replaced] if replaced else list(entries)


def _lasting(entries: Sequence[Entry], held: Held) -> list[Entry]:
    """Return what must not change while it is saved: of a folder in which a held database lies, only that it is there.

    Its writers make and remove files beside it, which changes the folder. What is not theirs is counted in the archive.
    """
    folders = {name.rpartition("/")[0] for name in held.names}
    return [
        entry._replace(size=0, modified=0.0, stamp=("", "")) if entry.type == "d" and entry.path in folders else entry
        for entry in _beside(entries, held)
    ]


async def _read_copies(shell: Shell, held: Held) -> tuple[list[Entry], Mapping[str, str]]:
    """Return the copies of what was held still as entries of the folder, and their digests."""
    if not held.names:
        return [], {}
    entries = [entry for entry in await _list(shell, str(held.copies), ()) if entry.path in held.names]
    return entries, await _digest(shell, str(held.copies), ())


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


async def _digest(shell: Shell, path: str, without: Sequence[str], but: str = "") -> Mapping[str, str]:
    """Return the SHA-256 of every file by its name, without those that the file `but` names.

    A file that vanished meanwhile makes sha256sum fail; the caller compares the lists before and after.
    """
    ended = await _script(shell, DIGESTS, but, path, *without, limit=LOAD_LIMIT)
    fields = [line.partition("  ") for line in _text(ended.stdout).split("\0") if line]
    return {name.removeprefix("./"): digest for digest, _, name in fields}


async def _unpack(shell: Shell, archive: str, path: str, *, keeps_owners: bool) -> None:
    owners = "--same-owner" if keeps_owners else "--no-same-owner"
    # Copies of databases come last, into folders that may be read-only by then.
    options = '--same-permissions --acls --xattrs --delay-directory-restore "$3"'
    script = f'mkdir -p -- "$1" && tar --extract --file="$2" --directory="$1" {options}'
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
