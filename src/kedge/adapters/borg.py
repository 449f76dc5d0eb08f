"""borg (borg(1), 1.2 and 1.4) as a snapshot store: one archive for each snapshot, named after service and moment.

Nothing is believed by the exit code alone: the archive must count exactly the files and bytes that were spooled, and a
fetched one must match the lengths and SHA-256 it was saved with. A warning (exit code 1) is a failure: borg warns of
files that it left out. Only one program may write at a time; borg itself removes a lock whose owner is gone. Who may not
delete is told by borg that he did, and nothing is freed (borg(1), append-only mode): kedge asks before it deletes.
"""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from kedge.adapters.local import LocalShell
from kedge.adapters.login import SSH
from kedge.adapters.record import RECORD, compare, compare_below, make_record, read_record, size_with_record
from kedge.adapters.secret import Secret
from kedge.errors import OutsideError
from kedge.model.census import Census
from kedge.model.ports import Exit, Snapshot

LOOK_LIMIT = timedelta(minutes=10)
CARRY_LIMIT = timedelta(hours=24)
LOCK_WAIT_S = 60
SAID_BYTES = 300
STAMP = "%Y%m%dT%H%M%SZ"
OUR_NAME = re.compile(r"kedge-(.+)-(\d{8}T\d{6}Z)")
OURS = re.compile(r"BORG_(?:REPO|PASSPHRASE|PASSPHRASE_FD|PASSCOMMAND|NEW_PASSPHRASE|DISPLAY_PASSPHRASE)")
OLDER = (
    "if it was brought back on purpose, remove `borg/security` and `borg-through/security` in kedge's state folder; "
    "else find out who put an old copy in its place"
)
KNOWN = (
    ("failed to execute borg", "cannot be used: borg is not installed here", "apt install borgbackup"),
    ("is incorrect", "does not open with its passphrase", "the store's `passphrase` is another one"),
    ("onnection closed by remote host", "cannot be reached", "is its host up, and does ssh get in without asking?"),
    ("does not exist", "is not there", "if it is new: kedge backup --init; else see whether its disk is mounted"),
    ("is not a valid repository", "is not there", "it is no borg repository; see whether its disk is mounted"),
    ("ailed to create/acquire the lock", "is locked by another program", "wait for it; a dead lock goes by itself"),
    ("No space left on device", "has no room left", "make room; nothing that was saved is harmed"),
    ("ntegrityError", "is damaged", "borg check --verify-data tells what is lost; use another store"),
    ("ntegrity error", "is damaged", "borg check --verify-data tells what is lost; use another store"),
    ("Data integrity", "is damaged", "borg check --verify-data tells what is lost; use another store"),
    ("newer than repository", "is older than it was", OLDER),
    ("previously located at", "was moved, or is another one of the same id", "borg info once by hand, and answer yes"),
)  # fmt: skip
"""What borg says -> what it means, what to do."""
FREED = b"compaction freed"
NO_DELETION = (
    "that is as it should be for whoever saves; prune with a key without --append-only: kedge prune --through; "
    "if the repository itself is append-only, on its host: borg config REPOSITORY append_only 0"
)


