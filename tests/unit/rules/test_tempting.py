"""Each rule stays quiet where a hasty one would speak: a good case, and the same without what makes it good."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kedge.model.facts import Fact
from kedge.rules.registry import RULES
from tests.unit.rules.conftest import NOW, CaseOf
from tests.unit.rules.test_catalogue import changed
from tests.unit.rules.test_rules import DRILLS, LOOP, SOUND, everything

Edit = tuple[str, str]
GONE = ("people:\n", "people:\n      carl: {channels: sms carl, left: 2026-01-01}\n")
PAGE = ("services:", "services:\n      page: {kind: http, host: vault, people: [anna, ben], reports-on: wiki}")
KEY = (
    "stores: {copies: {on: vault}}",
    "stores: {copies: {on: vault, passphrase: key}}\n    secrets: {key: {kept: [wiki, paper]}}",
)
VPN = (
    ("web1: {login: ssh web1,", "web1: {"),
    ("spare1: {login: ssh spare1,", "spare1: {"),
    ("accounts:", "accounts:\n      root: {opens: [web1, spare1], held-by: [anna, ben], needs: {use: vpn}}"
        "\n      rescue: {opens: [web1, spare1], held-by: [anna, ben]}"),
    ("services:", "services:\n      vpn: {kind: other, host: web1, people: [anna, ben], save: none}"),
)  # fmt: skip
OWN_DNS = (
    ("alerts:", "domains: {club.example: {registrar: hoster, nameservers: [dns, other]}}\n    alerts:"),
    ("services:", "services:\n      dns: {kind: bind, host: web1, people: [anna, ben], save: copies}"),
    ("panel: {opens: hoster, held-by: [anna, ben]}",
        "panel: {opens: [hoster, club.example], held-by: [], reset-by: mail it@club.example}"),
    ("second-panel: {opens: other,", "second-panel: {opens: [other, club.example],"),
)  # fmt: skip
DEPLOY = (
    ("wiki: {kind: mediawiki,", "wiki: {kind: mediawiki, needs: {recover: [{any: [deploy, book]}]},"),
    ("services:", "services:\n      deploy: {kind: other, host: web1, people: [anna, ben], save: copies}"),
)
PAIR = (
    ("services:", "services:\n      left: {kind: http, host: web1, people: [anna, ben], needs: {use: right}}\n"
        "      right: {kind: http, host: web1, people: [anna, ben], needs: {run: left}}"),
)  # fmt: skip
BRANCHES = (
    ("services:", "services:\n      a: {kind: http, host: web1, people: [anna, ben]}\n"
        "      b: {kind: http, host: vault, people: [anna, ben]}\n"
        "      both: {kind: http, host: spare1, people: [anna, ben], needs: [{any: [a, b]}]}"),
)  # fmt: skip

GOOD: list[tuple[str, tuple[Edit, ...], Edit]] = [
    ("circ-status", (PAGE,), ("page: {kind: http, host: vault", "page: {kind: http, host: web1")),
    ("circ-secret", (KEY,), ("kept: [wiki, paper]", "kept: wiki")),
    ("circ-access", VPN, ("rescue: {opens: [web1, spare1],", "rescue: {opens: [],")),
    ("circ-tooling", DEPLOY, ("[{any: [deploy, book]}]", "[deploy]")),
    ("cold-start", PAIR, ("needs: {use: right}", "needs: {start: right}")),
    ("bus-1", (("panel: {opens: hoster, held-by: [anna, ben]}", "panel: {opens: hoster, held-by: anna}\n      other-panel: {opens: hoster, held-by: ben}"),),
        ("other-panel: {opens: hoster, held-by: ben}", "other-panel: {opens: hoster, held-by: anna}")),
    ("coverage-gap", (("tell: [anna, ben]", "tell: anna, escalate: [{who: ben, after: 1 h}]"),), ("who: ben", "who: anna")),
    ("stale-access", (GONE, ("held-by: [anna, ben]}", "held-by: [anna, ben], known-to: carl}")), ("held-by: [anna, ben], known-to: carl", "held-by: [anna, ben, carl]")),
    ("stale-access", (("panel: {opens: hoster,", "panel: {opens: hoster, factors: [pin, token], can-remove-holders: yes,"),
        ("documents:", "secrets: {pin: {kept: [anna, ben]}, token: {kept: [anna, ben]}}\n    documents:")), ("[pin, token]", "pin")),
    ("ownership", (GONE, ("lead-time: 1d}", "lead-time: 1d, contract: [carl, anna]}")), ("[carl, anna]", "carl")),
    ("payment", (("lead-time: 1d}", "lead-time: 1d, paid-with: {what: a card, until: 2027-02-01}}"),), ("2027-02-01", "2027-01-01")),
    ("bk-none", (("wiki: {kind: mediawiki, host: web1, people: [anna, ben], save: copies}", "wiki: {kind: mediawiki, host: web1, people: [anna, ben], keeps-data: no, save: none}"),),
        ("keeps-data: no, ", "")),
    ("bk-colocated", (("stores: {copies: {on: vault}}", "stores: {beside: {on: web1}, copies: {on: vault}}"), ("people: [anna, ben], save: copies}\n      mail", "people: [anna, ben], save: [beside, copies]}\n      mail")),
        ("[beside, copies]", "[beside]")),
    ("bk-mirror", (("stores: {copies: {on: vault}}", "stores: {mirror: {on: vault, follows: wiki}, copies: {on: vault}}"), ("people: [anna, ben], save: copies}\n      mail", "people: [anna, ben], save: [mirror, copies]}\n      mail")),
        ("[mirror, copies]", "[mirror]")),
    ("bk-deletable", (("stores: {copies: {on: vault}}", "stores: {copies: {on: vault, deletable-by: panel, append-only: yes}}"), ("panel: {opens: hoster,", "panel: {opens: hoster, can-delete: wiki,")),
        (", append-only: yes", "")),
    ("rto-gap", (("people: [anna, ben], save: copies}\n      mail", "people: [anna, ben], save: copies, promise: {rto: 3d}, restore: {takes: 30 min, units: 100}}\n      mail"),), ("rto: 3d", "rto: 2d")),
    ("spof", (), ("room: 100 GB", "system: ''")),
    ("spof", (("alerts:", "domains: {club.example: {registrar: hoster, nameservers: [hoster, other]}}\n    alerts:"),), ("nameservers: [hoster, other]", "nameservers: hoster")),
    ("shared-fate", BRANCHES, ("b: {kind: http, host: vault", "b: {kind: http, host: web1")),
    ("provider-action", (("lead-time: 1d}", "lead-time: 1d, may-withdraw: web1}"),), ("room: 100 GB", "system: ''")),
    ("disk-limit", (("used: 20 GB}", "used: 35 GB, growth: 100 MB/d}"),), ("growth: 100 MB/d", "growth: 200 MB/d")),
    ("domain-expiry", (("alerts:", "domains: {club.example: {registrar: hoster, expiry: 2027-01-23}}\n    alerts:"),), ("2027-01-23", "2027-01-20")),
    ("cert-expiry", (("alerts:", "certificates: {tls: {used-by: wiki, renewed-by: anna}}\n    alerts:"),), (", renewed-by: anna", "")),
    ("cert-expiry", (("alerts:", "certificates: {tls: {used-by: wiki, expiry: 2026-12-15}}\n    alerts:"),), ("2026-12-15", "2026-12-12")),
    ("mig-compat", (("alerts:", "changes: {switch: {move: wiki, to: spare1, when: 2026-12-01, charset: {from: latin1, to: utf8}, rehearsed: yes}}\n    alerts:"),), ("rehearsed: yes", "rehearsed: no")),
    ("mig-compat", (("alerts:", "changes: {switch: {move: wiki, to: spare1, when: 2026-12-01, charset: {from: UTF8, to: utf8}}}\n    alerts:"),), ("from: UTF8", "from: latin1")),
    ("change-left", (("alerts:", "changes: {detour: {of: mail, since: 2026-11-01, until: 2026-11-23}}\n    alerts:"),), ("until: 2026-11-23", "until: 2026-11-21")),
    ("boot-unproven", (("room: 100 GB", "system: ''"),), ("last-boot: 2026-11-02", "last-boot: 2026-10-31")),
    ("console-unproven", (("room: 100 GB", "system: ''"), ("{login: ssh web1,", "{login: ssh web1, console: {account: panel, tried: 2025-11-25},")), ("2025-11-25", "2025-11-20")),
    ("eol", (("{login: ssh web1,", "{login: ssh web1, supported-until: 2027-03-01,"),), ("2027-03-01", "2027-02-01")),
    ("unverified", (("{login: ssh web1,", "{login: ssh web1, sure: {login: attested 2026-11-01 by anna},"),), ("attested 2026-11-01 by anna", "claimed")),
]  # fmt: skip


@pytest.mark.parametrize("good", GOOD, ids=lambda good: f"{good[0]}-{good[2][0][:24]}")
def test_a_rule_stays_quiet_where_all_is_well(case_of: CaseOf, good: tuple[str, tuple[Edit, ...], Edit]) -> None:
    rule, edits, (grace, without) = good
    text = changed(*edits)
    facts = tuple(Fact(f.thing, f.what, "ok", f.at) for f in DRILLS)
    assert grace in text
    assert rule not in {each for each, _ in everything(case_of(text, facts=facts))}
    assert rule in {each for each, _ in everything(case_of(text.replace(grace, without, 1), facts=facts))}


@pytest.mark.parametrize("rule", ["notice-loop", "alert-loop"])
def test_one_way_around_breaks_a_loop(case_of: CaseOf, rule: str) -> None:
    assert rule in {each for each, _ in everything(case_of(LOOP, facts=DRILLS))}
    around = LOOP.replace("mail ben@club.example", "[mail ben@club.example, sms ben]")
    assert rule not in {each for each, _ in everything(case_of(around, facts=DRILLS))}


def test_a_domain_with_a_way_in_past_itself(case_of: CaseOf) -> None:
    good = changed(*OWN_DNS)
    alone = good.replace("nameservers: [dns, other]", "nameservers: dns").replace("[other, club.example]", "other")
    assert "circ-dns" not in {rule for rule, _ in everything(case_of(good, facts=DRILLS))}
    assert {"circ-dns", "circ-access"} & {rule for rule, _ in everything(case_of(alone, facts=DRILLS))}


@pytest.mark.parametrize(("age_d", "is_due"), [(89, False), (91, True)])
def test_a_drill_holds_for_90_days(case_of: CaseOf, age_d: int, is_due: bool) -> None:
    drills = tuple(Fact(f.thing, "drill", "ok", NOW - timedelta(days=age_d)) for f in DRILLS)
    assert ("bk-untested" in {rule for rule, _ in everything(case_of(SOUND, facts=drills))}) is is_due


@pytest.mark.parametrize(("rpo", "is_late"), [("7d", False), ("1d", True)])
def test_a_weekly_copy_keeps_a_weekly_promise(case_of: CaseOf, rpo: str, is_late: bool) -> None:
    text = changed(("save: copies}\n      mail", f"save: copies, promise: {{rpo: {rpo}}}}}\n      mail"))
    seen = Fact("wiki", "backup", "snapshot", NOW - timedelta(days=6))
    assert ("bk-stale" in {rule for rule, _ in everything(case_of(text, facts=(*DRILLS, seen)))}) is is_late


@pytest.mark.parametrize(
    ("seen", "has_drifted"), [("20 B.club.example; 10 a.club.example.", False), ("10 a.club.example.", True)]
)
def test_records_in_another_order_are_the_same_set(case_of: CaseOf, seen: str, has_drifted: bool) -> None:
    zone = "domains: {club.example: {zone: {'@': [MX 10 a.club.example., MX 20 b.club.example.]}}}\n    alerts:"
    fact = Fact("club.example", "rrset/@ MX", seen, NOW, "observed")
    found = everything(case_of(changed(("alerts:", zone)), facts=(*DRILLS, fact)))
    assert ("dns-drift" in {rule for rule, _ in found}) is has_drifted


@pytest.mark.parametrize(("seen", "is_doubtful"), [("none", False), ("32 of 40 pages have vanished", True)])
def test_a_doubt_that_was_cleared_is_none(case_of: CaseOf, seen: str, is_doubtful: bool) -> None:
    doubt = Fact("wiki", "doubt/database", seen, NOW)
    assert ("bk-doubtful" in {rule for rule, _ in everything(case_of(SOUND, facts=(*DRILLS, doubt)))}) is is_doubtful


def test_every_rule_has_a_good_case() -> None:
    elsewhere = {"notice-loop", "alert-loop", "circ-dns", "bk-untested", "bk-stale", "bk-doubtful", "dns-drift"}
    assert {rule for rule, *_ in GOOD} | elsewhere == set(RULES)
