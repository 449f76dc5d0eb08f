"""Minimal cut sets of every asked node, exact to an order, cycles included; and all single losses at once.

Per strongly connected set of the rules, children first, the families of minimal cut sets are iterated until they stay:
from "false whatever happens" for the least fixpoint, from "never false" for the greatest. Each set of at most `order`
losses evolves on its own under this iteration, so cutting off larger sets loses nothing (docs/scenarios.md).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from kedge.errors import UsageError
from kedge.scenarios.condensation import condense
from kedge.scenarios.families import FAILED, SOUND, Family, at_least, single
from kedge.scenarios.ruleset import COMPONENT, GREATEST, Rules

Reading = Literal["least", "greatest"]
BUDGET = 100_000


@dataclass(frozen=True, slots=True)
class CutSets:
    """What makes one node false: minimal sets of components, sorted by size, then by names.

    `sets` is `((),)` if the node is false though nothing is lost. All minimal cut sets of up to `order` members are
    listed; `complete` says whether that is the order that was asked for. `counted` is how many there are to that order.
    """

    sets: tuple[tuple[int, ...], ...]
    order: int
    complete: bool
    counted: int


def cut_sets(
    rules: Rules, targets: Iterable[int], order: int, *, reading: Reading = "least", budget: int = BUDGET
) -> dict[int, CutSets]:
    """Per target its minimal cut sets of up to `order` components.

    `reading` is how LEAST nodes are read; GREATEST nodes always have the greatest fixpoint. A node with more than
    `budget` sets is given up at that order and answered to a lower one, with everything that rests on it: then
    `complete` is False. UsageError for an order below 1.
    """
    if order < 1:
        raise UsageError(f"cut sets need an order of 1 or more, not {order}")
    wanted = list(dict.fromkeys(targets))
    iteration = _Iteration(rules, order, reading, budget)
    iteration.run(wanted)
    return {target: iteration.answer(target) for target in wanted}


def single_losses(rules: Rules, *, reading: Reading = "least") -> list[frozenset[int] | None]:
    """Per id the components whose loss alone makes it false; None if it is false though nothing is lost."""
    iteration = _Iteration(rules, 1, reading, len(rules) + 1)
    iteration.run(range(len(rules)))
    return [None if family.failed else family.singles for family in iteration.all_families()]


class _Iteration:
    def __init__(self, rules: Rules, order: int, reading: Reading, budget: int) -> None:
        self.rules = rules
        self.order = order
        self.reading = reading
        self.budget = budget
        self.families: list[Family | None] = [None] * len(rules)
        self.orders: dict[int, int] = {}  # only where it is below the order asked for

    def run(self, targets: Collection[int]) -> None:
        for members in condense(targets, self.rules.children.__getitem__, len(self.rules)):
            self._settle(members)

    def all_families(self) -> list[Family]:
        return [family or SOUND for family in self.families]

    def answer(self, target: int) -> CutSets:
        family = self.families[target] or SOUND
        order = self.orders.get(target, self.order)
        return CutSets(_listed(family, self.rules.names), order, order == self.order, len(family))

    def _settle(self, members: list[int]) -> None:
        """Finds the families of one strongly connected set, at the highest order that fits the budget."""
        rules = self.rules
        if rules.strata[members[0]] == COMPONENT:
            self.families[members[0]] = SOUND if members[0] in rules.safe else single(members[0])
            return
        order = self.order
        if self.orders:
            order = min(self.orders.get(child, order) for m in members for child in (m, *rules.children[m]))
        while not self._iterate(members, order) and order > 1:
            order -= 1
        if order < self.order:
            self.orders.update(dict.fromkeys(members, order))

    def _iterate(self, members: list[int], order: int) -> bool:
        """True once every family stays as it is; False if one outgrew the budget at an order above 1."""
        if len(members) == 1 and members[0] not in self.rules.children[members[0]]:
            family = self.families[members[0]] = self._gate(members[0], order)
            return order == 1 or len(family) <= self.budget
        start = SOUND if self._starts_sound(members[0]) else FAILED
        for member in members:
            self.families[member] = start
        waiting, is_waiting = deque(members), set(members)
        parents = _parents_within(self.rules, members)
        while waiting:
            node = waiting.popleft()
            is_waiting.discard(node)
            family = self._gate(node, order)
            if family == self.families[node]:
                continue
            if order > 1 and len(family) > self.budget:
                return False
            self.families[node] = family
            for parent in parents[node]:
                if parent not in is_waiting:
                    is_waiting.add(parent)
                    waiting.append(parent)
        return True

    def _starts_sound(self, node: int) -> bool:
        return self.reading == "greatest" or self.rules.strata[node] == GREATEST

    def _gate(self, node: int, order: int) -> Family:
        of = self.rules.children[node]
        families = [self._at_order(child, order) for child in of]
        return at_least(families, len(of) - self.rules.needs[node] + 1, order)

    def _at_order(self, child: int, order: int) -> Family:
        """The child's family without sets above the order, which is lower than asked for where the budget ran out."""
        family = self.families[child] or SOUND
        if order == self.order:
            return family
        larger = frozenset(found for found in family.larger if len(found) <= order)
        return Family(family.singles, larger, family.failed)


def _parents_within(rules: Rules, members: list[int]) -> dict[int, list[int]]:
    parents: dict[int, list[int]] = {member: [] for member in members}
    for member in members:
        for child in rules.children[member]:
            if child in parents:
                parents[child].append(member)
    return parents


def _listed(family: Family, names: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    if family.failed:
        return ((),)
    sets = [(one,) for one in sorted(family.singles, key=names.__getitem__)]
    larger = [tuple(sorted(found, key=names.__getitem__)) for found in family.larger]
    larger.sort(key=lambda found: (len(found), [names[member] for member in found]))
    return (*sets, *larger)
