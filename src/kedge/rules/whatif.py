"""What a loss would do, and the way back: who does what, with what, in which order, how long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kedge.inventory import nodes
from kedge.inventory.compile_services import domains_of_service
from kedge.model.finding import Loss, Text
from kedge.rules.case import Case, Toll
from kedge.rules.circles import chain_of, circles_of, explained, standing
from kedge.rules.wording import listed


@dataclass(frozen=True)
class PlanStep:
    """One step of the way back. `takes` None: nobody has said or measured it. `not_before`: support opens then.

    Learning of it takes no time of its own (`is_timed`).
    """

    what: Text
    who: str
    needs: tuple[str, ...] = ()
    takes: timedelta | None = None
    not_before: datetime | None = None
    is_timed: bool = True


@dataclass(frozen=True)
class WhatIf:
    """The answer: what goes, what cannot come back, of what nobody hears, why (as paths), and the plan.

    `chain` is the first circle as people follow it: from the message down to what was lost.
    """

    lost: tuple[Loss, ...]
    toll: Toll
    uncertain: tuple[str, ...]
    circles: tuple[tuple[str, ...], ...]
    chain: tuple[str, ...]
    without_data: tuple[str, ...]
    plan: tuple[PlanStep, ...]


def what_if(case: Case, losses: Sequence[Loss]) -> WhatIf:
    """Return what these losses, all at once, would do.

    `uncertain` are the services that come back only if values that nobody gave turn out fine.
    """
    truth = case.solve(losses)
    toll = case.toll_of(truth)
    doubted = case.toll_of(case.solve(losses, also=case.compiled.assumptions()))
    named = [circle for loss in losses if len(losses) == 1 for circle in circles_of(case, loss)]
    missing = tuple(s for s in toll.unrecoverable if not truth.least[case.compiled.node(nodes.DATA, s)])
    return WhatIf(
        tuple(losses),
        toll,
        tuple(s for s in doubted.unrecoverable if s in toll.down and s not in toll.unrecoverable),
        tuple(dict.fromkeys([*(circle.path for circle in named), *explained(case, truth)])),
        chain_of(case, named[0]) if named else (),
        missing,
        tuple(_plan(case, losses, toll, missing)),
    )


def _plan(case: Case, losses: Sequence[Loss], toll: Toll, missing: Sequence[str]) -> Iterator[PlanStep]:
    if not toll.down:
        return
    yield _notice_step(case, toll)
    replaced = _lost_machines(case, losses)
    for host in replaced:
        yield from _machine_steps(case, losses, host)
    yield from _service_steps(case, toll, replaced, missing)
    yield from _route_steps(case, toll, replaced)


def _notice_step(case: Case, toll: Toll) -> PlanStep:
    first = toll.down[0]
    people = case.inventory.actors(case.sections.services[first].people)
    who = next((p for p in people if case.inventory.can_act(p, case.now)), "")
    if toll.unnoticed:
        return PlanStep(
            Text("notice it by chance: no message arrives", "es zufällig bemerken: keine Meldung kommt an"),
            who,
            is_timed=False,
        )
    channel = next(iter(case.compiled.index.channels_of.get(who, ())), "")
    return PlanStep(Text("hear of it", "davon erfahren"), who, (channel,) if channel else (), is_timed=False)


def _lost_machines(case: Case, losses: Iterable[Loss]) -> list[str]:
    """Return the machines (not guests) that are no longer whole."""
    truth = case.solve(losses)
    return [
        name
        for name, host in case.sections.hosts.items()
        if not truth.least[case.compiled.node(nodes.SOLID, name)]
        and (not host.guest_of or truth.least[case.compiled.node(nodes.SOLID, host.guest_of)])
    ]


def _machine_steps(case: Case, losses: Iterable[Loss], host: str) -> Iterator[PlanStep]:
    spare = _spare_for(case, losses, host)
    if spare:
        yield PlanStep(Text(f"use {spare} in place of {host}", f"{spare} anstelle von {host} nehmen"), "", (spare,))
        return
    index = case.compiled.index
    provider = next(iter(index.sellers.get(host, ())), None)
    if provider is None:
        yield PlanStep(Text(f"replace {host}", f"{host} ersetzen"), "")
        return
    account = next(iter(index.openers.get(provider, ())), None)
    declared = case.sections.providers[provider]
    opening = declared.support.next_open(case.now) if declared.support else None
    yield PlanStep(
        Text(
            f"have {provider} revive or replace {host}", f"{host} durch {provider} wiederbeleben oder ersetzen lassen"
        ),
        _holder(case, account),
        (account,) if account else (),
        declared.lead_time,
        opening if opening and opening > case.now else None,
    )


def _spare_for(case: Case, losses: Iterable[Loss], host: str) -> str | None:
    truth = case.solve(losses)
    services = [s for h in case.compiled.index.inside(host) for s in case.compiled.index.services_on.get(h, ())]
    for spare in case.compiled.index.spares:
        has = case.compiled.node(nodes.HAS, spare)
        if truth.least[has] and services and has in case.rules.gate(case.compiled.node(nodes.PLACE, services[0]))[1]:
            return spare
    return None


def _holder(case: Case, account: str | None) -> str:
    holders = case.inventory.actors(case.sections.accounts[account].held_by) if account else ()
    return next((p for p in holders if case.inventory.can_act(p, case.now)), "")


def _service_steps(case: Case, toll: Toll, replaced: Sequence[str], missing: Sequence[str]) -> Iterator[PlanStep]:
    """Yield the restoring of services, those that others need first; what has no copy is set up empty, together."""
    on_lost = [s for s in _in_order(case, toll.down) if set(standing(case, s)) & set(replaced) or s in missing]
    for name in on_lost:
        service = case.sections.services[name]
        if name in missing:
            continue
        stores = service.save.to if service.save else ()
        source = stores[0] if stores else ""
        takes = service.restore.takes * (service.restore.units or 1) if service.restore.takes else None
        step = Text(f"restore {name} from {source}", f"{name} aus {source} zurückspielen")
        if not source:
            step = Text(f"set up {name} again", f"{name} neu aufsetzen")
        yield PlanStep(step, _responsible(case, name), _needs(case, source), takes)
    empty = [s for s in on_lost if s in missing]
    if empty:
        names = listed(empty, 6)
        yield PlanStep(
            Text(
                f"set up {names.en} anew and empty: no copy exists", f"{names.de} neu und leer aufsetzen: keine Kopie"
            ),
            _responsible(case, empty[0]),
        )


def _in_order(case: Case, names: Sequence[str]) -> list[str]:
    """Return services so that what others need to run comes first; ties keep the inventory's order."""
    services, found = case.sections.services, dict[str, None]()

    def visit(name: str, seen: frozenset[str]) -> None:
        if name in seen or name in found:
            return
        service = services[name]
        for need in (*service.required(), *()):
            if need.of in services and need.of in names:
                visit(need.of, seen | {name})
        for expression in (*service.needs.run, *service.needs.start):
            if isinstance(expression, str) and expression in names:
                visit(expression, seen | {name})
        found[name] = None

    for name in names:
        visit(name, frozenset())
    return list(found)


def _responsible(case: Case, name: str) -> str:
    people = case.inventory.actors(case.sections.services[name].people)
    return next((p for p in people if case.inventory.can_act(p, case.now)), "")


def _needs(case: Case, store: str) -> tuple[str, ...]:
    if not store:
        return ()
    passphrase = case.sections.stores[store].passphrase
    return (store, passphrase) if passphrase else (store,)


def _route_steps(case: Case, toll: Toll, replaced: Sequence[str]) -> Iterator[PlanStep]:
    moved = [s for s in toll.down if set(standing(case, s)) & set(replaced)]
    domains = dict.fromkeys(
        d for s in moved for d in domains_of_service(case.compiled.index, case.sections.services[s])
    )
    for domain in domains:
        declared = case.sections.domains[domain]
        opened = (domain, *(declared.nameservers or ()), declared.registrar or "")
        account = next((a for thing in opened for a in case.compiled.index.openers.get(thing, ())), None)
        yield PlanStep(
            Text(f"point {domain} to the new address, if it changed", f"{domain} auf die neue Adresse zeigen lassen"),
            _holder(case, account),
            (account,) if account else (),
        )
