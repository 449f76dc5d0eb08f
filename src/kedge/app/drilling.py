"""Snapshots and drills, as the command line asks for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kedge.adapters.bubblewrap import Bubblewrap
from kedge.app.elsewhere import find_elsewhere
from kedge.app.packages import debian_roots, read_lists, require_archive
from kedge.app.workshop import Workshop, first_line
from kedge.errors import EvidenceError, KedgeError, Lacking, OutsideError, UsageError
from kedge.model.facts import DRILL_EMPTY, Fact
from kedge.model.ports import Run, Snapshot
from kedge.work.fetching import Copy
from kedge.work.ground import BUILD, Build
from kedge.work.outlook import read_sizes
from kedge.work.rehearsal import WHY_CHARACTERS, Ground, Rehearse
from kedge.work.run import Plan, name_run, read_plan
from kedge.work.saving import Tidy
from kedge.work.step import Deed
from kedge.work.subject import Subject

EMPTY = "empty"
"""The root of a drill that is built of packages, so that nothing of this machine's own is in it."""
ROOM = Path("/var/tmp")  # not in kedge's own folder: the sandbox's user must be able to pass


@dataclass(frozen=True)
class Listed:
    """A snapshot in a store."""

    store: str
    snapshot: Snapshot

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        one = self.snapshot
        return {"service": one.service, "store": self.store, "snapshot": one.id, "at": one.at.isoformat()}


@dataclass(frozen=True)
class Drilled:
    """What came of the drill of one service."""

    service: str
    state: Literal["proven", "failed", "impossible"]
    why: str = ""
    run: str = ""
    elsewhere: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {key: value for key, value in vars(self).items() if value}


async def list_snapshots(workshop: Workshop, name: str) -> list[Listed]:
    """Return the snapshots of a service in all its stores, oldest first; raises KedgeError for one out of reach."""
    save = workshop.subject(name).service.save
    found: list[Listed] = []
    for store in save.to if save else ():
        found += [Listed(store, snapshot) for snapshot in await workshop.store(store, name).list(name)]
    return sorted(found, key=lambda listed: listed.snapshot.at)


async def drill(workshop: Workshop, name: str, snapshot: str = "", root: str = "") -> Drilled:
    """Return what the drill of one service showed, with the programs of `root`, else of the root that is declared.

    Never raises for what stands in its way.
    """
    subject = workshop.subject(name)
    elsewhere = _elsewhere(workshop, name)
    try:
        with workshop.locked(f"drill-{name}") as locked:
            run = await _rehearse(locked, subject, snapshot, root or _declared_root(subject))
    except KedgeError as failure:
        if isinstance(failure, Lacking):
            _note_lacking(workshop, name, failure)
        return Drilled(name, "impossible", first_line(failure), elsewhere=elsewhere)
    value = next(step.result for step in run.steps if step.name == "rehearse")
    state: Literal["proven", "failed"] = "proven" if value.startswith("ok ") else "failed"
    return Drilled(name, state, value.partition(" ")[2], run.id, elsewhere)


def _note_lacking(workshop: Workshop, name: str, failure: Lacking) -> None:
    """Write down that a service cannot come back on an empty Debian; what is proven of its data stays proven."""
    value = f"failed {failure.message}"[:WHY_CHARACTERS]
    with suppress(EvidenceError):
        fact = Fact(name, DRILL_EMPTY, value, workshop.clock.now(), "drilled", by="kedge", how="no copy was begun")
        workshop.database.record([fact])


def _elsewhere(workshop: Workshop, name: str) -> tuple[str, ...]:
    """Return what has to come from elsewhere, where somebody has nothing but a store."""
    if not workshop.given:
        return ()
    inventory = workshop.opened.inventory
    return find_elsewhere(inventory, name, [one for one, of in inventory.sections.services.items() if of.save])


