"""Minimal cut sets of every asked node, exact to an order, cycles included.

Per strongly connected set of the rules, children first, the families of minimal cut sets are iterated until they stay:
from "false whatever happens" for the least fixpoint, from "never false" for the greatest. Each set of at most `order`
losses evolves on its own under this iteration, so cutting off larger sets loses nothing (docs/scenarios.md).

Families are decision diagrams (`zbdd`). A component's variable is the later in the search the higher in the diagram:
what everything rests on lies at the bottom of all families and is shared by them.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping

from kedge.errors import UsageError
from kedge.scenarios.condensation import condense
from kedge.scenarios.listing import Listing
from kedge.scenarios.losses import single_losses
from kedge.scenarios.ruleset import COMPONENT, GREATEST, Reading, Renewed, Rules, above_of, parents_of
from kedge.scenarios.zbdd import EMPTY, UNIT, TooLarge, Zbdd, undisturbed

__all__ = ["CutFinder", "CutSets", "cut_sets", "single_losses"]

BUDGET = 100_000
WORK = 2_000_000
_UNKNOWN = -1


class CutSets:
    """What makes one node false: its minimal cut sets.

    `node`: whose they are. `order`: every minimal cut set of up to so many components is in `sets`. `complete`: that is
    the order asked for. `counted`: how many there are to the order that was computed, listed or not.
    """

    __slots__ = ("_family", "_finder", "_sets", "complete", "counted", "node", "order")

    def __init__(self, finder: CutFinder, node: int, family: int, order: int, *, complete: bool, counted: int) -> None:
        self.node = node
        self._finder = finder
        self._family = family
        self._sets: tuple[tuple[int, ...], ...] | None = None
        self.order = order
        self.complete = complete
        self.counted = counted

    @property
    def sets(self) -> tuple[tuple[int, ...], ...]:
        """The sets, by size, then by names; members by name. `((),)` if the node is false though nothing is lost."""
        if self._sets is None:
            self._sets = self._finder.listed(self._family)
        return self._sets

    @property
    def rests_on(self) -> frozenset[int]:
        """Every component whose loss could matter to the node, in sets of any size."""
        rules = self._finder.rules
        groups = condense([self.node], rules.children.__getitem__, len(rules))
        return frozenset(id for members in groups for id in members if rules.is_component(id)) - rules.safe

    def is_same(self, other: CutSets) -> bool:
        """True if both are the same sets; nothing is listed for it if both come from one finder or its edits."""
        if self._finder.diagram is other._finder.diagram:
            return self._family == other._family
        return self.sets == other.sets

    def probability(self, shares: Mapping[int, float]) -> float:
        """The chance that all members of some listed set are lost, each independently with its share; absent is 0."""
        return self._finder.probability(self._family, shares)


def cut_sets(
    rules: Rules,
    targets: Iterable[int],
    order: int,
    *,
    reading: Reading = "least",
    budget: int = BUDGET,
    work: int = WORK,
) -> dict[int, CutSets]:
    """Per target its minimal cut sets of up to `order` components; see `CutFinder` for what the arguments mean."""
    return CutFinder(rules, order, reading=reading, budget=budget, work=work).cut_sets(targets)


class CutFinder:
    """Finds cut sets of rules that no longer change, and remembers what it found for the next question or edit.

    `reading` is how LEAST nodes are read; GREATEST nodes always have the greatest fixpoint. A target with more than
    `budget` sets is listed to a lower order. A strongly connected set whose families need more than `work` new nodes of
    the decision diagram is computed to a lower order, and so is what rests on it. Either way `complete` is False.
    """

    def __init__(
        self, rules: Rules, order: int, *, reading: Reading = "least", budget: int = BUDGET, work: int = WORK
    ) -> None:
        if order < 1:
            raise UsageError(f"cut sets need an order of 1 or more, not {order}")
        self.rules = rules
        self.order = order
        self.reading = reading
        self.budget = budget
        self.work = work
        self.diagram = Zbdd()
        self.families = [_UNKNOWN] * len(rules)
        self.orders: dict[int, int] = {}  # where it is below the order asked for
        self.variables: list[int] = []  # the component of variable -1, -2, …
        self.numbers: dict[int, int] = {}  # and the other way round, without the sign
        self.listing = Listing(rules, self.diagram, self.variables)
        self._parents: list[list[int]] | None = None

    def cut_sets(self, targets: Iterable[int]) -> dict[int, CutSets]:
        """Per target its minimal cut sets."""
        wanted = list(dict.fromkeys(targets))
        with undisturbed():
            for members in condense(wanted, self._unknown_children, len(self.rules)):
                self._settle(members)
            return {target: self._answer(target) for target in wanted}

    def changed(self, gates: Mapping[int, tuple[int, Iterable[int]]], without: Collection[int] = ()) -> CutFinder:
        """A finder for `rules.changed(gates, without)` that computes only what the change can reach."""
        finder = self._carried(self.rules.changed(gates, without), {*gates, *without})
        finder.listing = self.listing
        return finder

    def renewed(self, rules: Rules) -> CutFinder:
        """A finder for rules compiled anew, after an edit of whatever they come from; only what differs is computed.

        Its `rules` are the new ones under the ids of the old, so ask for targets by `finder.rules.id(name)`.
        """
        view = Renewed(self.rules, rules)
        return self._carried(view, view.edited)

    def _carried(self, view: Rules, edited: Collection[int]) -> CutFinder:
        finder = CutFinder(view, self.order, reading=self.reading, budget=self.budget, work=self.work)
        finder.diagram, finder.variables, finder.numbers = self.diagram, self.variables, self.numbers
        finder.listing = Listing(view, self.diagram, self.variables)
        finder.families = [*self.families, *[_UNKNOWN] * (len(view) - len(self.families))]
        if self._parents is None:
            self._parents = parents_of(self.rules)
        # Old edges are enough: whatever refers to something by a new edge is itself among the edited.
        above = above_of(self._parents, edited)
        for id in above:
            finder.families[id] = _UNKNOWN
        finder.orders = {id: order for id, order in self.orders.items() if id not in above}
        return finder

    def probability(self, family: int, shares: Mapping[int, float]) -> float:
        """The chance that some set of the family is lost."""
        with undisturbed():
            by_variable = {-i: shares.get(component, 0.0) for i, component in enumerate(self.variables, 1)}
            return self.diagram.probability(family, by_variable, {})

    def listed(self, family: int) -> tuple[tuple[int, ...], ...]:
        """The family's sets of components, by size, then by names."""
        with undisturbed():
            return self.listing.sets(family)

    def _unknown_children(self, id: int) -> tuple[int, ...]:
        return self.rules.children[id] if self.families[id] == _UNKNOWN else ()

    def _answer(self, target: int) -> CutSets:
        diagram, family = self.diagram, self.families[target]
        order = self.orders.get(target, self.order)
        counted = diagram.counts[family]
        listed = family
        while diagram.longest[listed] > 1 and diagram.counts[listed] > self.budget:
            order = diagram.longest[listed] - 1
            listed = diagram.truncated(family, order)
        return CutSets(self, target, listed, order, complete=order == self.order, counted=counted)

    def _settle(self, members: list[int]) -> None:
        """Finds the families of one strongly connected set, at the highest order its size allows."""
        first = members[0]
        if self.families[first] != _UNKNOWN:
            return
        if self.rules.strata[first] == COMPONENT:
            self.families[first] = self._component(first)
            return
        order = self._order_below(members) if self.orders else self.order
        while True:
            self.diagram.limit = len(self.diagram) + self.work if order > 1 else sys.maxsize
            try:
                self._iterate(members, order)
                break
            except TooLarge:
                order -= 1
        self.diagram.limit = sys.maxsize
        if order < self.order:
            self.orders.update(dict.fromkeys(members, order))

    def _component(self, id: int) -> int:
        if id in self.rules.safe:
            return EMPTY
        if id not in self.numbers:
            self.numbers[id] = len(self.variables) + 1
            self.variables.append(id)
        return self.diagram.single(-self.numbers[id])

    def _order_below(self, members: list[int]) -> int:
        below = (self.orders.get(child, self.order) for member in members for child in self.rules.children[member])
        return min(below, default=self.order)

    def _iterate(self, members: list[int], order: int) -> None:
        """Finds the families that stay as they are; TooLarge if that takes too many nodes."""
        families, first = self.families, members[0]
        if len(members) == 1 and first not in self.rules.children[first]:
            families[first] = self._gate(first, order)
            return
        start = EMPTY if self.reading == "greatest" or self.rules.strata[first] == GREATEST else UNIT
        for member in members:
            families[member] = start
        parents = _parents_within(self.rules, members)
        changed = set(members)
        while changed:
            for member in members:
                if member in changed:
                    changed.discard(member)
                    family = self._gate(member, order)
                    if family != families[member]:
                        families[member] = family
                        changed.update(parents[member])

    def _gate(self, node: int, order: int) -> int:
        of = self.rules.children[node]
        families = [self.families[child] for child in of]
        if order < self.order:
            families = [self.diagram.truncated(family, order) for family in families]
        return self.diagram.at_least(families, len(of) - self.rules.needs[node] + 1, order)


def _parents_within(rules: Rules, members: list[int]) -> dict[int, list[int]]:
    parents: dict[int, list[int]] = {member: [] for member in members}
    for member in members:
        for child in rules.children[member]:
            if child in parents:
                parents[child].append(member)
    return parents
