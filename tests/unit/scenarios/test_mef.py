"""Open-PSA files: read as duals, refused with places, never crashing; written so that reading gives the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.errors import InventoryError
from kedge.scenarios.cuts import cut_sets
from kedge.scenarios.mef import read_mef
from kedge.scenarios.unrolling import unrolled, write_mef
from tests.unit.scenarios.systems import random_rules

TREE = """<?xml version="1.0"?>
<opsa-mef>
  <define-fault-tree name="plant">
    <define-gate name="top"><label>Hot</label><or><gate name="pumps"/><basic-event name="valve"/></or></define-gate>
    <define-gate name="pumps"><atleast min="2">
      <basic-event name="a"/><basic-event name="b"/><and><event name="c"/><house-event name="winter"/></and>
    </atleast></define-gate>
    <define-house-event name="winter"><constant value="true"/></define-house-event>
  </define-fault-tree>
  <model-data>
    <define-basic-event name="a"><float value="0.5"/></define-basic-event>
    <define-basic-event name="c"/>
  </model-data>
</opsa-mef>
"""


def names(rules, answer):
    return [[rules.name(i) for i in found] for found in answer.sets]


def test_a_tree_of_what_fails_becomes_rules_of_what_holds():
    tree = read_mef(TREE, "plant.xml")
    (top,) = tree.tops
    assert tree.rules.name(top) == "top"
    assert names(tree.rules, cut_sets(tree.rules, [top], 3)[top]) == [["valve"], ["a", "b"], ["a", "c"], ["b", "c"]]
    assert tree.probabilities == {tree.rules.id("a"): 0.5}


def mistakes(inside):
    with pytest.raises(InventoryError) as caught:
        read_mef(f'<opsa-mef><define-fault-tree name="t">\n{inside}\n</define-fault-tree></opsa-mef>', "t.xml")
    return [str(mistake) for mistake in caught.value.mistakes]


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        (
            '<define-gate name="g"><not><basic-event name="e"/></not></define-gate>',
            "t.xml:2:23: 'not' makes the tree not coherent; kedge reads and, or and atleast only",
        ),
        (
            '<define-gate name="g"><and><basic-event name="e"/><xor/></and></define-gate>',
            "t.xml:2:51: 'xor' makes the tree not coherent; kedge reads and, or and atleast only",
        ),
        ('<define-gate name="g"><gate name="h"/></define-gate>', "t.xml:2:23: gate 'h' is not defined"),
        ('<define-gate name="g"/>', "t.xml:2:1: gate 'g' needs one formula, has 0"),
        ('<define-gate name="g"><or/></define-gate>', "t.xml:2:23: or without anything in it"),
        ("<define-gate/>", "t.xml:2:1: define-gate needs a name"),
        ('<define-CCF-group name="c"/>', "t.xml:2:1: define-CCF-group is not read: only gates, basic events, house "),
        (
            '<define-gate name="g"><atleast min="3"><event name="e"/><basic-event name="f"/></atleast></define-gate>',
            "t.xml:2:23: atleast needs min between 1 and 2, found '3'",
        ),
        (
            '<define-basic-event name="e"><float value="often"/></define-basic-event>',
            "t.xml:2:30: expected a number as value",
        ),
        ('<define-basic-event name="e"/>\n<define-gate name="e"/>', "t.xml:3:1: 'e' is already taken"),
        (
            '<define-basic-event name="e"/><define-gate name="g"><gate name="e"/></define-gate>',
            "t.xml:2:53: 'e' is not a gate",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(inside, expected):
    assert mistakes(inside)[0].startswith(expected)


def test_entities_are_refused_before_they_can_grow():
    with pytest.raises(InventoryError, match="entity declarations are not read"):
        read_mef('<!DOCTYPE x [<!ENTITY a "aaaa">]><opsa-mef>&a;</opsa-mef>', "t.xml")


def test_a_formula_nested_without_end_is_refused():
    assert (
        "nested too deeply" in mistakes('<define-gate name="g">' + "<and>" * 500 + "</and>" * 500 + "</define-gate>")[0]
    )


def test_gates_may_refer_to_each_other_in_circles():
    text = """<opsa-mef><define-fault-tree name="t">
    <define-gate name="mail"><and><basic-event name="server"/><gate name="account"/></and></define-gate>
    <define-gate name="account"><and><gate name="mail"/><basic-event name="paper"/></and></define-gate>
    </define-fault-tree></opsa-mef>"""
    tree = read_mef(text, "t.xml")
    assert [tree.rules.name(top) for top in tree.tops] == ["mail", "account"]
    found = cut_sets(tree.rules, tree.tops, 2)
    assert [names(tree.rules, found[top]) for top in tree.tops] == [[["paper", "server"]], [["paper", "server"]]]


WORDS = [
    "<opsa-mef>",
    "</opsa-mef>",
    "<and>",
    "</and>",
    "<or/>",
    '<define-gate name="g">',
    "</define-gate>",
    "&x;",
    "<!--",
]


@given(st.one_of(st.text(st.characters()), st.binary(), st.lists(st.sampled_from(WORDS)).map("".join)))
def test_garbage_is_read_or_refused(text):
    try:
        read_mef(text, "t.xml")
    except InventoryError as error:
        found = error.mistakes
        assert found


@pytest.mark.parametrize("reading", ["least", "greatest"])
def test_unrolled_rules_have_the_cut_sets_of_the_cycles_also_after_a_file(reading):
    for seed in range(300):
        rules = random_rules(seed)
        targets = list(range(2, len(rules)))
        for order in (2, None):
            acyclic = unrolled(rules, targets, order, reading=reading)
            again = read_mef(write_mef(acyclic), "again.xml").rules
            most = order or 9
            expected = cut_sets(rules, targets, most, reading=reading)
            copies = cut_sets(acyclic.rules, acyclic.nodes.values(), most)
            read = cut_sets(again, [again.id(f"top{i}") for i in range(len(targets))], most)
            for number, target in enumerate(targets):
                wanted = names(rules, expected[target])
                assert names(acyclic.rules, copies[acyclic.nodes[target]]) == wanted
                assert names(again, read[again.id(f"top{number}")]) == wanted


def test_probabilities_survive_the_file():
    tree = read_mef(TREE, "plant.xml")
    text = write_mef(unrolled(tree.rules, tree.tops, 2), {"a": 0.5})
    again = read_mef(text, "again.xml")
    assert again.probabilities == {again.rules.id("a"): 0.5}
