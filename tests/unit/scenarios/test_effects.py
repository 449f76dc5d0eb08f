"""What a change removes and adds, and which changes are worth suggesting."""

import random

from kedge.scenarios.cuts import CutFinder, cut_sets
from kedge.scenarios.effects import effect
from kedge.scenarios.ruleset import RuleSet
from tests.unit.scenarios.systems import random_rules


def club():
    rules = RuleSet()
    anna, ben, server = (rules.component(name) for name in ("anna", "ben", "server"))
    account = rules.node("open:hoster")
    rules.any(account, [anna])
    back = rules.node("back:mail")
    way = rules.node("way")
    rules.all(way, [account])
    rules.any(back, [server, way])
    return rules, {"anna": anna, "ben": ben, "server": server, "account": account, "back": back, "way": way}


def test_a_second_holder_removes_the_single_point_and_is_worth_it():
    rules, id = club()
    found = effect(CutFinder(rules, 2), [id["account"], id["back"]], {id["account"]: (1, [id["anna"], id["ben"]])})
    assert found.removed == {id["account"]: ((id["anna"],),), id["back"]: ((id["anna"], id["server"]),)}
    assert found.added == {id["account"]: ((id["anna"], id["ben"]),)}
    assert found.gain() == (0, 1, 0)
    assert found.gain({id["account"]: 0.0}) == (0, 0, 1)
    assert found.is_worthwhile


def test_another_holder_in_the_place_of_the_first_only_trades():
    rules, id = club()
    found = effect(CutFinder(rules, 2), [id["back"]], {id["account"]: (1, [id["ben"]])})
    assert found.removed == {id["back"]: ((id["anna"], id["server"]),)}
    assert found.added == {id["back"]: ((id["ben"], id["server"]),)}
    assert not found.is_worthwhile


def test_nothing_changes_nothing():
    rules, id = club()
    found = effect(CutFinder(rules, 2), [id["back"]], {id["way"]: rules.gate(id["way"])})
    assert (found.removed, found.added, found.is_worthwhile) == ({}, {}, False)


def test_a_safe_component_is_in_no_cut_set():
    rules, id = club()
    found = effect(CutFinder(rules, 2), [id["account"]], {}, without=[id["anna"]])
    assert found.removed == {id["account"]: ((id["anna"],),)}
    assert found.added == {}


def test_one_more_alternative_never_adds_a_cut_set_that_is_not_larger_than_one_it_removes():
    for seed in range(200):
        rules, dice = random_rules(seed), random.Random(seed)
        node = dice.choice(rules.nodes())
        need, of = rules.gate(node)
        allowed = [i for i in range(len(rules)) if not rules.is_greatest(node) or rules.strata[i] != 1]
        gates = {node: (min(need, 1), [*of, dice.choice(allowed)])} if need <= 1 else {node: (need - 1, of)}
        found = effect(CutFinder(rules, 3), range(len(rules)), gates)
        fresh = cut_sets(rules.changed(gates), range(len(rules)), 3)
        assert [found.after[i].sets for i in fresh] == [fresh[i].sets for i in fresh]
        for target, cuts in found.added.items():
            assert all(any(set(old) < set(new) for old in found.removed[target]) for new in cuts)
