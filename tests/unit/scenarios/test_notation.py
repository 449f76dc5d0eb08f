"""The text form: round trips, every mistake with its place, never a crash."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.errors import InventoryError
from kedge.scenarios.notation import read_rules, write_rules
from kedge.scenarios.ruleset import RuleSet
from tests.unit.scenarios.systems import random_rules

WORDS = [
    "rules",
    "1",
    "component",
    "least",
    "greatest",
    "all",
    "any",
    "of",
    "2",
    "=",
    "a",
    "b",
    '"',
    "#",
    "\\",
    " ",
    "\n",
]


def same(one, other):
    return (one.names, bytes(one.strata), one.children, list(map(one.gate, range(len(one))))) == (
        other.names,
        bytes(other.strata),
        other.children,
        list(map(other.gate, range(len(other)))),
    )


def mistakes_in(text):
    try:
        read_rules(text, "x.rules")
    except InventoryError as error:
        return error.mistakes
    return ()


def test_random_rules_survive_the_round_trip_with_their_ids():
    for seed in range(300):
        rules = random_rules(seed)
        text = write_rules(rules)
        again = read_rules(text, "x.rules")
        assert same(rules, again)
        assert write_rules(again) == text


@given(st.lists(st.text(), unique=True, max_size=6))
def test_any_name_survives(names):
    rules = RuleSet()
    children = [rules.component(name) for name in names if name not in ("always", "never")]
    rules.any(rules.node("the node that is not among the names ⚓"), children)
    assert same(rules, read_rules(write_rules(rules), "x.rules"))


@given(st.one_of(st.text(), st.lists(st.sampled_from(WORDS)).map(lambda words: "rules 1\n" + " ".join(words))))
def test_garbage_is_read_or_refused_with_places(text):
    mistakes = mistakes_in(text)
    assert all(mistake.line >= 1 and mistake.column >= 1 and mistake.text for mistake in mistakes)


def test_every_mistake_is_told_at_once_with_its_place():
    text = """rules 1
component disk
component
nonsense disk
greatest up:wiki = all dsik back:wiki
least back:wiki = 2 of disk up:wiki
least disk = all
least x all disk
least y = most disk
component "half
greatest up:db = all back:wiki
"""
    with pytest.raises(InventoryError) as caught:
        read_rules(text, "x.rules")
    assert [str(mistake) for mistake in caught.value.mistakes] == [
        "x.rules:3:1: expected one name after component",
        "x.rules:4:1: expected component, least or greatest, found 'nonsense'",
        "x.rules:5:24: dsik is neither a component nor a node; did you mean 'disk'?",
        "x.rules:7:7: disk is already taken",
        "x.rules:8:9: expected 'least NAME = all|any|N of NAMES'",
        "x.rules:9:11: expected all, any or 'N of', found 'most'",
        'x.rules:10:11: "half is not a JSON string',
        "x.rules:11:22: a greatest node may not refer to back:wiki, a least one",
    ]


@pytest.mark.parametrize("text", ["", "# only a comment", "rules 2\n", "component a\n"])
def test_the_first_line_says_what_it_is(text):
    with pytest.raises(InventoryError):
        read_rules(text, "x.rules")


def test_comments_and_blank_lines_are_skipped():
    rules = read_rules(
        '# what breaks\n\nrules 1\ncomponent a # the disk\r\nleast x = any a "b c"\ncomponent "b c"\n', "x"
    )
    assert rules.gate(rules.id("x")) == (1, (rules.id("a"), rules.id("b c")))
