"""One scenario equals going round until nothing changes; ranks and falls are orders one can rely on."""

import random

import pytest

from kedge.scenarios.losses import SingleLosses, single_losses
from kedge.scenarios.ruleset import RuleSet
from kedge.scenarios.truth import Solver, solve
from tests.unit.scenarios.systems import COUNT, all_losses, fixpoint, random_rules


@pytest.mark.parametrize("chunk", range(5))
def test_both_readings_equal_brute_force(chunk):
    for seed in range(chunk, COUNT, 5):
        rules, dice = random_rules(seed), random.Random(seed)
        losses = list(all_losses(rules, 9))
        solver = Solver(rules)
        nothing = fixpoint(rules, frozenset(), "least")
        for lost in dice.sample(losses, k=min(12, len(losses))):
            truth = solver.solve(lost)
            least, greatest = fixpoint(rules, lost, "least"), fixpoint(rules, lost, "greatest")
            assert list(map(bool, truth.least)) == least, seed
            assert list(map(bool, truth.greatest)) == greatest, seed
            assert truth.circular() == {i for i in range(len(rules)) if greatest[i] and not least[i]}
            assert sorted(truth.dropped) == [i for i in range(len(rules)) if nothing[i] and not least[i]]


def test_ranks_make_derivations_well_founded_and_falls_explain_what_fell():
    for seed in range(COUNT):
        rules = random_rules(seed)
        for lost in random.Random(seed).sample(list(all_losses(rules, 9)), k=2):
            check_orders(rules, solve(rules, lost))


def check_orders(rules, truth):
    """Enough true children of lower rank for what holds; enough that fell before for what does not."""
    for node in rules.nodes():
        need, of = rules.gate(node)
        if truth.least[node] and not rules.is_greatest(node):
            assert sum(truth.least[c] and truth.rank[c] < truth.rank[node] for c in of) >= need
        if not truth.greatest[node]:
            fallen = sum(not truth.greatest[c] and truth.fall[c] < truth.fall[node] for c in of)
            assert len(of) - fallen < need


def random_edit(rules, dice):
    """One or two other gates, in the stratum of the node, and one component that cannot be lost."""
    gates = {}
    for node in dice.sample(rules.nodes(), k=min(2, len(rules.nodes()))):
        pool = [i for i in range(len(rules)) if not rules.is_greatest(node) or rules.strata[i] != 1]
        of = dice.sample(pool, k=min(len(pool), dice.randint(1, 4)))
        gates[node] = (dice.randint(1, len(of)), of)
    return gates, dice.sample(rules.components(), k=1)


def test_a_changed_solver_answers_like_a_new_one():
    for seed in range(COUNT):
        rules, dice = random_rules(seed), random.Random(seed)
        solver = Solver(rules)
        for _ in range(2):
            gates, safe = random_edit(rules, dice)
            solver = solver.changed(gates, safe)
            fresh = Solver(solver.rules)
            for lost in dice.sample(list(all_losses(rules, 9)), k=2):
                one, other = solver.solve(lost), fresh.solve(lost)
                assert (one.least, one.greatest) == (other.least, other.greatest)
                assert one.circular() == other.circular()
                assert sorted(one.dropped) == sorted(other.dropped)
                check_orders(solver.rules, one)


def test_changed_single_losses_are_those_of_the_changed_rules():
    for seed in range(COUNT):
        rules, dice = random_rules(seed), random.Random(seed)
        for reading in ("least", "greatest"):
            table = SingleLosses(rules, reading=reading)
            for _ in range(2):
                gates, safe = random_edit(rules, dice)
                table = table.changed(gates, safe)
                assert table.losses == single_losses(table.rules, reading=reading)


def test_a_healthy_mutual_pair_stays_up_but_does_not_come_back_by_itself():
    rules = RuleSet()
    power = rules.component("power")
    up_a, up_b = rules.node("up:a", greatest=True), rules.node("up:b", greatest=True)
    rules.all(up_a, [up_b, power])
    rules.all(up_b, [up_a])
    cold_a, cold_b = rules.node("cold:a"), rules.node("cold:b")
    rules.all(cold_a, [cold_b, power])
    rules.all(cold_b, [cold_a])
    truth = solve(rules, [])
    assert truth.least[up_a]
    assert not truth.least[cold_a]
    assert truth.circular() == {cold_a, cold_b}


def test_components_regarded_as_safe_cannot_be_lost():
    rules = RuleSet()
    disk = rules.component("disk")
    node = rules.node("up:x", greatest=True)
    rules.all(node, [disk])
    assert not solve(rules, [disk]).least[node]
    assert solve(rules.changed({}, without=[disk]), [disk]).least[node]
