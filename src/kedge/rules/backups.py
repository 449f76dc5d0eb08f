"""What the facts say of a service's backups."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kedge.model.facts import DRILL_EMPTY, Fact
from kedge.model.finding import Loss
from kedge.rules.case import Case


def keeps_data(case: Case) -> Sequence[str]:
    """Return the services that keep data of their own: those people see first, then by what rests on them.

    A remedy under trial changes nothing about their order: the same claim must be told again by the same name.
    """
    return case.before.remember("keeps-data", _keeps_data)


def _keeps_data(case: Case) -> Sequence[str]:
    services = case.sections.services
    needed = {name: len(case.toll(Loss(name)).down) for name in services}
    keeping = [name for name, service in services.items() if service.has_data]
    return sorted(keeping, key=lambda name: (not services[name].public, -needed[name], -case.weight(name)))


def newest_backup(case: Case, service: str) -> datetime | None:
    """Return when the newest known snapshot was taken (fact `backup`), however old."""
    fact = case.facts.get(service, "backup")
    return fact.at if fact else None


def newest_drill(case: Case, service: str) -> datetime | None:
    """Return when a drill last succeeded, if that is within its shelf life (fact `drill`, value `ok …`)."""
    fact = newest_try(case, service)
    is_ok = fact and fact.is_fresh(case.facts.now) and fact.value.split()[:1] == ["ok"]
    return fact.at if fact and is_ok else None


def newest_try(case: Case, service: str) -> Fact | None:
    """Return the newest drill, however it ended: of one that is drilled onto an empty Debian, also the try that lacked.

    Elsewhere a failed try of that (`kedge drill --empty`) says nothing against data which a drill has proven.
    """
    save, fact = case.sections.services[service].save, case.facts.get(service, "drill")
    tried = case.facts.get(service, DRILL_EMPTY) if save and save.drill and save.drill.root == "empty" else None
    return max((one for one in (fact, tried) if one), key=lambda one: one.at, default=None)


def dearest_loss(case: Case, services: tuple[str, ...]) -> Loss:
    """Return the loss that leaves most of these services unrecoverable: of a machine beneath them, or of one's data."""
    index = case.compiled.index
    hosts = dict.fromkeys(index.chain(h)[-1] for s in services for h in case.sections.services[s].host or ())
    candidates = [*map(Loss, hosts), *(Loss(s, "emptied") for s in services)]
    wanted = set(services)

    def lost(loss: Loss) -> float:
        return sum(case.weight(s) for s in case.toll(loss).unrecoverable if s in wanted)

    return max(candidates, key=lost)


def doubts_of(case: Case, service: str) -> list[str]:
    """Return what speaks against a service's last backup (facts `doubt/PART`), as `PART: …`."""
    found = [
        fact for (thing, what), fact in case.facts.latest.items() if thing == service and what.startswith("doubt/")
    ]
    return sorted(f"{fact.what.partition('/')[2]}: {fact.value}" for fact in found if fact.value != "none")
