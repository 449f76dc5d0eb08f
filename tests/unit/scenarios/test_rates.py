"""Expected downtime lies between its bounds and equals adding up every state of the world."""

import random
from itertools import product

import pytest

from kedge.scenarios.cuts import cut_sets
from kedge.scenarios.order import Finish
from kedge.scenarios.rates import HOURS_PER_YEAR, Rate, contributions, downtime
from kedge.scenarios.ruleset import RuleSet
from tests.unit.scenarios.systems import fixpoint, random_rules


def exact_hours(rules, node, rates):
    """The chance of every state in which the node is false, added up."""
    total = 0.0
    components = rules.components()
    for state in product([False, True], repeat=len(components)):
        lost = frozenset(c for c, is_lost in zip(components, state, strict=True) if is_lost)
        if not fixpoint(rules, lost, "least")[node]:
            chance = 1.0
            for component in components:
                chance *= rates[component].share if component in lost else 1 - rates[component].share
            total += chance
    return total * HOURS_PER_YEAR


def test_all_cut_sets_give_the_exact_downtime_and_fewer_give_bounds():
    for seed in range(60):
        rules, dice = random_rules(seed, components=7), random.Random(seed)
        rates = {c: Rate(dice.choice([0.1, 1, 20]), dice.choice([1, 48, 500])) for c in rules.components()}
        node = dice.choice(rules.nodes())
        expected = exact_hours(rules, node, rates)
        whole = downtime(cut_sets(rules, [node], 9)[node], rates)
        assert whole.at_least == pytest.approx(expected)
        assert whole.at_most == pytest.approx(expected)
        for order in (1, 2):
            part = downtime(cut_sets(rules, [node], order)[node], rates)
            assert part.at_least <= expected * (1 + 1e-9)
            assert part.at_most >= expected * (1 - 1e-9)
            assert part.unrated == frozenset()


def two_disks():
    rules = RuleSet()
    a, b, board = (rules.component(name) for name in ("disk a", "disk b", "board"))
    disks, host = rules.node("disks"), rules.node("host")
    rules.any(disks, [a, b])
    rules.all(host, [disks, board])
    return rules, cut_sets(rules, [host], 2)[host], (a, b, board)


def test_a_component_without_a_rate_leaves_only_a_lower_bound():
    _, answer, (a, b, board) = two_disks()
    found = downtime(answer, {a: Rate(1, 24), b: Rate(1, 24)})
    assert found.unrated == {board}
    assert found.at_most is None
    assert found.at_least == pytest.approx(24 / (HOURS_PER_YEAR + 24) * 24 / (1 + 24 / HOURS_PER_YEAR))


def test_contributions_come_costliest_first_and_can_use_the_plans_own_times():
    _, answer, (a, b, board) = two_disks()
    rates = {a: Rate(2, 24), b: Rate(2, 24), board: Rate(0.1, 48)}
    first, second = contributions(answer, rates)
    assert (first.cut, first.each.hours) == ((board,), pytest.approx(48))
    assert (second.cut, second.each.hours) == ((a, b), pytest.approx(12))
    assert first.per_year == pytest.approx(0.1, rel=1e-3)
    slow = contributions(answer, rates, lambda cut: Finish(5.0, len(cut) > 1))
    assert [(one.each.hours, one.each.is_open) for one in slow] == [(5.0, False), (5.0, True)]
    assert slow[0].hours_per_year == pytest.approx(0.5, rel=1e-3)


def test_what_is_false_whatever_happens_is_down_all_year():
    rules = RuleSet()
    answer = cut_sets(rules, [rules.never], 2)[rules.never]
    assert downtime(answer, {}).at_least == HOURS_PER_YEAR
    assert contributions(answer, {}) == []
