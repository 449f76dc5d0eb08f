"""The steps of the way back after a loss: what has to be done, who could, after what, and how long it is known to take.

Durations are measured by a drill, else declared, else unknown; none is ever made up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from kedge.inventory import nodes
from kedge.inventory.compile_services import domains_of_service
from kedge.model.finding import Loss
from kedge.model.need import names_in
from kedge.model.quantity import NEVER, parse_duration
from kedge.rules.case import Case, Toll
from kedge.rules.circles import standing
from kedge.scenarios.truth import Truth

Act = Literal[
    "hear",
    "chance",
    "spare",
    "order",
    "elsewhere",
    "domain",
    "rename",
    "replace",
    "restore",
    "set-up",
    "empty",
    "route",
]
Origin = Literal["measured", "declared", "unknown"]


@dataclass(frozen=True)
class Step:
    """One thing to do. `after`: the steps before it, by their place in the list.

    `source` is the store, spare or provider it is done with. `is_waiting`: it takes its time, but nobody's.
    """

    act: Act
    things: tuple[str, ...]
    who: tuple[str, ...] = ()
    source: str = ""
    needs: tuple[str, ...] = ()
    takes: timedelta | None = None
    origin: Origin = "unknown"
    not_before: datetime | None = None
    after: tuple[int, ...] = ()
    is_waiting: bool = False


def steps_back(case: Case, losses: Sequence[Loss], truth: Truth, toll: Toll, missing: Sequence[str]) -> list[Step]:
    """Return the steps that bring everything back that is down; `missing` are services without a copy."""
    return _Way(case, losses, truth, toll, missing).steps() if toll.down else []


class _Way:
    def __init__(self, case: Case, losses: Sequence[Loss], truth: Truth, toll: Toll, missing: Sequence[str]) -> None:
        self.case = case
        self.losses = losses
        self.truth = truth
        self.toll = toll
        self.missing = missing
        self.found: list[Step] = []
        self.place: dict[str, int] = {}  # host or service -> the step that brings it back

    def steps(self) -> list[Step]:
        self.found.append(self._notice())
        replaced = _lost_machines(self.case, self.truth)
        for host in replaced:
            self.place[host] = len(self.found)
            self.found.append(self._machine(host))
        for name in _in_order(self.case, self.toll.down):
            if set(standing(self.case, name)) & set(replaced) or name in self.missing or self._is_struck(name):
                self._add_service(name)
        self.found += [*self._domains(), *self._routes(replaced)]
        return self.found

    def _is_struck(self, service: str) -> bool:
        """Return whether a service itself is lost, its data, or the provider it is bought from."""
        case, least = self.case, self.truth.least
        sellers = case.compiled.index.sellers.get(service, ())
        return (
            any(loss.thing == service for loss in self.losses)
            or not least[case.compiled.node(nodes.KEPT, service)]
            or not all(least[case.compiled.node(nodes.UP, seller)] for seller in sellers)
        )

    def _able(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return who can act, those first who would be told."""
        case = self.case
        able = [name for name in case.inventory.actors(tuple(names)) if case.inventory.can_act(name, case.now)]
        told = [name for name in able if self.truth.least[case.compiled.node(nodes.TOLD, name)]]
        return tuple(dict.fromkeys([*told, *able]))

    def _responsible(self, service: str) -> tuple[str, ...]:
        return self._able(self.case.sections.services[service].people or ())

    def _holders(self, account: str | None) -> tuple[str, ...]:
        return self._able(self.case.sections.accounts[account].held_by or ()) if account else ()

    def _notice(self) -> Step:
        who = self._responsible(self.toll.down[0])[:1]
        if self.toll.unnoticed:
            return Step("chance", (), who, takes=timedelta())
        channels = [c for person in who for c in self.case.compiled.index.channels_of.get(person, ())]
        works = [c for c in channels if self.truth.least[self.case.compiled.node(nodes.WORKS, c)]]
        return Step("hear", (), who, needs=tuple((works or channels)[:1]), takes=timedelta())

    def _machine(self, host: str) -> Step:
        case = self.case
        spare = self._spare_for(host)
        if spare:
            return Step("spare", (host,), source=spare, needs=(spare,), takes=timedelta(), after=(0,))
        sellers = case.compiled.index.sellers.get(host, ())
        left = [each for each in sellers if self.truth.least[case.compiled.node(nodes.UP, each)]]
        provider = next(iter(left), None)
        if provider is None:
            act: Act = "elsewhere" if sellers else "replace"
            who, source = self._responsible(self.toll.down[0]), next(iter(sellers), "")
            return Step(act, (host,), who, source, after=(0,), is_waiting=True)
        account = next(iter(case.compiled.index.openers.get(provider, ())), None)
        declared = case.sections.providers[provider]
        opening = declared.support.next_open(case.now) if declared.support else None
        takes = None if declared.lead_time == NEVER else declared.lead_time
        return Step(
            "order", (host,), self._holders(account), provider, (account,) if account else (),
            takes, "unknown" if takes is None else "declared",
            opening if opening and opening > case.now else None, (0,), is_waiting=True,
        )  # fmt: skip

    def _spare_for(self, host: str) -> str | None:
        case, index = self.case, self.case.compiled.index
        services = [s for inner in index.inside(host) for s in index.services_on.get(inner, ())]
        for spare in index.spares:
            has = case.compiled.node(nodes.HAS, spare)
            is_place = services and has in case.rules.gate(case.compiled.node(nodes.PLACE, services[0]))[1]
            if spare != host and is_place and self.truth.least[has]:
                return spare
        return None

    def _add_service(self, name: str) -> None:
        case = self.case
        service = case.sections.services[name]
        below = [self.place[host] for host in standing(case, name) if host in self.place]
        needed = [self.place[need] for need in _needed(case, name) if need in self.place]
        after = tuple(dict.fromkeys([0, *below, *needed]))
        self.place[name] = len(self.found)
        who = self._responsible(name)
        if name in self.missing:
            self.found.append(Step("empty", (name,), who, after=after))
            return
        takes, origin = restore_time(case, name)
        stores = service.save.to if service.save else ()
        whole = [store for store in stores if self.truth.least[case.compiled.node(nodes.COPY, store)]]
        source = next(iter([*whole, *stores]), "")
        key = case.sections.stores[source].passphrase if source else None
        needs = (source, key) if key else (source,) if source else ()
        self.found.append(
            Step("restore" if source else "set-up", (name,), who, source, needs, takes, origin, after=after)
        )

    def _domains(self) -> Iterator[Step]:
        """Yield the getting back of each domain that is lost, from its registrar."""
        case, index = self.case, self.case.compiled.index
        for domain in dict.fromkeys(loss.thing for loss in self.losses if loss.thing in case.sections.domains):
            registrar = case.sections.domains[domain].registrar or ""
            account = next((a for each in (domain, registrar) for a in index.openers.get(each, ())), None)
            needs = (account,) if account else ()
            act: Act = "domain" if registrar else "rename"
            yield Step(act, (domain,), self._holders(account), registrar, needs, after=(0,), is_waiting=True)

    def _routes(self, replaced: Sequence[str]) -> Iterator[Step]:
        case, index = self.case, self.case.compiled.index
        moved = [s for s in self.toll.down if set(standing(case, s)) & set(replaced)]
        domains = dict.fromkeys(d for s in moved for d in domains_of_service(index, case.sections.services[s]))
        machines = tuple(number for host, number in self.place.items() if host in case.sections.hosts)
        for domain in domains:
            declared = case.sections.domains[domain]
            opened = (domain, *(declared.nameservers or ()), declared.registrar or "")
            accounts = [account for thing in opened for account in index.openers.get(thing, ())]
            opening = [a for a in accounts if self.truth.least[case.compiled.node(nodes.OPEN, a)]]
            account = next(iter([*opening, *accounts]), None)
            needs = (account,) if account else ()
            yield Step("route", (domain,), self._holders(account), needs=needs, after=(0, *machines))


