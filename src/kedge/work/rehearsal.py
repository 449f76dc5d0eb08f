"""Drills: a snapshot restored into a sandbox, its census compared, the service started there, its own probes run."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import cast

from kedge.errors import OutsideError, Refused
from kedge.model.census import Census
from kedge.model.facts import DRILL_EMPTY, Fact
from kedge.model.instance import Command, File, Instance, Obstacle, Part, Program
from kedge.model.observation import Observation, Status
from kedge.model.ports import Address, Clock, Sandbox, Shell, Site, Snapshot
from kedge.model.room import Fit, Fitting
from kedge.model.service import Service
from kedge.work.fetching import Copy, Fetching
from kedge.work.landing import require_room
from kedge.work.recount import expected_of, is_loaded, recount
from kedge.work.spool import bring, clear, do, size_of
from kedge.work.step import Done
from kedge.work.subject import Subject, dial_sockets, instance_of

FIRST_PORT = 21000  # where no service listens by its own settings, and nothing is given out at random
READY_EVERY_S = 0.05
WHY_CHARACTERS = 300
Sizes = Mapping[str, Mapping[str, int]]
"""Service -> part -> how many bytes its last dump had, as far as that is known."""
UNLOADED = "counted as a file, loaded nowhere"


@dataclass(frozen=True)
class Proof:
    """What a drill showed: differences to the census, what the probes saw, obstacles, the RPO and RTO measured.

    `unloaded` are dumps that nothing says how to load, or that this copy cannot take: counted as files, and no more.
    """

    snapshots: Mapping[str, Snapshot]
    differences: tuple[str, ...]
    seen: Mapping[str, Observation]
    obstacles: tuple[Obstacle, ...]
    rpo: timedelta
    rto: timedelta
    compared: int = 0
    newest: datetime | None = None
    """The moment of the newest entry that came back: a row's, a file's."""
    unloaded: tuple[str, ...] = ()

    @property
    def is_proven(self) -> bool:
        """Whether everything came back and every probe said ok; a drill that looked at nothing proves its data only."""
        looked = all(seen.status is Status.OK for seen in self.seen.values())
        return looked and not self.differences and not self.obstacles

    @property
    def value(self) -> str:
        """The value of the fact `drill`: `ok rpo=2h rto=40min`, or `failed` and why."""
        if self.is_proven:
            return f"ok rpo={_compact(self.rpo)} rto={_compact(self.rto)}"
        return f"failed {'; '.join(self.faults)}"[:WHY_CHARACTERS]

    @property
    def faults(self) -> tuple[str, ...]:
        """Everything that was not as it should be."""
        wrong = (f"{name}: {seen.what}" for name, seen in self.seen.items() if seen.status is not Status.OK)
        return (*(obstacle.what for obstacle in self.obstacles), *self.differences, *wrong)

    @property
    def grounds(self) -> str:
        """What was looked at: dumps that are files and no more, tallies, how new the newest entry is, probes."""
        newest = f"newest entry {self.newest:%Y-%m-%d %H:%M}Z; " if self.newest else ""
        files = "".join(f"{name}: {UNLOADED}; " for name in self.unloaded)
        looked = ", ".join(self.seen) or "no probes, so only its data"
        tallies = "1 tally" if self.compared == 1 else f"{self.compared} tallies"
        return f"{files}{tallies} compared; {newest}{looked}"


def _compact(duration: timedelta) -> str:
    """Return a duration as one word, rounded up to whole seconds, minutes above an hour: `2h5min`, `33min37s`."""
    seconds = -(-duration // timedelta(seconds=1))
    if seconds >= 3600:
        seconds = -(-seconds // 60) * 60
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    counts = {"h": hours, "min": minutes, "s": seconds}
    return "".join(f"{count}{unit}" for unit, count in counts.items() if count) or "0s"


async def rehearse(
    subject: Subject, copies: Mapping[str, Copy], sandbox: Sandbox, clock: Clock, folder: Path,
    tell: Callable[[str], None] = lambda line: None, sizes: Sizes = MappingProxyType({}),
) -> Proof:  # fmt: skip
    """Return what restoring these snapshots (service -> copy) into a sandbox proved; `folder` is room here for them.

    Raises Refused if dumps of the last `sizes` would not fit there.
    """
    began = clock.now()
    parts = [(one.name, part) for one in subject.restored() for part in one.parts()]
    dumps = [(part, sizes.get(name, {}).get(part.name, 0)) for name, part in parts]
    await require_room(folder, dumps, is_fetched=False)
    async with sandbox.open() as site, AsyncExitStack() as programs:
        fetching = Fetching(copies, folder, tell)
        await programs.enter_async_context(fetching.begin([*subject.restored()]))
        drill = _Drill(_Stage(site, sandbox.root, programs, tell), fetching)
        at = await drill.bring_up(subject)
        asked = subject.service.probes(at) if at and subject.service.is_startable else ()  # else it is data only
        probes = [probe for probe in asked if probe.scope == "instance"]
        seen = {}
        for probe in probes:
            tell(f"probe {probe.name}")
            assert at is not None
            seen[probe.name] = await probe.look(at)
        rto = clock.now() - began
        fetched = fetching.fetched
        oldest = min((snapshot.at for snapshot in fetched.values()), default=began)
        return Proof(
            fetched, tuple(drill.differences), seen, tuple(drill.obstacles), began - oldest, rto, drill.compared,
            drill.newest, tuple(drill.unloaded),
        )  # fmt: skip


@dataclass(frozen=True)
class Ground:
    """What a copy is restored onto, if that is no root which was there before: in words, and how long it took."""

    words: str = ""
    took: timedelta = timedelta(0)


@dataclass(frozen=True)
class Rehearse:
    """Rehearse the recovery of a service; a sandbox ends with kedge, so an interrupted drill begins anew."""

    subject: Subject
    copies: Mapping[str, Copy]
    sandbox: Sandbox
    clock: Clock
    folder: Path
    run: str
    tell: Callable[[str], None] = lambda line: None
    ground: Callable[[], Ground] = Ground
    sizes: Sizes = field(default_factory=dict)
    name: str = "rehearse"

    async def look(self) -> Done | None:
        """Return None: nothing of a sandbox is left."""
        return None

    async def do(self) -> Done:
        """Rehearse it; what it showed is a fact, whichever it is. To build what it stands on is part of the RTO."""
        ground = await asyncio.to_thread(self.ground)
        await asyncio.to_thread(_make_passable, self.folder, self.folder / "sandbox")
        proof = await rehearse(self.subject, self.copies, self.sandbox, self.clock, self.folder, self.tell, self.sizes)
        proof = replace(proof, rto=proof.rto + ground.took)
        how = f"{ground.words}; {proof.grounds}" if ground.words else proof.grounds
        fact = Fact(
            self.subject.name, "drill", proof.value, self._now(), "drilled", by="kedge", how=f"{self.run}: {how}"
        )
        facts = (fact, replace(fact, what=DRILL_EMPTY)) if ground.words else (fact,)
        return Done(f"{proof.value} ({how})", facts)

    async def grown(self) -> int | None:
        """Return the bytes that were fetched and restored."""
        return await asyncio.to_thread(size_of, self.folder)

    async def undo(self) -> None:
        """Remove what was fetched and restored."""
        await asyncio.to_thread(clear, self.folder)

    def _now(self) -> datetime:
        return self.clock.now()


def _make_passable(folder: Path, *below: Path) -> None:
    """Make folders anew that others may pass, but not read."""
    clear(folder)
    try:
        for made in (folder, *below):
            made.mkdir(parents=True)
            made.chmod(0o711)
    except OSError as failure:
        raise OutsideError(f"no room for a drill in {folder}: {os.strerror(failure.errno or 0)}") from failure


@dataclass(frozen=True)
class _Stage:
    """Where a drill happens."""

    site: Site
    root: PurePosixPath
    programs: AsyncExitStack
    tell: Callable[[str], None]


class _Drill:
    """One drill under way: what was found so far, and which port comes next."""

    def __init__(self, stage: _Stage, fetching: Fetching) -> None:
        self.stage, self.site, self.fetching = stage, stage.site, fetching
        self.differences: list[str] = []
        self.obstacles: list[Obstacle] = []
        self.compared = 0
        self.newest: datetime | None = None
        self.unloaded: list[str] = []
        self._port = FIRST_PORT

    async def bring_up(self, subject: Subject, *, is_empty: bool = False) -> Instance | None:
        """Return the started copy, what it uses first; None if something is missing, which is then an obstacle.

        One of whose parts is kept in a service that it uses gets that service empty: it brings its own part.
        """
        own = {part.of for part in subject.parts()}
        uses = {role: await self.bring_up(used, is_empty=role in own) for role, used in subject.uses.items()}
        dial = {
            **dial_endpoints(subject.service, self._take_ports),
            **dial_sockets(subject.service, PurePosixPath("/")),
        }
        at = Instance("sandbox", self.site, dial, uses={role: one for role, one in uses.items() if one})
        steps = list(subject.service.start(at))
        # What starts finds its files where its configuration says. What does not may be /etc itself, and lies apart.
        at = at if steps else replace(at, data=self.stage.root / "data", runs=False)
        try:
            await self._restore(subject, at, is_running=False, is_empty=is_empty)
            if steps:
                self.stage.tell(f"start {subject.name}")
            for step in steps:
                await self._take(step, at)
            await self._restore(subject, at, is_running=True, is_empty=is_empty)
        except (OutsideError, Refused) as failure:
            self.obstacles.append(Obstacle(f"{subject.name}: {failure.message}", failure.hint))
            return None
        return at

    def _take_ports(self, count: int) -> range:
        self._port += count
        return range(self._port - count, self._port)

    async def _restore(self, subject: Subject, at: Instance, *, is_running: bool, is_empty: bool) -> None:
        def is_due(part: Part) -> bool:
            # A part in another service's server is loaded as soon as that runs, before this service starts.
            runs_first = part.of != "self" or not part.needs_running
            return runs_first is not is_running

        parts = [part for part in subject.parts() if is_due(part)]
        if not parts or is_empty:
            return
        snapshot, here = await self.fetching.take(subject)
        censuses = {census.part: census for census in snapshot.censuses}
        for part in parts:
            self.stage.tell(f"restore {subject.name}, {part.name}")
            on, spool = instance_of(part, at), self.stage.root / "spool" / subject.name / part.name
            await bring(self.site, here / part.name, spool)
            if is_loaded(part, on):
                await self._load(part, on, spool, censuses.get(part.name))
            else:
                self.unloaded.append(part.name)
            self.stage.tell(f"count {subject.name}, {part.name}")
            found, expected = await recount(part, on, spool), expected_of(part, on, censuses.get(part.name))
            counts = self.fetching.copies[subject.name].store.counts
            lines = expected.difference(found) if expected else ["was never counted"] if counts else []
            self.compared += len(expected.tallies) if expected else 0
            self.newest = max((one for one in (self.newest, found.newest) if one), default=None)
            self.differences += [f"{subject.name}, {part.name}: {line}" for line in lines]

    async def _load(self, part: Part, on: Instance, spool: PurePosixPath, saved: Census | None) -> None:
        """Restore a part; what may keep this server from taking it is told before, and again if it does."""
        fit = await part.fit(on, saved) if isinstance(part, Fitting) else Fit()
        speaks = "; ".join((*(obstacle.what for obstacle in fit.obstacles), *fit.words))
        if speaks:
            self.stage.tell(f"{part.name}: {speaks}")
        try:
            await part.restore(on, spool)
        except OutsideError as failure:
            if not speaks or speaks in failure.message:
                raise
            raise OutsideError(f"{failure.message}; {speaks}", hint=failure.hint) from failure

    async def _take(self, step: File | Command | Program, at: Instance) -> None:
        match step:
            case File():
                await _write(self.site.shell, step)
            case Command():
                await do(self._shell(step), *step.argv, limit=step.limit)
            case Program():
                await self._start(step, at)

    def _shell(self, step: Command | Program) -> Shell:
        root = getattr(self.site, "root", None) if step.as_root else self.site.shell
        if root is None:
            raise OutsideError(f"{step.argv[0]} has to change users, and kedge has only one", hint="drill as root")
        return cast("Shell", root)

    async def _start(self, program: Program, at: Instance) -> None:
        running = await self.stage.programs.enter_async_context(self._shell(program).start(program.argv))
        ending = asyncio.ensure_future(running.exit())
        seen = Observation(Status.UNKNOWN, "nobody looked")
        try:
            async with asyncio.timeout(program.limit.total_seconds()):
                while (seen := await program.ready.look(at)).status is not Status.OK:
                    if ending.done():
                        raise OutsideError(f"{program.argv[0]} ended: {running.output().strip()[-300:]}")
                    await asyncio.sleep(READY_EVERY_S)
        except TimeoutError:
            raise OutsideError(f"{program.argv[0]} was not ready after {program.limit}: {seen.what}") from None
        finally:
            ending.cancel()


def dial_endpoints(service: Service, take_ports: Callable[[int], range]) -> dict[str, Address]:
    """Return where each endpoint is found in a sandbox: on its loopback, without TLS, above port 1023.

    Endpoints of one port (DNS by UDP and by TCP) stay at one port.
    """
    endpoints = list(service.endpoints())
    known = list(dict.fromkeys(endpoint.port for endpoint in endpoints))
    moved = dict(zip(known, take_ports(len(known)), strict=True))
    return {endpoint.name: Address("127.0.0.1", moved[endpoint.port], is_plain=True) for endpoint in endpoints}


async def _write(shell: Shell, file: File) -> None:
    script = 'mkdir -p -- "$(dirname -- "$1")" && umask 077 && cat > "$1" && chmod "$2" "$1"'
    await do(shell, "sh", "-c", script, "sh", str(file.path), f"{file.mode:o}", stdin=file.content.encode())
