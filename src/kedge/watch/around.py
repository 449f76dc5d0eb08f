"""What stands around a thing in the need graph: all it needs, all that needs it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from kedge.model.need import names_in
from kedge.rules.cause_graph import Graph, Needs


@dataclass(frozen=True)
class Around:
    """Answers from one need graph; each answer once."""

    needs: Needs

    def below(self, thing: str) -> frozenset[str]:
        """Return everything a thing needs, directly or not, itself left out."""
        return _reach(thing, self._down)

    def above(self, thing: str) -> frozenset[str]:
        """Return everything that needs a thing, directly or not, itself left out."""
        return _reach(thing, self._up)

    def fallen(self, things: Iterable[str]) -> frozenset[str]:
        """Return everything that cannot run or be used without one of these things, themselves included."""
        return frozenset(name for thing in things for name in Graph(self.needs, {}).fallen(thing))

    @cached_property
    def _down(self) -> Mapping[str, tuple[str, ...]]:
        return {
            name: tuple(dict.fromkeys(below for one in expressions for below in names_in(one)))
            for name, expressions in self.needs.items()
        }

    @cached_property
    def _up(self) -> Mapping[str, tuple[str, ...]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for name, below in self._down.items():
            for one in below:
                found[one].append(name)
        return {name: tuple(above) for name, above in found.items()}


def _reach(thing: str, edges: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    found: set[str] = set()
    waiting = [thing]
    while waiting:
        new = [name for name in edges.get(waiting.pop(), ()) if name not in found]
        found.update(new)
        waiting += new
    return frozenset(found - {thing})
