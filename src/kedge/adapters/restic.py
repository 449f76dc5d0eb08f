"""restic (restic(1), 0.14 and later) as a snapshot store: dump, census and record in one snapshot, tagged by service.

No exit code alone is believed (0.14 ends with 0 when a path was missing): the summary must count exactly the files and
bytes that were spooled, and a fetched snapshot must match the lengths and SHA-256 it was saved with. restic runs beside
kedge, so that no saved host holds the passphrase. There is no forget here: saving and deleting are separate powers.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kedge.adapters.local import LocalShell
from kedge.adapters.record import RECORD, Record, list_files, read_content, read_record, write_record
from kedge.adapters.secret import Secret
from kedge.errors import OutsideError
from kedge.model.census import Census
from kedge.model.ports import Exit, Snapshot

LOOK_LIMIT = timedelta(minutes=10)
CARRY_LIMIT = timedelta(hours=24)
OURS = re.compile(r"RESTIC_(?:REPOSITORY|PASSWORD)(?:_FILE|_COMMAND)?")
URL_PASSWORD = re.compile(r"(://[^/\s:@]*:)[^@\s/]+@")
SAID_BYTES = 300
KNOWN = (
    ("failed to execute restic", "cannot be used: restic is not installed here", "apt install restic"),
    ("wrong password or no key found", "does not open with its passphrase", "the store's `passphrase` is another one"),
    (
        "Is there a repository",
        "is not there",
        "if it is new: kedge backup --init; else see whether its disk is mounted",
    ),
    ("repository is already locked", "is locked by another program", "wait for it; a dead one's lock goes by itself"),
    ("no space left on device", "has no room left", "make room; nothing that was saved is harmed"),
    ("ciphertext verification failed", "is damaged", "restic check --read-data tells what is lost; use another store"),
)
"""What restic says -> what it means, what to do."""


@dataclass(frozen=True)
class ResticStore:
    """A repository. `repository` is as restic takes it: a folder, `sftp:user@host:/path`, `rest:…`, `s3:…`."""

    repository: str
    passphrase: Secret
    cache: Path
    shell: LocalShell = field(default_factory=LocalShell)

    async def initialise(self) -> None:
        """Make the repository; raises OutsideError if there is one."""
        await self._run("init")

    async def save(self, service: str, spool: Path, censuses: Sequence[Census]) -> Snapshot:
        """Save a spool folder; what an interrupted save left is no snapshot and is used again by the next one."""
        at = min((census.at for census in censuses), default=datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
        record = await asyncio.to_thread(_recorded, service, at, tuple(censuses), spool)
        await self._run("unlock")  # of itself: only locks of programs that ended without removing theirs
        tags = ("--tag", "kedge", "--tag", f"service={service}", "--time", f"{at:%Y-%m-%d %H:%M:%S}")
        said = await self._run("backup", "--json", *tags, ".", folder=spool, limit=CARRY_LIMIT)
        summary = _summary(said.stdout)
        size = sum(content.size_bytes for content in record.files.values()) + (spool / RECORD).stat().st_size
        found = (summary.get("total_files_processed"), summary.get("total_bytes_processed"))
        if found != (len(record.files) + 1, size):
            raise OutsideError(
                f"{self.repository} took {found[0]} files, {found[1]} bytes of {len(record.files) + 1}, {size}"
            )
        saved = [one for one in await self.list(service) if one.id.startswith(str(summary["snapshot_id"]))]
        if len(saved) != 1:
            raise OutsideError(f"{self.repository} does not list the snapshot it has just taken")
        return replace(saved[0], at=at, censuses=record.censuses)

    async def list(self, service: str) -> Sequence[Snapshot]:
        """Return the snapshots of a service, oldest first, without their censuses."""
        said = await self._run("snapshots", "--json", "--tag", f"kedge,service={service}")
        try:
            rows = json.loads(said.stdout) or []
            found = [Snapshot(row["id"], service, datetime.fromisoformat(_to_micro(row["time"]))) for row in rows]
        except (ValueError, KeyError, TypeError) as failure:
            raise OutsideError(f"{self.repository}: restic listed its snapshots in an unknown form") from failure
        return sorted(found, key=lambda snapshot: snapshot.at)

    async def fetch(self, snapshot: Snapshot, spool: Path) -> Snapshot:
        """Restore a snapshot into an empty folder and compare every file with its record."""
        await self._run("restore", snapshot.id, "--target", str(spool), limit=CARRY_LIMIT)
        record = await asyncio.to_thread(_compared, snapshot, spool)
        return Snapshot(snapshot.id, record.service, record.at, record.censuses)

    async def _run(self, *argv: str, folder: Path | None = None, limit: timedelta = LOOK_LIMIT) -> Exit:
        with self.passphrase.piped() as number:
            shell = replace(self.shell, env=self._environment(number), fds=(*self.shell.fds, number))
            command = ("restic", *argv) if folder is None else ("env", f"--chdir={folder}", "restic", *argv)
            ended = await shell.run(command, limit=limit)
        if ended.code != 0:
            raise self._explained(argv[0], ended)
        return ended

    def _environment(self, number: int) -> Mapping[str, str]:
        kept = {name: value for name, value in self.shell.env.items() if not OURS.fullmatch(name)}
        own = {"RESTIC_REPOSITORY": self.repository, "RESTIC_PASSWORD_FILE": f"/dev/fd/{number}"}
        # One line of progress in ten seconds: the standard, sixty in a second, would be all one hears in an hour.
        calm = {"RESTIC_CACHE_DIR": str(self.cache), "RESTIC_PROGRESS_FPS": "0.1", "TZ": "UTC"}
        return {**kept, **own, **calm}

    def _explained(self, verb: str, ended: Exit) -> OutsideError:
        said = self.passphrase.hide(ended.stderr.decode("utf-8", "replace"))
        said = URL_PASSWORD.sub(r"\1***@", said)
        name = URL_PASSWORD.sub(r"\1***@", self.repository)
        for sign, meaning, hint in KNOWN:
            if sign in said:
                return OutsideError(f"the store {name} {meaning}", hint=hint)
        last = " ".join(said.split())[-SAID_BYTES:]
        return OutsideError(f"restic {verb} on {name} failed: {last or f'exit code {ended.code}'}")


def _recorded(service: str, at: datetime, censuses: tuple[Census, ...], spool: Path) -> Record:
    """Return the record, written into the spool folder, where an older one may lie from an interrupted save."""
    try:
        (spool / RECORD).unlink(missing_ok=True)
        files = {name: read_content(spool / name) for name in list_files(spool)}
        record = Record(service, at, censuses, files)
        write_record(record, spool)
    except OSError as failure:
        raise OutsideError(f"the spool folder {spool} cannot be used: {os.strerror(failure.errno or 0)}") from failure
    return record


def _compared(snapshot: Snapshot, spool: Path) -> Record:
    record = read_record(spool)
    if set(list_files(spool)) - {RECORD} != set(record.files):
        raise OutsideError(f"snapshot {snapshot.id[:8]} does not hold the files that were saved")
    for name, expected in record.files.items():
        if read_content(spool / name) != expected:
            raise OutsideError(f"{name} of snapshot {snapshot.id[:8]} is not what was saved (length or SHA-256)")
    return record


def _summary(said: bytes) -> Mapping[str, Any]:
    """Return the last message of `restic backup --json`, which is the only one that means success."""
    lines = said.splitlines()
    try:
        message = json.loads(lines[-1]) if lines else {}
    except ValueError:
        message = {}
    if not isinstance(message, dict) or message.get("message_type") != "summary" or not message.get("snapshot_id"):
        raise OutsideError("restic ended without saying what it saved")
    return message


def _to_micro(moment: str) -> str:
    """Return RFC 3339 with at most microseconds: restic (Go) writes nanoseconds, which datetime cannot read."""
    return re.sub(r"(\.\d{6})\d+", r"\1", moment)
