"""Every single loss of every node at once, as plain sets.

The same iteration as in `cuts`, to order 1, where a family is a set of components: a node that needs all its children
falls with the union of theirs, one that needs any with what they share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import copy

from kedge.scenarios.condensation import condense
from kedge.scenarios.ruleset import COMPONENT, GREATEST, Reading, Rules, above_of, parents_of
from kedge.scenarios.zbdd import undisturbed

Losses = frozenset[int] | None
_NONE: frozenset[int] = frozenset()


def single_losses(rules: Rules, *, reading: Reading = "least") -> list[Losses]:
    """Per id the components whose loss alone makes it false; None if it is false though nothing is lost.

    `reading` is how LEAST nodes are read. Equal sets are mostly one object.
    """
    return SingleLosses(rules, reading=reading).losses


class SingleLosses:
    """The single losses of rules that no longer change, in `losses` by id; an edit costs what it reaches."""

    def __init__(self, rules: Rules, *, reading: Reading = "least") -> None:
        self.rules = rules
        self.reading = reading
        self.losses: list[Losses] = [None] * len(rules)
        self._parents: list[list[int]] | None = None
        self._fill(range(len(rules)), rules.children.__getitem__)

    def changed(self, gates: Mapping[int, tuple[int, Iterable[int]]], without: Collection[int] = ()) -> SingleLosses:
        """The single losses of `rules.changed(gates, without)`."""
        if self._parents is None:
            self._parents = parents_of(self.rules)
        made = copy(self)
        made.rules, made._parents = self.rules.changed(gates, without), None
        made.losses = list(self.losses)
        above = above_of(self._parents, [*gates, *without])
        children = made.rules.children
        made._fill(sorted(above), lambda id: [child for child in children[id] if child in above])
        return made

    def _fill(self, ids: Iterable[int], children: Callable[[int], Sequence[int]]) -> None:
        rules, losses = self.rules, self.losses
        with undisturbed():
            for members in condense(ids, children, len(rules)):
                first = members[0]
                if rules.strata[first] == COMPONENT:
                    losses[first] = _NONE if first in rules.safe else frozenset(members)
                elif len(members) == 1 and first not in rules.children[first]:
                    losses[first] = _gate(rules, first, losses)
                else:
                    self._circulate(members)

    def _circulate(self, members: list[int]) -> None:
        rules, losses = self.rules, self.losses
        is_greatest = self.reading == "greatest" or rules.strata[members[0]] == GREATEST
        for member in members:
            losses[member] = _NONE if is_greatest else None
        is_stable = False
        while not is_stable:
            is_stable = True
            for member in members:
                found = _gate(rules, member, losses)
                if found != losses[member]:
                    losses[member] = found
                    is_stable = False


def _gate(rules: Rules, node: int, losses: Sequence[Losses]) -> Losses:
    of = rules.children[node]
    if len(of) == 1 == rules.needs[node]:
        return losses[of[0]]
    spare = len(of) - rules.needs[node]  # so many children may be false
    sound = [found for child in of if (found := losses[child]) is not None]
    spare -= len(of) - len(sound)
    if spare < 0:
        return None
    if spare >= len(sound):
        return _NONE
    if spare == 0:
        return _NONE.union(*sound)
    if spare == len(sound) - 1:
        sound.sort(key=len)
        return sound[0].intersection(*sound[1:])
    counts = Counter(component for found in sound for component in found)
    return frozenset(component for component, times in counts.items() if times > spare)