async def _rehearse(workshop: Workshop, subject: Subject, snapshot: str, root: str) -> Run:
    book = workshop.logbook
    for run in await book.interrupted("drill", subject.name):
        workshop.tell(f"rolling back {run.id}, which was interrupted")
        await book.roll_back(run, _deeds(workshop, subject, {}, run.id, read_plan(run).details["root"]))
    chosen = await choose_copies(workshop, subject, snapshot)
    _require_offered(subject.name, root)
    run_id = name_run("drill", subject.name, workshop.clock.now())
    copies = {service: Copy(workshop.store(one.store, service), one.snapshot) for service, one in chosen.items()}
    plan = Plan("drill", subject.name, {"root": root, "from": {name: one.to_json() for name, one in chosen.items()}})
    build = await _plan_build(workshop, subject, copies, run_id) if root == EMPTY else None
    deeds = _deeds(workshop, subject, copies, run_id, root, build)
    return await book.carry_out(await book.begin(plan, deeds, run_id), deeds)


async def choose_copies(workshop: Workshop, subject: Subject, snapshot: str = "") -> Mapping[str, Listed]:
    """Return for each service that is restored the newest snapshot, or the chosen one; raises OutsideError."""
    chosen: dict[str, Listed] = {}
    for needed in subject.restored():
        listed = await list_snapshots(workshop, needed.name)
        if snapshot and needed.name == subject.name:
            listed = [one for one in listed if one.snapshot.id.startswith(snapshot)]
        if not listed:
            raise OutsideError(f"no snapshot{f' {snapshot}' if snapshot else ''} of {needed.name} in any store")
        chosen[needed.name] = listed[-1]
    if not chosen:
        raise UsageError(f"nothing of {subject.name} is saved, so nothing can be restored")
    return chosen


def _declared_root(subject: Subject) -> str:
    """Return whose programs a drill uses, as declared; raises UsageError for another host."""
    declared = subject.service.save.drill if subject.service.save else None
    if declared and declared.on:
        raise UsageError(f"{subject.name}: a drill on another host is not offered yet", hint="drill: {root: folder:…}")
    return declared.root if declared else "host"


def _require_offered(name: str, root: str) -> None:
    """Raise UsageError unless a root is `host`, `empty` or `folder:PATH`."""
    if root not in {"host", EMPTY} and not root.startswith("folder:/"):
        raise UsageError(f"{name}: drill root '{root}' is not offered yet", hint="host, empty, or folder:PATH")


async def _plan_build(workshop: Workshop, subject: Subject, copies: Mapping[str, Copy], run: str) -> Build:
    """Return the step that builds an empty Debian of the packages these snapshots list; raises KedgeError."""
    archive = require_archive(workshop, subject.service.save.to if subject.service.save else ())
    listed = await read_lists({name: (copy.store, copy.snapshot) for name, copy in copies.items()})
    for line in listed.unknown:
        workshop.tell(f"packages: {line}")
    return Build(archive, debian_roots(workshop), listed.packages, _folder(run) / "packages")


def _folder(run: str) -> Path:
    return ROOM / f"kedge-drill.{run}"


def _deeds(
    workshop: Workshop, subject: Subject, copies: Mapping[str, Copy], run: str, root: str, build: Build | None = None
) -> Sequence[Deed]:
    """Return the steps of a drill; without a plan to build the root that it needs, they can only be rolled back."""
    folder = _folder(run)
    programs = build.root if build else Path(root.removeprefix("folder:") if root.startswith("folder:") else "/")
    sandbox = Bubblewrap(scratch=folder / "sandbox", programs=programs)
    ground = build.ground if build else Ground
    facts = workshop.database.facts(workshop.clock.now())
    sizes = {one.name: read_sizes(facts, one) for one in subject.restored()}
    first = (build or Tidy(folder, BUILD),) if root == EMPTY else ()
    return (
        *first,
        Rehearse(subject, copies, sandbox, workshop.clock, folder, run, workshop.tell, ground, sizes),
        Tidy(folder),
    )
