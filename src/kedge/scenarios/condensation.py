"""Strongly connected sets of a graph, without recursion (Tarjan 1972)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence


def condense(roots: Iterable[int], children: Callable[[int], Sequence[int]], size: int) -> Iterator[list[int]]:
    """The strongly connected sets reachable from `roots`, children first; ids are below `size`.

    Within a set the order is that of the search; for given roots and children the answer is always the same. `children`
    is asked once for each id, before its set is given.
    """
    low = [0] * size  # 0: not seen; above every index: its set is complete
    done = size + 1
    open_nodes: list[int] = []
    counter = 0
    for root in roots:
        if low[root]:
            continue
        counter += 1
        low[root] = counter
        open_nodes.append(root)
        path = [(root, counter, iter(children(root)))]
        while path:
            node, index, rest = path[-1]
            for child in rest:
                if not low[child]:
                    counter += 1
                    low[child] = counter
                    open_nodes.append(child)
                    path.append((child, counter, iter(children(child))))
                    break
                if low[child] < low[node]:
                    low[node] = low[child]
            else:
                path.pop()
                if low[node] == index:
                    members = _close(node, open_nodes)
                    for member in members:
                        low[member] = done
                    yield members
                elif low[node] < low[path[-1][0]]:
                    low[path[-1][0]] = low[node]


def _close(node: int, open_nodes: list[int]) -> list[int]:
    """Takes the set that ends with `node` off the stack."""
    at = len(open_nodes) - 1
    while open_nodes[at] != node:
        at -= 1
    members = open_nodes[at:]
    del open_nodes[at:]
    return members
