"""Why something holds (a derivation), why it does not (down to what is lost), and the circles that do not count."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from kedge.errors import UsageError
from kedge.scenarios.condensation import condense
from kedge.scenarios.ruleset import COMPONENT, LEAST, Rules
from kedge.scenarios.truth import Truth


@dataclass(frozen=True, slots=True)
class Step:
    """One node of a derivation and the children that carry it: exactly as many as its gate needs."""

    node: int
    because: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """One false node and the false children that break it: just enough that the others cannot carry it.

    `is_circular`: the node is true in the greatest reading, so among the reasons is something that waits for itself.
    """

    node: int
    because: tuple[int, ...]
    is_circular: bool


def derivation(truth: Truth, node: int) -> list[Step]:
    """A proof that the node holds: LEAST nodes only, each after what it rests on, the node itself last.

    It cannot be circular, for every step uses children of lower rank only, and it is minimal: no step can do without
    one of its children. Components and GREATEST nodes are taken as facts. Empty for a fact; UsageError if the node is
    false.
    """
    if not truth.least[node]:
        raise UsageError(f"{truth.rules.name(node)} does not hold, so there is no derivation of it")
    steps: dict[int, Step] = {}
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if current not in steps and truth.rules.strata[current] == LEAST:
            steps[current] = Step(current, _carriers(truth, current))
            waiting += steps[current].because
    return sorted(steps.values(), key=lambda step: truth.rank[step.node])


def _carriers(truth: Truth, node: int) -> tuple[int, ...]:
    """The true children of lowest rank that suffice, in the gate's order."""
    need, of = truth.rules.gate(node)
    # There are enough below the node's own rank, or it would not have been derived when it was.
    chosen = set(sorted((child for child in of if truth.least[child]), key=truth.rank.__getitem__)[:need])
    return tuple(child for child in of if child in chosen)


def why_not(truth: Truth, node: int) -> list[Failure]:
    """Why the node does not hold, from the node down to lost components, unmet constants and circles.

    Each false node appears once, before what it is explained by unless that leads back to it: then both are circular.
    Lost components have no entry. UsageError if the node holds.
    """
    if truth.least[node]:
        raise UsageError(f"{truth.rules.name(node)} holds, so nothing explains why it would not")
    failures: dict[int, Failure] = {}
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if current not in failures and truth.rules.strata[current] != COMPONENT:
            failures[current] = Failure(current, _breakers(truth, current), bool(truth.greatest[current]))
            waiting += reversed(failures[current].because)
    return list(failures.values())


def _breakers(truth: Truth, node: int) -> tuple[int, ...]:
    """Enough false children: those that fell first, then circular ones.

    What is false in the greatest reading is explained by children that fell before it, down to lost components. What is
    only circular needs at least one circular child; other false children are taken first.
    """
    need, of = truth.rules.gate(node)
    greatest, fall = truth.greatest, truth.fall
    fallen = [child for child in of if not greatest[child]]
    circular = [child for child in of if greatest[child] and not truth.least[child]] if greatest[node] else []
    enough = len(of) - need + 1
    chosen = set((sorted(fallen, key=fall.__getitem__) + circular)[: max(enough, 0)])
    return tuple(child for child in of if child in chosen)


def circles(truth: Truth, within: Collection[int] | None = None, *, through: int | None = None) -> list[list[int]]:
    """The circles of this scenario as paths `[a, b, …, a]`: a needs b, b needs …, and something there needs a.

    The graph: circular nodes (true in the greatest, false in the least reading), `within` them if given, and an edge
    x → y if y is a child of x's gate and both are circular. Per strongly connected set the shortest circle, found the
    same way every time (ties: the smaller names), beginning at its smallest name; with `through` only the shortest one
    that passes that node, beginning there. Circular nodes that lie on no circle only lead to one.
    """
    circular = truth.circular()
    nodes = circular if within is None else circular.intersection(within)
    edges = _edges(truth.rules, nodes)
    if through is not None:
        found = _shortest(edges, through, len(edges)) if through in edges else None
        return [found] if found else []
    order = sorted(nodes, key=truth.rules.names.__getitem__)
    groups = condense(order, edges.__getitem__, len(truth.rules))
    found_circles = [_shortest_of(edges, group, truth.rules.names) for group in groups if _is_cyclic(edges, group)]
    return sorted(found_circles, key=lambda path: [truth.rules.names[node] for node in path])


def _edges(rules: Rules, nodes: Collection[int]) -> dict[int, list[int]]:
    members = set(nodes)
    names = rules.names
    return {
        node: sorted((child for child in rules.children[node] if child in members), key=names.__getitem__)
        for node in sorted(members)
    }


def _is_cyclic(edges: Mapping[int, Sequence[int]], group: list[int]) -> bool:
    return len(group) > 1 or group[0] in edges[group[0]]


def _shortest_of(edges: Mapping[int, Sequence[int]], group: list[int], names: Sequence[str]) -> list[int]:
    """The shortest circle of a strongly connected set; the first found among equals, starts tried in name order."""
    best: list[int] | None = None
    for start in sorted(group, key=names.__getitem__):
        longest = len(best) - 2 if best else len(group)
        best = _shortest(edges, start, longest) or best
        if best and len(best) == 2:
            break
    return best or []


def _shortest(edges: Mapping[int, Sequence[int]], start: int, longest: int) -> list[int] | None:
    """The shortest circle through `start` with at most `longest` edges, breadth first; None if there is none."""
    came_from: dict[int, int] = {}
    level, steps = deque([start]), 1
    while level and steps <= longest:
        following: deque[int] = deque()
        for node in level:
            for child in edges[node]:
                if child == start:
                    return _path(came_from, start, node)
                if child not in came_from:
                    came_from[child] = node
                    following.append(child)
        level, steps = following, steps + 1
    return None


def _path(came_from: Mapping[int, int], start: int, last: int) -> list[int]:
    path = [start]
    node = last
    while node != start:
        path.append(node)
        node = came_from[node]
    path.append(start)
    return path[::-1]
