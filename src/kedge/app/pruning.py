"""Pruning, as the command line asks for it: another power than saving, and another way in where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kedge.app.workshop import DECLARED, Way, Workshop
from kedge.errors import Refused
from kedge.model.ports import Run, Snapshot
from kedge.work.retention import Retention
from kedge.work.run import read_plan

RUNS_LOOKED_AT = 2000


@dataclass(frozen=True)
class PrunePlan:
    """What pruning a store would forget, to be shown before it is done; `stays` is how many are left."""

    store: str
    goes: tuple[Snapshot, ...]
    stays: int

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        goes = [{"service": one.service, "snapshot": one.id, "at": one.at.isoformat()} for one in self.goes]
        return {"store": self.store, "goes": goes, "stays": self.stays}

    def require(self, confirmed: int) -> None:
        """Raise Refused if more than half would go and nobody has named the number."""
        if len(self.goes) > self.stays and confirmed != len(self.goes):
            raise Refused(
                f"{len(self.goes)} of {len(self.goes) + self.stays} snapshots would go",
                hint=f"if that is meant: --yes-forget {len(self.goes)}",
            )


async def plan_prune(workshop: Workshop, store: str, retention: Retention, way: Way = DECLARED) -> PrunePlan:
    """Return what pruning a store would forget; touches nothing."""
    opened = workshop.repository(store, way)
    goes: list[Snapshot] = []
    stays = 0
    for name, service in workshop.opened.inventory.sections.services.items():
        if service.save and store in service.save.to and service.save.made_by == "kedge":
            snapshots = await opened.list(name)
            _require_newest(workshop, store, name, snapshots)
            chosen = retention.choose(snapshots, find_proven(workshop, name))
            goes, stays = [*goes, *chosen], stays + len(snapshots) - len(chosen)
    return PrunePlan(store, tuple(goes), stays)


def _require_newest(workshop: Workshop, store: str, service: str, snapshots: Sequence[Snapshot]) -> None:
    """Raise Refused if the last snapshot that was saved is gone: freeing room would make somebody's deletion final."""
    saved = workshop.database.facts(workshop.clock.now()).get(service, f"backup/{store}")
    if saved and saved.value not in {one.id for one in snapshots}:
        when = f"{saved.at:%Y-%m-%d %H:%M}Z"
        raise Refused(
            f"snapshot {saved.value[:8]} of {service}, the last one saved to {store} ({when}), is gone",
            hint="find out who deleted it, and bring it back (docs/backups.md); if all is well: save again, then prune",
        )


async def prune(workshop: Workshop, plan: PrunePlan, way: Way = DECLARED) -> None:
    """Forget what a plan says, and nothing else; what was interrupted is finished by pruning again.

    So also where nothing goes: an earlier one may have forgotten what it could not free any more.
    """
    with workshop.locked(f"prune-{plan.store}") as locked:
        some = f"forget {len(plan.goes)} snapshots in {plan.store}, and free their room"
        locked.tell(some if plan.goes else f"free the room in {plan.store} of what was forgotten before")
        await locked.repository(plan.store, way).forget(plan.goes)


def find_proven(workshop: Workshop, service: str) -> set[str]:
    """Return the snapshots of a service that the last successful drills rested on: its own, and those of others."""
    drills = [run for run in workshop.database.latest_runs(RUNS_LOOKED_AT) if _is_proof(run)]
    newest = {plan.service: plan.details["from"] for plan in map(read_plan, drills)}
    return {copies[service]["snapshot"] for copies in newest.values() if service in copies}


def _is_proof(run: Run) -> bool:
    return run.id.startswith("drill-") and run.state == "done" and run.steps[0].result.startswith("ok ")


def listing(plan: PrunePlan) -> Sequence[tuple[str, str, str]]:
    """Return what goes, for people."""
    return [(one.service, f"{one.at:%Y-%m-%d %H:%M:%S}Z", one.id[:8]) for one in plan.goes]
