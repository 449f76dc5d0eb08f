"""The rest of the catalogue: each rule on an inventory that has its fault, and on the same one with the fault mended."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kedge.model.facts import Fact
from kedge.model.finding import Severity
from kedge.rules.judge import judge
from kedge.rules.registry import RULES
from tests.unit.rules.conftest import NOW, CaseOf
from tests.unit.rules.test_rules import DRILLS, SOUND, everything, findings


def changed(*edits: tuple[str, str]) -> str:
    """The sound club with some words replaced; each must be there."""
    text = SOUND
    for before, after in edits:
        assert before in text, before
        text = text.replace(before, after, 1)
    return text


FAULTS = [
    ("circ-status", "page", ("services:", "services:\n      page: {kind: http, host: web1, people: [anna, ben], reports-on: wiki}")),
    ("circ-secret", "key", ("stores: {copies: {on: vault}}",
        "stores: {copies: {on: vault, passphrase: key}}\n    secrets: {key: {kept: wiki}}")),
    ("circ-tooling", "book", ("kept: paper", "kept: wiki")),
    ("bk-colocated", "copies", ("stores: {copies: {on: vault}}", "stores: {copies: {on: web1}}")),
    ("bk-mirror", "copies", ("stores: {copies: {on: vault}}", "stores: {copies: {on: vault, follows: wiki}}")),
    ("bk-deletable", "copies", ("panel: {opens: hoster,", "panel: {opens: hoster, can-delete: [wiki, copies],")),
    ("stale-access", "panel", ("held-by: [anna, ben]}", "held-by: [anna, ben, carl]}"),
        ("people:\n", "people:\n      carl: {channels: sms carl, left: 2026-01-01}\n")),
    ("stale-access", "panel", ("panel: {opens: hoster,", "panel: {opens: hoster, factors: pin, can-remove-holders: yes,"),
        ("documents:", "secrets: {pin: {kept: [anna, ben]}}\n    documents:")),
    ("ownership", "hoster", ("notices-to: mail anna@elsewhere.example, lead-time: 1d}",
        "notices-to: mail anna@elsewhere.example, lead-time: 1d, contract: carl}"),
        ("people:\n", "people:\n      carl: {channels: sms carl, left: 2026-01-01}\n")),
    ("payment", "hoster", ("lead-time: 1d}", "lead-time: 1d, paid-with: {what: the card of anna, until: 2026-12-31}}")),
    ("provider-action", "other", ("sells: [web1],", "sells: [],"), ("sells: [spare1, vault],", "sells: [web1, spare1, vault], may-withdraw: [web1, spare1, vault],")),
    ("shared-fate", "web1", ("services:", "services:\n      a: {kind: http, host: web1, people: [anna, ben]}\n"
        "      b: {kind: http, host: web1, people: [anna, ben]}\n"
        "      both: {kind: http, host: spare1, people: [anna, ben], needs: [{any: [a, b]}]}")),
    ("domain-expiry", "club.example", ("alerts:", "domains: {club.example: {registrar: hoster, expiry: 2026-12-24}}\n    alerts:")),
    ("cert-expiry", "tls", ("alerts:", "certificates: {tls: {used-by: wiki, expiry: 2026-12-01, renewed-by: anna}}\n    alerts:")),
    ("cert-expiry", "tls", ("alerts:", "certificates: {tls: {used-by: wiki}}\n    alerts:")),
    ("eol", "web1", ("{login: ssh web1,", "{login: ssh web1, system: Debian GNU/Linux 11 (bullseye),")),
    ("eol", "wiki", ("wiki: {kind: mediawiki,", "wiki: {kind: mediawiki, supported-until: 2026-11-30,")),
    ("cold-start", "left", ("services:", "services:\n      left: {kind: http, host: web1, people: [anna, ben], needs: right}\n"
        "      right: {kind: http, host: web1, people: [anna, ben], needs: left}")),
    ("rto-gap", "wiki", ("save: copies}", "save: copies, promise: {rto: 1h}, restore: {takes: 30 min, units: 100}}")),
    ("disk-limit", "seats", ("alerts:", "limits: {seats: {of: wiki, what: licences, value: 100, used: 95}}\n    alerts:")),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault[0]}-{fault[1]}")
def test_a_fault_is_found(case_of: CaseOf, fault: tuple[str, str, *tuple[tuple[str, str], ...]]) -> None:
    rule, thing, *edits = fault
    # A drill says how long it took: the declared figure counts only without it.
    facts = tuple(Fact(f.thing, f.what, "ok", f.at) for f in DRILLS)
    assert (rule, thing) in everything(case_of(changed(*edits), facts=facts))
    assert (rule, thing) not in everything(case_of(SOUND, facts=facts))


def test_an_account_needed_through_what_it_opens(case_of: CaseOf) -> None:
    text = changed(
        (
            "panel: {opens: hoster, held-by: [anna, ben]}",
            "panel: {opens: hoster, held-by: [anna, ben], needs: {use: sso}}",
        ),
        ("room: 100 GB", "system: ''"),
        ("services:", "services:\n      sso: {kind: other, host: web1, people: [anna, ben], save: copies}"),
    )
    assert findings(case_of(text, facts=DRILLS))["circ-access"].thing == "panel"


def test_a_domain_that_is_mended_through_itself(case_of: CaseOf) -> None:
    domain = (
        "domains: {club.example: {registrar: registrar, nameservers: dns}}\n"
        "    channels: {it: {to: mail it@club.example, readers: [anna, ben]}}\n    alerts:"
    )
    text = changed(
        ("alerts:", domain),
        (
            "providers:\n",
            "providers:\n      registrar: {sells: club.example, notices-to: mail anna@elsewhere.example}\n",
        ),
        (
            "accounts:\n",
            "accounts:\n      registry: {opens: [registrar, club.example], held-by: [], reset-by: it}\n",
        ),
        (
            "services:",
            "services:\n      dns: {kind: bind, host: web1, people: [anna, ben], save: copies, domains: club.example}",
        ),
    )
    named = {rule for rule, _ in everything(case_of(text, facts=DRILLS))}
    assert named & {"circ-dns", "circ-access"}


def test_untried_consoles_are_one_finding(case_of: CaseOf) -> None:
    text = changed(
        ("spare1: {login: ssh spare1, room: 100 GB}", "spare1: {login: ssh spare1}"),
        ("{login: ssh web1,", "{login: ssh web1, console: {account: panel, tried: 2025-01-01},"),
    )
    assert ("console-unproven", "web1") in everything(case_of(text, facts=DRILLS))
    tried = Fact("web1", "console", "yes", NOW - timedelta(days=30))
    assert ("console-unproven", "web1") not in everything(case_of(text, facts=(*DRILLS, tried)))


@pytest.mark.parametrize(("age_h", "is_late"), [(2, False), (23, False), (25, True), (500, True)])
def test_the_newest_copy_is_held_to_the_rpo(case_of: CaseOf, age_h: int, is_late: bool) -> None:
    copy = Fact("wiki", "backup", "snapshot", NOW - timedelta(hours=age_h))
    assert ("bk-stale" in findings(case_of(SOUND, facts=(*DRILLS, copy)))) is is_late


def test_the_reason_of_the_last_failure_is_told(case_of: CaseOf) -> None:
    old = Fact("wiki", "backup", "snapshot", NOW - timedelta(days=9))
    tried = Fact("wiki", "saving", "failed: the disk is full", NOW - timedelta(hours=3))
    stale = findings(case_of(SOUND, facts=(*DRILLS, old, tried)))["bk-stale"]
    assert "The last try failed: the disk is full" in [text.en for text in stale.why]
    failed = Fact("wiki", "drill", "failed wiki.page: missing", NOW - timedelta(hours=1))
    untested = findings(case_of(SOUND, facts=(*DRILLS, failed)))["bk-untested"]
    assert "wiki: wiki.page: missing" in [text.en for text in untested.why]


@pytest.mark.parametrize(("value", "is_doubtful"), [("none", False), ("900 -> 3 entries since the last backup", True)])
def test_a_backup_of_what_looks_damaged(case_of: CaseOf, value: str, is_doubtful: bool) -> None:
    facts = (*DRILLS, Fact("wiki", "doubt/settings", "none", NOW), Fact("wiki", "doubt/database", value, NOW))
    found = findings(case_of(SOUND, facts=facts))
    assert ("bk-doubtful" in found) is is_doubtful
    if is_doubtful:
        assert found["bk-doubtful"].why[0].de == "wiki, database: 900 → 3 Einträge seit dem letzten Backup."


def test_one_copy_that_survives_is_enough(case_of: CaseOf) -> None:
    text = changed(("stores: {copies: {on: vault}}", "stores: {copies: {on: web1}, far: {on: vault}}"))
    both = text.replace("save: copies", "save: [copies, far]")
    assert "bk-colocated" in findings(case_of(text, facts=DRILLS))
    assert "bk-colocated" not in findings(case_of(both, facts=DRILLS))


def test_what_has_no_data_needs_no_backup(case_of: CaseOf) -> None:
    text = changed(
        (
            "services:",
            "services:\n      net: {kind: other, host: web1, people: [anna, ben], keeps-data: no, save: none}",
        )
    )
    assert set(findings(case_of(text, facts=DRILLS))) <= {"unverified"}
    kept = text.replace("keeps-data: no, ", "")
    assert ("bk-none", "net") in everything(case_of(kept, facts=DRILLS))


def test_a_circle_that_only_somebody_unknown_might_break(case_of: CaseOf) -> None:
    text = changed(
        ("{channels: [sms anna, mail anna@elsewhere.example]}", "{channels: unknown}"),
        ("ben: {channels: phone ben}", "ben: {channels: unknown}"),
        (
            "hoster: {sells: [web1], notices-to: mail anna@elsewhere.example",
            "hoster: {sells: [web1], notices-to: board",
        ),
        ("documents:", "channels: {board: {to: mail board@club.example, readers: [anna, ben]}}\n    documents:"),
    )
    loop = findings(case_of(text, facts=DRILLS))["notice-loop"]
    assert loop.thing == "board"
    assert loop.severity is Severity.CRITICAL


@pytest.mark.parametrize("value", ["100 %", "97.5%", "much", ""])
def test_a_fact_that_is_no_size_never_ends_a_check(case_of: CaseOf, value: str) -> None:
    fact = Fact("web1", "used/root", value, NOW)
    assert ("disk-limit" in findings(case_of(SOUND, facts=(*DRILLS, fact)))) is ("%" in value)


def test_every_rule_has_a_test_of_its_fault() -> None:
    tested = {rule for rule, *_ in FAULTS} | {
        *("notice-loop", "alert-loop", "circ-access", "circ-dns", "spof", "bus-1", "coverage-gap", "mig-compat"),
        *(
            "bk-none",
            "bk-untested",
            "bk-stale",
            "bk-doubtful",
            "dns-drift",
            "change-left",
            "boot-unproven",
            "console-unproven",
        ),
        "unverified",
    }
    assert tested == set(RULES)
    assert judge
