"""Families of minimal sets as zero-suppressed decision diagrams: shared, canonical, counted without being listed.

Minato, Zero-suppressed BDDs for set manipulation, DAC 1993; the minimal operations after Rauzy, New algorithms for
fault trees analysis, Reliability Engineering and System Safety 40 (1993). A family is an int. 0 is the empty family, 1
the family of the empty set, any other the node (variable v, low, high): the sets of `low`, and those of `high` with v
added. Smaller variables lie above larger ones, and a node's number is above those of its parts. Every family here is
minimal (no set holds another), and equal families have the same number. That makes comparing free, and the tables
remember every result: what was computed for one gate is found again by the next, and after an edit.

Recursion goes as deep as there are variables; call from within `undisturbed`. (CPython 3.11 and later need no C
stack for it.)
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

EMPTY = 0
UNIT = 1
_NEVER_TOP = sys.maxsize
_ALL = sys.maxsize
_DEEP = 1_000_000


class TooLarge(Exception):  # noqa: N818 - caught inside this package, never seen outside
    """The diagram grew beyond its limit; what was computed so far stays valid."""


@contextmanager
def undisturbed() -> Iterator[None]:
    """For a while, Python may recurse as deep as a diagram can be, and looks for no garbage in it.

    The tables grow by millions of tuples, none of them part of a cycle; looking costs up to half of the time.
    """
    limit, is_collecting = sys.getrecursionlimit(), gc.isenabled()
    sys.setrecursionlimit(max(limit, _DEEP))
    gc.disable()
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
        if is_collecting:
            gc.enable()


class Zbdd:
    """All families of one computation. `limit` is how many nodes it may have; TooLarge beyond."""

    def __init__(self) -> None:
        self.limit = sys.maxsize
        self.variables = [_NEVER_TOP, _NEVER_TOP]
        self.low = [0, 0]
        self.high = [0, 0]
        self.shortest = [_NEVER_TOP, 0]  # members of the smallest set of the family
        self.longest = [-1, 0]  # members of the largest
        self.counts = [0, 1]  # how many sets the family has
        self._numbers: dict[tuple[int, int, int], int] = {}
        self._unions: dict[tuple[int, int], int] = {}
        self._differences: dict[tuple[int, int], int] = {}
        self._products: dict[tuple[int, int, int], int] = {}
        self._truncations: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        """How many nodes there are."""
        return len(self.variables)

    def single(self, variable: int) -> int:
        """The family of one set with one member."""
        return self._node(variable, EMPTY, UNIT)

    def union(self, f: int, g: int) -> int:
        """The minimal sets among those of both families."""
        if f == g or g == EMPTY:
            return f
        if f == EMPTY:
            return g
        if f == UNIT or g == UNIT:
            return UNIT
        key = (f, g) if f < g else (g, f)
        known = self._unions.get(key)
        if known is not None:
            return known
        v, w = self.variables[f], self.variables[g]
        if w < v:
            f, g, v, w = g, f, w, v
        if v < w:
            high = self.high[f]
            made = self._node(v, self.union(self.low[f], g), UNIT if high == UNIT else self.without(high, g))
        else:
            f0, g0 = self.low[f], self.low[g]
            high = self.union(self.without(self.high[f], g0), self.without(self.high[g], f0))
            made = self._node(v, self.union(f0, g0), high)
        self._unions[key] = made
        return made

    def without(self, f: int, g: int) -> int:
        """The sets of f that hold no set of g."""
        if not f or g == UNIT or f == g:
            return EMPTY
        if g == EMPTY or f == UNIT or self.longest[f] < self.shortest[g]:
            return f
        v = self.variables[f]
        while self.variables[g] < v:
            g = self.low[g]
        if g <= UNIT:
            return EMPTY if g else f
        if f == g:
            return EMPTY
        known = self._differences.get((f, g))
        if known is not None:
            return known
        if v < self.variables[g]:
            made = self._node(v, self.without(self.low[f], g), self.without(self.high[f], g))
        else:
            g0 = self.low[g]
            high = self.without(self.without(self.high[f], g0), self.high[g])
            made = self._node(v, self.without(self.low[f], g0), high)
        self._differences[f, g] = made
        return made

    def product(self, f: int, g: int, most: int) -> int:
        """The minimal sets a | b with a from f, b from g and at most `most` members."""
        if f == UNIT:
            return self.truncated(g, most)
        if g == UNIT or f == g:
            return self.truncated(f, most)
        if self.shortest[f] > most or self.shortest[g] > most:
            return EMPTY
        if self.longest[f] + self.longest[g] <= most:
            most = _ALL  # nothing is cut off: one entry for all such orders
        if f > g:
            f, g = g, f
        key = (f, g, most)
        known = self._products.get(key)
        if known is not None:
            return known
        v, w = self.variables[f], self.variables[g]
        if w < v:
            f, g, v, w = g, f, w, v
        f1 = self.high[f]
        if v < w:
            low = self.product(self.low[f], g, most)
            high = self.truncated(g, most - 1) if f1 == UNIT else self.product(f1, g, most - 1)
        else:
            low = self.product(self.low[f], self.low[g], most)
            high = self._high_product(f, g, most - 1)
        if self.longest[high] >= self.shortest[low]:
            high = self.without(high, low)
        made = self._products[key] = self._node(v, low, high)
        return made

    def _high_product(self, f: int, g: int, most: int) -> int:
        """For nodes of one variable: the products in which it is, without it."""
        f0, g0, f1, g1 = self.low[f], self.low[g], self.high[f], self.high[g]
        if f1 == UNIT or g1 == UNIT:  # the variable alone makes one side false: the other side's sets are the products
            return self.truncated(self.union(g0, g1) if f1 == UNIT else self.union(f0, f1), most)
        return self.union(self.product(f1, self.union(g0, g1), most), self.product(f0, g1, most))

    def truncated(self, f: int, most: int) -> int:
        """The sets of f with at most `most` members."""
        if self.longest[f] <= most:
            return f
        if self.shortest[f] > most:
            return EMPTY
        known = self._truncations.get((f, most))
        if known is None:
            low, high = self.truncated(self.low[f], most), self.truncated(self.high[f], most - 1)
            known = self._truncations[f, most] = self._node(self.variables[f], low, high)
        return known

    def at_least(self, families: Sequence[int], failures: int, most: int) -> int:
        """What makes at least `failures` of the children false, minimal and with at most `most` members.

        1 of them is a union, all of them a product; in between, family by family: j failures so far.
        """
        if failures <= 0:
            return UNIT
        if failures > len(families):
            return EMPTY
        result = EMPTY if failures == 1 else UNIT
        if failures == 1:
            for family in sorted(set(families)):  # older families lie deeper: building goes from below
                result = self.union(result, family)
            return result
        if failures == len(families):
            for family in sorted(set(families)):
                result = self.product(result, family, most)
            return result
        reached = [UNIT] + [EMPTY] * failures
        for family in sorted(families):
            for j in range(failures, 0, -1):
                reached[j] = self.union(reached[j], self.product(reached[j - 1], family, most))
        return reached[failures]

    def probability(self, f: int, shares: Mapping[int, float], known: dict[int, float]) -> float:
        """The chance that some set of the family happens whole, each variable independently with its share.

        Shannon expansion: with the variable the sets of both parts count, without it only those of `low`. `known`
        remembers results for one choice of shares.
        """
        if f <= UNIT:
            return float(f)
        chance = known.get(f)
        if chance is None:
            share, low = shares[self.variables[f]], self.low[f]
            chance = (1 - share) * self.probability(low, shares, known) if share < 1 else 0.0
            if share > 0:
                chance += share * self.probability(self.union(self.high[f], low), shares, known)
            known[f] = chance
        return chance

    def _node(self, variable: int, low: int, high: int) -> int:
        if high == EMPTY:
            return low
        key = (variable, low, high)
        number = self._numbers.get(key)
        if number is None:
            number = len(self.variables)
            if number >= self.limit:
                raise TooLarge
            self._numbers[key] = number
            self.variables.append(variable)
            self.low.append(low)
            self.high.append(high)
            self.counts.append(self.counts[low] + self.counts[high])
            there, here = self.shortest[low], self.shortest[high] + 1
            self.shortest.append(here if here < there else there)  # min and max cost three times as much
            there, here = self.longest[low], self.longest[high] + 1
            self.longest.append(here if here > there else there)
        return number
