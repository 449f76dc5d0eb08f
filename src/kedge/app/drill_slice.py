"""Save, and drill: the thin vertical that the ports were tried with. Runs that survive a crash come with `work`.

A drill restores a snapshot into a sandbox, compares the census, starts the service there and runs its own probes on it.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path, PurePosixPath

from kedge.errors import OutsideError, Refused
from kedge.model.instance import Command, File, Instance, Obstacle, Program
from kedge.model.observation import Observation, Status
from kedge.model.ports import Address, Clock, Sandbox, Shell, Site, Snapshot, SnapshotStore
from kedge.model.service import Service

QUICK = timedelta(minutes=1)
FIRST_PORT = 8000
READY_EVERY_S = 0.05


@dataclass(frozen=True)
class Subject:
    """A service with its name and the services bound to its roles."""

    name: str
    service: Service
    uses: Mapping[str, Subject] = field(default_factory=dict)


@dataclass(frozen=True)
class DrillResult:
    """What a drill proved: differences to the census, what the probes saw, the RPO and RTO measured."""

    snapshots: Mapping[str, Snapshot]
    differences: tuple[str, ...]
    seen: Mapping[str, Observation]
    obstacles: tuple[Obstacle, ...]
    rpo: timedelta
    rto: timedelta

    @property
    def is_proven(self) -> bool:
        """Whether everything came back and every probe said ok; a drill that looked at nothing proves its data only."""
        looked = all(seen.status is Status.OK for seen in self.seen.values())
        return looked and not self.differences and not self.obstacles


async def save(subject: Subject, at: Instance, store: SnapshotStore) -> Snapshot:
    """Save every part of a service as one snapshot; raises Refused with the first obstacle."""
    parts = list(subject.service.parts())
    for part in parts:
        for obstacle in await part.preflight(_of(at, part.of)):
            raise Refused(f"{subject.name}, {part.name}: {obstacle.what}", hint=obstacle.fix)
    with tempfile.TemporaryDirectory(prefix="kedge-spool-") as here:
        async with AsyncExitStack() as stack:
            censuses = []
            for part in parts:
                site = _of(at, part.of).site
                spool = await stack.enter_async_context(_spool(site.shell)) / part.name
                await _do(site.shell, "mkdir", str(spool))
                censuses.append(await part.save(_of(at, part.of), spool))
                await _pull(site.shell, spool, Path(here) / part.name)
        return await store.save(subject.name, Path(here), censuses)


async def drill(
    subject: Subject, snapshots: Mapping[str, Snapshot], store: SnapshotStore, sandbox: Sandbox, clock: Clock
) -> DrillResult:
    """Return what restoring these snapshots (service -> snapshot) into a sandbox proved."""
    began = clock.now()
    async with sandbox.open() as site, AsyncExitStack() as programs:
        run = _Drill(site, sandbox.root, store, snapshots, programs)
        at = await run.bring_up(subject)
        probes = [probe for probe in subject.service.probes(at) if probe.scope == "instance"] if at else []
        seen = {probe.name: await probe.look(at) for probe in probes} if at else {}
        oldest = min((snapshot.at for snapshot in snapshots.values()), default=began)
        rto = clock.now() - began
        return DrillResult(snapshots, tuple(run.differences), seen, tuple(run.obstacles), began - oldest, rto)


class _Drill:
    """One drill under way: what was found so far, and which port comes next."""

    def __init__(
        self, site: Site, root: PurePosixPath, store: SnapshotStore, snapshots: Mapping[str, Snapshot],
        programs: AsyncExitStack,
    ) -> None:  # fmt: skip
        self.site, self.root, self.store, self.snapshots, self.programs = site, root, store, snapshots, programs
        self.differences: list[str] = []
        self.obstacles: list[Obstacle] = []
        self._port = FIRST_PORT

    async def bring_up(self, subject: Subject) -> Instance | None:
        """Return the started copy, what it uses first; None if something is missing, which is then an obstacle."""
        uses = {role: await self.bring_up(used) for role, used in subject.uses.items()}
        at = Instance("sandbox", self.site, self._dial(subject.service), uses=_present(uses))
        steps = list(subject.service.start(at))
        # What starts finds its files where its configuration says. What does not may be /etc itself, and lies apart.
        at = at if steps else replace(at, data=self.root / "data")
        try:
            await self._restore(subject, at, is_running=False)
            for step in steps:
                await self._take(step, at)
            await self._restore(subject, at, is_running=True)
        except OutsideError as failure:
            self.obstacles.append(Obstacle(f"{subject.name}: {failure.message}", failure.hint))
            return None
        return at

    def _dial(self, service: Service) -> dict[str, Address]:
        """Return where each endpoint is found in the sandbox: on its loopback, without TLS, above port 1023."""
        names = [endpoint.name for endpoint in service.endpoints()]
        self._port += len(names)
        return {
            name: Address("127.0.0.1", port, is_plain=True)
            for name, port in zip(names, range(self._port - len(names), self._port), strict=True)
        }

    async def _restore(self, subject: Subject, at: Instance, *, is_running: bool) -> None:
        parts = [part for part in subject.service.parts() if part.needs_running is is_running]
        if not parts:
            return
        snapshot = self.snapshots.get(subject.name)
        if snapshot is None:
            raise OutsideError(f"no snapshot of {subject.name}")
        censuses = {census.part: census for census in snapshot.censuses}
        with tempfile.TemporaryDirectory(prefix="kedge-spool-") as here:
            await self.store.fetch(snapshot, Path(here))
            for part in parts:
                spool = self.root / "spool" / subject.name / part.name
                await _push(self.site.shell, Path(here) / part.name, spool)
                await part.restore(_of(at, part.of), spool)
                found = await part.census(_of(at, part.of))
                expected = censuses.get(part.name)
                lines = expected.difference(found) if expected else ["was never counted"]
                self.differences += [f"{subject.name}, {part.name}: {line}" for line in lines]

    async def _take(self, step: File | Command | Program, at: Instance) -> None:
        match step:
            case File():
                await _write(self.site.shell, step)
            case Command():
                await _do(self.site.shell, *step.argv, limit=step.limit)
            case Program():
                await self._start(step, at)

    async def _start(self, program: Program, at: Instance) -> None:
        running = await self.programs.enter_async_context(self.site.shell.start(program.argv))
        ending = asyncio.ensure_future(running.exit())
        try:
            async with asyncio.timeout(program.limit.total_seconds()):
                while (await program.ready.look(at)).status is not Status.OK:
                    if ending.done():
                        raise OutsideError(f"{program.argv[0]} ended: {running.output().strip()[-300:]}")
                    await asyncio.sleep(READY_EVERY_S)
        except TimeoutError:
            raise OutsideError(f"{program.argv[0]} was not ready after {program.limit}") from None
        finally:
            ending.cancel()


def _present(uses: Mapping[str, Instance | None]) -> dict[str, Instance]:
    return {role: instance for role, instance in uses.items() if instance}


def _of(at: Instance, of: str) -> Instance:
    """Return the instance that a part acts on."""
    if of == "self":
        return at
    if of not in at.uses:
        raise OutsideError(f"nothing is bound to '{of}'")
    return at.uses[of]


@asynccontextmanager
async def _spool(shell: Shell) -> AsyncIterator[PurePosixPath]:
    """Yield a new folder there, removed at the end."""
    made = await _do(shell, "sh", "-c", 'mktemp -d "${TMPDIR:-/var/tmp}/kedge-spool.XXXXXXXX"')
    folder = PurePosixPath(made.decode().strip())
    try:
        yield folder
    finally:
        await shell.run(("rm", "-rf", "--", str(folder)), limit=QUICK)


async def _do(shell: Shell, *argv: str, stdin: bytes = b"", limit: timedelta = QUICK) -> bytes:
    ended = await shell.run(argv, stdin=stdin, limit=limit)
    if ended.code != 0:
        said = ended.stderr.decode(errors="replace").strip()[-300:]
        raise OutsideError(f"{argv[0]} failed: {said or f'exit code {ended.code}'}")
    return ended.stdout


async def _write(shell: Shell, file: File) -> None:
    script = 'mkdir -p -- "$(dirname -- "$1")" && umask 077 && cat > "$1" && chmod "$2" "$1"'
    await _do(shell, "sh", "-c", script, "sh", str(file.path), f"{file.mode:o}", stdin=file.content.encode())


async def _pull(shell: Shell, there: PurePosixPath, here: Path) -> None:
    """Copy every file of a folder there into a folder here."""
    for name in await _file_names(shell, there):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        await shell.get(there / name, here / name)


async def _file_names(shell: Shell, folder: PurePosixPath) -> Sequence[str]:
    listed = await _do(shell, "find", str(folder), "-type", "f", "-printf", r"%P\0")
    return listed.decode().split("\0")[:-1]


async def _push(shell: Shell, here: Path, there: PurePosixPath) -> None:
    """Copy every file of a folder here into a folder there."""
    for path in await asyncio.to_thread(_files_below, here):
        target = there / path.relative_to(here).as_posix()
        await _do(shell, "mkdir", "-p", "--", str(target.parent))
        await shell.put(path, target)


def _files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
