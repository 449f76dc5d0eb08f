"""Compiled rules: threshold gates over components and other gates, cycles allowed, everything in "available" polarity.

A **component** is true unless it is lost. A **node** is true if at least `need` of its children are true: AND is
need = number of children, OR is need = 1. Rules are monotone: nothing ever becomes true because something is lost.

Nodes lie in one of two strata. GREATEST nodes (`up`) may refer to components and GREATEST nodes only and are read as
the greatest fixpoint: two services that need each other and both run keep running. LEAST nodes (`back`, `told`,
`open`, cold start) may refer to anything and hold only if they have a derivation that does not rest on itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

from kedge.errors import Bug

Reading = Literal["least", "greatest"]
COMPONENT, LEAST, GREATEST = 0, 1, 2
UNDEFINED = -1
_SHOWN = 20


class Rules:
    """What everything in this package reads: names, strata and gates by dense id. Built by `RuleSet` or `changed`."""

    always: int = 0
    never: int = 1

    names: list[str]
    ids: dict[str, int]
    strata: bytearray
    needs: list[int]
    children: list[tuple[int, ...]]
    safe: frozenset[int]

    def __len__(self) -> int:
        """How many ids there are: components, nodes and the two constants."""
        return len(self.names)

    def name(self, id: int) -> str:
        """The unique name of a component or node."""
        return self.names[id]

    def id(self, name: str) -> int:
        """The id of a name; KeyError if there is none."""
        return self.ids[name]

    def is_component(self, id: int) -> bool:
        """True for what can be lost."""
        return self.strata[id] == COMPONENT

    def is_greatest(self, id: int) -> bool:
        """True for nodes of the GREATEST stratum (and the two constants)."""
        return self.strata[id] == GREATEST

    def gate(self, id: int) -> tuple[int, tuple[int, ...]]:
        """(need, children) of a node; a component has (0, ())."""
        return max(self.needs[id], 0), self.children[id]

    def components(self) -> list[int]:
        """Every component's id, ascending."""
        return [i for i, stratum in enumerate(self.strata) if stratum == COMPONENT]

    def nodes(self) -> list[int]:
        """Every node's id, ascending, the two constants included."""
        return [i for i, stratum in enumerate(self.strata) if stratum != COMPONENT]

    def changed(
        self, gates: Mapping[int, tuple[int, Iterable[int]]], without: Collection[int] = frozenset()
    ) -> Changed:
        """The same rules with other gates for some nodes, and with some components regarded as never lost.

        Ids and names are shared. What an addition needs (a second person, a new store) must exist as a component or
        node before; an unused one changes nothing. The original must not grow while the view is in use.
        """
        return Changed(self, gates, without)

    def check(self) -> None:
        """Nothing, or `Bug` listing nodes that were never defined and GREATEST nodes that refer to LEAST ones."""
        mistakes = [f"{self.names[i]} is not defined" for i in self.undefined()]
        mistakes += [f"{self.names[i]} (greatest) refers to {self.names[c]} (least)" for i, c in self.crossings()]
        if mistakes:
            more = f"; and {len(mistakes) - _SHOWN} more" if len(mistakes) > _SHOWN else ""
            raise Bug("rules are inconsistent: " + "; ".join(mistakes[:_SHOWN]) + more)

    def undefined(self) -> list[int]:
        """Nodes that were declared and never defined."""
        return [i for i, need in enumerate(self.needs) if need == UNDEFINED and self.strata[i] != COMPONENT]

    def crossings(self) -> list[tuple[int, int]]:
        """Pairs (GREATEST node, LEAST child): references the strata forbid."""
        strata = self.strata
        greatest = (i for i, stratum in enumerate(strata) if stratum == GREATEST)
        return [(i, c) for i in greatest for c in self.children[i] if strata[c] == LEAST]


