"""Strongly connected sets of a graph, without recursion (Tarjan 1972)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence


def condense(roots: Iterable[int], children: Callable[[int], Sequence[int]], size: int) -> list[list[int]]:
    """The strongly connected sets reachable from `roots`, children first; ids are below `size`.

    Within a set the order is that of the search; for given roots and children the answer is always the same.
    """
    return _Search(children, size).run(roots)


class _Search:
    """Tarjan's search with its own stack. `low` is 0 for the unseen, and above every index once a set is complete."""

    def __init__(self, children: Callable[[int], Sequence[int]], size: int) -> None:
        self.children = children
        self.low = [0] * size
        self.done = size + 1
        self.found: list[list[int]] = []

    def run(self, roots: Iterable[int]) -> list[list[int]]:
        counter = 0
        for root in roots:
            if not self.low[root]:
                counter = self._from(root, counter)
        return self.found

    def _from(self, root: int, counter: int) -> int:
        low, open_nodes = self.low, [root]
        counter += 1
        low[root] = counter
        path = [(root, counter, iter(self.children(root)))]
        while path:
            node, index, rest = path[-1]
            for child in rest:
                if not low[child]:
                    counter += 1
                    low[child] = counter
                    open_nodes.append(child)
                    path.append((child, counter, iter(self.children(child))))
                    break
                if low[child] < low[node]:
                    low[node] = low[child]
            else:
                path.pop()
                if low[node] == index:
                    self._close(node, open_nodes)
                elif low[node] < low[path[-1][0]]:
                    low[path[-1][0]] = low[node]
        return counter

    def _close(self, node: int, open_nodes: list[int]) -> None:
        at = len(open_nodes) - 1
        while open_nodes[at] != node:
            at -= 1
        members = open_nodes[at:]
        del open_nodes[at:]
        for member in members:
            self.low[member] = self.done
        self.found.append(members)
