"""What docs/scenarios.md derives by hand is what the engine says."""

from pathlib import Path

import pytest

from kedge.scenarios.cuts import cut_sets
from kedge.scenarios.explain import circles
from kedge.scenarios.notation import read_rules, write_rules
from kedge.scenarios.order import Finish
from kedge.scenarios.rates import Rate, contributions
from kedge.scenarios.ruleset import RuleSet
from kedge.scenarios.truth import solve

PAGE = (Path(__file__).parents[3] / "docs" / "scenarios.md").read_text(encoding="utf-8")


@pytest.fixture
def rules():
    text = PAGE.split("```\n")[1]
    made = read_rules(text, "docs/scenarios.md")
    assert write_rules(made) == text
    return made


def test_the_table_of_scenarios(rules):
    cycle = {"back:mail", "restore:mail", "open:hoster", "reset"}

    def readings(*lost):
        truth = solve(rules, map(rules.id, lost))
        nodes = [i for i in range(2, len(rules)) if not rules.is_component(i)]
        return [{rules.name(i) for i in nodes if values[i]} for values in (truth.least, truth.greatest)]

    assert readings("server") == [cycle | {"login"}, cycle | {"login"}]
    assert readings("paper") == [cycle | {"up:mail"}, cycle | {"up:mail"}]
    assert readings("server", "paper") == [set(), cycle]


def test_the_circle(rules):
    truth = solve(rules, [rules.id("server"), rules.id("paper")])
    path = circles(truth, through=rules.id("back:mail"))[0]
    assert " → ".join(map(rules.name, path)) in PAGE


def test_the_cut_sets(rules):
    answers = cut_sets(rules, range(len(rules)), 3)
    found = {rules.name(i): [[rules.name(c) for c in cut] for cut in answers[i].sets] for i in answers}
    assert found["up:mail"] == [["server"]]
    assert found["login"] == [["paper"]]
    for name in ("back:mail", "open:hoster", "restore:mail", "reset"):
        assert found[name] == [["paper", "server"]]


def test_the_system_another_engine_gets_wrong():
    made = read_rules(PAGE.split("```text\n")[1].split("```")[0], "docs/scenarios.md")
    answer = cut_sets(made, [made.id("top")], 4)[made.id("top")]
    assert [[made.name(c) for c in cut] for cut in answer.sets] == [["c0", "c1", "c2", "c3"]]
    assert solve(made, [made.id("c1"), made.id("c2"), made.id("c3")]).least[made.id("pair")]


def test_the_two_disks():
    rules = RuleSet()
    disks = rules.node("disks")
    rules.any(disks, [rules.component("a"), rules.component("b")])
    rate = Rate(2, 24)
    answer = cut_sets(rules, [disks], 2)[disks]
    (both,) = contributions(answer, dict.fromkeys(answer.sets[0], rate))
    assert round(rate.share, 5) == 0.00545
    assert (round(both.per_year, 4), both.each) == (0.0217, Finish(pytest.approx(12.0)))
    assert both.hours_per_year == pytest.approx(0.25, rel=0.05)
