"""Cut sets equal brute force on random cyclic systems, in every reading and order."""

import random

import pytest

from kedge.errors import UsageError
from kedge.scenarios.cuts import CutFinder, cut_sets
from kedge.scenarios.losses import single_losses
from kedge.scenarios.ruleset import RuleSet
from tests.unit.scenarios.systems import COUNT, minimal_cuts, random_rules

ORDER = 4


def as_read(seed, reading):
    """A random system; for a cold start with nothing up."""
    rules = random_rules(seed)
    if reading != "cold":
        return rules, reading
    nothing_up = {node: (1, ()) for node in rules.nodes() if rules.is_greatest(node) and node != rules.always}
    return rules.changed(nothing_up), "least"


@pytest.mark.parametrize("question", ["least", "greatest", "cold"])
@pytest.mark.parametrize("chunk", range(10))
def test_every_order_equals_brute_force(question, chunk):
    for seed in range(chunk, COUNT, 10):
        rules, reading = as_read(seed, question)
        expected = minimal_cuts(rules, ORDER, reading)
        singles = single_losses(rules, reading=reading)
        for order in range(1, ORDER + 1):
            answers = cut_sets(rules, range(len(rules)), order, reading=reading)
            for node, answer in answers.items():
                wanted = {cut for cut in expected[node] if len(cut) <= order}
                assert set(map(frozenset, answer.sets)) == wanted, (seed, order, rules.name(node))
                assert answer.complete
                assert answer.counted == len(answer.sets) == len(wanted)
        for node, alone in enumerate(singles):
            wanted = {cut for cut in expected[node] if len(cut) <= 1}
            assert (wanted == {frozenset()}) if alone is None else ({frozenset({c}) for c in alone} == wanted)


def test_asking_for_some_targets_gives_the_same_as_asking_for_all():
    for seed in range(200):
        rules = random_rules(seed)
        everything = cut_sets(rules, range(len(rules)), 3)
        some = random.Random(seed).sample(range(len(rules)), k=2)
        for node, answer in cut_sets(rules, some, 3).items():
            assert answer.sets == everything[node].sets


def test_changed_rules_answer_like_rules_written_that_way():
    for seed in range(200):
        rules, dice = random_rules(seed), random.Random(seed)
        nodes = [i for i in rules.nodes() if not rules.is_greatest(i)]
        gates = {node: (1, dice.sample(range(len(rules)), k=2)) for node in nodes[:2]}
        safe = rules.components()[:1]
        view = rules.changed(gates, without=safe)
        for reading in ("least", "greatest"):
            expected = minimal_cuts(view, 2, reading)
            answers = cut_sets(view, range(len(view)), 2, reading=reading)
            assert {i: set(map(frozenset, answers[i].sets)) for i in answers if i not in safe} == {
                i: cuts for i, cuts in expected.items() if i not in safe
            }
        assert rules.gate(nodes[0]) == random_rules(seed).gate(nodes[0]) if nodes else True


def test_a_finder_that_was_used_before_answers_edits_like_a_new_one():
    for seed in range(200):
        rules, dice = random_rules(seed), random.Random(seed)
        nodes = [i for i in rules.nodes() if not rules.is_greatest(i)]
        finder = CutFinder(rules, 3)
        finder.cut_sets(dice.sample(range(len(rules)), k=2))
        for _ in range(3):
            gates = {node: (1, dice.sample(range(len(rules)), k=2)) for node in nodes[:1]}
            safe = dice.sample(rules.components(), k=1)
            again = finder.changed(gates, without=safe).cut_sets(range(len(rules)))
            fresh = cut_sets(rules.changed(gates, without=safe), range(len(rules)), 3)
            assert [again[i].sets for i in again] == [fresh[i].sets for i in again]


def by_name(finder: CutFinder, names: list[str]) -> dict[str, list[tuple[str, ...]]]:
    rules = finder.rules
    found = finder.cut_sets([rules.id(name) for name in names])
    return {rules.name(i): [tuple(map(rules.name, each)) for each in answer.sets] for i, answer in found.items()}


def test_rules_compiled_anew_are_answered_like_by_a_new_finder():
    for seed in range(300):
        dice, finder = random.Random(seed), CutFinder(random_rules(seed), 3)
        finder.cut_sets(dice.sample(range(len(finder.rules)), k=2))
        for other in (seed + 1, seed + 2, seed):
            rules = random_rules(other)
            finder = finder.renewed(rules)
            names = dice.sample(rules.names, k=dice.randint(1, len(rules.names)))
            assert by_name(finder, names) == by_name(CutFinder(rules, 3), names)
            finder = finder.changed({}, without=dice.sample(finder.rules.components(), k=1))


def test_only_what_an_edit_reaches_is_found_anew():
    rules = random_rules(7)
    finder = CutFinder(rules, 3)
    finder.cut_sets(range(len(rules)))
    assert finder.renewed(random_rules(7)).families == finder.families


def test_a_computation_over_its_work_is_answered_to_a_lower_order_and_says_so():
    short = 0
    for seed in range(300):
        rules = random_rules(seed)
        exact = {order: cut_sets(rules, range(len(rules)), order) for order in (1, 2, 3)}
        for node, answer in cut_sets(rules, range(len(rules)), 3, work=3).items():
            assert answer.sets == exact[answer.order][node].sets
            assert answer.complete == (answer.order == 3)
            short += not answer.complete
    assert short > 100


def test_sets_are_listed_by_size_then_name():
    rules = RuleSet()
    b, a, d, c = (rules.component(name) for name in "badc")
    node = rules.node("x")
    pair, other = rules.node("pair"), rules.node("other")
    rules.any(pair, [c, b])
    rules.any(other, [d, b])
    rules.all(node, [pair, other, a])
    assert [[rules.name(i) for i in cut] for cut in cut_sets(rules, [node], 2)[node].sets] == [
        ["a"],
        ["b", "c"],
        ["b", "d"],
    ]


def test_a_family_over_the_budget_is_answered_to_a_lower_order_and_says_so():
    rules = RuleSet()
    sides = []
    for side in ("left", "right"):
        node = rules.node(side)
        rules.all(node, [rules.component(f"{side}{i}") for i in range(10)])
        sides.append(node)
    both, top = rules.node("both"), rules.node("top")
    rules.any(both, sides)
    rules.all(top, [both, rules.component("alone")])
    whole = cut_sets(rules, [top, sides[0]], 2)
    assert (whole[top].complete, whole[top].counted) == (True, 101)
    short = cut_sets(rules, [top, sides[0]], 2, budget=50)
    assert (short[top].complete, short[top].order) == (False, 1)
    assert [[rules.name(i) for i in cut] for cut in short[top].sets] == [["alone"]]
    assert (short[sides[0]].complete, short[sides[0]].counted) == (True, 10)


def test_an_answer_cut_by_the_budget_is_right_to_the_order_it_names():
    for seed in range(300):
        rules = random_rules(seed)
        exact = {order: cut_sets(rules, range(len(rules)), order) for order in (1, 2, 3)}
        for node, answer in cut_sets(rules, range(len(rules)), 3, budget=3).items():
            assert answer.sets == exact[answer.order][node].sets
            assert answer.complete == (answer.order == 3)


def test_an_order_below_one_is_refused():
    with pytest.raises(UsageError):
        cut_sets(RuleSet(), [0], 0)
