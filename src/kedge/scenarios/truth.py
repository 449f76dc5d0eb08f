"""What holds in one scenario: both fixpoints, and in which order things were derived or fell.

Method: counters per gate, one event per child that changes, linear in the edges (Dowling and Gallier 1984). A `Solver`
keeps the solution without loss; a loss then costs only what it touches:

* the greatest reading only shrinks, so falling is passed on from the old solution;
* the least reading is deleted and derived again (DRed, Gupta, Mumick and Subrahmanian 1993): a node is kept as long as
  enough of its children of *lower rank* are kept, which is a derivation that does not rest on itself; everything else
  is deleted and then derived again, with new and higher ranks, if what is left still carries it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from functools import cached_property

from kedge.scenarios.ruleset import LEAST, Rules, above_of, parents_of


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
        self.greatest = bytearray(b"\1") * len(rules)
        self.least = bytearray(b"\1") * len(rules)
        self.spare = [0] * len(rules)  # how many more children may fall
        self.margin = [0] * len(rules)  # true children of lower rank beyond the need
        self.ranks = [0] * len(rules)
        self.falls = [0] * len(rules)
        self.last_rank = self.last_fall = 0
        self.circular: list[int] = []
        self._fill(rules.nodes())

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

    def changed(self, gates: Mapping[int, tuple[int, Iterable[int]]], without: Collection[int] = ()) -> Solver:
        """A solver for `rules.changed(gates, without)` that computes anew only what rests on the changed gates."""
        solver = copy(self)
        solver.rules = self.rules.changed(gates, without)
        solver.parents = self._parents_after(solver.rules, gates)
        for name in ("greatest", "least", "spare", "margin", "ranks", "falls"):
            setattr(solver, name, copy(getattr(self, name)))
        above = above_of(solver.parents, gates)
        solver.circular = [id for id in self.circular if id not in above]
        solver._fill(sorted(above))
        return solver

    def _parents_after(self, rules: Rules, edited: Iterable[int]) -> list[list[int]]:
        parents = copy(self.parents)
        for node in edited:
            for child in self.rules.children[node]:
                parents[child] = [parent for parent in parents[child] if parent != node]
        for node in edited:
            for child in rules.children[node]:
                parents[child] = [*parents[child], node]
        return parents

    # The solution without loss. `ids` are nodes and everything that rests on them; all others are settled.

    def _fill(self, ids: list[int]) -> None:
        self._fill_greatest(ids)
        self._fill_least(ids)
        self._fill_margin(ids)
        self.circular += [id for id in ids if self.greatest[id] > self.least[id]]

    def _fill_greatest(self, ids: Iterable[int]) -> None:
        rules, greatest, spare = self.rules, self.greatest, self.spare
        for id in ids:
            greatest[id] = 1
        fallen: list[int] = []
        for id in ids:
            spare[id] = sum(map(greatest.__getitem__, rules.children[id])) - rules.needs[id]
            if spare[id] < 0:
                fallen.append(id)
        for id in fallen:
            greatest[id] = 0
        for order, id in enumerate(fallen, self.last_fall + 1):  # grows while it is read: a queue
            self.falls[id] = order
            for parent in self.parents[id]:
                spare[parent] -= 1
                if spare[parent] == -1:
                    greatest[parent] = 0
                    fallen.append(parent)
        self.last_fall += len(fallen)

    def _fill_least(self, ids: Iterable[int]) -> None:
        rules, least, strata = self.rules, self.least, self.rules.strata
        nodes = [id for id in ids if strata[id] == LEAST]
        for id in ids:
            least[id] = 0 if strata[id] == LEAST else self.greatest[id]
        missing = {id: rules.needs[id] - sum(map(least.__getitem__, rules.children[id])) for id in nodes}
        # Only now, so that the first round uses nothing but what is settled.
        order = [id for id in nodes if missing[id] <= 0]
        for id in order:
            least[id] = 1
        for rank, id in enumerate(order, self.last_rank + 1):  # grows while it is read: a queue
            self.ranks[id] = rank
            for parent in self.parents[id]:
                missing[parent] -= 1
                if missing[parent] == 0 and not least[parent]:
                    least[parent] = 1
                    order.append(parent)
        self.last_rank += len(order)

    def _fill_margin(self, ids: Iterable[int]) -> None:
        rules, least, ranks = self.rules, self.least, self.ranks
        for id in ids:
            if rules.strata[id] == LEAST and least[id]:
                lower = sum(1 for child in rules.children[id] if least[child] and ranks[child] < ranks[id])
                self.margin[id] = lower - rules.needs[id]

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
