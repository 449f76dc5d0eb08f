"""What a command of the admin's own dumps: its standard output, spooled, checked and counted as a file.

The words are read by the `sh` of the host, or of a container there; a pipe fails where any of its programs fails. What
a command says on its standard error may repeat somebody's data: of that, only what is known to hold none is shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import ClassVar

from kedge.errors import OutsideError, Refused
from kedge.model.census import Census, Tally
from kedge.model.instance import ROOT, Instance, Obstacle
from kedge.model.ports import Exit

DUMP = "dump"
INSTEAD = "instead-of-the-files-of"
"""A remark that names the volumes whose files are not saved, because their content is in the dump."""
QUICK = timedelta(minutes=5)
LONG = timedelta(hours=12)
TAIL_BYTES = 4096
NO_ENTRY = 255

# $1 the command. An account that enters by ssh has no sbin in its PATH; where a shell knows no pipefail (dash), bash
# does, if it is there. 255 is the code of an entry that failed, as ssh(1) has it.
RUN = r"""
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH; cd /
(
  if (set -o pipefail) 2>/dev/null; then set -e -o pipefail; eval "$1"; exit; fi
  command -v bash >/dev/null 2>&1 && exec bash -e -o pipefail -c "$1"
  set -e; eval "$1"
)
code=$?; [ $code -ne 255 ] || code=121; exit $code
"""
# $1 the dump, then the command's words. Neither exit code gets lost: the command's, and that of writing it down.
SAVE = r"""
umask 077; dump=$1; shift
digest() { if command -v openssl >/dev/null; then openssl dgst -sha256 -r; else sha256sum; fi; }
{ "$@" </dev/null 2>"$dump.errors"; echo $? >"$dump.ended"; } |
  { tee -- "$dump" 2>>"$dump.errors"; echo $? >"$dump.kept"; } | digest >"$dump.sum"
read -r sum rest <"$dump.sum" && echo "$sum  ${dump##*/}" >"${dump%/*}/SHA256SUMS"
read -r ended <"$dump.ended" && read -r kept <"$dump.kept" || exit 1
tail -c 8192 "$dump.errors" >&2
rm -f -- "$dump.errors" "$dump.ended" "$dump.kept" "$dump.sum"
[ "$kept" = 0 ] || { echo 'No space left on device' >&2; exit 74; }
exit "$ended"
"""
READ = 'dump=$1; shift; exec "$@" <"$dump"'
MEASURE = 'wc -l <"$1" && wc -c <"$1" && sha256sum <"$1"'
FRESH = 'mkdir -p -- "$1" && cd -- "$1" && [ -z "$(ls -A)" ]'
SAID = (
    "No space left on device", "Permission denied", "No such file or directory", "not found", "Connection refused",
    "Access denied", "uthentication failed", "Host key verification failed", "Could not resolve hostname",
    "Connection timed out", "Connection reset", "Connection closed", "Syntax error", "syntax error", "already exists",
    "MDB_KEYEXIST",
)  # fmt: skip
"""What programs say that holds nobody's data."""
LOGIN = "the login failed"
PLAIN = re.compile(r"(?:exec\s+)?([A-Za-z0-9_./+-]+)(?=\s|$)")
PIPE = re.compile(r"(?<!\|)\|(?!\|)")
COUNTED = re.compile(r"(\S*[^\s:]):?\s+(\d{1,18})(?:\s+(\S{1,128}))?")


