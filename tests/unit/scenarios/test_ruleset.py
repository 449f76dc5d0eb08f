"""Building rules: names, gates, strata, and what is refused."""

import pytest

from kedge.errors import Bug
from kedge.scenarios.ruleset import RuleSet


def test_names_are_created_once_and_can_be_used_before_their_gate():
    rules = RuleSet()
    disk, wiki = rules.component("disk"), rules.node("up:wiki", greatest=True)
    assert rules.component("disk") == disk
    assert rules.node("up:wiki") == wiki
    assert (rules.name(disk), rules.id("up:wiki")) == ("disk", wiki)
    assert (rules.is_component(disk), rules.is_greatest(wiki)) == (True, True)
    with pytest.raises(Bug, match="up:wiki is not defined"):
        rules.check()
    rules.all(wiki, [disk])
    rules.check()


def test_repeated_children_count_once():
    rules = RuleSet()
    a, b = rules.component("a"), rules.component("b")
    gates = {"and": (3, [a, b, a]), "or": (1, [a, a]), "two": (2, [a, a, b]), "always": (0, [a])}
    nodes = {name: rules.node(f"n {name}") for name in gates}
    for name, (need, of) in gates.items():
        rules.define(nodes[name], need, of)
    assert {name: rules.gate(node) for name, node in nodes.items()} == {
        "and": (2, (a, b)),
        "or": (1, (a,)),
        "two": (2, (a, b)),
        "always": (0, ()),
    }


def test_a_forward_reference_may_still_become_greatest():
    rules = RuleSet()
    node = rules.node("up:x")
    assert rules.node("up:x", greatest=True) == node
    assert rules.is_greatest(node)


@pytest.mark.parametrize(
    "mistake",
    [
        lambda rules: rules.component("node"),
        lambda rules: rules.node("part"),
        lambda rules: rules.node("node", greatest=True),
        lambda rules: rules.all(rules.id("node"), []),
        lambda rules: rules.all(rules.id("part"), []),
        lambda rules: rules.define(rules.node("new"), -1, []),
        lambda rules: rules.component("never"),
        lambda rules: rules.changed({rules.id("part"): (1, ())}),
        lambda rules: rules.changed({rules.id("up"): (1, (rules.id("node"),))}),
    ],
)
def test_contradictions_are_bugs(mistake):
    rules = RuleSet()
    rules.all(rules.node("node"), [rules.component("part")])
    rules.all(rules.node("up", greatest=True), [])
    with pytest.raises(Bug):
        mistake(rules)


def test_a_greatest_node_may_not_rest_on_a_least_one():
    rules = RuleSet()
    rules.all(rules.node("up:a", greatest=True), [rules.node("back:b")])
    rules.all(rules.node("back:b"), [])
    with pytest.raises(Bug, match=r"up:a \(greatest\) refers to back:b"):
        rules.check()


def test_a_changed_view_leaves_the_original_alone():
    rules = RuleSet()
    disk = rules.component("disk")
    node = rules.node("back:x")
    rules.all(node, [disk])
    view = rules.changed({node: (1, [disk, rules.always])}, without=[disk])
    assert (view.gate(node), view.safe, view.edited) == ((1, (disk, rules.always)), {disk}, {node})
    assert (rules.gate(node), rules.safe) == ((1, (disk,)), set())
