"""What holds in one scenario: both fixpoints, and in which order things were derived or fell.

Method: counters per gate, one event per child that changes, linear in the edges (Dowling and Gallier 1984). A `Solver`
keeps the solution without loss; a loss then costs only what it touches:

* the greatest reading only shrinks, so falling is passed on from the old solution;
* the least reading is deleted and derived again (DRed, Gupta, Mumick and Subrahmanian 1993): a node is kept as long as
  enough of its children of *lower rank* are kept, which is a derivation that does not rest on itself; everything else
  is deleted and then derived again, with new and higher ranks, if what is left still carries it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cached_property

from kedge.scenarios.ruleset import COMPONENT, LEAST, Rules, parents_of


class Truth:
    """One scenario's answer. Index everything by id.

    `least`: 1 where true; LEAST nodes read as the least fixpoint. `greatest`: LEAST nodes read as the greatest one.
    GREATEST nodes and components are the same in both. `dropped`: what is false in the least reading though it is true
    if nothing is lost (components, then nodes as they fell).
    """

    def __init__(self, solver: Solver, lost: frozenset[int]) -> None:
        self.solver = solver
        self.rules = solver.rules
        self.lost = lost
        self.least = bytearray(solver.least)
        self.greatest = bytearray(solver.greatest)
        self.dropped: list[int] = []
        self.new_ranks: dict[int, int] = {}
        self.new_falls: dict[int, int] = {}

    @cached_property
    def rank(self) -> Sequence[int]:
        """Per id the order of derivation in the least reading: 0 for components and GREATEST nodes, then 1, 2, …

        A true LEAST node has enough true children of lower rank. Ranks of false nodes mean nothing.
        """
        return _overlaid(self.solver.ranks, self.new_ranks)

    @cached_property
    def fall(self) -> Sequence[int]:
        """Per id the order in which it became false in the greatest reading; lost components have 0.

        A node false there has so many false children of lower order that the rest cannot carry it. The order of a node
        that is true in the greatest reading means nothing.
        """
        return _overlaid(self.solver.falls, self.new_falls)

    def circular(self) -> set[int]:
        """Nodes true in the greatest and false in the least reading: they could hold only by resting on themselves."""
        least, greatest = self.least, self.greatest
        found = {node for node in self.solver.circular if greatest[node] and not least[node]}
        found.update(node for node in self.dropped if greatest[node] and not least[node])
        return found


def _overlaid(values: list[int], changes: dict[int, int]) -> Sequence[int]:
    if not changes:
        return values
    values = list(values)
    for id, value in changes.items():
        values[id] = value
    return values


def solve(rules: Rules, lost: Collection[int]) -> Truth:
    """What holds after `lost` components are lost. For many scenarios of one RuleSet keep a `Solver`."""
    return Solver(rules).solve(lost)


class Solver:
    """Answers scenario after scenario on rules that no longer change."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.parents = parents_of(rules)
        self._fill_greatest()
        self._fill_least()

    def solve(self, lost: Collection[int]) -> Truth:
        """What holds after the loss of these components; ids regarded as safe are ignored."""
        rules = self.rules
        truth = Truth(self, frozenset(id for id in lost if id not in rules.safe and rules.is_component(id)))
        fallen = self._fall(truth)
        suspects = self._delete(truth, fallen)
        self._derive_again(truth, suspects)
        truth.dropped = [id for id in fallen if rules.strata[id] != LEAST]
        truth.dropped += [id for id in suspects if not truth.least[id]]
        return truth

    # The solution without loss

    def _fill_greatest(self) -> None:
        """Sets `greatest`, `spare` (how many more children may fall) and `falls`."""
        rules = self.rules
        self.greatest = bytearray(b"\1") * len(rules)
        self.spare = [len(of) - need for of, need in zip(rules.children, rules.needs, strict=True)]
        self.falls = [0] * len(rules)
        fallen = [id for id, left in enumerate(self.spare) if left < 0 and rules.strata[id] != COMPONENT]
        for id in fallen:
            self.greatest[id] = 0
        for order, id in enumerate(fallen, 1):  # grows while it is read: a queue
            self.falls[id] = order
            for parent in self.parents[id]:
                self.spare[parent] -= 1
                if self.spare[parent] == -1:
                    self.greatest[parent] = 0
                    fallen.append(parent)
        self.last_fall = len(fallen)

    def _fill_least(self) -> None:
        """Sets `least`, `ranks`, `margin` (children of lower rank beyond the need) and `circular`."""
        rules, strata = self.rules, self.rules.strata
        self.least = bytearray(
            0 if stratum == LEAST else true for stratum, true in zip(strata, self.greatest, strict=True)
        )
        self.ranks = [0] * len(rules)
        missing = list(rules.needs)
        order: list[int] = []
        for id, stratum in enumerate(strata):
            if stratum == LEAST:
                missing[id] -= sum(map(self.least.__getitem__, rules.children[id]))
                if missing[id] <= 0:
                    order.append(id)
        # Only now, so that the first round uses nothing but components and GREATEST nodes.
        for id in order:
            self.least[id] = 1
        self._rise(order, missing, self.least, self.ranks)
        self.last_rank = len(order)
        self.margin = self._margins()
        self.circular = [i for i, stratum in enumerate(strata) if stratum == LEAST and self.greatest[i] > self.least[i]]

    def _rise(self, order: list[int], missing: list[int], least: bytearray, ranks: list[int]) -> None:
        for rank, id in enumerate(order, 1):  # grows while it is read: a queue
            ranks[id] = rank
            for parent in self.parents[id]:
                missing[parent] -= 1
                if missing[parent] == 0 and not least[parent]:
                    least[parent] = 1
                    order.append(parent)

    def _margins(self) -> list[int]:
        rules, least, ranks = self.rules, self.least, self.ranks
        margins = [0] * len(rules)
        for id, rank in enumerate(ranks):
            if rank:
                lower = sum(1 for child in rules.children[id] if least[child] and ranks[child] < rank)
                margins[id] = lower - rules.needs[id]
        return margins

    # One loss

    def _fall(self, truth: Truth) -> list[int]:
        """What becomes false in the greatest reading, as it falls; lost components first."""
        greatest, spare = truth.greatest, self.spare
        fallen = sorted(truth.lost)
        for id in fallen:
            greatest[id] = 0
        left: dict[int, int] = {}
        for id in fallen:  # grows while it is read: a queue
            for parent in self.parents[id]:
                left[parent] = now = left.get(parent, spare[parent]) - 1
                if now < 0 and greatest[parent]:
                    greatest[parent] = 0
                    fallen.append(parent)
        for order, id in enumerate(fallen[len(truth.lost) :], self.last_fall + 1):
            truth.new_falls[id] = order
        return fallen

    def _delete(self, truth: Truth, fallen: Iterable[int]) -> list[int]:
        """Takes back every LEAST node whose old derivation is broken; returns them."""
        least, ranks, margin = truth.least, self.ranks, self.margin
        gone = [id for id in fallen if self.rules.strata[id] != LEAST]
        bases = len(gone)
        for id in gone:
            least[id] = 0
        left: dict[int, int] = {}
        for id in gone:  # grows while it is read: a queue
            rank = ranks[id]
            for parent in self.parents[id]:
                if least[parent] and ranks[parent] > rank:  # only LEAST nodes have a rank above 0
                    left[parent] = now = left.get(parent, margin[parent]) - 1
                    if now < 0:
                        least[parent] = 0
                        gone.append(parent)
        return gone[bases:]

    def _derive_again(self, truth: Truth, suspects: Sequence[int]) -> None:
        """Gives back every deleted node that still has a derivation."""
        rules, least = self.rules, truth.least
        missing: dict[int, int] = {}
        again: list[int] = []
        for id in suspects:
            missing[id] = rules.needs[id] - sum(map(least.__getitem__, rules.children[id]))
            if missing[id] <= 0:
                again.append(id)
        for id in again:
            least[id] = 1
        for rank, id in enumerate(again, self.last_rank + 1):  # grows while it is read: a queue
            truth.new_ranks[id] = rank
            for parent in self.parents[id]:
                if parent in missing and not least[parent]:
                    missing[parent] -= 1
                    if missing[parent] == 0:
                        least[parent] = 1
                        again.append(parent)
