"""How often and how long: expected downtime from the cut sets, where rates are given. Bounds, never a bare guess.

Components are lost independently of each other, `per_year` times a year while they are there, and each time stay lost
for `hours` (until it was noticed, replaced and running). A component is then lost for the share q = λτ / (1 + λτ) of
all time. What they share (a site, an uplink, an update channel) must be a component of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import prod

from kedge.scenarios.cuts import CutSets
from kedge.scenarios.order import Finish

HOURS_PER_YEAR = 8766.0
Cut = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rate:
    """How many times a year a component is lost, and for how many hours each time."""

    per_year: float
    hours: float

    @property
    def share(self) -> float:
        """The share of all time during which it is lost, between 0 and 1."""
        load = self.per_year * self.hours / HOURS_PER_YEAR
        return load / (1 + load)


@dataclass(frozen=True, slots=True)
class Downtime:
    """Hours per year during which a node is false: at least and at most; `at_most` is None where nothing bounds it.

    `unrated`: components the node rests on that have no rate. Their cut sets count as nothing in `at_least`, and
    nothing bounds the downtime from above.
    """

    at_least: float
    at_most: float | None
    unrated: frozenset[int]


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one cut set costs: times a year, how long each time, and hours per year; open if a duration is unknown."""

    cut: Cut
    per_year: float
    each: Finish

    @property
    def hours_per_year(self) -> float:
        """Expected hours of downtime a year by this cut set."""
        return self.per_year * self.each.hours


def downtime(answer: CutSets, rates: Mapping[int, Rate]) -> Downtime:
    """The expected hours per year that a node is false, from its cut sets.

    From below: the chance that some listed cut set is lost, exactly (Shannon expansion on the decision diagram). From
    above: that, and the chance that of everything it rests on more is lost at once than a listed set can have.
    """
    rests_on = answer.rests_on
    unrated = frozenset(component for component in rests_on if component not in rates)
    shares = {component: rates[component].share for component in rests_on - unrated}
    at_least = answer.probability(shares)
    at_most = None if unrated else min(1.0, at_least + _more_than(answer.order, shares.values()))
    return Downtime(at_least * HOURS_PER_YEAR, None if at_most is None else at_most * HOURS_PER_YEAR, unrated)


def _more_than(many: int, shares: Iterable[float]) -> float:
    """The chance that more than so many independent events happen at once."""
    exactly = [1.0] + [0.0] * many
    more = 0.0
    for share in shares:
        more += exactly[many] * share
        for i in range(many, 0, -1):
            exactly[i] = exactly[i] * (1 - share) + exactly[i - 1] * share
        exactly[0] *= 1 - share
    return more


def contributions(
    answer: CutSets, rates: Mapping[int, Rate], outage: Callable[[Cut], Finish] | None = None
) -> list[Contribution]:
    """What each listed cut set adds to the downtime, the costliest first; those with unrated components are left out.

    `outage` says how long the node stays false after this loss: noticing it plus the plan's finish. Without it, the
    outage lasts as long as all of the set's components are lost. Overlaps are counted in each set: the sum is a bound
    from above for the listed sets.
    """
    found = []
    for cut in answer.sets:
        if cut and all(component in rates for component in cut):
            per_year = _frequency([rates[component] for component in cut])
            shares = prod(rates[component].share for component in cut)
            each = outage(cut) if outage else Finish(shares * HOURS_PER_YEAR / per_year if per_year else 0.0)
            found.append(Contribution(cut, per_year, each))
    return sorted(found, key=lambda one: -one.hours_per_year)  # stable: ties stay in the cut sets' order


def _frequency(rates: list[Rate]) -> float:
    """How often a year all of them become lost at once: the last one is lost while all others are."""
    total = 0.0
    for i, last in enumerate(rates):
        others = prod(rate.share for rate in rates[:i] + rates[i + 1 :])
        total += last.per_year * (1 - last.share) * others
    return total
