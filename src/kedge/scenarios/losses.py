"""Every single loss of every node at once, as plain sets.

The same iteration as in `cuts`, to order 1, where a family is a set of components: a node that needs all its children
falls with the union of theirs, one that needs any with what they share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from kedge.scenarios.condensation import condense
from kedge.scenarios.ruleset import COMPONENT, GREATEST, Reading, Rules

Losses = frozenset[int] | None
_NONE: frozenset[int] = frozenset()


def single_losses(rules: Rules, *, reading: Reading = "least") -> list[Losses]:
    """Per id the components whose loss alone makes it false; None if it is false though nothing is lost.

    `reading` is how LEAST nodes are read. Equal sets are mostly one object.
    """
    losses: list[Losses] = [None] * len(rules)
    for members in condense(range(len(rules)), rules.children.__getitem__, len(rules)):
        first = members[0]
        if rules.strata[first] == COMPONENT:
            losses[first] = _NONE if first in rules.safe else frozenset(members)
        elif len(members) == 1 and first not in rules.children[first]:
            losses[first] = _gate(rules, first, losses)
        else:
            is_greatest = reading == "greatest" or rules.strata[first] == GREATEST
            _circulate(rules, members, losses, _NONE if is_greatest else None)
    return losses


def _circulate(rules: Rules, members: list[int], losses: list[Losses], start: Losses) -> None:
    for member in members:
        losses[member] = start
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
