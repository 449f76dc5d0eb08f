"""Restoring, as the command line asks for it: into a folder of this machine, or onto a host."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from kedge.adapters.login import enter
from kedge.app.drilling import choose_copies
from kedge.app.workshop import Workshop
from kedge.errors import Refused, UsageError
from kedge.model.instance import ROOT, Instance
from kedge.model.ports import Run
from kedge.work.fetching import Copy
from kedge.work.outlook import read_sizes
from kedge.work.restoring import KEPT, UNLOADED, Restoration, find_replaced
from kedge.work.run import Plan, name_run, read_plan
from kedge.work.subject import Subject, dial_sockets


@dataclass(frozen=True)
class RestorePlan:
    """What a restoration will do, to be shown before it is done."""

    service: str
    snapshot: str
    store: str
    at: str
    to: str
    is_live: bool
    replaced: tuple[str, ...]
    steps: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {"service": self.service, "snapshot": self.snapshot, "store": self.store, "at": self.at, "to": self.to,
                "live": self.is_live, "put_aside": list(self.replaced), "steps": list(self.steps)}  # fmt: skip

    @property
    def needs_confirmation(self) -> bool:
        """Whether it would replace a live service, or anything at all."""
        return self.is_live or bool(self.replaced)

    def require(self, confirmed: str) -> None:
        """Raise Refused if something would be replaced and nobody has named the service."""
        if self.needs_confirmation and confirmed != self.service:
            what = f"the live host {self.to}" if self.is_live else f"what lies in {', '.join(self.replaced)}"
            raise Refused(f"this would replace {what}", hint=f"--yes-replace {self.service}; --plan shows what is kept")


async def plan_restore(workshop: Workshop, name: str, snapshot: str, to: str) -> RestorePlan:
    """Return what restoring a service to a folder (an absolute path) or a host would do; touches nothing."""
    subject = _restorable(workshop, name, to)
    chosen = (await choose_copies(workshop, subject, snapshot))[name]
    target = _target(workshop, subject, to)
    replaced = tuple(str(place) for place in await find_replaced(subject, target))
    store, empty = workshop.store(chosen.store, name), Path()
    planned = Restoration("run", subject, Copy(store, chosen.snapshot), target, empty)
    steps, taken = planned.deeds(), {part.name for part in planned.parts}
    left = [part.name for part in subject.parts() if part.name not in taken]
    if left:
        workshop.tell(f"left out, since only a running server can take it: {', '.join(left)}")
    return RestorePlan(
        name, chosen.snapshot.id, chosen.store, chosen.snapshot.at.isoformat(), to,
        to in (subject.service.host or ()), replaced, tuple(deed.name for deed in steps),
    )  # fmt: skip


async def restore(workshop: Workshop, plan: RestorePlan) -> Run:
    """Return the run that carried a plan out; raises what stopped it, after bringing back what was there."""
    with workshop.locked(f"restore-{plan.service}") as locked:
        book = locked.logbook
        for run in await book.interrupted("restore", plan.service):
            locked.tell(f"rolling back {run.id}, which was interrupted")
            old = RestorePlan(**read_plan(run).details)
            await book.roll_back(run, (await _restoration(locked, old, run.id)).deeds())
        run_id = name_run("restore", plan.service, locked.clock.now())
        deeds = (await _restoration(locked, plan, run_id)).deeds()
        frozen = Plan("restore", plan.service, vars(plan))
        return await book.carry_out(await book.begin(frozen, deeds, run_id), deeds)


def unloaded(run: Run) -> list[str]:
    """Return, of what a run restored, the dumps that were not loaded: which, and where each lies now."""
    found = (step for step in run.steps if step.result.startswith(UNLOADED))
    return [f"{step.name.removeprefix('load ')}: {step.result}" for step in found]


def put_aside(run: Run) -> list[str]:
    """Return where a run put what was in the place of what it restored."""
    return [step.result.partition(KEPT)[2] for step in run.steps if KEPT in step.result]


async def _restoration(workshop: Workshop, plan: RestorePlan, run: str) -> Restoration:
    subject = _restorable(workshop, plan.service, plan.to)
    chosen = (await choose_copies(workshop, subject, plan.snapshot))[plan.service]
    copy = Copy(workshop.store(chosen.store, plan.service), chosen.snapshot)
    sizes = read_sizes(workshop.database.facts(workshop.clock.now()), subject)
    target = _target(workshop, subject, plan.to)
    return Restoration(run, subject, copy, target, workshop.folder / "restore" / run, sizes)


def _restorable(workshop: Workshop, name: str, to: str) -> Subject:
    """Return the service; raises UsageError for a folder if nothing of it can be restored without a running server."""
    subject = workshop.subject(name)
    if to.startswith("/") and all(part.needs_running for part in subject.parts()):
        raise UsageError(
            f"{name} has a database, which only a server can take", hint="--to HOST; `kedge drill` proves it restores"
        )
    return subject


def _target(workshop: Workshop, subject: Subject, to: str) -> Instance:
    """Return the copy that is to be: under a folder here, or on a host under its own paths."""
    if to.startswith("/"):
        return Instance("target", enter("local", workshop.near), {}, PurePosixPath(to))
    host = workshop.opened.inventory.sections.hosts.get(to)
    if host is None or not host.login:
        raise UsageError(f"'{to}' is neither an absolute folder nor a host with a `login`")
    login = host.login

    def at(one: Subject) -> Instance:
        uses = {role: at(used) for role, used in one.uses.items()}
        site = enter(login, workshop.near, one.service.entry())
        return Instance("target", site, dial_sockets(one.service, ROOT), uses=uses)

    return at(subject)
