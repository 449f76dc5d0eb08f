"""`kedge cuts`: of an inventory, of rules in a file, of fault trees; limits that are reached are said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.command import AUTUMN, SMALL_CLUB, Kedge

ON = ("-i", SMALL_CLUB, *AUTUMN)


@pytest.fixture
def rules(kedge: Kedge) -> Path:
    """The compiled rules of the small club."""
    file = kedge.home / "rules.txt"
    assert kedge("cuts", "--write", str(file), *ON).code == 0
    return file


def test_single_losses_of_a_service(kedge: Kedge) -> None:
    answer = kedge("cuts", "wiki", "--order", "1", *ON, "--json").json
    assert set(answer) == {"service", "of", "order", "cuts", "complete", "complete_to"}
    assert (answer["service"], answer["of"], answer["order"], answer["complete"]) == ("wiki", "up", 1, True)
    assert ["web1"] in answer["cuts"]
    assert all(len(cut) == 1 for cut in answer["cuts"])


def test_unnoticed_is_down_and_nobody_told(kedge: Kedge) -> None:
    """Mail alone takes nobody's wiki; with the wiki down as well, nobody hears of that."""
    cuts = kedge("cuts", "wiki", "--of", "told", *ON, "--json").json["cuts"]
    assert ["web1"] in cuts
    assert ["mail"] not in cuts
    assert ["mail", "wiki"] in cuts


@pytest.mark.parametrize("question", ["up", "back", "told"])
def test_compiled_rules_say_the_same(kedge: Kedge, rules: Path, question: str) -> None:
    here = kedge("cuts", "wiki", "--of", question, *ON, "--json").json
    there = kedge("cuts", "wiki", "--of", question, "--rules", str(rules), "--json").json
    assert there == here


def test_a_fault_tree_that_was_written_says_the_same(kedge: Kedge) -> None:
    file = kedge.home / "wiki.xml"
    assert "right to order 2" in kedge("cuts", "wiki", "--of", "back", "--write", str(file), *ON).err
    there = kedge("cuts", "--mef", str(file), "--json").json
    here = kedge("cuts", "wiki", "--of", "back", *ON, "--json").json
    assert sorted(map(sorted, there["cuts"])) == sorted(map(sorted, here["cuts"]))


def test_a_limit_that_is_reached_is_said(kedge: Kedge) -> None:
    """Four times forty alternatives: 2,560,000 sets of four, more than are listed."""
    groups = range(4)
    lines = ["rules 1"]
    lines += [f"component g{group}c{number}" for group in groups for number in range(40)]
    lines += [f"greatest g{group} = all {' '.join(f'g{group}c{n}' for n in range(40))}" for group in groups]
    lines += ["greatest single = all g0c0", "greatest either = any g0 g1 g2 g3", "greatest up:all = all single either"]
    file = kedge.home / "many.txt"
    file.write_text("\n".join(lines))
    answer = kedge("cuts", "all", "--order", "4", "--rules", str(file), "--json").json
    assert (answer["complete"], answer["complete_to"], answer["cuts"]) == (False, 3, [["g0c0"]])
    assert "not complete beyond order 3" in kedge("cuts", "all", "--order", "4", "--rules", str(file)).err
    assert kedge("cuts", "all", "--order", "3", "--rules", str(file), "--json").json["complete"]


def test_what_losses_cost_a_year(kedge: Kedge) -> None:
    """Two losses that nothing shares: q = 12 / 8778 and 24 / 8790 of the time, by hand."""
    rules, rates = kedge.home / "two.txt", kedge.home / "rates.txt"
    rules.write_text("rules 1\ncomponent disk\ncomponent power\ngreatest up:wiki = all disk power\n")
    rates.write_text("disk: 2/y 6h\npower: 1/y 1d   # since the new meter\n")
    answer = kedge("cuts", "wiki", "--order", "2", "--rules", str(rules), "--rates", str(rates), "--json").json
    disk, power = 12 / 8778, 24 / 8790
    time = answer["downtime"]
    assert time["at_least"] == pytest.approx(8766 * (disk + power - disk * power))
    assert time["at_most"] == pytest.approx(time["at_least"])
    assert [(one["cut"], one["hours"]) for one in time["contributions"]] == [(["power"], 24), (["disk"], 6)]
    assert "at most 35." in kedge("cuts", "wiki", "--rules", str(rules), "--rates", str(rates)).out


def test_rates_may_be_attested_beside_the_inventory(kedge: Kedge, small: Path) -> None:
    facts = "version: 1\nfacts: [{thing: web1, what: rate, value: 1/y 8h, at: 2026-11-01, by: anna}]\n"
    (small / "evidence.yaml").write_text(facts)
    out = kedge("cuts", "wiki", "-i", small, *AUTUMN).out
    assert "8.0 h a year at least, nothing bounds it from above" in out
    assert "without a rate" in out


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["cuts"], "cut sets of what?"),
        (["cuts", "web1"], "is not a service"),
        (["cuts", "--rules", str(SMALL_CLUB / "kedge.yaml"), "wiki"], "expected 'rules 1' in the first line"),
        (["cuts", "--mef", str(SMALL_CLUB / "kedge.yaml")], "not XML"),
        (["cuts", "wiki", "--rates", str(SMALL_CLUB / "kedge.yaml")], "expected 'COMPONENT: 2/y 6h'"),
    ],
)
def test_mistakes_say_what_was_expected(kedge: Kedge, argv: list[str], said: str) -> None:
    done = kedge(*argv, *(ON if "--mef" not in argv and "--rules" not in argv else ()))
    assert done.code == 2
    assert said in done.err