class RuleSet(Rules):
    """Rules under construction; complete once `check` passes. Names are unique; `always` and `never` are taken."""

    def __init__(self) -> None:
        self.names = []
        self.ids = {}
        self.strata = bytearray()
        self.needs = []
        self.children = []
        self.safe = frozenset()
        self.define(self.node("always", greatest=True), 0, ())
        self.define(self.node("never", greatest=True), 1, ())

    def component(self, name: str) -> int:
        """The id of a component, made if it is new; `Bug` if a node has that name."""
        known = self.ids.get(name)
        if known is None:
            return self._add(name, COMPONENT)
        if self.strata[known] != COMPONENT:
            raise Bug(f"{name} is a node and cannot be a component as well")
        return known

    def node(self, name: str, *, greatest: bool = False) -> int:
        """The id of a node, made if it is new; its gate may be defined later.

        A node that was only referred to so far may still be made GREATEST; a defined one may not (`Bug`).
        """
        known = self.ids.get(name)
        if known is None:
            return self._add(name, GREATEST if greatest else LEAST)
        if self.strata[known] == COMPONENT:
            raise Bug(f"{name} is a component and cannot be a node as well")
        if greatest and self.strata[known] == LEAST:
            if self.needs[known] != UNDEFINED:
                raise Bug(f"{name} is defined as a least node and cannot become a greatest one")
            self.strata[known] = GREATEST
        return known

    def define(self, node: int, need: int, of: Iterable[int]) -> None:
        """Nothing; from now on `node` holds if at least `need` of `of` hold. need = 0: always.

        A child that is named twice counts once: AND stays AND and OR stays OR, and k of n asks for k different ones.
        `Bug` for a second definition, a component or a negative need.
        """
        if self.strata[node] == COMPONENT or self.needs[node] != UNDEFINED:
            raise Bug(f"{self.names[node]} is already defined, or is a component")
        self.needs[node], self.children[node] = _normal(need, tuple(of))

    def all(self, node: int, of: Iterable[int]) -> None:
        """Nothing; `node` holds if all of `of` hold (always, if there are none)."""
        children = tuple(of)
        self.define(node, len(children), children)

    def any(self, node: int, of: Iterable[int]) -> None:
        """Nothing; `node` holds if one of `of` holds (never, if there are none)."""
        self.define(node, 1, of)

    def _add(self, name: str, stratum: int) -> int:
        id = self.ids[name] = len(self.names)
        self.names.append(name)
        self.strata.append(stratum)
        self.needs.append(UNDEFINED)
        self.children.append(())
        return id


class Changed(Rules):
    """A view of other rules with some gates replaced and some components regarded as never lost (`safe`).

    `edited` holds the nodes whose gates differ from `original`; everything else is shared with it.
    """

    def __init__(
        self, original: Rules, gates: Mapping[int, tuple[int, Iterable[int]]], without: Collection[int] = frozenset()
    ) -> None:
        self.original = original
        self.names, self.ids, self.strata = original.names, original.ids, original.strata
        self.needs, self.children = list(original.needs), list(original.children)
        self.safe = original.safe | frozenset(without)
        self.edited = frozenset(gates)
        for node, (need, of) in gates.items():
            self._replace(node, need, tuple(of))

    def _replace(self, node: int, need: int, of: tuple[int, ...]) -> None:
        stratum = self.strata[node]
        if stratum == COMPONENT:
            raise Bug(f"{self.names[node]} is a component and has no gate")
        if stratum == GREATEST and any(self.strata[child] == LEAST for child in of):
            raise Bug(f"{self.names[node]} (greatest) may not refer to a least node")
        self.needs[node], self.children[node] = _normal(need, of)


class Renewed(Rules):
    """Rules compiled anew, under the ids of an original: what has a known name keeps its id, what is new comes after.

    `edited` holds the ids of the original whose kind or gate differs, or that are gone; those never hold, and nothing
    refers to them.
    """

    def __init__(self, original: Rules, rules: Rules) -> None:
        count, known = len(original), original.ids
        names = [name for name in rules.names if name not in known]
        self.names = [*original.names, *names]
        self.ids = {**known, **{name: count + i for i, name in enumerate(names)}} if names else known
        place = [self.ids[name] for name in rules.names]
        self.strata = bytearray(original.strata) + bytes(len(names))
        self.needs = [1] * len(self.names)
        self.children = [()] * len(self.names)
        self.safe = frozenset(place[id] for id in rules.safe)
        for id, to in enumerate(place):
            self.strata[to], self.needs[to] = rules.strata[id], rules.needs[id]
            if rules.children[id]:
                self.children[to] = tuple([place[child] for child in rules.children[id]])
        self.edited = frozenset(id for id in range(count) if self._differs(id, original)) | (self.safe ^ original.safe)

    def _differs(self, id: int, original: Rules) -> bool:
        here, there = self.children[id], original.children[id]
        is_same = self.needs[id] == original.needs[id] and (here == there or set(here) == set(there))
        return not is_same or self.strata[id] != original.strata[id]


def parents_of(rules: Rules) -> list[list[int]]:
    """Per id the nodes whose gates refer to it."""
    parents: list[list[int]] = [[] for _ in range(len(rules))]
    for id, of in enumerate(rules.children):
        for child in of:
            parents[child].append(id)
    return parents


def above_of(parents: Sequence[Sequence[int]], ids: Iterable[int]) -> set[int]:
    """These ids and everything that rests on them."""
    found = set(ids)
    waiting = list(found)
    while waiting:
        new = [parent for parent in parents[waiting.pop()] if parent not in found]
        found.update(new)
        waiting += new
    return found


def _normal(need: int, of: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """The gate without repeated children; an AND over a repeated child needs one fewer."""
    if need < 0:
        raise Bug(f"a gate cannot need {need} children")
    if need == 0:
        return 0, ()
    if len(of) < 2:
        return need, of
    different = tuple(dict.fromkeys(of))
    if need == len(of):
        need = len(different)
    return need, different
