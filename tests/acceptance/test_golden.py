"""The two dated states of 2007: the whole answer of `kedge check --json`, and what the project promises about it.

A changed answer is renewed by one line, and its difference read before it is committed:

    KEDGE_RENEW_GOLDEN=1 script/test tests/acceptance/test_golden.py && git diff tests/acceptance/golden
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.command import STATE_5, STATE_10, Kedge

GOLDEN = Path(__file__).with_name("golden")
STATES = {"2007-01-05": STATE_5, "2007-01-10": STATE_10}


@pytest.fixture(scope="module", params=STATES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    kedge = Kedge(tmp_path_factory.mktemp("home"))
    return {name: kedge("check", path, "--json").json for name, path in STATES.items()}


@pytest.fixture
def evening(answers: dict[str, Any]) -> list[dict[str, Any]]:
    findings: list[dict[str, Any]] = answers["2007-01-05"]["findings"]
    return findings


@pytest.fixture
def after(answers: dict[str, Any]) -> list[dict[str, Any]]:
    findings: list[dict[str, Any]] = answers["2007-01-10"]["findings"]
    return findings


def is_said(findings: list[dict[str, Any]], rule: str, thing: str) -> int:
    """How often a rule says something about a thing: as a finding, or as a symptom of one."""
    said = Counter((f["rule"], f["thing"]) for f in findings)
    said.update((s["rule"], s["thing"]) for f in findings for s in f["symptoms"])
    return said[rule, thing]


def test_answer_is_the_golden_one(answers: dict[str, Any], name: str) -> None:
    text = json.dumps(answers[name], ensure_ascii=False, indent=2) + "\n"
    file = GOLDEN / f"{name}.json"
    if os.environ.get("KEDGE_RENEW_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert json.loads(text) == json.loads(file.read_text("utf-8")), "renew it: see the head of this file"


def test_findings_are_few(answers: dict[str, Any], name: str) -> None:
    assert len(answers[name]["findings"]) <= 12


def test_nothing_is_said_twice(answers: dict[str, Any], name: str) -> None:
    findings = answers[name]["findings"]
    said = Counter((f["rule"], f["thing"]) for f in findings)
    said.update((s["rule"], s["thing"]) for f in findings for s in f["symptoms"])
    assert [what for what, count in said.items() if count > 1] == []


def test_first_three_are_what_was_to_happen(evening: list[dict[str, Any]]) -> None:
    assert {f["rule"] for f in evening[:3]} == {"notice-loop", "bk-none", "disk-limit"}


def test_hosters_mail_goes_to_the_server_it_is_about(evening: list[dict[str, Any]]) -> None:
    finding = next(f for f in evening if f["rule"] == "notice-loop")
    path = " ".join(finding["why"])
    assert path.index("hetzner") < path.index("hoster-mail") < path.index("mail →") < path.index("hetzner-new")


def test_missing_backups_are_one_finding(evening: list[dict[str, Any]]) -> None:
    (finding,) = (f for f in evening if f["rule"] == "bk-none")
    covered = {finding["thing"], *(s["thing"] for s in finding["symptoms"] if s["rule"] == "bk-none")}
    assert {"mail", "wiki", "forum", "dns", "lists", "jabber", "tickets"} <= covered


def test_full_disk_names_the_time_left_and_the_room_beside_it(evening: list[dict[str, Any]]) -> None:
    (finding,) = (f for f in evening if f["rule"] == "disk-limit")
    said = " ".join([finding["title"], *finding["why"]])
    assert finding["thing"] == "hetzner-new"
    assert "2 days" in said
    assert "140 GB" in said


@pytest.mark.parametrize(
    ("rule", "thing"),
    [
        ("mig-compat", "move-wiki-and-forum"),
        ("spof", "hetzner-new"),
        ("spof", "hetzner-old"),
        ("bus-1", "dns"),
        ("boot-unproven", "hetzner-new"),
    ],
)
def test_lesser_causes_are_below_each_once(evening: list[dict[str, Any]], rule: str, thing: str) -> None:
    assert rule not in {f["rule"] for f in evening[:3]}
    assert is_said(evening, rule, thing) == 1


def test_what_nobody_looked_at_is_no_drift(answers: dict[str, Any], name: str) -> None:
    findings = answers[name]["findings"]
    assert not [f for f in findings if f["rule"] == "dns-drift"]
    assert not [s for f in findings for s in f["symptoms"] if s["rule"] == "dns-drift"]


@pytest.mark.parametrize("measure", ["mail-elsewhere", "hoster-address-private", "wiki-on-old-server"])
def test_emergency_measures_that_stayed(after: list[dict[str, Any]], measure: str) -> None:
    assert is_said(after, "change-left", measure) == 1


def test_unobserved_mail_route_is_named(after: list[dict[str, Any]]) -> None:
    (finding,) = (f for f in after if f["rule"] == "unverified")
    assert any("partei.example MX" in reason for reason in finding["why"])


def test_broken_loop_is_no_finding_any_more(after: list[dict[str, Any]]) -> None:
    """Since the crash the hoster writes to a private address."""
    assert not [f for f in after if f["rule"] == "notice-loop"]


def test_every_service_is_at_level_0(answers: dict[str, Any], name: str) -> None:
    assert set(answers[name]["levels"].values()) == {0}