@dataclass(frozen=True, slots=True)
class CommandPart:
    """What a command writes to its standard output; counted as a file, and by a command that counts what is in it.

    `load` reads it on its standard input; without one it is loaded nowhere. `enter` are the words that lead from the
    host into a container, where the commands run; what they write waits on the host.
    """

    file: ClassVar[str] = DUMP
    name: str
    command: str
    load: str = ""
    count: str = ""
    ends_with: str = ""
    may_be_empty: bool = False
    needs_running: bool = False
    limit: timedelta = LONG
    enter: tuple[str, ...] = ()
    instead_of: tuple[str, ...] = ()
    of: str = "self"

    def as_file(self, saved: Census) -> Census:
        """Return the tally of the dump itself: lines, bytes, SHA-256."""
        return replace(saved, tallies={name: tally for name, tally in saved.tallies.items() if name == DUMP})

    async def preflight(self, at: Instance) -> Sequence[Obstacle]:
        """Return what stands in the way: a container nobody gets into, a program that is missing."""
        for command in filter(None, (self.command, self.count)):
            found = PLAIN.match(command)
            word = found[1] if found else "true"
            asked = await self._run(at, f"command -v {word} >/dev/null || exit 3", QUICK)
            if asked.code in {None, NO_ENTRY}:
                return [Obstacle(_last_line(asked), "start the container, or let kedge use the engine")]
            if asked.code != 0:
                return [Obstacle(f"{word} is missing", f"correct the command in the inventory, or install {word}")]
            if PIPE.search(command) and (await self._run(at, "false | true", QUICK)).code == 0:
                why = "no shell there says when the first program of a pipe fails"
                return [Obstacle(why, "install bash, or write the command without a pipe")]
        return []

    async def save(self, at: Instance, spool: PurePosixPath) -> Census:
        """Write the dump; raises OutsideError unless the command ended with 0, all of it was kept, and it ends well."""
        began = await _now(at)
        await self._dump(at, spool / DUMP)
        tallies = {**await self._measure(at, spool / DUMP), **await self._count(at, spool / DUMP)}
        remarks = {INSTEAD: ", ".join(self.instead_of)} if self.instead_of else {}
        return Census(self.name, began, tallies, remarks=remarks)

    async def restore(self, at: Instance, spool: PurePosixPath) -> None:
        """Let the command load it; refuses a live copy. Raises OutsideError unless it ended with 0."""
        if at.mode == "live":
            raise Refused("a dump is never loaded into a live copy", hint="load it beside, as a target")
        if not self.is_loaded(at):
            raise Refused(f"nothing says how {self.name} is loaded here")
        await self._check_end(at, spool / DUMP)
        ended = await self._run(at, self.load, self.limit, spool / DUMP)
        if ended.code != 0:
            raise _failed(f"{self.name} could not be loaded", ended)

    async def census(self, at: Instance) -> Census:
        """Count what is there now, in a dump that is thrown away."""
        began, folder = await _now(at), await _make_folder(at)
        try:
            await self._dump(at, folder / DUMP)
            tallies = {**await self._measure(at, folder / DUMP), **await self._count(at, folder / DUMP)}
            return Census(self.name, began, tallies)
        finally:
            await at.site.shell.run(("rm", "-rf", "--", str(folder)), limit=QUICK)

    def is_loaded(self, at: Instance) -> bool:
        """Whether this copy takes it: one that runs, or need not; under its own paths; not in containers of a drill."""
        if not self.load:
            return False
        if at.mode == "sandbox":
            return not self.enter and (at.runs or not self.needs_running)
        return at.data == ROOT

    async def recount(self, at: Instance, spool: PurePosixPath) -> Census:
        """Count the dump that came back as a file and, where it was loaded, what a new dump of the copy holds."""
        began, tallies = await _now(at), dict(await self._measure(at, spool / DUMP))
        if self.is_loaded(at) and self.count:
            now = await self.census(at)
            tallies |= {name: tally for name, tally in now.tallies.items() if name != DUMP}
        return Census(self.name, began, tallies)

    async def _dump(self, at: Instance, dump: PurePosixPath) -> None:
        words = (*self.enter, "sh", "-c", RUN, "kedge", self.command)
        ended = await _script(at, SAVE, str(dump), *words, limit=self.limit)
        if ended.code != 0:
            raise _failed(f"the command that dumps {self.name} failed", ended)
        await self._check_end(at, dump)

    async def _check_end(self, at: Instance, dump: PurePosixPath) -> None:
        last = await at.site.shell.run(("tail", "-c", str(TAIL_BYTES), str(dump)), limit=QUICK)
        if last.code != 0:
            raise _failed(f"the dump {self.name} could not be read", last)
        if not last.stdout and not self.may_be_empty:
            raise OutsideError(f"the dump {self.name} is empty", hint="if that is right: may-be-empty: yes")
        line = last.stdout.rstrip().rpartition(b"\n")[2].decode(errors="replace")
        if self.ends_with not in line:
            raise OutsideError(f"the dump {self.name} is cut off: '{self.ends_with}' does not stand in its last line")

    async def _measure(self, at: Instance, dump: PurePosixPath) -> Mapping[str, Tally]:
        ended = await _script(at, MEASURE, str(dump), limit=LONG)
        words = ended.stdout.split()
        if ended.code != 0 or len(words) < 3:
            raise _failed(f"the dump {self.name} could not be counted", ended)
        return {DUMP: Tally(int(words[0]), words[2].decode(), int(words[1]))}

    async def _count(self, at: Instance, dump: PurePosixPath) -> Mapping[str, Tally]:
        if not self.count:
            return {}
        ended = await self._run(at, self.count, self.limit, dump)
        if ended.code != 0:
            raise _failed(f"the command that counts {self.name} failed", ended)
        lines = [COUNTED.fullmatch(line.strip()) for line in ended.stdout.decode(errors="replace").splitlines()]
        if not lines or any(line is None for line in lines):
            hint = "one line for each, and no other: `entries 120`"
            raise OutsideError(f"the command that counts {self.name} did not print lines of name and number", hint=hint)
        return {f"{line[1]}": Tally(int(line[2]), line[3] or "") for line in lines if line}

    async def _run(self, at: Instance, command: str, limit: timedelta, dump: PurePosixPath | None = None) -> Exit:
        words = (*self.enter, "sh", "-c", RUN, "kedge", command)
        return await _script(at, READ, str(dump or "/dev/null"), *words, limit=limit)


