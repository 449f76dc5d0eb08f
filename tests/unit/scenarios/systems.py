"""Random cyclic rule systems, and answers found the slow and obvious way."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from itertools import combinations

from kedge.scenarios.ruleset import Rules, RuleSet

COUNT = 10_000 if os.environ.get("KEDGE_THOROUGH") == "1" else 1_000


def random_rules(seed: int, components: int = 9) -> RuleSet:
    """Some components, some GREATEST and some LEAST nodes, gates of every kind, cycles welcome."""
    dice = random.Random(seed)
    rules = RuleSet()
    leaves = [rules.component(f"c{i}") for i in range(dice.randint(1, components))]
    greatest = [rules.node(f"up{i}", greatest=True) for i in range(dice.randint(0, 6))]
    least = [rules.node(f"back{i}") for i in range(dice.randint(0, 9))]
    constants = [rules.always, rules.never] if dice.random() < 0.3 else []
    for node in greatest + least:
        near = greatest if node in greatest else least
        pool = (leaves + greatest + constants) * (1 if node in greatest else 2) + near * dice.randint(1, 4)
        of = [dice.choice(pool) for _ in range(dice.randint(0 if dice.random() < 0.1 else 1, 5))]
        need = dice.choice([1, 1, len(of), len(of), dice.randint(0, len(of) + 1)])
        rules.define(node, need, of)
    rules.check()
    return rules


def fixpoint(rules: Rules, lost: frozenset[int], reading: str) -> list[bool]:
    """What holds, by going round until nothing changes: first the GREATEST stratum, then the LEAST one."""
    down = lost - rules.safe
    values = [rules.is_greatest(i) or (rules.is_component(i) and i not in down) for i in range(len(rules))]
    _settle(rules, values, [i for i in range(len(rules)) if rules.is_greatest(i)])
    least = [i for i in rules.nodes() if not rules.is_greatest(i)]
    for node in least:
        values[node] = reading == "greatest"
    _settle(rules, values, least)
    return values


def _settle(rules: Rules, values: list[bool], nodes: list[int]) -> None:
    changed = True
    while changed:
        changed = False
        for node in nodes:
            need, of = rules.gate(node)
            now = sum(values[child] for child in of) >= need
            changed |= now != values[node]
            values[node] = now


def all_losses(rules: Rules, most: int) -> Iterator[frozenset[int]]:
    for size in range(most + 1):
        yield from map(frozenset, combinations(rules.components(), size))


def minimal_cuts(rules: Rules, order: int, reading: str) -> dict[int, set[frozenset[int]]]:
    """Per id every minimal set of up to `order` losses that makes it false, by trying them all."""
    found: dict[int, set[frozenset[int]]] = {i: set() for i in range(len(rules))}
    for lost in all_losses(rules, order):
        values = fixpoint(rules, lost, reading)
        for i, holds in enumerate(values):
            if not holds and not any(cut <= lost for cut in found[i]):
                found[i].add(lost)
    return found
