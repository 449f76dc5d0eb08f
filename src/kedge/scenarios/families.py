"""Families of minimal cut sets up to an order, as explicit sets, and the three ways a gate combines them.

A family is what makes one node false: every set in it is minimal and has at most `order` members. Singles are kept
apart: a single is a cut by itself, so no larger minimal cut contains it, and products need not look at it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Family(NamedTuple):
    """Minimal cut sets: those of one member, and the larger ones. `FAILED` stands for "false whatever happens"."""

    singles: frozenset[int]
    larger: frozenset[frozenset[int]]
    failed: bool = False

    def __len__(self) -> int:
        """How many cut sets there are."""
        return len(self.singles) + len(self.larger) + self.failed


SOUND = Family(frozenset(), frozenset())
FAILED = Family(frozenset(), frozenset(), True)


def single(component: int) -> Family:
    """The family of a component: losing it makes it false."""
    return Family(frozenset((component,)), frozenset())


def union(families: Sequence[Family]) -> Family:
    """What makes at least one of the children false: a node that needs all of them."""
    if any(family.failed for family in families):
        return FAILED
    singles = frozenset().union(*(family.singles for family in families))
    larger = frozenset().union(*(family.larger for family in families))
    return Family(singles, minimal(larger, singles))


def product(left: Family, right: Family, order: int) -> Family:
    """What makes both false, up to `order` members."""
    if left.failed or right.failed:
        return right if left.failed else left
    singles = left.singles & right.singles
    if order < 2:
        return Family(singles, frozenset())
    lefts = _without(left, singles)
    rights = _without(right, singles)
    found = {a | b for a in lefts for b in rights if len(a | b) <= order}
    return Family(singles, minimal(found, singles))


def at_least(families: Sequence[Family], failures: int, order: int) -> Family:
    """What makes at least `failures` of the children false: 1 is a union, all of them a product."""
    if failures <= 0:
        return FAILED
    if failures > len(families):
        return SOUND
    if failures == 1:
        return union(families)
    if failures == len(families):
        return _product_of_all(families, order)
    reached = [FAILED] + [SOUND] * failures  # by number of children that fail, of those looked at so far
    for family in families:
        for j in range(failures, 0, -1):
            reached[j] = union((reached[j], product(reached[j - 1], family, order)))
    return reached[failures]


def _product_of_all(families: Sequence[Family], order: int) -> Family:
    result = FAILED
    for family in sorted(families, key=len):
        result = product(result, family, order)
        if not len(result):
            return SOUND
    return result


def minimal(sets: Iterable[frozenset[int]], singles: frozenset[int]) -> frozenset[frozenset[int]]:
    """Those sets that hold no single and no other set of the collection."""
    kept: set[frozenset[int]] = set()
    by_size: dict[int, list[frozenset[int]]] = {}
    for candidate in sets:
        if singles.isdisjoint(candidate):
            by_size.setdefault(len(candidate), []).append(candidate)
    for size in sorted(by_size):
        found = by_size[size]
        if kept:
            found = [candidate for candidate in found if not _has_subset(candidate, kept)]
        kept.update(found)
    return frozenset(kept)


def _has_subset(candidate: frozenset[int], kept: set[frozenset[int]]) -> bool:
    """True if a proper subset with two or more members is kept."""
    subsets = [candidate - {member} for member in candidate]
    return any(len(subset) > 1 and (subset in kept or _has_subset(subset, kept)) for subset in subsets)


def _without(family: Family, singles: frozenset[int]) -> list[frozenset[int]]:
    """The family's sets that hold none of these singles, which are cuts by themselves."""
    sets = [frozenset((one,)) for one in family.singles - singles]
    sets += [candidate for candidate in family.larger if singles.isdisjoint(candidate)]
    return sets
