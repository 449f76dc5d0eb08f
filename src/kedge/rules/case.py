"""What a rule looks at: the inventory, its compiled rules, the facts, and what every single loss would do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar, cast

from kedge.inventory import nodes
from kedge.inventory.compile import Compiled
from kedge.model.facts import Facts
from kedge.model.finding import Cost, Loss
from kedge.model.inventory import Inventory, Sections
from kedge.model.service import Service
from kedge.scenarios.losses import SingleLosses
from kedge.scenarios.ruleset import Rules
from kedge.scenarios.truth import Solver, Truth

T = TypeVar("T")
Edited = TypeVar("Edited", Solver, SingleLosses)

DEFAULT_RPO = timedelta(hours=24)
DEFAULT_RTO = timedelta(days=3)

Settled = tuple[str, str]
"""A thing and what is regarded as settled about it: see `Case.settling`."""


@dataclass(frozen=True)
class Toll:
    """The services that one loss takes down, leaves unrecoverable, and lets go unnoticed."""

    down: tuple[str, ...] = ()
    unrecoverable: tuple[str, ...] = ()
    unnoticed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.down or self.unrecoverable)


@dataclass(frozen=True)
class Case:
    """Everything a rule may look at. Pure: the same case gives the same findings."""

    compiled: Compiled
    facts: Facts
    rules: Rules
    settled: frozenset[Settled] = field(default_factory=frozenset)
    focus: frozenset[str] | None = None
    origin: Case | None = None
    gates: Mapping[int, tuple[int, tuple[int, ...]]] = field(default_factory=dict)
    memory: dict[str, object] = field(default_factory=dict, compare=False, repr=False)

    @property
    def inventory(self) -> Inventory:
        """What is declared."""
        return self.compiled.inventory

    @property
    def sections(self) -> Sections:
        """The inventory's sections."""
        return self.compiled.inventory.sections

    @property
    def now(self) -> datetime:
        """The moment of the case."""
        return self.compiled.now

    @property
    def zone(self) -> str:
        """The time zone in which its people are told moments."""
        return self.sections.organisation.time_zone

    @property
    def before(self) -> Case:
        """The case before any remedy was tried; the same in what no remedy changes: who is up after a loss."""
        case = self
        while case.origin is not None:
            case = case.origin
        return case

    def remember(self, name: str, compute: Callable[[Case], T]) -> T:
        """Return what was computed from the rules under this name, computing it once.

        It may depend on the compiled rules and the inventory, not on what is settled: a case whose remedy changes no
        rule shares it.
        """
        if name not in self.memory:
            self.memory[name] = compute(self)
        return cast("T", self.memory[name])

    @property
    def solver(self) -> Solver:
        """Answers one scenario after the other; a case under trial reuses what its remedy does not reach."""
        return self.remember("solver", lambda case: case._from("solver", Solver))

    def _from(self, name: str, anew: Callable[[Rules], Edited]) -> Edited:
        """Return what the case before the remedy computed, changed by it; or compute it anew."""
        if self.origin is None:
            return anew(self.rules)
        return cast("Edited", getattr(self.origin, name)).changed(self.gates)

    @property
    def losses_least(self) -> SingleLosses:
        """All single losses, read least."""
        return self.remember("least", lambda case: case._from("losses_least", SingleLosses))

    @property
    def losses_greatest(self) -> SingleLosses:
        """All single losses, read greatest."""
        return self.remember(
            "greatest", lambda case: case._from("losses_greatest", partial(SingleLosses, reading="greatest"))
        )

    def solve(self, losses: Iterable[Loss], *, also: Iterable[int] = ()) -> Truth:
        """Return what holds after these losses (and these further components) at once."""
        return self.solver.solve([*self.compiled.components(losses), *also])

    @property
    def fragile(self) -> Sequence[frozenset[int] | None]:
        """By id, the components whose loss alone makes it false; None: false though nothing is lost."""
        return self.losses_least.losses

    @property
    def tolls(self) -> Mapping[int, Toll]:
        """The toll of every single loss and assumption, by component; those that cost nothing are left out."""
        return self.remember("tolls", Case._tolls)

    def _tolls(self) -> Mapping[int, Toll]:
        least = self.fragile
        down: defaultdict[int, list[str]] = defaultdict(list)
        lost: defaultdict[int, list[str]] = defaultdict(list)
        unnoticed: defaultdict[int, list[str]] = defaultdict(list)
        for name in self.sections.services:
            told = least[self.compiled.node(nodes.TOLD, name)]
            for component in least[self.compiled.node(nodes.UP, name)] or ():
                down[component].append(name)
                if told is None or component in told:
                    unnoticed[component].append(name)
            for component in least[self.compiled.node(nodes.BACK, name)] or ():
                lost[component].append(name)
        return {c: Toll(tuple(down[c]), tuple(lost[c]), tuple(unnoticed[c])) for c in sorted({*down, *lost})}

    @property
    def untold(self) -> frozenset[str]:
        """Services of whose loss nobody responsible would learn, although nothing else is lost."""
        return self.remember("untold", Case._untold)

    def _untold(self) -> frozenset[str]:
        truth = self.solve(())
        return frozenset(s for s in self.sections.services if not truth.least[self.compiled.node(nodes.TOLD, s)])

    @property
    def circular(self) -> frozenset[int]:
        """Components whose single loss makes something true in the greatest and false in the least reading."""
        return self.remember("circular", Case._circular)

    def _circular(self) -> frozenset[int]:
        found: set[int] = set()
        for least, greatest in self._readings():
            for mine, other in zip(least.losses, greatest.losses, strict=True):
                if mine and mine is not other:
                    found |= mine - (other or frozenset())
        return frozenset(found)

    def _readings(self) -> Iterator[tuple[SingleLosses, SingleLosses]]:
        """Yield the losses in both readings, as they are and without hopes that nobody has confirmed."""
        yield self.losses_least, self.losses_greatest
        if hopes := set(self.hopes):
            gates = self._gates_without(hopes)
            yield self.losses_least.changed(gates), self.losses_greatest.changed(gates)

    @property
    def hopes(self) -> tuple[int, ...]:
        """Assumptions that somebody is reached whose channel, team or responsibility nobody knows.

        A circle is one even if somebody unknown might break it.
        """
        return self.remember("hopes", Case._hopes)

    def _hopes(self) -> tuple[int, ...]:
        fields = {"channels", "members", "people"}
        named = ((id_, nodes.split_assumption(self.rules.name(id_))[1]) for id_ in self.compiled.assumptions())
        return tuple(id_ for id_, field_ in named if field_ in fields)

    def toll(self, *losses: Loss) -> Toll:
        """Return what these losses cost at once."""
        if len(losses) == 1:
            components = self.compiled.components(losses)
            return self.tolls.get(components[0], Toll()) if components else Toll()
        truth = self.solve(losses)
        return self.toll_of(truth)

    def toll_of(self, truth: Truth) -> Toll:
        """Return the services that are down, unrecoverable and unnoticed in a scenario."""

        def without(aspect: str) -> list[str]:
            return [s for s in self.sections.services if not truth.least[self.compiled.node(aspect, s)]]

        down = without(nodes.UP)
        untold = set(without(nodes.TOLD))
        return Toll(tuple(down), tuple(without(nodes.BACK)), tuple(s for s in down if s in untold))

    def cost(self, toll: Toll) -> Cost:
        """Return a toll weighted by the promises of the services in it."""
        return Cost(*(sum(map(self.weight, names)) for names in (toll.unrecoverable, toll.unnoticed, toll.down)))

    def weight(self, service: str) -> float:
        """Return how much a service counts: the default RTO over its own, between 1/4 and 12."""
        rto = self.rto(self.sections.services[service])
        return min(12.0, max(0.25, DEFAULT_RTO / max(rto, timedelta(minutes=1))))

    def rto(self, service: Service) -> timedelta:
        """Return the RTO promised for a service."""
        return service.promise.rto or self.sections.organisation.promise.rto or DEFAULT_RTO

    def rpo(self, service: Service) -> timedelta:
        """Return the RPO promised for a service."""
        return service.promise.rpo or self.sections.organisation.promise.rpo or DEFAULT_RPO

    def is_unknown(self, thing: str, field_: str) -> bool:
        """Return whether somebody wrote `unknown` there (a field's path: `restore.takes`); left out is not unknown."""
        return (thing, field_) in self.remember("unknown", _declared_unknown)

    @property
    def known_losses(self) -> SingleLosses:
        """All single losses, read least, with no value taken as fine that nobody gave: what is known to hold."""
        return self.remember("known", Case._known_losses)

    def _known_losses(self) -> SingleLosses:
        return self.losses_least.changed(self._gates_without(set(self.compiled.assumptions())))

    def _gates_without(self, hopes: set[int]) -> dict[int, tuple[int, tuple[int, ...]]]:
        """Return the gates that name one of these, each without it."""
        gates = {}
        for node in self.rules.nodes():
            need, of = self.rules.gate(node)
            if not hopes.isdisjoint(of):
                gates[node] = (need, tuple(child for child in of if child not in hopes))
        return gates

    def concerns(self, thing: str) -> bool:
        """Return whether this thing matters now; a rule with one claim for each thing may pass over the others."""
        return self.focus is None or thing in self.focus

    def is_settled(self, thing: str, what: str) -> bool:
        """Return whether a remedy under trial has settled this."""
        return (thing, what) in self.settled

    def settling(self, settled: Iterable[Settled], focus: frozenset[str] | None = None) -> Case:
        """Return the case as it would be with these remedies carried out, looked at for some things or for all.

        `outside`: a channel delivers whatever is lost. `saved`: a service's data survives. `spare`: the services of a
        host have another place. `opened`: an account opens without what was lost. `at-hand`: a copy of a secret lies
        elsewhere. `changeable`: a domain can be changed. `elsewhere`: a tool or document is there whatever is lost.
        Any other word only tells the rules that ask for it that the matter is settled.
        """
        wanted = frozenset(settled)
        gates = {node: (1, (self.rules.always,)) for thing, what in wanted for node in self._settled_nodes(thing, what)}
        settled = self.settled | wanted
        if not gates:
            return replace(self, settled=settled, focus=focus)
        rules = self.rules.changed(gates)
        return replace(self, rules=rules, settled=settled, focus=focus, origin=self, gates=gates, memory={})

    def _settled_nodes(self, thing: str, what: str) -> Sequence[int]:
        node = self.compiled.node
        if what == "outside":
            return [node(nodes.WORKS, thing)]
        if what == "saved":
            return [node(nodes.DATA, thing)]
        if what == "at-hand":
            return [node(nodes.HAND, thing)]
        if what == "changeable":
            return [node(nodes.CHANGE, thing), node(nodes.HAS, thing)]
        if what == "elsewhere":
            if thing in self.sections.documents:
                return [node(nodes.HAND, thing)]
            aspects = (nodes.HAS, nodes.AGAIN, nodes.BACK) if thing in self.sections.services else (nodes.HAS,)
            return [node(aspect, thing) for aspect in aspects]
        if what == "opened":
            return [node(nodes.OPEN, thing)]
        if what == "spare":
            index = self.compiled.index
            return [node(nodes.PLACE, s) for host in index.inside(thing) for s in index.services_on.get(host, ())]
        return []


def _declared_unknown(case: Case) -> frozenset[tuple[str, str]]:
    return frozenset((each.thing, each.field) for each in case.inventory.unknowns)


def open_case(compiled: Compiled, facts: Facts) -> Case:
    """Return the case of an inventory as it is."""
    return Case(compiled, facts, compiled.rules)
