"""restic (restic(1), 0.14 and later) as a snapshot store: dump, census and record in one snapshot, tagged by service.

No exit code alone is believed (0.14 ends with 0 when a path was missing): the summary must count exactly the files and
bytes that were spooled, and a fetched snapshot must match the lengths and SHA-256 it was saved with. restic runs beside
kedge, so that no saved host holds the passphrase. Saving never forgets: saving and deleting are separate powers.
"""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from kedge.adapters.free_room import OPTIONS, free_by_sftp, free_in_folder
from kedge.adapters.local import LocalShell
from kedge.adapters.login import SSH
from kedge.adapters.record import RECORD, compare, compare_below, make_record, size_with_record
from kedge.adapters.secret import Secret
from kedge.errors import OutsideError
from kedge.model.census import Census
from kedge.model.ports import Exit, Snapshot
from kedge.model.room import Free

LOOK_LIMIT = timedelta(minutes=10)
CARRY_LIMIT = timedelta(hours=24)
KEYS = {"b2": ("B2_ACCOUNT_ID", "B2_ACCOUNT_KEY"), "azure": ("AZURE_ACCOUNT_NAME", "AZURE_ACCOUNT_KEY")}
"""The variables in which restic takes the two halves of credentials, where it can do so in no other way."""
S3_KEYS = '[default]\naws_access_key_id = """{}"""\naws_secret_access_key = """{}"""\n'
"""The file in which it takes those of S3; it is read anew for every request."""
OURS = re.compile(r"RESTIC_(?:REPOSITORY|PASSWORD)(?:_FILE|_COMMAND)?")
S3_OURS = re.compile(r"(?:AWS|MINIO)_(?!DEFAULT_REGION|REGION|CA_BUNDLE)\w+")
"""What would take the place of that file: variables of another account."""
URL_PASSWORD = re.compile(r"(://[^/\s:@]*:)[^@\s/]+@")
_USER, _HOST = r"(?:(?P<{}>[^@/:]+)@)?", r"(?P<{}>[^@/:\[\]-][^@/:\[\]]*)"
SFTP = re.compile(
    rf"sftp:(?://{_USER.format('user')}{_HOST.format('host')}(?::(?P<port>\d+))?/"
    rf"|{_USER.format('name')}{_HOST.format('place')}:)"
)
"""An address behind ssh as restic takes it: `sftp:user@host:folder`, `sftp://user@host:port/folder`."""
SAID_BYTES = 300
REFUSED = ("refuses its credentials", "the store's `credentials` are others, or may not read and add here")
UNREACHED = ("cannot be reached", "is its host up, and does its server run?")
NO_DELETION = (
    "lets nobody delete by this address and with these credentials",
    "that is as it should be for whoever saves; prune by another way: kedge prune --through, --credentials-file",
)
LOCKED = "repository is already locked"
KNOWN = (
    ("failed to execute restic", "cannot be used: restic is not installed here", "apt install restic"),
    ("blob not removed, server response: 403", *NO_DELETION),
    ("client.RemoveObject: Access Denied", *NO_DELETION),
    ("401 Unauthorized", *REFUSED),
    ("The request signature we calculated", *REFUSED),
    ("ey ID you provided does not exist", *REFUSED),
    ("ey Id you provided does not exist", *REFUSED),
    ("Access Denied", *REFUSED),
    ("dial tcp", *UNREACHED),
    ("wrong password or no key found", "does not open with its passphrase", "the store's `passphrase` is another one"),
    (
        "Is there a repository",
        "is not there",
        "if it is new: kedge backup --init; else see whether its disk is mounted",
    ),
    (
        "unable to start the sftp session",
        "cannot be reached",
        "is its host up, and does ssh get in without asking?",
    ),
    (LOCKED, "is locked by another program", "wait for it; a dead one's lock goes by itself"),
    ("no space left on device", "has no room left", "make room; nothing that was saved is harmed"),
    ("ciphertext verification failed", "is damaged", "restic check --read-data tells what is lost; use another store"),
)
"""What restic says -> what it means, what to do; the first one that fits. It calls all it cannot read a repository that
may not be there."""
READING = ("--no-lock",)
"""Who reads needs no lock and waits for none: a pruning that died must not keep anybody from what was saved. Should one
be going on, what it takes away is missed when the files are compared."""


class _LockedError(OutsideError):
    """Somebody works there whom it has to itself, or did and is dead."""