def restore_time(case: Case, name: str) -> tuple[timedelta | None, Origin]:
    """Return how long a service's restore takes: as the last drill measured it, else as declared, else unknown."""
    fact = case.facts.get(name, "drill")
    measured = dict(word.split("=", 1) for word in fact.value.split()[1:] if "=" in word) if fact else {}
    if "rto" in measured:
        return parse_duration(measured["rto"]), "measured"
    restore = case.sections.services[name].restore
    return (restore.takes * (restore.units or 1), "declared") if restore.takes else (None, "unknown")


def _lost_machines(case: Case, truth: Truth) -> list[str]:
    """Return the machines (not guests) that are no longer whole."""
    solid = {name: truth.least[case.compiled.node(nodes.SOLID, name)] for name in case.sections.hosts}
    hosts = case.sections.hosts.items()
    return [name for name, host in hosts if not solid[name] and (not host.guest_of or solid[host.guest_of])]


def _needed(case: Case, name: str) -> Iterator[str]:
    """Yield what a service needs to run or to start."""
    service = case.sections.services[name]
    yield from (need.of for need in service.required() if need.phase in ("run", "start"))
    for expression in (*service.needs.run, *service.needs.start):
        yield from names_in(expression)


def _in_order(case: Case, names: Sequence[str]) -> list[str]:
    """Return services so that what others need to run comes first; ties keep the inventory's order."""
    wanted, found, waiting = set(names), dict[str, None](), [(name, False) for name in reversed(names)]
    seen: set[str] = set()
    while waiting:
        name, is_done = waiting.pop()
        if is_done:
            found[name] = None
        elif name not in seen:
            seen.add(name)
            waiting.append((name, True))
            waiting += [(need, False) for need in reversed(list(_needed(case, name))) if need in wanted]
    return list(found)
