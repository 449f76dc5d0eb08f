"""The agenda: what additions remove, counted again by trying every loss and every pair of losses."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from kedge.inventory import nodes
from kedge.inventory.compile import Compiled, compile_rules
from kedge.inventory.nodes import is_assumption, read_loss
from kedge.rules.additions import Addition, Ground, carried_out
from kedge.rules.case import Case
from kedge.rules.suggest import Count, Counts, Suggestion, all_additions, counts, is_worthwhile, suggest
from kedge.scenarios.truth import Solver
from tests.unit.rules.conftest import CaseOf
from tests.unit.rules.test_any_inventory import case_of as case_of_data
from tests.unit.rules.test_any_inventory import inventories

CLUB = """
    people:
      anna: {channels: mail anna@club.example}
      ben: {channels: sms ben}
    providers:
      hoster: {sells: web1, notices-to: mail anna@club.example}
      registrar: {sells: club.example}
    accounts:
      panel: {opens: hoster, held-by: anna, factors: token}
      domains: {opens: [registrar, club.example], held-by: [anna, ben]}
    secrets:
      token: {kept: anna}
    hosts:
      web1: {login: ssh web1}
    documents:
      book: {covers: [wiki, mail], kept: paper}
    services:
      wiki: {kind: mediawiki, host: web1, people: anna, save: none, domains: wiki.club.example}
      mail: {kind: postfix, host: web1, domains: club.example, people: anna, save: none}
    domains:
      club.example: {registrar: registrar, nameservers: registrar}
    """


def said(found: Sequence[Suggestion]) -> list[str]:
    return [each.what.en for each in found]


def by_trying(case: Case, compiled: Compiled) -> Counts:
    """The same counts, from one scenario after the other: a set counts if no smaller one within it does it already."""
    solver = Solver(compiled.rules)
    losses = [c for c in compiled.rules.components() if not is_assumption(compiled.rules.name(c))]
    tried = [(), *combinations(losses, 1), *combinations(losses, 2)]
    cuts: dict[str, dict[str, set[tuple[int, ...]]]] = {q: {} for q in ("unrecoverable", "unnoticed", "down")}
    for lost in tried:
        least = solver.solve(lost).least
        for name in case.sections.services:
            up, back, told = (least[compiled.node(a, name)] for a in (nodes.UP, nodes.BACK, nodes.TOLD))
            for question, is_so in (("unrecoverable", not back), ("unnoticed", not (up or told)), ("down", not up)):
                known = cuts[question].setdefault(name, set())
                if is_so and not any(set(cut) <= set(lost) for cut in known):
                    known.add(lost)

    def count(question: str, sizes: set[int]) -> int:
        return sum(len(cut) in sizes for of in cuts[question].values() for cut in of)

    return {question: Count(count(question, {0, 1}), count(question, {2})) for question in cuts}  # type: ignore[misc]


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(inventories())
def test_counts_and_order_equal_brute_force(declared: dict[str, Any]) -> None:
    case = case_of_data(declared)
    inventory, original = case.inventory, frozenset(case.inventory.things)
    for number, each in enumerate(suggest(case, 2).items):
        compiled = compile_rules(inventory, case.now)
        assert by_trying(case, compiled) == each.before
        others = all_additions(Ground(compiled, original))
        inventory = carried_out(inventory, each.addition)
        assert by_trying(case, compile_rules(inventory, case.now)) == each.after
        assert is_worthwhile(each.before, each.after)
        if number == 0:
            assert each.gain == max(gain_of(case, compiled, other) for other in others)


def gain_of(case: Case, compiled: Compiled, addition: Addition) -> tuple[float, ...]:
    """What one addition alone removes; nothing if it is not worthwhile."""
    before = counts(case, compile_rules(compiled.inventory, case.now))
    after = counts(case, compile_rules(carried_out(compiled.inventory, addition), case.now))
    return Suggestion(addition, before, after).gain if is_worthwhile(before, after) else ()


def test_the_agenda_of_a_small_club(case_of: CaseOf) -> None:
    case = case_of(CLUB)
    found = suggest(case)
    assert said(found.items)[:3] == [
        "Make ben the second person for everything, with access to panel",
        "Save everything at another provider (append-only, passphrase also on paper)",
        "Rent a spare for web1 at another provider, with room for what runs there",
    ]
    assert {loss.thing for loss in found.left} == {"club.example", "registrar"}


@pytest.mark.parametrize("most", [1, 8])
def test_everything_was_tried_once_at_first(case_of: CaseOf, most: int) -> None:
    case = case_of(CLUB)
    found = suggest(case, most)
    additions = all_additions(Ground(case.compiled, frozenset(case.inventory.things)))
    assert found.tried == found.possible == len(additions)
    assert found.is_complete


def test_each_counts_on_top_of_those_before(case_of: CaseOf) -> None:
    found = suggest(case_of(CLUB)).items
    assert [each.before for each in found[1:]] == [each.after for each in found[:-1]]


def test_a_second_copy_is_a_store_that_can_be_lost(case_of: CaseOf) -> None:
    case = case_of(CLUB)
    copied = next(each.addition for each in suggest(case).items if "another-store" in each.addition.things)
    compiled = compile_rules(carried_out(case.inventory, copied), case.now)
    solver, back = Solver(compiled.rules), compiled.node(nodes.BACK, "wiki")

    def is_back(*lost: str) -> bool:
        return bool(solver.solve(compiled.components(map(read_loss, lost))).least[back])

    provider = next(name for name in copied.things if name.startswith("another-provider"))
    assert not case.solve([read_loss("wiki:emptied")]).least[case.compiled.node(nodes.BACK, "wiki")]
    assert is_back("wiki:emptied")
    assert not is_back("wiki:emptied", provider)
    assert not is_back("wiki:emptied", "another-store-passphrase")
    assert is_back("wiki:emptied", "another-drawer")


def test_a_second_holder_gets_what_the_login_asks_for(case_of: CaseOf) -> None:
    case = case_of(CLUB)
    additions = all_additions(Ground(case.compiled, frozenset(case.inventory.things)))
    (second,) = (each for each in additions if each.what.en == "Give ben access to panel as well")
    compiled = compile_rules(carried_out(case.inventory, second), case.now)
    least = Solver(compiled.rules).solve(compiled.components([read_loss("anna")])).least
    assert least[compiled.node(nodes.OPEN, "panel")]


@pytest.mark.parametrize(
    ("before", "after", "is_worth_it"),
    [
        ((3, 5), (3, 5), False),
        ((3, 5), (2, 90), True),
        ((3, 5), (3, 4), True),
        ((3, 5), (3, 6), False),
        ((3, 5), (4, 0), False),
    ],
)
def test_what_only_trades_is_not_worthwhile(before: tuple[int, int], after: tuple[int, int], is_worth_it: bool) -> None:
    def made(single: int, pairs: int) -> Counts:
        same = Count(7, 7, (7.0, 7.0))
        return {"unrecoverable": Count(single, pairs, (single, pairs)), "unnoticed": same, "down": same}

    assert is_worthwhile(made(*before), made(*after)) is is_worth_it


def test_a_single_point_of_another_kind_is_no_price_to_pay() -> None:
    none, one, two = Count(), Count(1, 0, (1.0, 0.0)), Count(2, 0, (2.0, 0.0))
    assert not is_worthwhile(
        {"unrecoverable": two, "unnoticed": none, "down": none}, {"unrecoverable": none, "unnoticed": none, "down": one}
    )


def test_nothing_to_say_where_nothing_runs(case_of: CaseOf) -> None:
    found = suggest(case_of("people: {anna: {channels: sms anna}}"))
    assert (found.items, found.left, found.is_complete) == ((), (), True)


def test_a_large_inventory_says_what_was_not_tried(case_of: CaseOf) -> None:
    secrets = "".join(f"\n      key{number}: {{kept: anna}}" for number in range(20))
    case = case_of(CLUB.replace("      token: {kept: anna}", f"      token: {{kept: anna}}{secrets}"))
    found = suggest(case, work=100)
    assert found.tried < found.possible
    assert not found.is_complete
    assert suggest(case).is_complete
