"""What a change of the rules does to the cut sets: before and after, by size; the measure for suggestions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from kedge.scenarios.cuts import CutFinder, CutSets


@dataclass(frozen=True)
class Effect:
    """The cut sets of some nodes before and after a change, to the same order."""

    before: Mapping[int, CutSets]
    after: Mapping[int, CutSets]
    order: int

    @cached_property
    def removed(self) -> Mapping[int, tuple[tuple[int, ...], ...]]:
        """Per node the cut sets that are none any more; nodes without any are left out."""
        return _missing(self.before, self.after)

    @cached_property
    def added(self) -> Mapping[int, tuple[tuple[int, ...], ...]]:
        """Per node the new cut sets; where a way was added these only take the place of smaller ones."""
        return _missing(self.after, self.before)

    def gain(self, weights: Mapping[int, float] | None = None) -> tuple[float, ...]:
        """Per size, from 0 (false whatever happens) to the order, how many cut sets there are less, weighted by node.

        Compare gains as they are: one single point fewer outweighs any number of pairs.
        """
        total = [0.0] * (self.order + 1)
        for sign, sets in ((1, self.removed), (-1, self.added)):
            for node, cuts in sets.items():
                weight = 1.0 if weights is None else weights.get(node, 1.0)
                for size, number in Counter(map(len, cuts)).items():
                    total[size] += sign * weight * number
        return tuple(total)

    @property
    def is_worthwhile(self) -> bool:
        """True if there are fewer sets of the smallest size at which their number changes.

        A change that only trades one pair for another is not, and fewer pairs do not make up for a new single point.
        """
        return next((gain > 0 for gain in self.gain() if gain), False)


def effect(
    finder: CutFinder,
    targets: Iterable[int],
    gates: Mapping[int, tuple[int, Iterable[int]]],
    without: Collection[int] = (),
) -> Effect:
    """What changing these gates, and never losing these components, does to the targets' cut sets.

    The finder keeps what it computed, so that many changes can be tried one after the other.
    """
    wanted = list(targets)
    return Effect(finder.cut_sets(wanted), finder.changed(gates, without).cut_sets(wanted), finder.order)


def _missing(here: Mapping[int, CutSets], there: Mapping[int, CutSets]) -> dict[int, tuple[tuple[int, ...], ...]]:
    found = {}
    for node, answer in here.items():
        if not answer.is_same(there[node]):
            known = set(there[node].sets)
            gone = tuple(cut for cut in answer.sets if cut not in known)
            if gone:
                found[node] = gone
    return found