@dataclass(frozen=True, slots=True)
class PlacedCommandPart(CommandPart):
    """What a command dumps, and loads into a folder that is empty before; counted as a file, and by what is in it."""

    into: str = "/"

    def place(self, at: Instance) -> PurePosixPath:
        """Return the folder that is filled: what is in it is put aside first."""
        return at.path(self.into)

    async def restore(self, at: Instance, spool: PurePosixPath) -> None:
        """Let the command load it into its folder, made if it is missing; refuses one with something in it."""
        if at.mode != "live" and (await _script(at, FRESH, self.into, limit=QUICK)).code != 0:
            raise Refused(f"{self.into} is not empty, or could not be made")
        await CommandPart.restore(self, at, spool)


async def _make_folder(at: Instance) -> PurePosixPath:
    made = await _script(at, "mkdir -p /var/tmp && mktemp -d /var/tmp/kedge.XXXXXX", limit=QUICK)
    if made.code != 0:
        raise _failed("no room for a dump to count", made)
    return PurePosixPath(made.stdout.decode().strip())


async def _script(at: Instance, script: str, *words: str, limit: timedelta) -> Exit:
    return await at.site.shell.run(("sh", "-c", script, "sh", *words), limit=limit)


async def _now(at: Instance) -> datetime:
    ended = await at.site.shell.run(("date", "+%s"), limit=QUICK)
    if ended.code != 0:
        raise _failed("the time could not be read", ended)
    return datetime.fromtimestamp(int(ended.stdout), UTC)


def _last_line(ended: Exit) -> str:
    lines = ended.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "nobody gets there"


def _failed(what: str, ended: Exit) -> OutsideError:
    """Return an error that shows of a command's complaints only what is known to hold nobody's data."""
    said = ended.stderr.decode(errors="replace")
    known = next((one for one in SAID if one in said), "")
    if said.startswith(LOGIN) and ended.code is None:  # which repeats what was said before
        return OutsideError(f"{what}: {LOGIN}{f', {known}' if known else ''}")
    if ended.code in {None, NO_ENTRY}:
        return OutsideError(f"{what}: {_last_line(ended)}")
    why = f"{known} (exit code {ended.code})" if known else f"exit code {ended.code}"
    return OutsideError(f"{what}: {why}", hint="run it by hand there: what it says may repeat data, and is not shown")
