"""Backups, as the command line asks for them: which services, one run each, and what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from kedge.app.enclosing import read_enclosure
from kedge.app.packages import keep_packages, list_packages
from kedge.app.workshop import Workshop, first_line
from kedge.errors import EvidenceError, KedgeError, Refused, UsageError
from kedge.kinds.database import WithDatabase
from kedge.kinds.saving import parts_of
from kedge.model.facts import SHELF_LIFE, Fact
from kedge.model.instance import Instance
from kedge.model.package import PackageList
from kedge.model.ports import Run, SnapshotStore
from kedge.model.service import Service
from kedge.work.adopting import Seen, judge_adopted, newest_first
from kedge.work.doubts import Count
from kedge.work.outlook import look_ahead, read_sizes, worth_asking
from kedge.work.room import Outlook, needed
from kedge.work.run import Plan, name_run
from kedge.work.saving import remnants, saving
from kedge.work.spool import Spool
from kedge.work.step import Deed
from kedge.work.subject import Subject, live

STILL_GOOD = timedelta(hours=1)
"""How old an interrupted backup may be to be carried on; an older one begins anew: its dumps are of the past."""


@dataclass(frozen=True)
class Outcome:
    """What came of saving one service; `why` says why it was not saved."""

    service: str
    state: Literal["saved", "seen", "failed", "impossible", "planned"]
    why: str = ""
    run: str = ""
    snapshots: Mapping[str, str] | None = None
    steps: Sequence[str] = ()
    outlook: Outlook | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        filled = {"service": self.service, "state": self.state, "why": self.why, "run": self.run}
        more = {"snapshots": dict(self.snapshots or {}), "steps": list(self.steps)}
        extents = self.outlook.extents.items() if self.outlook else ()
        sizes = {part: {"least_bytes": one.least, "most_bytes": one.most} if one else None for part, one in extents}
        seen = {"sizes": sizes, "words": list(self.outlook.words) if self.outlook else []}
        return {key: value for key, value in {**filled, **more, **seen}.items() if value}

    @property
    def size(self) -> str:
        """How large its dumps may become, for people; empty if nobody knows."""
        return f"{needed(self.outlook.extent)}" if self.outlook and self.outlook.extent.most else ""


def chosen_services(workshop: Workshop, names: Sequence[str]) -> list[str]:
    """Return these services; without names, all that the inventory says kedge saves."""
    if names:
        return [workshop.subject(name).name for name in dict.fromkeys(names)]
    services = workshop.opened.inventory.sections.services
    found = [name for name, service in services.items() if service.save and service.save.to]
    known = [name for name in found if _is_ours(services[name]) or is_readable(workshop, services[name])]
    if not known:
        raise UsageError("the inventory has nothing for kedge to save", hint="services: … save: STORE")
    return known


def is_readable(workshop: Workshop, service: Service) -> bool:
    """Return whether a backup made by others is declared so far that kedge can look into it."""
    stores = workshop.opened.inventory.sections.stores
    return all(stores[name].repository for name in (service.save.to if service.save else ()))


def _is_ours(service: Service) -> bool:
    return service.save is not None and service.save.made_by == "kedge"


async def back_up(workshop: Workshop, name: str) -> Outcome:
    """Return what came of saving one service; never raises for what stands in its way."""
    subject = workshop.subject(name)
    if subject.service.save and not _is_ours(subject.service):
        return await look_at(workshop, subject)
    why = find_impossible(subject.service)
    if why:
        return Outcome(name, "impossible", why)
    try:
        with workshop.locked(f"backup-{name}") as locked:
            run = await _save(locked, subject)
        workshop.note_open(*(subject.service.save.to if subject.service.save else ()))
    except KedgeError as failure:
        _note(workshop, name, f"failed: {first_line(failure)}")
        return Outcome(name, "failed", first_line(failure))
    _note(workshop, name, "ok")
    await keep_packages(workshop, name)
    saved = {step.name.removeprefix("save to "): step.result for step in run.steps if step.name.startswith("save to ")}
    return Outcome(name, "saved", run=run.id, snapshots=saved)


async def look_at(workshop: Workshop, subject: Subject) -> Outcome:
    """Return what backups made by others hold of a service, written down as evidence; never raises what they lack."""
    save, name = subject.service.save, subject.name
    assert save
    found: dict[str, str] = {}
    facts: list[Fact] = []
    doubts: list[str] = []
    try:
        for store in save.to:
            seen = await _look_into(workshop, subject, store)
            found[store] = seen.snapshot.id
            facts += seen.facts
            doubts += seen.doubts
        await asyncio.to_thread(workshop.database.record, newest_first(facts))
    except KedgeError as failure:
        _note(workshop, name, f"failed: {first_line(failure)}")
        return Outcome(name, "failed", first_line(failure))
    _note(workshop, name, "ok")
    return Outcome(name, "seen", f"doubtful: {'; '.join(doubts)}" if doubts else "", snapshots=found)


async def _look_into(workshop: Workshop, subject: Subject, store: str) -> Seen:
    held = await workshop.adopted(store, subject.service).look(subject.name)
    return judge_adopted(subject.name, store, held, _counted_before(workshop, subject), _rpo(workshop, subject))


def _note(workshop: Workshop, name: str, value: str) -> None:
    """Write down how the last try ended: when the newest snapshot grows too old, that says why."""
    with suppress(EvidenceError):
        workshop.database.record([Fact(name, "saving", value, workshop.clock.now(), "observed", by="kedge")])


async def plan_backup(workshop: Workshop, name: str) -> Outcome:
    """Return what saving one service would do; looks for obstacles and touches nothing."""
    subject = workshop.subject(name)
    if subject.service.save and not _is_ours(subject.service):
        return Outcome(name, "planned", steps=["look into " + ", ".join(subject.service.save.to)])
    why = find_impossible(subject.service)
    if why:
        return Outcome(name, "impossible", why)
    try:
        at = live(subject, workshop.site)
        stores = _stores(workshop, subject.service)
        steps = [deed.name for deed in _deeds(workshop, subject, at, stores, "run")]
        for store in stores.values():
            await store.list(name)
        outlook = await look_ahead(
            subject, at, worth_asking(stores, ()), _spool(workshop, "run"), _dumped_before(workshop, subject)
        )
    except KedgeError as failure:
        return Outcome(name, "failed", first_line(failure))
    if outlook.obstacles:
        first = outlook.obstacles[0]
        return Outcome(name, "failed", f"{first.what} ({first.fix})", steps=steps, outlook=outlook)
    return Outcome(name, "planned", steps=steps, outlook=outlook)


def find_impossible(service: Service) -> str:
    """Return why kedge cannot save a service at all; empty if it can."""
    if not list(parts_of(service)):
        database = "its database (`database`, `database-name`), " if isinstance(service, WithDatabase) else ""
        return f"nothing says what to save: {database}its folders (`paths`), or commands that dump it (`dumps`)"
    if service.save is None or not service.save.to:
        return "the inventory names no store for it (`save: STORE`)"
    return ""


async def _save(workshop: Workshop, subject: Subject) -> Run:
    """Return the run that saved a service: an interrupted one that is still good, else a new one."""
    book, at = workshop.logbook, live(subject, workshop.site)
    stores = _stores(workshop, subject.service)
    packages = await list_packages(workshop, subject)
    for run in await book.interrupted("backup", subject.name):
        if run.state == "stopped":
            raise Refused(f"run {run.id} waits for an answer", hint=f"kedge runs {run.id}")
        deeds, is_current = _deeds_of(workshop, subject, at, stores, run, packages)
        is_whole = not {"undoing", "undone", "failed"} & {step.state for step in run.steps}
        if is_current and is_whole and workshop.clock.now() - run.started < STILL_GOOD:
            workshop.tell(f"carrying on {run.id}, which was interrupted")
            return await book.carry_out(run, deeds)
        workshop.tell(f"rolling back {run.id}, which was interrupted")
        await book.roll_back(run, deeds)
    run_id = name_run("backup", subject.name, workshop.clock.now())
    deeds = _deeds(workshop, subject, at, stores, run_id, packages)
    parts = [part.name for part in subject.parts()]
    plan = Plan("backup", subject.name, {"stores": list(stores), "parts": parts})
    return await book.carry_out(await book.begin(plan, deeds, run_id), deeds)


def _stores(workshop: Workshop, service: Service) -> dict[str, SnapshotStore]:
    assert service.save is not None
    return {name: workshop.store(name) for name in service.save.to}


def _deeds_of(
    workshop: Workshop,
    subject: Subject,
    at: Instance,
    stores: Mapping[str, SnapshotStore],
    run: Run,
    packages: PackageList,
) -> tuple[Sequence[Deed], bool]:
    """Return the steps of an older run, and whether the service is still declared as it was then."""
    deeds, names = _deeds(workshop, subject, at, stores, run.id, packages), [step.name for step in run.steps]
    if [deed.name for deed in deeds] == names:
        return deeds, True
    return remnants(names, at, _spool(workshop, run.id)), False


def _spool(workshop: Workshop, run: str) -> Spool:
    return Spool(run, workshop.folder / "spool" / run, workshop.is_here)


def _deeds(
    workshop: Workshop,
    subject: Subject,
    at: Instance,
    stores: Mapping[str, SnapshotStore],
    run: str,
    packages: PackageList | None = None,
) -> Sequence[Deed]:
    before = _counted_before(workshop, subject)
    rpo, opened = _rpo(workshop, subject), workshop.just_opened()
    enclosure = read_enclosure(workshop, packages)
    sizes = _dumped_before(workshop, subject)
    return saving(subject, at, stores, _spool(workshop, run), rpo, before, opened, enclosure, sizes)


def _rpo(workshop: Workshop, subject: Subject) -> timedelta:
    organisation = workshop.opened.inventory.sections.organisation
    return subject.service.promise.rpo or organisation.promise.rpo or SHELF_LIFE["backup"]


def _counted_before(workshop: Workshop, subject: Subject) -> Mapping[str, Count]:
    facts = workshop.database.facts(workshop.clock.now())
    found = {part.name: facts.get(subject.name, f"counted/{part.name}") for part in subject.parts()}
    return {name: known for name, fact in found.items() if fact and (known := Count.read(fact.value))}


def _dumped_before(workshop: Workshop, subject: Subject) -> Mapping[str, int]:
    """Return how many bytes the last dump of each part had, as far as that is known."""
    return read_sizes(workshop.database.facts(workshop.clock.now()), subject)


async def initialise(workshop: Workshop, name: str) -> None:
    """Make a store that is not there yet; raises KedgeError if it is there, or is of another type."""
    await workshop.repository(name).initialise()
    workshop.note_open(name)