@dataclass(frozen=True)
class ResticStore:
    """A repository. `repository` is as restic takes it: a folder, `sftp:user@host:/path`, `rest:…`, `s3:…`.

    `credentials` is `name:password` for a REST server, `key-id:key` for S3 and B2. restic 0.14 takes the former only in
    the address, which therefore goes through a pipe as the passphrase does.
    """

    repository: str
    passphrase: Secret
    cache: Path
    shell: LocalShell = field(default_factory=LocalShell)
    credentials: Secret | None = None
    counts: ClassVar[bool] = True
    keeps_all: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """What messages call it: its address without a password."""
        return URL_PASSWORD.sub(r"\1***@", self.repository)

    @property
    def is_far(self) -> bool:
        """Whether it is behind a connection."""
        return not self.repository.startswith("/")

    async def room(self) -> Free | None:
        """Return what is free in it: of a folder, or behind sftp if the login allows; None of any other."""
        if not self.is_far:
            return await free_in_folder(Path(self.repository), f"the store {self.name}")
        found = SFTP.match(self.repository)
        if not found:
            return None
        user, port = found["user"] or found["name"], found["port"]
        words = [*(["-P", port] if port else []), *(["-o", f"User={user}"] if user else [])]
        folder, host = self.repository[found.end() :], found["host"] or found["place"]
        return await free_by_sftp(self.shell, (*OPTIONS, *words), host, folder, f"the store {self.name}")

    async def initialise(self) -> None:
        """Make the repository; raises OutsideError if there is one."""
        await self.run("init")

    async def save(self, service: str, spool: Path, censuses: Sequence[Census]) -> Snapshot:
        """Save a spool folder; what an interrupted save left is no snapshot and is used again by the next one."""
        at = min((census.at for census in censuses), default=datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
        record = await asyncio.to_thread(make_record, service, at, tuple(censuses), spool)
        tags = ("--tag", "kedge", "--tag", f"service={service}", "--time", f"{at:%Y-%m-%d %H:%M:%S}")
        try:
            said = await self._back_up(tags, spool)
        except _LockedError:  # by a pruning that was killed, perhaps: its lock has gone now
            said = await self._back_up(tags, spool)
        summary = _summary(said.stdout)
        wanted = size_with_record(record, spool)
        found = (summary.get("total_files_processed"), summary.get("total_bytes_processed"))
        if found != wanted:
            raise OutsideError(f"{self.name} took {found[0]} files, {found[1]} bytes of {wanted[0]}, {wanted[1]}")
        saved = [one for one in await self.list(service) if one.id.startswith(str(summary["snapshot_id"]))]
        if len(saved) != 1:
            raise OutsideError(f"{self.name} does not list the snapshot it has just taken")
        return replace(saved[0], at=at, censuses=record.censuses)

    async def _back_up(self, tags: Sequence[str], spool: Path) -> Exit:
        """Return what restic said of saving a folder; what failed leaves no lock, nor those of the dead."""
        try:
            return await self.run("backup", "--json", *tags, ".", folder=spool, limit=CARRY_LIMIT)
        except OutsideError:
            with suppress(OutsideError):
                await self.unlock()
            raise

    async def list(self, service: str) -> Sequence[Snapshot]:
        """Return the snapshots of a service, oldest first, without their censuses."""
        return await self._list(f"kedge,service={service}")

    async def list_all(self) -> Sequence[Snapshot]:
        """Return the snapshots of every service, oldest first, without their censuses."""
        return await self._list("kedge")

    async def _list(self, tags: str) -> Sequence[Snapshot]:
        rows = await self.ask("snapshots", "--tag", tags) or []
        try:
            found = [Snapshot(row["id"], _service(row["tags"]), read_moment(row["time"])) for row in rows]
        except (ValueError, KeyError, TypeError) as failure:
            raise OutsideError(f"{self.name}: restic listed its snapshots in an unknown form") from failure
        return sorted(found, key=lambda snapshot: snapshot.at)

    async def fetch(self, snapshot: Snapshot, spool: Path) -> Snapshot:
        """Restore a snapshot into an empty folder and compare every file with its record."""
        await self.run("restore", *READING, snapshot.id, "--target", str(spool), limit=CARRY_LIMIT)
        record = await asyncio.to_thread(compare, snapshot.id, spool)
        return Snapshot(snapshot.id, record.service, record.at, record.censuses)

    async def fetch_below(self, snapshot: Snapshot, folder: str, spool: Path) -> None:
        """Restore one folder of a snapshot into an empty folder, compared with its record; nothing if it has none."""
        wanted = ("--include", f"/{folder}", "--include", f"/{RECORD}")
        await self.run("restore", *READING, snapshot.id, *wanted, "--target", str(spool), limit=CARRY_LIMIT)
        await asyncio.to_thread(compare_below, snapshot.id, spool, folder)

    async def unlock(self) -> None:
        """Remove the locks of programs that ended without doing so, of itself: never those of others."""
        await self.run("unlock")

    async def forget(self, snapshots: Sequence[Snapshot]) -> None:
        """Forget snapshots and free their room; safe to repeat after half a forget. Only pruning calls this."""
        await self.unlock()
        # Without snapshots `forget --prune` frees nothing, and leaves what an earlier one has forgotten, but not freed.
        verb = ("forget", "--prune", *(one.id for one in snapshots)) if snapshots else ("prune",)
        await self.run(*verb, limit=CARRY_LIMIT)

    async def ask(self, *argv: str) -> Any:
        """Return what restic says as JSON to a question that changes nothing."""
        said = await self.run(*argv, *READING, "--json")
        try:
            return json.loads(said.stdout)
        except ValueError as failure:
            raise OutsideError(f"{self.name}: restic answered in an unknown form") from failure

    async def run(self, *argv: str, folder: Path | None = None, limit: timedelta = LOOK_LIMIT) -> Exit:
        """Return how restic ended; raises OutsideError, that says what it means, for anything but success."""
        restic = ("restic", *sftp_options(self.repository), *argv)
        command = restic if folder is None else ("env", f"--chdir={folder}", *restic)
        address = Secret("the repository", self._address())
        keys = Secret("the keys of S3", self._s3_keys())
        with self.passphrase.piped() as number, address.piped() as where, keys.opened() as opening:
            env = self._environment(number, where, opening if keys.value else None)
            shell = replace(self.shell, env=env, fds=(*self.shell.fds, number, where, opening))
            ended = await shell.run(command, limit=limit)
        if ended.code != 0:
            raise self._explained(argv[0], ended)
        return ended

    def _address(self) -> bytes:
        """Return the address with the credentials in it, where restic wants them there."""
        scheme, _, rest = self.repository.partition("://")
        if not self.credentials or not scheme.startswith("rest:"):
            return self.repository.encode()
        user, _, password = self.credentials.value.partition(b":")
        return b"%s://%s:%s@%s" % (scheme.encode(), _quoted(user), _quoted(password), rest.encode())

    def _s3_keys(self) -> bytes:
        """Return the credentials as a file that has them, if it is S3 that wants them."""
        if not self.credentials or not self.repository.startswith("s3:"):
            return b""
        key, _, secret = self.credentials.value.decode().partition(":")
        return S3_KEYS.format(key, secret).encode()

    def _environment(self, number: int, where: int, keys: int | None) -> Mapping[str, str]:
        kept = {name: value for name, value in self.shell.env.items() if not OURS.fullmatch(name)}
        own = {"RESTIC_REPOSITORY_FILE": f"/dev/fd/{where}", "RESTIC_PASSWORD_FILE": f"/dev/fd/{number}"}
        backend = self.repository.partition(":")[0]
        if self.credentials and backend in KEYS:
            own |= dict(zip(KEYS[backend], self.credentials.value.decode().split(":", 1), strict=False))
        if keys is not None:
            kept = {name: value for name, value in kept.items() if not S3_OURS.fullmatch(name)}
            own["AWS_SHARED_CREDENTIALS_FILE"] = f"/dev/fd/{keys}"
        # One line of progress in ten seconds: the standard, sixty in a second, would be all one hears in an hour.
        calm = {"RESTIC_CACHE_DIR": str(self.cache), "RESTIC_PROGRESS_FPS": "0.1", "TZ": "UTC"}
        return {**kept, **own, **calm}

    def _explained(self, verb: str, ended: Exit) -> OutsideError:
        said = self.passphrase.hide(ended.stderr.decode("utf-8", "replace"))
        said, name = URL_PASSWORD.sub(r"\1***@", said), self.name
        for half in self.credentials.value.split(b":", 1)[1:] if self.credentials else ():
            said = Secret("", half).hide(said)
        for sign, meaning, hint in KNOWN:
            if sign in said:
                kind = _LockedError if sign == LOCKED else OutsideError
                return kind(f"the store {name} {meaning}", hint=hint)
        last = " ".join(said.split())[-SAID_BYTES:]
        return OutsideError(f"restic {verb} on {name} failed: {last or f'exit code {ended.code}'}")


def sftp_options(repository: str) -> tuple[str, ...]:
    """Return what makes restic's own ssh give up on a host that is silent, as every login of kedge's does.

    Empty for other backends, and for addresses that only restic can read.
    """
    found = SFTP.match(repository)
    if not found:
        return ()
    port = ["-p", found["port"]] if found["port"] else []
    user = ["-l", name] if (name := found["user"] or found["name"]) else []
    words = [*SSH, *port, *user, "-s", found["host"] or found["place"], "sftp"]
    return ("-o", f"sftp.command={shlex.join(words)}")


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


def _service(tags: Sequence[str]) -> str:
    """Return the service that a snapshot is tagged with; raises ValueError for none."""
    (name,) = (tag.removeprefix("service=") for tag in tags if tag.startswith("service="))
    return name


def _quoted(text: bytes) -> bytes:
    return quote(text, safe="").encode()


def read_moment(moment: str) -> datetime:
    """Return a moment of RFC 3339: restic (Go) writes nanoseconds, which datetime cannot read."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", moment))
