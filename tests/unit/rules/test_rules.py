"""Each rule on an inventory that has its fault, and on the same one with the fault mended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kedge.model.facts import Fact
from kedge.model.finding import Finding, Severity
from kedge.rules.case import Case
from kedge.rules.judge import judge
from kedge.rules.registry import RULES
from tests.unit.rules.conftest import NOW, CaseOf

SOUND = """
    people:
      anna: {channels: [sms anna, mail anna@elsewhere.example]}
      ben: {channels: phone ben}
    providers:
      hoster: {sells: [web1], notices-to: mail anna@elsewhere.example, lead-time: 1d}
      other: {sells: [spare1, vault], notices-to: mail anna@elsewhere.example, lead-time: 1d}
    accounts:
      panel: {opens: hoster, held-by: [anna, ben]}
      second-panel: {opens: other, held-by: [anna, ben]}
    hosts:
      web1: {login: ssh web1, volumes: {root: {size: 40 GB, used: 20 GB}}, changed: 2026-11-01, last-boot: 2026-11-02}
      spare1: {login: ssh spare1, room: 100 GB}
      vault: {login: ssh vault}
    stores: {copies: {on: vault}}
    documents: {book: {covers: [wiki, mail], kept: paper}}
    services:
      wiki: {kind: mediawiki, host: web1, people: [anna, ben], save: copies}
      mail: {kind: postfix, host: web1, domains: club.example, people: [anna, ben], save: copies}
    alerts: {tell: [anna, ben]}
    """
DRILLS = tuple(
    Fact(name, "drill", "ok rpo=20h rto=1h", NOW - timedelta(days=3), "drilled") for name in ("wiki", "mail")
)


def findings(case: Case) -> dict[str, Finding]:
    return {finding.rule: finding for finding in judge(case, RULES.values()).findings}


def everything(case: Case) -> set[tuple[str, str]]:
    """Every rule and thing, as a finding or as a symptom."""
    found = judge(case, RULES.values()).findings
    return {(f.rule, f.thing) for f in found} | {(s.rule, s.thing) for f in found for s in f.symptoms}


def test_a_sound_club_has_no_finding(case_of: CaseOf) -> None:
    assert findings(case_of(SOUND, facts=DRILLS)) == {}


BOTH = "people: [anna, ben]"
FAULTS = [
    ("bk-none", "mail", f"domains: club.example, {BOTH}, save: copies", f"domains: club.example, {BOTH}, save: none"),
    ("spof", "web1", "spare1: {login: ssh spare1, room: 100 GB}", "spare1: {login: ssh spare1}"),
    ("bus-1", "wiki", f"host: web1, {BOTH}, save", "host: web1, people: [anna], save"),
    ("bus-1", "panel", "panel: {opens: hoster, held-by: [anna, ben]}", "panel: {opens: hoster, held-by: anna}"),
    ("coverage-gap", "anna", "tell: [anna, ben]", "tell: anna"),
    ("disk-limit", "web1", "used: 20 GB", "used: 38 GB"),
    ("disk-limit", "web1", "used: 20 GB", "used: 20 GB, growth: 1 GB/d"),
]


@pytest.mark.parametrize(("rule", "thing", "before", "after"), FAULTS)
def test_a_fault_is_found(case_of: CaseOf, rule: str, thing: str, before: str, after: str) -> None:
    text = SOUND.replace(before, after)
    assert text != SOUND
    assert (rule, thing) in everything(case_of(text, facts=DRILLS))


def test_untested_backups_are_one_finding(case_of: CaseOf) -> None:
    found = findings(case_of(SOUND))
    assert set(found) == {"bk-untested"}
    assert [symptom.thing for symptom in found["bk-untested"].symptoms] == ["mail"]
    assert found["bk-untested"].severity is Severity.WARNING


@pytest.mark.parametrize("value", ["failed: dump is empty", "", "okay"])
def test_only_a_successful_drill_counts(case_of: CaseOf, value: str) -> None:
    failed = tuple(Fact(fact.thing, "drill", value, fact.at) for fact in DRILLS)
    assert "bk-untested" in findings(case_of(SOUND, facts=failed))


def test_a_try_on_an_empty_debian_counts_where_that_is_declared(case_of: CaseOf) -> None:
    later = max(fact.at for fact in DRILLS) + timedelta(hours=1)
    lacks = Fact("wiki", "drill/empty", "failed the archive lacks bind9", later)
    empty = SOUND.replace("save: copies", "save: {to: copies, drill: {root: empty}}")
    assert "bk-untested" not in findings(case_of(SOUND, facts=(*DRILLS, lacks)))
    assert "bk-untested" not in findings(case_of(empty, facts=DRILLS))
    found = findings(case_of(empty, facts=(*DRILLS, lacks)))["bk-untested"]
    assert "wiki: the archive lacks bind9" in [why.en for why in found.why]
    again = tuple(
        Fact("wiki", what, "ok rpo=1h rto=1h", later + timedelta(hours=1)) for what in ("drill", "drill/empty")
    )
    assert "bk-untested" not in findings(case_of(empty, facts=(*DRILLS, lacks, *again)))


def test_a_drill_lapses(case_of: CaseOf) -> None:
    old = tuple(Fact(fact.thing, "drill", fact.value, NOW - timedelta(days=91)) for fact in DRILLS)
    assert "bk-untested" in findings(case_of(SOUND, facts=old))


LOOP = (
    SOUND.replace("[sms anna, mail anna@elsewhere.example]", "mail anna@club.example")
    .replace("phone ben", "mail ben@club.example")
    .replace("notices-to: mail anna@elsewhere.example", "notices-to: mail anna@club.example", 1)
    .replace("[spare1, vault], notices-to: mail anna@elsewhere.example", "[spare1, vault]")
)


def test_a_notice_loop_has_the_alert_loop_beneath_it(case_of: CaseOf) -> None:
    found = findings(case_of(LOOP, facts=DRILLS))
    loop = found["notice-loop"]
    assert loop.severity is Severity.CRITICAL
    assert loop.why[0].en == "hoster → mail anna@club.example → mail → web1"
    assert "alert-loop" in {symptom.rule for symptom in loop.symptoms}
    assert "alert-loop" not in found


def test_one_surviving_channel_breaks_the_loop(case_of: CaseOf) -> None:
    assert "notice-loop" not in findings(case_of(LOOP.replace("mail ben@club.example", "sms ben"), facts=DRILLS))


def test_people_reached_only_through_what_they_repair(case_of: CaseOf) -> None:
    text = LOOP.replace("notices-to: mail anna@club.example", "notices-to: []")
    assert "alert-loop" in findings(case_of(text, facts=DRILLS))


def test_the_way_in_needs_what_it_repairs(case_of: CaseOf) -> None:
    text = (
        SOUND.replace("web1: {login: ssh web1,", "web1: {")
        .replace("accounts:", "accounts:\n      root: {opens: [web1, spare1], held-by: [anna, ben], needs: {use: vpn}}")
        .replace("services:", "services:\n      vpn: {kind: other, host: web1, people: [anna, ben], save: none}")
    )
    found = findings(case_of(text, facts=DRILLS))
    assert found["circ-access"].thing == "root"


def test_a_planned_move_with_other_charset(case_of: CaseOf) -> None:
    moved = "move: wiki, to: spare1, when: 2026-12-01, charset: {from: latin1, to: utf8}"
    text = SOUND + f"changes: {{switch: {{{moved}}}}}\n"
    assert findings(case_of(text, facts=DRILLS))["mig-compat"].thing == "switch"
    rehearsed = text.replace("when: 2026-12-01", "when: 2026-12-01, rehearsed: yes")
    assert "mig-compat" not in findings(case_of(rehearsed, facts=DRILLS))


@pytest.mark.parametrize(
    ("change", "is_left"),
    [
        ("since: 2026-11-01", True),
        ("since: 2026-11-01, until: 2026-11-21", True),
        ("since: 2026-11-01, until: 2026-11-22", False),
        ("since: 2026-11-01, done: yes", False),
        ("when: 2026-11-01", True),
        ("when: 2026-12-01", False),
    ],
)
def test_emergency_measures_end(case_of: CaseOf, change: str, is_left: bool) -> None:
    text = SOUND + f"changes: {{detour: {{what: MX elsewhere, of: mail, {change}}}}}\n"
    assert ("change-left" in findings(case_of(text, facts=DRILLS))) is is_left


ZONE = SOUND + (
    "domains: {club.example: {registrar: hoster, nameservers: hoster, zone: {'@': MX 10 mail.club.example.}}}\n"
)


@pytest.mark.parametrize(
    ("seen", "drifted"),
    [("10 mail.club.example.", False), ("10  MAIL.club.example", False), ("10 other.example.", True), ("", True),
     ("10 mail.club.example.; 20 other.example.", True)],
)  # fmt: skip
def test_drift_comes_only_from_an_observation(case_of: CaseOf, seen: str, drifted: bool) -> None:
    fact = Fact("club.example", "rrset/@ MX", seen, NOW, "observed")
    assert ("dns-drift" in findings(case_of(ZONE, facts=(*DRILLS, fact)))) is drifted
    unseen = findings(case_of(ZONE, facts=DRILLS))
    assert "dns-drift" not in unseen
    assert any("club.example MX" in reason.en for reason in unseen["unverified"].why)


def test_a_machine_changed_after_its_last_start(case_of: CaseOf) -> None:
    text = SOUND.replace("last-boot: 2026-11-02", "last-boot: 2026-10-02")
    assert "boot-unproven" not in {rule for rule, _ in everything(case_of(text, facts=DRILLS))}, "a spare stands ready"
    alone = text.replace("room: 100 GB", "")
    assert ("boot-unproven", "web1") in everything(case_of(alone, facts=DRILLS))
    booted = Fact("web1", "boot", "yes", datetime(2026, 11, 20, tzinfo=UTC), "observed")
    assert ("boot-unproven", "web1") not in everything(case_of(alone, facts=(*DRILLS, booted)))


def test_all_unknowns_are_one_finding(case_of: CaseOf) -> None:
    text = SOUND.replace("save: copies}", "save: unknown}").replace("lead-time: 1d", "lead-time: unknown")
    found = [f for f in judge(case_of(text, facts=DRILLS), RULES.values()).findings if f.rule == "unverified"]
    assert len(found) == 1
    assert found[0].title.en.startswith("4 values")
    assert found[0].severity is Severity.NOTE


def test_a_measured_fill_is_carried_on_to_now(case_of: CaseOf) -> None:
    measured = Fact("web1", "used/root", "10 GB", NOW - timedelta(days=28), "observed")
    growing = Fact("web1", "growth/root", "1 GB/d", NOW - timedelta(days=28), "observed")
    found = findings(case_of(SOUND, facts=(*DRILLS, measured, growing)))
    assert found["disk-limit"].title.en == "web1: root is full in 2 days"


def test_accepted_findings_are_silent_until_their_day(case_of: CaseOf) -> None:
    text = SOUND + "accepted: [{rule: bk-untested, thing: wiki, why: no room yet, by: anna, until: 2026-12-01}]\n"
    verdict = judge(case_of(text), RULES.values())
    assert verdict.findings == ()
    assert [(finding.rule, accepted.by) for finding, accepted in verdict.accepted] == [("bk-untested", "anna")]
    later = judge(case_of(text, now=datetime(2026, 12, 2, tzinfo=UTC)), RULES.values())
    assert "bk-untested" in {finding.rule for finding in later.findings}


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_every_rule_speaks_both_languages(rule: object) -> None:
    for name in ("summary", "meaning", "decision", "remedy"):
        text = getattr(rule, name)
        assert text.en
        assert text.de
        assert text.en != text.de
