"""SQLite databases in a folder, found by what their files begin with and held still while they are copied.

What nobody has touched for a moment, nor touches while it is copied, is of one moment as it lies there: with its log or
journal it is what a crash would leave, and SQLite brings that in order in the copy. Anything else is read by SQLite
itself (Online Backup API), read-only, in one transaction: beside a log (WAL) its writers go on, else they wait.
The live database is never written to, brought in order or given files of another owner. Every copy is checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import PurePosixPath

from kedge.errors import OutsideError
from kedge.model.census import DAMAGED, OUTSIDE, UNCHECKED
from kedge.model.ports import Exit, Shell
from kedge.parts.sqlite_copying import HOLD, ONE, PYTHON

HEADER = b"SQLite format 3\0"  # https://sqlite.org/fileformat.html, section 1.3
SMALLEST_PAGE = 512
BESIDE = ("-wal", "-shm", "-journal")
"""What lies beside a database that is in use, and belongs into no copy that was held still."""
CHUNK_BYTES = 60_000
"""As much of names as goes through a pipe at once."""
LOOK_LIMIT = timedelta(minutes=30)
COPY_LIMIT = timedelta(hours=12)
SHOWN = 3

BEGINNINGS = """cd -- "$1" && xargs -0 -r head -v -c 16 -- 2>/dev/null; :"""
# $1 the archive, $2 room with copies: adds those of each owner, and says how many members there are then. In the list
# of an archive a name is one line, whatever is in it.
APPEND = """
for list in "$2"/owners/*; do
  [ -e "$list" ] || continue
  owners=${list##*/}
  tar --append --file="$1" --directory="$2/copies" --acls --xattrs --owner="${owners%%,*}" --group="${owners##*,}" \\
    --null --no-recursion --files-from="$list" || exit
done
tar --list --file="$1" | wc -l
"""
WHY = {
    "bare": "install sqlite3",
    "foreign": "let kedge become root or its owner",
    "locked": "a program keeps it locked",
    "unreadable": "SQLite cannot read it",
    "late": "it appeared while it was saved",
}
COPIED = frozenset({"held", "damaged", "unchecked"})


@dataclass(frozen=True, slots=True)
class Held:
    """The databases of a folder, and what became of each: `words` by name; copies of those held lie in `room`."""

    room: PurePosixPath
    words: Mapping[str, str] = field(default_factory=dict)

    @property
    def copies(self) -> PurePosixPath:
        """The folder in which copies lie as the databases do in theirs."""
        return self.room / "copies"

    @property
    def left_out(self) -> PurePosixPath:
        """The file that names what copies take the place of, each name ended by NUL; it is there if anything is."""
        return self.room / "left-out"

    @property
    def names(self) -> frozenset[str]:
        """The databases whose copies were held still."""
        return frozenset(name for name, word in self.words.items() if word in COPIED)

    @property
    def replaced(self) -> frozenset[str]:
        """What the copies take the place of: those databases, and what lies beside them while they are in use."""
        return frozenset(f"{name}{end}" for name in self.names for end in ("", *BESIDE))

    def remarks(self) -> Iterator[tuple[str, str]]:
        """Yield what a census says of them: what was not held still, not checked, or is damaged."""
        loose = [f"{printable(name)} ({WHY[word]})" for name, word in sorted(self.words.items()) if word in WHY]
        if loose:
            yield OUTSIDE, f"SQLite {_listed(loose)}"
        for key, words in ((DAMAGED, {"damaged", "broken"}), (UNCHECKED, {"unchecked"})):
            if found := sorted(printable(name) for name, word in self.words.items() if word in words):
                yield key, f"SQLite {_listed(found)}"


async def find_databases(shell: Shell, folder: str, files: Iterable[tuple[str, int]]) -> list[str]:
    """Return which of these files (name in the folder, size in bytes) are SQLite databases by their first 16 bytes."""
    found: list[str] = []
    names = [name for name, size in files if size >= SMALLEST_PAGE and size % SMALLEST_PAGE == 0]
    for chunk in chunks(names):
        ended = await _script(shell, BEGINNINGS, folder, names=chunk, limit=LOOK_LIMIT)
        if ended.code != 0:
            raise OutsideError(f"{folder} could not be searched for databases")
        if HEADER in ended.stdout:
            found += [name for name in chunk if b"==> ./%b <==\n%b" % (_bytes(name), HEADER) in ended.stdout]
    return found


async def hold(shell: Shell, folder: str, databases: Sequence[str], room: PurePosixPath, patience: timedelta) -> Held:
    """Copy these databases of a folder into `room`, each within its `patience` where a program has locked it.

    Raises OutsideError if there is no room.
    """
    words: dict[str, str] = {}
    told = (folder, str(room), ONE, PYTHON, str(int(patience.total_seconds())))
    for chunk in chunks(databases):
        ended = await _script(shell, HOLD, *told, names=chunk, limit=COPY_LIMIT)
        said = ended.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]
        if ended.code != 0 or len(said) != 2 * len(chunk):
            raise OutsideError(f"the SQLite databases in {folder} could not be copied")
        pairs = zip(said[::2], said[1::2], strict=True)
        words |= {name.removeprefix("./"): word for word, name in pairs if word != "gone"}
    full = [printable(name) for name, word in words.items() if word == "full"]
    if full:
        raise OutsideError(f"no room in {room.parent} for a copy of the SQLite database {_listed(full)}")
    return Held(room, words)


async def append(shell: Shell, archive: str, held: Held) -> int:
    """Add the copies to an archive, each under its own name, owner, mode and time; return how many members it has."""
    ended = await _script(shell, APPEND, archive, str(held.room), limit=COPY_LIMIT)
    if ended.code != 0:
        raise OutsideError(f"copies of SQLite databases could not be added to {archive}")
    return int(ended.stdout)


def printable(name: str) -> str:
    """Return a name as valid text of one line: what is no letter, digit or sign is written as its number."""
    valid = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in valid)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def chunks(names: Sequence[str]) -> Iterator[list[str]]:
    """Yield names, as many at once as a pipe takes."""
    chunk: list[str] = []
    size = 0
    for name in names:
        length = len(_bytes(name)) + 3
        if chunk and size + length > CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append(name)
        size += length
    if chunk:
        yield chunk


async def _script(shell: Shell, script: str, *arguments: str, limit: timedelta, names: Sequence[str] = ()) -> Exit:
    stdin = b"".join(b"./%b\0" % _bytes(name) for name in names)
    return await shell.run(("sh", "-c", script, "sh", *arguments), stdin=stdin, limit=limit)