@dataclass(frozen=True)
class BorgStore:
    """A repository: a folder, or `ssh://user@host/./path`. `passphrase` is None where it is not encrypted."""

    repository: str
    passphrase: Secret | None
    cache: Path
    shell: LocalShell = field(default_factory=LocalShell)
    append_only: bool = False
    counts: ClassVar[bool] = True

    async def initialise(self) -> None:
        """Make the repository; raises OutsideError if there is one.

        In a folder `append_only` is written into it. By ssh it is up to the keys: that would bind who prunes as well.
        """
        how = ("--encryption", "repokey-blake2" if self.passphrase else "none")
        is_bound = self.append_only and not self.repository.startswith("ssh:")
        await self.run("init", *how, *(["--append-only"] if is_bound else []))

    async def save(self, service: str, spool: Path, censuses: Sequence[Census]) -> Snapshot:
        """Save a spool folder; what an interrupted save left is no archive and is used again by the next one."""
        at = min((census.at for census in censuses), default=datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
        record = await asyncio.to_thread(make_record, service, at, tuple(censuses), spool)
        name = f"kedge-{service}-{at:{STAMP}}"
        options = ("--compression", "zstd,3", "--timestamp", f"{at:%Y-%m-%dT%H:%M:%S}", "--json")
        await self.run("create", *options, f"::{name}", ".", folder=spool, limit=CARRY_LIMIT)
        (archive,) = (await self.ask("info", f"::{name}"))["archives"]
        wanted = size_with_record(record, spool)
        found = (archive["stats"]["nfiles"], archive["stats"]["original_size"])
        if found != wanted:
            raise OutsideError(f"{self.repository} took {found[0]} files, {found[1]} bytes of {wanted[0]}, {wanted[1]}")
        return Snapshot(archive["id"], service, at, record.censuses)

    async def list(self, service: str) -> Sequence[Snapshot]:
        """Return the snapshots of a service, oldest first, without their censuses."""
        return [snapshot for snapshot in await self.list_all() if snapshot.service == service]

    async def list_all(self) -> Sequence[Snapshot]:
        """Return the snapshots of every service, oldest first, without their censuses."""
        found = []
        for archive in (await self.ask("list"))["archives"]:
            if match := OUR_NAME.fullmatch(archive["name"]):
                at = datetime.strptime(match[2], STAMP).replace(tzinfo=UTC)
                found.append(Snapshot(archive["id"], match[1], at))
        return sorted(found, key=lambda snapshot: snapshot.at)

    async def fetch(self, snapshot: Snapshot, spool: Path) -> Snapshot:
        """Restore a snapshot into an empty folder and compare every file with its record."""
        await self.extract(await self.name_of(snapshot), spool)
        record = await asyncio.to_thread(compare, snapshot.id, spool)
        return Snapshot(snapshot.id, record.service, record.at, record.censuses)

    async def fetch_below(self, snapshot: Snapshot, folder: str, spool: Path) -> None:
        """Restore one folder of a snapshot into an empty folder, compared with its record; nothing if it has none."""
        name = await self.name_of(snapshot)
        await self.extract(name, spool, RECORD)
        if any(path.startswith(f"{folder}/") for path in read_record(spool).files):  # borg refuses to extract nothing
            await self.extract(name, spool, folder)
        await asyncio.to_thread(compare_below, snapshot.id, spool, folder)

    async def name_of(self, snapshot: Snapshot) -> str:
        """Return the name of the archive of this id; raises OutsideError if it has gone."""
        for archive in (await self.ask("list"))["archives"]:
            if archive["id"] == snapshot.id:
                return str(archive["name"])
        raise OutsideError(f"{self.repository} has no snapshot {snapshot.id[:8]} any more")

    async def unlock(self) -> None:
        """Do nothing: borg itself removes a lock whose owner is gone."""

    async def forget(self, snapshots: Sequence[Snapshot]) -> None:
        """Forget snapshots and free their room; safe to repeat after half a forget. Only pruning calls this."""
        await self._free()
        gone = {one.id for one in snapshots}
        archives = (await self.ask("list"))["archives"]
        names = [archive["name"] for archive in archives if archive["id"] in gone]
        if names:
            await self.run("delete", "::" + names[0], *names[1:], limit=CARRY_LIMIT)
            await self._free()

    async def _free(self) -> None:
        """Free the room of what was forgotten; raises OutsideError where that may not be: borg just does nothing then."""
        said = await self.run("compact", "--info", limit=CARRY_LIMIT)
        if FREED not in said.stderr:
            raise OutsideError(f"the store {self.repository} lets nobody delete by this way", hint=NO_DELETION)

    async def extract(self, name: str, folder: Path, *paths: str) -> None:
        """Restore an archive, or these paths of it, into a folder."""
        await self.run("extract", "--sparse", f"::{name}", *paths, folder=folder, limit=CARRY_LIMIT)

    async def ask(self, verb: str, *argv: str) -> Any:
        """Return what borg says as JSON."""
        said = await self.run(verb, "--json", *argv)
        try:
            return json.loads(said.stdout)
        except ValueError as failure:
            raise OutsideError(f"{self.repository}: borg answered in an unknown form") from failure

    async def run(self, verb: str, *argv: str, folder: Path | None = None, limit: timedelta = LOOK_LIMIT) -> Exit:
        """Return how borg ended; raises OutsideError, that says what it means, for anything but success."""
        command = ("borg", "--lock-wait", str(LOCK_WAIT_S), verb, *argv)
        command = command if folder is None else ("env", f"--chdir={folder}", *command)
        secret = self.passphrase or Secret("no passphrase", b"")
        with secret.piped() as number:
            shell = replace(self.shell, env=self._environment(number), fds=(*self.shell.fds, number))
            ended = await shell.run(command, limit=limit)
        if ended.code != 0:
            raise self._explained(verb, secret.hide(ended.stderr.decode("utf-8", "replace")), ended)
        return ended

    def _environment(self, number: int) -> Mapping[str, str]:
        kept = {name: value for name, value in self.shell.env.items() if not OURS.fullmatch(name)}
        # Its own ssh waits for ever for a host that is silent.
        kept = {"BORG_RSH": shlex.join(SSH), **kept}
        own = {"BORG_REPO": self.repository, "BORG_PASSPHRASE_FD": str(number), "BORG_CACHE_DIR": str(self.cache)}
        open_ones = {"BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "no" if self.passphrase else "yes"}
        return {**kept, **own, **open_ones, "BORG_SECURITY_DIR": str(self.cache / "security"), "TZ": "UTC"}

    def _explained(self, verb: str, said: str, ended: Exit) -> OutsideError:
        for sign, meaning, hint in KNOWN:
            if sign in said:
                return OutsideError(f"the store {self.repository} {meaning}", hint=hint)
        last = " ".join(said.split())[-SAID_BYTES:]
        return OutsideError(f"borg {verb} on {self.repository} failed: {last or f'exit code {ended.code}'}")
