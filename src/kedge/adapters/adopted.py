"""Backups made by others, read as they are: a restic or borg repository, or the newest of some files.

Nothing is ever written there. Of each part of a service the inventory says where it lies in such a backup (a folder: at
its own path); what is fetched is brought into the form in which kedge spools that part, so that it is drilled and
restored like kedge's own: folders become one archive, dumps are unpacked. There is no census to compare with.
"""

from __future__ import annotations

import asyncio
import bz2
import fnmatch
import gzip
import json
import lzma
import re
import shutil
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import IO, Any, ClassVar, Protocol, cast

from kedge.adapters.borg import BorgStore
from kedge.adapters.local import LocalShell
from kedge.adapters.restic import ResticStore, read_moment
from kedge.errors import OutsideError, UsageError
from kedge.model.census import Census, Tally
from kedge.model.instance import Part
from kedge.model.ports import Held, Shell, Snapshot

LONG = timedelta(hours=24)
QUICK = timedelta(minutes=10)
HEAD_BYTES = 1 << 20
ARCHIVE, DUMP = "folder.tar", "dump.sql"
TARS = (".tar", ".tgz", ".tbz2", ".txz")
SHORT = {".tgz": ".gz", ".tbz2": ".bz2", ".txz": ".xz"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A part of a service: where it lies in the backup, and in which form kedge spools it."""

    part: str
    path: str
    is_folder: bool
    databases: tuple[str, ...] = ()
    file: str = DUMP
    """The name under which its dump is spooled."""


def find_wanted(parts: Sequence[Part], finds: Mapping[str, str]) -> tuple[Wanted, ...]:
    """Return what a service consists of; `finds` says where its parts lie in a backup, if not where they belong.

    `path` is empty where nothing says so.
    """
    unknown = sorted(set(finds) - {part.name for part in parts})
    if unknown:
        known = ", ".join(part.name for part in parts) or "none"
        raise UsageError(f"`finds` names a part '{unknown[0]}'", hint=f"its parts: {known}")
    found = []
    for part in parts:
        folder = str(getattr(part, "folder", ""))
        databases = tuple(getattr(part, "databases", ()))
        file = str(getattr(part, "file", DUMP))
        found.append(Wanted(part.name, finds.get(part.name, folder), bool(folder), databases, file))
    return tuple(found)


class Reader(Protocol):
    """Reads backups of one form."""

    async def list(self, wanted: Sequence[Wanted]) -> Sequence[tuple[str, datetime]]:
        """Return id and moment of each backup."""
        ...

    async def count(self, snapshot: str, wanted: Wanted) -> Tally | None:
        """Return how many files and bytes of a part a backup has; None for none at all."""
        ...

    async def bring(self, snapshot: str, wanted: Wanted, folder: Path) -> Path:
        """Return a file or folder, brought into a folder here, that is this part."""
        ...


@dataclass(frozen=True)
class AdoptedStore:
    """A store that others fill. It cannot be saved to."""

    reader: Reader
    wanted: tuple[Wanted, ...]
    counts: ClassVar[bool] = False

    async def save(self, service: str, spool: Path, censuses: Sequence[Census]) -> Snapshot:
        """Raise UsageError: what others fill is only read."""
        raise UsageError(f"{service} is saved by a job of your own (`made-by: other`)")

    async def list(self, service: str) -> Sequence[Snapshot]:
        """Return the backups, oldest first."""
        found = [Snapshot(name, service, at) for name, at in await self.reader.list(self.wanted)]
        return sorted(found, key=lambda snapshot: snapshot.at)

    async def look(self, service: str) -> Held:
        """Return what the newest backup holds; raises OutsideError if there is none."""
        snapshots = await self.list(service)
        if not snapshots:
            raise OutsideError(f"there is no backup of {service}", hint="see whether the job that makes it still runs")
        newest = snapshots[-1]
        parts = {one.part: await self.reader.count(newest.id, one) if one.path else None for one in self.wanted}
        return Held(newest, parts)

    async def fetch(self, snapshot: Snapshot, spool: Path) -> Snapshot:
        """Bring every part into the form in which kedge spools it; raises OutsideError for one that is not there."""
        for one in self.wanted:
            if not one.path:
                raise OutsideError(f"nothing says where {one.part} lies in the backup", hint="save: {finds: …}")
            scratch = spool.with_name(f"{spool.name}.{one.part}")
            try:
                scratch.mkdir(parents=True)
                (spool / one.part).mkdir(parents=True)
                brought = await self.reader.bring(snapshot.id, one, scratch)
                await _shape(one, brought, spool / one.part)
            except OSError as failure:
                raise OutsideError(f"{one.part} could not be fetched: {failure.strerror}") from failure
            finally:
                await asyncio.to_thread(shutil.rmtree, scratch, True)
        return snapshot


async def _shape(wanted: Wanted, brought: Path, spool: Path) -> None:
    """Turn a file or folder into what kedge spools."""
    if await asyncio.to_thread(brought.is_dir):
        if not wanted.is_folder:
            raise OutsideError(f"{wanted.part} is a folder in the backup", hint="`finds` must name the dump in it")
        argv = ("tar", "--create", f"--file={spool / ARCHIVE}", "--acls", "--xattrs", f"--directory={brought}", ".")
        ended = await LocalShell().run(argv, limit=LONG)
        if ended.code != 0:
            raise OutsideError(f"{wanted.part} could not be packed: {ended.stderr.decode(errors='replace')[-200:]}")
    elif wanted.is_folder:
        if not any(suffix in TARS for suffix in brought.suffixes):
            raise OutsideError(f"{brought.name} is neither a folder nor a tar archive")
        await asyncio.to_thread(_unpack, brought, spool / ARCHIVE, b"")
    else:
        await asyncio.to_thread(
            _unpack, brought, spool / wanted.file, await asyncio.to_thread(_preface, wanted, brought)
        )


def _open(path: Path) -> IO[bytes]:
    """Return a file, unpacked while it is read."""
    match SHORT.get(path.suffix, path.suffix):
        case ".gz":
            return cast("IO[bytes]", gzip.open(path))
        case ".bz2":
            return cast("IO[bytes]", bz2.open(path))
        case ".xz":
            return cast("IO[bytes]", lzma.open(path))
    return path.open("rb")


def _preface(wanted: Wanted, dump: Path) -> bytes:
    """Return what makes and enters a database, where a dump of one database leaves that out."""
    if len(wanted.databases) != 1:
        return b""
    try:
        with _open(dump) as data:
            head = data.read(HEAD_BYTES)
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        return b""
    name = wanted.databases[0].replace("`", "``")
    is_named = re.search(rb"^(?:CREATE DATABASE|USE `)", head, re.MULTILINE)
    return b"" if is_named else f"CREATE DATABASE IF NOT EXISTS `{name}`; USE `{name}`;\n".encode()


def _unpack(source: Path, target: Path, preface: bytes) -> None:
    """Copy a file, unpacked; raises OutsideError for one that is cut off or damaged."""
    try:
        with _open(source) as data, target.open("wb") as file:
            file.write(preface)
            shutil.copyfileobj(data, file, 1 << 20)
    except (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError) as failure:
        raise OutsideError(f"{source.name} is cut off or damaged") from failure


def _below(folder: Path, path: str, name: str) -> Path:
    found = folder / path.lstrip("/")
    if not found.exists():
        raise OutsideError(f"{path} is not in backup {name[:8]}")
    return found


def _tally(sizes: Sequence[int]) -> Tally | None:
    return Tally(len(sizes), "", sum(sizes)) if sizes else None


def _is_of(hosts: Sequence[str], machine: str) -> bool:
    return machine.partition(".")[0].lower() in {host.partition(".")[0].lower() for host in hosts}


def _covers(paths: Sequence[str], wanted: Sequence[Wanted]) -> bool:
    roots = [PurePosixPath(path) for path in paths]
    return any(PurePosixPath(one.path).is_relative_to(root) for one in wanted if one.path for root in roots)


@dataclass(frozen=True)
class ResticReader:
    """Snapshots of a restic repository that cover a part; of the service's host, if one is named like it."""

    store: ResticStore
    hosts: Sequence[str] = ()

    async def list(self, wanted: Sequence[Wanted]) -> Sequence[tuple[str, datetime]]:
        """Return id and moment of each."""
        rows = await self.store.ask("snapshots")
        covering = [row for row in rows or [] if _covers(row["paths"], wanted)]
        ours = [row for row in covering if _is_of(self.hosts, row["hostname"])] or covering
        return [(row["id"], read_moment(row["time"])) for row in ours]

    async def count(self, snapshot: str, wanted: Wanted) -> Tally | None:
        """Return files and bytes below the part's path."""
        said = await self.store.run("ls", "--json", "--recursive", snapshot, wanted.path)
        rows = [json.loads(line) for line in said.stdout.splitlines()]
        return _tally([row.get("size", 0) for row in rows if row.get("type") == "file"])

    async def bring(self, snapshot: str, wanted: Wanted, folder: Path) -> Path:
        """Restore the part's path."""
        await self.store.run("restore", snapshot, "--include", wanted.path, "--target", str(folder), limit=LONG)
        return _below(folder, wanted.path, snapshot)


@dataclass(frozen=True)
class BorgReader:
    """Archives of a borg repository whose names match a pattern; of the service's host, if one is named like it."""

    store: BorgStore
    hosts: Sequence[str] = ()
    pattern: str = "*"

    async def list(self, wanted: Sequence[Wanted]) -> Sequence[tuple[str, datetime]]:
        """Return name and moment of each; borg tells the time of this machine, which is told to be UTC."""
        rows = (await self.store.ask("list", "--glob-archives", self.pattern, "--format", "{hostname}"))["archives"]
        ours = [row for row in rows if _is_of(self.hosts, row.get("hostname", ""))] or rows
        return [(row["name"], datetime.fromisoformat(row["start"]).replace(tzinfo=UTC)) for row in ours]

    async def count(self, snapshot: str, wanted: Wanted) -> Tally | None:
        """Return files and bytes below the part's path."""
        said = await self.store.run("list", "--json-lines", f"::{snapshot}", wanted.path.lstrip("/"))
        rows: list[dict[str, Any]] = [json.loads(line) for line in said.stdout.splitlines()]
        return _tally([row["size"] for row in rows if row["type"] == "-"])

    async def bring(self, snapshot: str, wanted: Wanted, folder: Path) -> Path:
        """Restore the part's path."""
        await self.store.extract(snapshot, folder, wanted.path.lstrip("/"))
        return _below(folder, wanted.path, snapshot)


@dataclass(frozen=True)
class FileReader:
    """Files on a host whose paths match a pattern: each is a backup of one part, as of when it was last written.

    With several parts, `finds` says by a pattern for file names which is which; the first one's files are listed.
    """

    shell: Shell
    pattern: str
    seen: dict[str, int] = field(default_factory=dict)

    async def list(self, wanted: Sequence[Wanted]) -> Sequence[tuple[str, datetime]]:
        """Return path and moment of each file."""
        return [(path, at) for path, at in await self._files(wanted[0] if wanted else None)]

    async def count(self, snapshot: str, wanted: Wanted) -> Tally | None:
        """Return the size of the part's newest file."""
        path = await self._newest(snapshot, wanted)
        return Tally(1, "", self.seen[path]) if path else None

    async def bring(self, snapshot: str, wanted: Wanted, folder: Path) -> Path:
        """Copy the part's file here, compared by length and SHA-256."""
        path = await self._newest(snapshot, wanted)
        if not path:
            raise OutsideError(f"no file of {wanted.part} is left")
        target = folder / PurePosixPath(path).name
        await self.shell.get(PurePosixPath(path), target)
        return target

    async def _newest(self, snapshot: str, wanted: Wanted) -> str:
        """Return the chosen file if it is of this part, else this part's newest."""
        files = dict(await self._files(wanted))
        return snapshot if snapshot in files else max(files, key=lambda path: files[path], default="")

    async def _files(self, wanted: Wanted | None) -> Sequence[tuple[str, datetime]]:
        pure = PurePosixPath(self.pattern)
        fixed = next((up for up in pure.parents if not re.search(r"[*?\[]", str(up))), PurePosixPath("/"))
        argv = ("find", str(fixed), "-type", "f", "-path", self.pattern, "-printf", r"%T@\t%s\t%p\0")
        ended = await self.shell.run(argv, limit=QUICK)
        if ended.code != 0 and not ended.stdout:
            raise OutsideError(f"{fixed} cannot be looked into: {ended.stderr.decode(errors='replace').strip()[-200:]}")
        rows = [row.split("\t", 2) for row in ended.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]]
        found = [(path, float(at), int(size)) for at, size, path in rows if PurePosixPath(path).match(self.pattern)]
        self.seen.update({path: size for path, _, size in found})
        own = wanted.path if wanted and wanted.path and "/" not in wanted.path else "*"
        chosen = [(path, at) for path, at, _ in found if fnmatch.fnmatch(PurePosixPath(path).name, own)]
        return [(path, datetime.fromtimestamp(at, UTC)) for path, at in chosen]
