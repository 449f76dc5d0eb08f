"""In which order things come back and how long it takes at least: Knuth's generalisation of Dijkstra's algorithm.

Knuth, A generalization of Dijkstra's algorithm, Information Processing Letters 6 (1977). A gate is ready when `need` of
its children are: AND waits for the last, OR for the first, k of n for the k-th. Every step works at the same time as
every other, as if there were people enough; `schedule` takes people into account.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from kedge.scenarios.ruleset import LEAST
from kedge.scenarios.truth import Truth


class Finish(NamedTuple):
    """When something is back, in hours after the loss; `is_open`: at least that, for a duration is unknown."""

    hours: float
    is_open: bool = False

    def __str__(self) -> str:
        return f"{'at least ' if self.is_open else ''}{self.hours:g} h"


NOW = Finish(0.0)


def latest(finishes: Iterable[Finish]) -> Finish:
    """When all of these are done: at the latest of them, at least, if one of them may take longer than is known."""
    found = list(finishes)
    return Finish(max((each.hours for each in found), default=0.0), any(each.is_open for each in found))


@dataclass(frozen=True)
class Plan:
    """The fastest recovery. Only nodes that are true in the least reading have a finish.

    `finish` per node; `chosen` the children each node waits for, as they finish (the last one decides); `durations` as
    they were given. What still runs, and components, are there at once and have no entry.
    """

    finish: Mapping[int, Finish]
    chosen: Mapping[int, tuple[int, ...]]
    durations: Mapping[int, float | None]

    def order(self, target: int) -> list[int]:
        """Every node the target's recovery uses, in an order in which it can be carried out."""
        used, waiting = {target}, [target]
        while waiting:
            new = [child for child in self.chosen.get(waiting.pop(), ()) if child not in used]
            used.update(new)
            waiting += new
        return [node for node in self.finish if node in used]

    def critical(self, target: int) -> list[int]:
        """The chain of nodes that decides the target's finish, first to last; empty if it cannot come back."""
        path: list[int] = []
        node = target
        while node in self.finish:
            path.append(node)
            of = self.chosen[node]
            if not of:
                break
            node = of[-1]
        return path[::-1]

    def steps(self, target: int) -> list[int]:
        """The target's nodes that take time (known or not), in an order in which they can be carried out."""
        return [node for node in self.order(target) if self.durations.get(node, 0.0) != 0.0]

    def unknown(self, target: int) -> list[int]:
        """The target's steps whose duration nobody knows."""
        return [node for node in self.steps(target) if self.durations[node] is None]

    def stages(self, targets: Iterable[int]) -> list[list[int]]:
        """The steps of all targets in stages: each needs earlier stages only, one stage's steps go side by side."""
        used = {node for target in targets for node in self.order(target)}
        depth: dict[int, int] = {}
        stages: list[list[int]] = []
        for node in self.finish:
            if node not in used:
                continue
            before = max((depth.get(child, 0) for child in self.chosen[node]), default=0)
            takes_time = self.durations.get(node, 0.0) != 0.0
            depth[node] = before + takes_time
            if takes_time:
                if before == len(stages):
                    stages.append([])
                stages[before].append(node)
        return stages


def recovery(truth: Truth, durations: Mapping[int, float | None], targets: Iterable[int] | None = None) -> Plan:
    """The earliest finish of everything recoverable in this scenario, or of what `targets` may rest on.

    `durations` are hours per node, on top of what the node waits for; None is unknown and is carried, absent is 0.
    Unknown counts as at least nothing, so a finish that rests on one is a lower bound and says so.
    """
    rules, finish = truth.rules, dict[int, Finish]()
    done: dict[int, list[int]] = {}  # the children that are back, facts first, at most as many as needed
    ready: list[tuple[Finish, int, int]] = []

    def note(node: int) -> None:
        start = latest(finish[child] for child in done[node] if child in finish)
        takes = durations.get(node, 0.0)
        end = Finish(start.hours + (takes or 0.0), start.is_open or takes is None)
        heapq.heappush(ready, (end, truth.rank[node], node))

    for node in _recoverable(truth, targets):
        at_hand = [child for child in rules.children[node] if truth.least[child] and rules.strata[child] != LEAST]
        done[node] = at_hand[: rules.needs[node]]
        if len(done[node]) == rules.needs[node]:
            note(node)
    while ready:
        end, _, node = heapq.heappop(ready)
        finish[node] = end
        for parent in truth.solver.parents[node]:
            if parent in done and len(done[parent]) < rules.needs[parent]:
                done[parent].append(node)
                if len(done[parent]) == rules.needs[parent]:
                    note(parent)
    chosen = {node: tuple(child for child in done[node] if child in finish) for node in finish}
    return Plan(finish, chosen, dict(durations))


def _recoverable(truth: Truth, targets: Iterable[int] | None) -> list[int]:
    """LEAST nodes that are true, ascending: all, or those the targets refer to, directly or not."""
    least, strata, children = truth.least, truth.rules.strata, truth.rules.children
    if targets is None:
        return [node for node in range(len(truth.rules)) if least[node] and strata[node] == LEAST]
    found = {target for target in targets if least[target] and strata[target] == LEAST}
    waiting = list(found)
    while waiting:
        for child in children[waiting.pop()]:
            if least[child] and strata[child] == LEAST and child not in found:
                found.add(child)
                waiting.append(child)
    return sorted(found)
