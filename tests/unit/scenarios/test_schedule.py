"""Schedules can be carried out: needs first, nobody in two places; never worse than one thing at a time."""

import random
from itertools import pairwise

from kedge.scenarios.order import NOW, Finish, recovery
from kedge.scenarios.ruleset import RuleSet
from kedge.scenarios.schedule import schedule
from kedge.scenarios.truth import solve
from tests.unit.scenarios.systems import random_rules

PEOPLE = ["anna", "ben", "chris"]


def random_case(seed, choices):
    rules, dice = random_rules(seed), random.Random(seed)
    durations = {node: dice.choice(choices) for node in rules.nodes()}
    plan = recovery(solve(rules, []), durations)
    who = {node: dice.sample(PEOPLE, k=dice.randint(0, 3)) for node in plan.finish}
    return plan, {node: people for node, people in who.items() if people}


def test_nobody_does_two_things_at_once_and_needs_come_first():
    for seed in range(500):
        plan, who = random_case(seed, [0, 1, 2, 5])
        made = schedule(plan, plan.finish, who)
        ends = {slot.step: slot.end for slot in made.slots}
        for slot in made.slots:
            assert slot.who in who.get(slot.step, [None])
            assert slot.end.hours == slot.start.hours + plan.durations[slot.step]
            assert all(ends[child] <= slot.start for child in plan.chosen[slot.step] if child in ends)
        for person in PEOPLE:
            mine = [slot for slot in made.slots if slot.who == person]
            assert all(one.end <= other.start for one, other in pairwise(mine))
        everything = sum(plan.durations[node] for node in plan.finish)
        assert max(plan.finish.values(), default=NOW) <= made.finish <= Finish(everything)


def test_without_people_it_is_the_plan_itself():
    for seed in range(300):
        plan, _ = random_case(seed, [0, 1, 2, None])
        assert schedule(plan, plan.finish, {}).finish.hours == max((f.hours for f in plan.finish.values()), default=0)


def test_one_person_does_one_thing_after_the_other_the_longest_chain_first():
    rules = RuleSet()
    mail, wiki, lists = (rules.node(f"back:{name}") for name in ("mail", "wiki", "lists"))
    rules.all(mail, [])
    rules.all(wiki, [])
    rules.all(lists, [mail])
    plan = recovery(solve(rules, []), {mail: 2, wiki: 3, lists: 2})
    alone = schedule(plan, [wiki, lists], {node: ["anna"] for node in (mail, wiki, lists)})
    assert [(slot.step, slot.start.hours) for slot in alone.slots] == [(mail, 0), (wiki, 2), (lists, 5)]
    assert alone.finish == Finish(7)
    both = schedule(plan, [wiki, lists], {mail: ["anna"], lists: ["anna"], wiki: ["anna", "ben"]})
    assert both.finish == Finish(4)
    assert {slot.step: slot.who for slot in both.slots} == {mail: "anna", lists: "anna", wiki: "ben"}


def test_an_unknown_duration_keeps_the_end_open():
    rules = RuleSet()
    mail = rules.node("back:mail")
    rules.all(mail, [])
    plan = recovery(solve(rules, []), {mail: None})
    assert schedule(plan, [mail], {mail: ["anna"]}).finish == Finish(0, True)
