"""Derivations are well-founded and minimal, failures add up, circles are circular."""

import random
from itertools import pairwise

import pytest

from kedge.errors import UsageError
from kedge.scenarios.explain import circles, derivation, why_not
from kedge.scenarios.ruleset import RuleSet
from kedge.scenarios.truth import solve
from tests.unit.scenarios.systems import COUNT, all_losses, random_rules


def scenarios(count):
    for seed in range(count):
        rules = random_rules(seed)
        for lost in random.Random(seed).sample(list(all_losses(rules, 9)), k=2):
            yield rules, solve(rules, lost)


def follow(steps, facts):
    """What follows from the facts by the steps alone, each taken once, in their order."""
    known = set(facts)
    for step in steps:
        if known.issuperset(step.because):
            known.add(step.node)
    return known


def test_a_derivation_proves_its_node_from_facts_alone_and_wastes_nothing():
    for rules, truth in scenarios(COUNT):
        facts = {i for i in range(len(rules)) if truth.least[i] and (rules.is_component(i) or rules.is_greatest(i))}
        for node in rules.nodes():
            if not truth.least[node] or node in facts:
                continue
            steps = derivation(truth, node)
            assert steps[-1].node == node
            assert node in follow(steps, facts)
            used = {child for step in steps for child in step.because}
            assert {step.node for step in steps} <= used | {node}
            for step in steps:
                need, of = rules.gate(step.node)
                assert len(step.because) == need
                assert set(step.because) <= set(of)


def test_the_reasons_of_a_failure_are_false_and_suffice():
    for rules, truth in scenarios(COUNT):
        for node in rules.nodes():
            if truth.least[node]:
                continue
            failures = why_not(truth, node)
            assert failures[0].node == node
            explained = {failure.node for failure in failures}
            for failure in failures:
                need, of = rules.gate(failure.node)
                assert not any(truth.least[child] for child in failure.because)
                assert len(of) - len(failure.because) < need
                assert failure.is_circular == bool(truth.greatest[failure.node])
                missing = {child for child in failure.because if not rules.is_component(child)}
                assert missing <= explained
                assert all(child in truth.lost for child in failure.because if rules.is_component(child))
            fallen = [failure for failure in failures if not failure.is_circular]
            known = set(truth.lost)
            for failure in sorted(fallen, key=lambda failure: truth.fall[failure.node]):
                assert set(failure.because) <= known
                known.add(failure.node)


def test_circles_are_closed_paths_of_circular_nodes_and_every_circular_node_leads_to_one():
    seen = 0
    for rules, truth in scenarios(COUNT):
        circular = truth.circular()
        found = circles(truth)
        assert bool(found) == bool(circular)
        seen += len(found)
        for path in found:
            assert path[0] == path[-1]
            assert len(set(path)) == len(path) - 1
            assert set(path) <= circular
            assert all(b in rules.gate(a)[1] for a, b in pairwise(path))
            assert circles(truth, through=path[0])[0][0] == path[0]
            assert len(circles(truth, through=path[0])[0]) == len(path)
    assert seen > 100


def test_the_shortest_circle_is_told_and_it_can_be_asked_for_one_node():
    rules = RuleSet()
    a, b, c, d = (rules.node(name) for name in "abcd")
    rules.all(a, [b])
    rules.any(b, [c, d])
    rules.all(c, [a])
    rules.all(d, [b])
    truth = solve(rules, [])
    assert circles(truth) == [[b, d, b]]
    assert circles(truth, through=a) == [[a, b, c, a]]
    assert circles(truth, within=[a, b, c]) == [[a, b, c, a]]
    assert circles(truth, within=[a, c]) == []


def test_asking_why_something_holds_that_does_not_is_refused():
    rules = RuleSet()
    truth = solve(rules, [])
    with pytest.raises(UsageError):
        derivation(truth, rules.never)
    with pytest.raises(UsageError):
        why_not(truth, rules.always)
