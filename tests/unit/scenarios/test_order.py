"""Earliest finishes equal iterating to the smallest solution; unknown durations stay unknown."""

import math
import random

from kedge.scenarios.order import Finish, recovery
from kedge.scenarios.ruleset import RuleSet
from kedge.scenarios.truth import solve
from tests.unit.scenarios.systems import COUNT, all_losses, random_rules


def slow_finishes(rules, truth, durations):
    """Earliest finishes by going round from "never" until nothing changes (durations are integers, so it ends)."""
    finish = dict.fromkeys(range(len(rules)), math.inf)
    for i in range(len(rules)):
        if truth.least[i] and (rules.is_component(i) or rules.is_greatest(i)):
            finish[i] = 0
    least = [i for i in rules.nodes() if not rules.is_greatest(i)]
    for _ in range(len(rules) + 1):
        for node in least:
            need, of = rules.gate(node)
            times = sorted(finish[child] for child in of)
            if need <= len(times):
                finish[node] = min(finish[node], (times[need - 1] if need else 0) + durations.get(node, 0))
    return finish


def test_finishes_are_the_earliest_possible():
    for seed in range(COUNT):
        rules, dice = random_rules(seed), random.Random(seed)
        truth = solve(rules, dice.choice(list(all_losses(rules, 9))))
        durations = {node: dice.randint(0, 5) for node in rules.nodes()}
        plan = recovery(truth, durations)
        expected = slow_finishes(rules, truth, durations)
        for node in rules.nodes():
            if rules.is_greatest(node):
                continue
            assert (plan.finish[node].hours if node in plan.finish else math.inf) == expected[node], seed
            assert (node in plan.finish) == bool(truth.least[node])


def test_a_plan_can_be_carried_out_in_its_order_and_its_critical_path_adds_up():
    for seed in range(COUNT):
        rules, dice = random_rules(seed), random.Random(seed)
        truth = solve(rules, dice.choice(list(all_losses(rules, 9))))
        durations = {node: dice.choice([None, 0, 1, 2]) for node in rules.nodes()}
        plan = recovery(truth, durations)
        for target in plan.finish:
            done = {i for i in range(len(rules)) if rules.strata[i] != 1 and truth.least[i]}
            for node in plan.order(target):
                assert set(plan.chosen[node]) <= done
                done.add(node)
                at_hand = sum(rules.strata[c] != 1 and truth.least[c] for c in rules.gate(node)[1])
                assert at_hand + len(plan.chosen[node]) >= rules.gate(node)[0]
            path = plan.critical(target)
            assert path[-1] == target
            assert sum(durations[node] or 0 for node in path) == plan.finish[target].hours
            assert plan.finish[target].is_open == bool(plan.unknown(target))
            stages = plan.stages([target])
            assert sorted(node for stage in stages for node in stage) == sorted(plan.steps(target))


def test_a_plan_for_some_targets_is_that_part_of_the_whole_plan():
    for seed in range(300):
        rules, dice = random_rules(seed), random.Random(seed)
        truth = solve(rules, dice.choice(list(all_losses(rules, 9))))
        durations = {node: dice.choice([None, 0, 1, 2]) for node in rules.nodes()}
        whole = recovery(truth, durations)
        for target in whole.finish:
            part = recovery(truth, durations, [target])
            assert part.order(target) == whole.order(target)
            assert part.critical(target) == whole.critical(target)
            assert all(part.finish[node] == whole.finish[node] for node in part.finish)


def example():
    rules = RuleSet()
    server = rules.component("server")
    mail, wiki, account = rules.node("back:mail"), rules.node("back:wiki"), rules.node("open:hoster")
    paper, reset = rules.node("way:paper"), rules.node("way:reset")
    rules.all(paper, [rules.component("envelope")])
    rules.all(reset, [mail])
    rules.any(account, [paper, reset])
    rules.any(mail, [server, account])
    rules.all(wiki, [account, mail])
    return rules, {"mail": mail, "wiki": wiki, "account": account, "paper": paper}


def test_the_critical_path_runs_through_what_takes_longest():
    rules, node = example()
    plan = recovery(solve(rules, [rules.id("server")]), {node["paper"]: 1.0, node["mail"]: 2.5, node["wiki"]: 4.0})
    assert plan.finish[node["wiki"]] == Finish(7.5)
    assert plan.critical(node["wiki"]) == [node["paper"], node["account"], node["mail"], node["wiki"]]
    assert plan.stages([node["wiki"]]) == [[node["paper"]], [node["mail"]], [node["wiki"]]]


def test_an_unknown_duration_is_carried_and_never_invented():
    rules, node = example()
    plan = recovery(solve(rules, [rules.id("server")]), {node["paper"]: 1.0, node["mail"]: None, node["wiki"]: 4.0})
    assert str(plan.finish[node["wiki"]]) == "at least 5 h"
    assert plan.unknown(node["wiki"]) == [node["mail"]]
    assert str(plan.finish[node["account"]]) == "1 h"
