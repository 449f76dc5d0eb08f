"""The need graph under what was seen: how bad each thing is, and what it blames for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from kedge.inventory.compile_services import domains_of_service
from kedge.inventory.index import build_index
from kedge.model.inventory import Inventory
from kedge.model.need import AtLeast, NeedExpression, names_in
from kedge.scenarios.condensation import condense

FINE, WORN, BAD = 0, 1, 2
"""How bad a thing is: ok, degraded, down."""

Needs = Mapping[str, Sequence[NeedExpression]]
"""Thing -> all it needs to run and to be used."""


def needs_of(inventory: Inventory) -> Needs:
    """Return what each thing needs to run and to be used, whether declared or following from its fields."""
    sections, index = inventory.sections, build_index(inventory)
    needs: dict[str, Sequence[NeedExpression]] = {}
    for name, service in sections.services.items():
        bound = [need.of for need in service.required() if need.phase in ("run", "use")]
        declared = (*service.needs.run, *service.needs.use)
        needs[name] = (
            *declared,
            *bound,
            *_some(service.host or (), service.at_least),
            *domains_of_service(index, service),
        )
    for name, host in sections.hosts.items():
        outer = (host.guest_of, host.provider)
        needs[name] = (*filter(None, outer), *(host.place or ()), *host.needs.run, *host.needs.use)
    for name, place in sections.places.items():
        needs[name] = place.within
    for name, domain in sections.domains.items():
        needs[name] = tuple(_some(domain.nameservers or (), 1))
    return needs


def _some(names: Sequence[str], at_least: int) -> Iterator[NeedExpression]:
    """Yield the need of at least so many of these; all of them if that many are asked for."""
    if at_least >= len(names):
        yield from names
    else:
        yield AtLeast(at_least=at_least, of=tuple(names))


@dataclass(frozen=True)
class Graph:
    """`seen` is how bad the things are that could be looked at; `suspected` are taken to be down."""

    needs: Needs
    seen: Mapping[str, int]
    suspected: frozenset[str] = frozenset()

    @cached_property
    def levels(self) -> Mapping[str, int]:
        """How bad everything is: what nobody could look at is as bad as what it needs.

        The least such reading: two unseen things that need each other are fine.
        """
        return self._spread({**dict.fromkeys(self.suspected, BAD), **self._bad_seen()}, fixed=self.seen)

    def fallen(self, thing: str) -> Collection[str]:
        """Return everything that cannot run or be used without this thing, itself included."""
        return self._spread({thing: BAD}, fixed={}).keys()

    def blamed(self, thing: str) -> Iterator[str]:
        """Yield the needs that explain how bad a thing is.

        What is down is not explained by what is degraded; but what is degraded is, by one of several that is down.
        """
        own = self.levels.get(thing, FINE)
        for expression in self.needs.get(thing, ()) if own else ():
            if own == WORN or level(expression, self.levels) >= own:
                yield from (name for name in names_in(expression) if self.levels.get(name, FINE) >= own)

    def _bad_seen(self) -> dict[str, int]:
        return {name: bad for name, bad in self.seen.items() if bad and name not in self.suspected}

    def _spread(self, start: dict[str, int], fixed: Mapping[str, int]) -> dict[str, int]:
        levels, waiting = start, list(start)
        while waiting:
            for above in self._needed_by.get(waiting.pop(), ()):
                if above in fixed or above in self.suspected:
                    continue
                worst = max((level(expression, levels) for expression in self.needs[above]), default=FINE)
                if worst > levels.get(above, FINE):
                    levels[above] = worst
                    waiting.append(above)
        return levels

    @cached_property
    def _needed_by(self) -> Mapping[str, Sequence[str]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for name, expressions in self.needs.items():
            for needed in {one for expression in expressions for one in names_in(expression)}:
                found[needed].append(name)
        return found


def level(expression: NeedExpression, levels: Mapping[str, int]) -> int:
    """Return how badly a need is met: BAD if too few are up, WORN if too few are ok."""
    if isinstance(expression, str):
        return levels.get(expression, FINE)
    inner = sorted(level(part, levels) for part in expression.of)
    return inner[expression.at_least - 1]


def components(of: Sequence[str], edges: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """Return the strongly connected sets of these things, those that others lead to first."""
    ids = {name: number for number, name in enumerate(of)}
    children = [[ids[below] for below in edges[name]] for name in of]
    return [tuple(sorted(of[id] for id in found)) for found in condense(range(len(of)), children.__getitem__, len(of))]
