"""Families written out: every set as component ids, by size, then by names.

Families share their parts, so what was written out for one target is found again by the next.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from functools import cached_property

from kedge.scenarios.ruleset import Rules
from kedge.scenarios.zbdd import UNIT, Zbdd

_KEPT = 1_000

Entry = tuple[int, tuple[int, ...], tuple[int, ...]]
"""One set: its size, its members' places in the order of names, the members themselves. Sorts as wanted."""


class Listing:
    """Lists families of one diagram, whose variable -i is the i-th of `variables`."""

    def __init__(self, rules: Rules, diagram: Zbdd, variables: Sequence[int]) -> None:
        self.rules = rules
        self.diagram = diagram
        self.variables = variables
        self._kept: dict[int, list[Entry]] = {}

    def sets(self, family: int) -> tuple[tuple[int, ...], ...]:
        """The family's sets; call from within `undisturbed`."""
        return tuple([members for _, _, members in sorted(self._entries(family))])

    @cached_property
    def _places(self) -> dict[int, int]:
        by_name = sorted(self.rules.components(), key=self.rules.names.__getitem__)
        return {component: place for place, component in enumerate(by_name)}

    def _entries(self, family: int) -> list[Entry]:
        found: list[Entry] = []
        kept, low = self._kept, self.diagram.low
        while family > UNIT:
            known = kept.get(family)
            found += self._beginning(family) if known is None else known
            family = low[family]
        if family == UNIT:
            found.append((0, (), ()))
        return found

    def _beginning(self, node: int) -> list[Entry]:
        """The sets that have this node's variable."""
        component = self.variables[-self.diagram.variables[node] - 1]
        place, others = self._places[component], self.diagram.high[node]
        found: list[Entry] = [(1, (place,), (component,))]
        if others != UNIT:
            found = [_with(place, component, entry) for entry in self._entries(others)]
        if len(found) <= _KEPT:
            self._kept[node] = found
        return found


def _with(place: int, component: int, entry: Entry) -> Entry:
    size, places, members = entry
    if not size or place < places[0]:
        return size + 1, (place, *places), (component, *members)
    if place > places[-1]:
        return size + 1, (*places, place), (*members, component)
    at = bisect(places, place)
    return size + 1, (*places[:at], place, *places[at:]), (*members[:at], component, *members[at:])
