"""What ejabberd keeps in its own database (Mnesia): accounts, rosters, messages kept, vCards, rooms, whatever module.

`ejabberdctl backup` writes all tables of one moment (a checkpoint of Mnesia); the census counts the tables in that very
file, record by record, with the sum of 64 bits of MD5 for each. Tables that live in memory only are not counted.
It comes back as `install_fallback` and a restart: measured with 23.01, `restore` leaves out what its list of tables
does not know (the message archive), and says nothing.
A backup bears the name of the node that wrote it, and only a node of that name takes it: the name is changed in a copy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import ClassVar

from kedge.errors import OutsideError, Refused
from kedge.model.census import Census, Tally
from kedge.model.instance import Instance, Obstacle
from kedge.model.ports import Exit, Shell
from kedge.model.room import Extent, Growth, Survey

BACKUP = "mnesia.backup"
CONTROL = "/drill/ejabberdctl"
"""The control program of a copy in a sandbox, where there is no user `ejabberd`."""
QUICK = timedelta(minutes=5)
LONG = timedelta(hours=2)
STARTED = re.compile(rb"The node '?([^' ]+)'? is started with status: started")

# Reads a backup without a server; prints the node's name, then for each table on disk: name, records, digest. Not by
# mnesia:traverse_backup/6: it takes a file that is cut off for a shorter one. A record begins with its table's name.
COUNT = """
Hash = fun(Item) -> <<H:64, _/binary>> = erlang:md5(term_to_binary(Item, [{minor_version, 1}])), H end,
Kept = fun(Opts) -> lists:append([L || {K, L} <- Opts, K == disc_copies orelse K == disc_only_copies]) end,
Add = fun
  ({schema, Name, Opts}, {Tables, Counts}) -> {Tables#{Name => Kept(Opts)}, Counts};
  (Item, {Tables, Counts}) ->
    {Number, Sum} = maps:get(element(1, Item), Counts, {0, 0}),
    {Tables, Counts#{element(1, Item) => {Number + 1, Sum + Hash(Item)}}}
end,
Read = fun Read(From, Found) ->
  case disk_log:chunk(backup, From) of
    eof -> Found;
    {Next, Items} -> Read(Next, lists:foldl(Add, Found, Items))
  end
end,
[File] = init:get_plain_arguments(),
Open = [{name, backup}, {file, File}, {mode, read_only}, {repair, false}],
case catch begin {ok, backup} = disk_log:open(Open), Read(start, {#{}, #{}}) end of
  {Tables, Counts} when map_size(Tables) > 0 ->
    [io:format("node\\t~ts~n", [Node]) || Node <- maps:get(schema, Tables, [])],
    [io:format("~ts\\t~p\\t~p~n", [Name, Number, Sum])
      || {Name, {Number, Sum}} <- lists:sort(maps:to_list(Counts)), maps:get(Name, Tables, []) =/= [], Name =/= schema],
    halt(0);
  _ -> halt(1)
end.
"""
# $1 where the server may write, then ejabberdctl's words; the file is its own until it is moved.
SAVE = """
file=$1/kedge.$$.backup spool=$2; shift 2
trap 'rm -f -- "$file"' EXIT
"$@" backup "$file" >&2 && [ -s "$file" ] && cat -- "$file" > "$spool"
"""
# $1 the backup, $2 where the server may write, $3 and $4 the node's name then and now, then ejabberdctl's words. A
# fallback is taken when the database starts, and then it is gone.
LOAD = """
file=$1 room=$2 was=$3 is=$4; shift 4
trap 'rm -f -- "$room/kedge.backup" "$room/kedge.renamed"' EXIT
cp -- "$file" "$room/kedge.backup" && chown --reference="$room" "$room/kedge.backup" || exit 1
here=$room/kedge.backup
if [ "$was" != "$is" ]; then
  here=$room/kedge.renamed
  "$@" mnesia_change_nodename "$was" "$is" "$room/kedge.backup" "$here" >&2 && [ -s "$here" ] || exit 1
fi
"$@" install_fallback "$here" >&2 && [ -e "$room/FALLBACK.BUP" ] || exit 1
"$@" restart >&2 || exit 1
while [ -e "$room/FALLBACK.BUP" ] || ! "$@" status >/dev/null 2>&1; do sleep 0.2; done
"""
# $1 the folder of the tables, then programs; says which is missing, else how many bytes the tables have.
LOOK = """
folder=$1; shift
for program; do command -v "$program" >/dev/null || { echo "$program"; exit 1; }; done
find "$folder" -maxdepth 1 -type f -name '*.D[ACE][TDL]' -printf '%s\\n' 2>/dev/null |
  awk '{ sum += $1 } END { if (NR) printf "%.0f", sum }' 2>/dev/null || true
"""
DUMPED: Growth = (0.3, 3.0)
"""How many times its tables' files a backup has: in the files, one record may stand more than once."""
SAID = (
    "No disc resident schema on local node", "nodedown", "No space left on device", "enospc", "eacces",
    "Permission denied",
)  # fmt: skip
"""What the programs say that holds nobody's data."""


@dataclass(frozen=True, slots=True)
class EjabberdPart:
    """The database of ejabberd's own: accounts, rosters, messages kept for later, vCards, rooms, the archive."""

    growth: ClassVar[Growth] = (0.5, 3.0)
    folder: str
    name: str = "accounts"
    of: str = "self"
    needs_running: bool = True

    def _control(self, at: Instance) -> tuple[str, ...]:
        return (str(at.path(CONTROL)),) if at.mode == "sandbox" else ("ejabberdctl",)

    async def preflight(self, at: Instance) -> Sequence[Obstacle]:
        """Return what stands in the way: programs, a node that does not run or lets nobody in, a cluster."""
        return list((await self.survey(at)).obstacles)

    async def survey(self, at: Instance) -> Survey:
        """Return what stands in the way, and between which sizes the backup will be."""
        shell, control = at.site.shell, self._control(at)
        looked = await _script(shell, LOOK, str(at.path(self.folder)), control[0], "erl", limit=QUICK)
        told = looked.stdout.decode(errors="replace").strip()
        if looked.code != 0:
            missing = f"{told} is missing" if told else looked.stderr.decode(errors="replace").strip()[:300]
            return Survey([Obstacle(missing, "install ejabberd")])
        try:
            await self._node(at)
        except OutsideError as failure:
            return Survey([Obstacle(failure.message, "start it; let kedge become root there (sudoers line)")])
        asked = await shell.run((*control, "list_cluster"), limit=QUICK)
        if asked.code == 0 and len(re.findall(rb"\S+@\S+", asked.stdout)) > 1:
            what = "it is a cluster of several nodes"
            return Survey([Obstacle(what, "let one of them be saved by a job of your own")])
        size = int(told) if told.isdigit() else None
        return Survey(extent=None if size is None else Extent(size, size).grown(DUMPED))

    async def save(self, at: Instance, spool: PurePosixPath) -> Census:
        """Write the backup; raises OutsideError if it cannot be read to its end."""
        began = await _now(at.site.shell)
        words = (str(at.path(self.folder)), str(spool / BACKUP), *self._control(at))
        ended = await _script(at.site.shell, SAVE, *words, limit=LONG)
        if ended.code != 0:
            raise _failed("the backup failed", ended)
        return Census(self.name, began, (await _count(at.site.shell, spool / BACKUP))[1])

    async def restore(self, at: Instance, spool: PurePosixPath) -> None:
        """Load the backup into a running node that has no accounts yet, and restart it on it."""
        if at.mode == "live":
            raise Refused("accounts are never restored over a live copy", hint="restore them beside, as a target")
        shell, node = at.site.shell, await self._node(at)
        if there := (await self.census(at)).tallies.get("passwd"):
            raise Refused(f"there are already {there.count} accounts")
        nodes, _ = await _count(shell, spool / BACKUP)
        if len(nodes) != 1:
            raise OutsideError(f"the backup is of {len(nodes)} nodes, and not of one")
        words = (str(spool / BACKUP), str(at.path(self.folder)), nodes[0], node, *self._control(at))
        ended = await _script(shell, LOAD, *words, limit=LONG)
        if ended.code != 0:
            raise _failed("the backup could not be loaded", ended)

    async def census(self, at: Instance) -> Census:
        """Count what is there now, in a backup that is thrown away."""
        shell, began = at.site.shell, await _now(at.site.shell)
        made = await shell.run(("mktemp", "-d"), limit=QUICK)
        if made.code != 0:
            raise _failed("no room for a backup to count", made)
        folder = PurePosixPath(made.stdout.decode().strip())
        try:
            words = (str(at.path(self.folder)), str(folder / BACKUP), *self._control(at))
            ended = await _script(shell, SAVE, *words, limit=LONG)
            if ended.code != 0:
                raise _failed("the accounts could not be counted", ended)
            return Census(self.name, began, (await _count(shell, folder / BACKUP))[1])
        finally:
            await shell.run(("rm", "-rf", "--", str(folder)), limit=QUICK)

    async def _node(self, at: Instance) -> str:
        ended = await at.site.shell.run((*self._control(at), "status"), limit=QUICK)
        found = STARTED.search(ended.stdout)
        if ended.code != 0 or not found:
            raise _failed("ejabberd does not answer", ended)
        return found[1].decode()


async def _count(shell: Shell, backup: PurePosixPath) -> tuple[list[str], dict[str, Tally]]:
    """Return the nodes whose backup a file is, and what is in its tables."""
    argv = ("erl", "-noinput", "-boot", "start_clean", "-eval", COUNT, "-extra", str(backup))
    ended = await shell.run(argv, limit=LONG)
    if ended.code != 0:
        raise OutsideError("the backup cannot be read to its end")
    nodes, tallies = [], {}
    for name, *rest in (line.split("\t") for line in ended.stdout.decode().splitlines()):
        if len(rest) == 1:
            nodes.append(rest[0])
        else:
            tallies[name] = Tally(int(rest[0]), rest[1])
    return nodes, tallies


async def _script(shell: Shell, script: str, *arguments: str, limit: timedelta) -> Exit:
    return await shell.run(("sh", "-c", script, "sh", *arguments), limit=limit)


async def _now(shell: Shell) -> datetime:
    ended = await shell.run(("date", "+%s"), limit=QUICK)
    if ended.code != 0:
        raise _failed("the time could not be read", ended)
    return datetime.fromtimestamp(int(ended.stdout), UTC)


def _failed(what: str, ended: Exit) -> OutsideError:
    said = (ended.stderr + ended.stdout).decode(errors="replace")
    if ended.code is None:
        return OutsideError(f"{what}: {said.strip()[:200]}")
    return OutsideError(f"{what}: {next((one for one in SAID if one in said), f'exit code {ended.code}')}")
