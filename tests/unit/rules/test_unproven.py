"""What is only hoped: faults that show where nobody knows better, and the same with what somebody knows written down."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kedge.inventory import nodes
from kedge.model.facts import Fact
from kedge.model.finding import Severity
from tests.unit.rules.conftest import NOW, CaseOf
from tests.unit.rules.test_catalogue import changed
from tests.unit.rules.test_rules import DRILLS, everything, findings

TOOL = changed(
    ("wiki: {kind: mediawiki,", "wiki: {kind: mediawiki, needs: {recover: deploy},"),
    ("services:", "services:\n      deploy: {kind: other, host: web1, people: [anna, ben], save: copies}"),
)
CHAIN = """
    places: {feed: {kind: power}, annexe: {}}
    hosts: {a: {place: feed}, b: {place: feed}, c: {place: feed}}
    services:
      shop: {kind: http, host: a, needs: {start: cache}}
      cache: {kind: other, host: b, needs: {recover: installer}, save: none}
      installer: {kind: other, host: c, save: none}
    """
START = changed(
    ("wiki: {kind: mediawiki,", "wiki: {kind: mediawiki, needs: {start: tls},"),
    ("alerts:", "certificates: {tls: {used-by: wiki, expiry: unknown}}\n    alerts:"),
)
GROUP = """
    people: {anna: {channels: sms anna}, ben: {channels: sms ben}}
    hosts: {web1: {}}
    services: {directory: {kind: other, save: none}, wiki: {kind: mediawiki, host: web1, people: anna, save: none}}
    groups: {admins: {members: [anna, ben], grants: root, managed-through: directory}}
    accounts: {root: {opens: web1, held-by: [anna, ben], needs: admins}}
    """
PAIR = """
    hosts: {a: {login: x}, b: {login: x}, c: {login: x}}
    services: {db: {kind: mariadb, host: [a, b], save: none}}
    changes: {disks: {what: larger disks, of: [a, b], when: 2026-12-01}}
    """
PAID = changed(("lead-time: 1d}", "lead-time: 1d, paid-with: {what: the card of anna, until: unknown}}"))
MOVED = changed(
    (
        "alerts:",
        "changes: {upgrade: {of: wiki, when: 2026-12-01, charset: {from: unknown, to: unknown}, rehearsed: unknown}}"
        "\n    alerts:",
    )
)
UNASKED = changed(
    ("wiki: {kind: mediawiki, host: web1, people: [anna, ben], save: copies}", "wiki: {kind: mediawiki, host: web1, people: [anna, ben], save: unknown}"),
    ("panel: {opens: hoster,", "panel: {opens: hoster, can-delete: wiki,"),
)  # fmt: skip
LONE = changed(
    ("stores: {copies: {on: vault}}", "stores: {copies: {on: vault}, beside: {on: web1}}"),
    (
        "people: [anna, ben], save: copies}\n      mail",
        "people: [anna, ben], save: {to: [beside, copies], every: unknown}}\n      mail",
    ),
)
UNREAD = changed(
    ("notices-to: mail anna@elsewhere.example, lead-time: 1d}", "notices-to: board, lead-time: 1d, may-withdraw: web1}"),
    ("documents:", "channels: {board: {to: mail a@elsewhere.example, readers: anna, read-every: unknown}}\n    documents:"),
)  # fmt: skip
RENEWED = (
    "    domains: {club.example: {registrar: hoster, expiry: 2026-12-01}}\n"
    "    services:\n      shop: {kind: http, host: spare1, people: [anna, ben], domains: shop.club.example}"
)
NAMED = changed(("    services:", RENEWED))
UNSEATED = """
    services:
      dns: {kind: other, host: unknown, save: none}
      wiki: {kind: http, needs: dns}
      forum: {kind: http, needs: dns}
    """

LATE = changed(
    ("notices-to: mail anna@elsewhere.example, lead-time: 1d}", "notices-to: board, answer-within: 3 h, may-withdraw: web1}"),
    ("documents:", "channels: {board: {to: mail a@elsewhere.example, readers: [anna, ben], read-every: 12 h}}\n    documents:"),
)  # fmt: skip

CASES = [
    ("coverage-gap", "anna", LATE, ("read-every: 12 h", "read-every: 1 h")),
    ("coverage-gap", "anna", LATE, ("answer-within: 3 h", "answer-within: 1 d")),
    ("coverage-gap", "anna", LATE, ("notices-to: board", "notices-to: [board, sms anna]")),
    ("circ-tooling", "deploy", TOOL, ("covers: [wiki, mail]", "covers: [wiki, mail, deploy]")),
    ("circ-tooling", "deploy", TOOL, ("deploy: {kind: other, host: web1", "deploy: {kind: other, host: spare1")),
    ("circ-tooling", "deploy", TOOL, ("recover: deploy", "recover: [{any: [deploy, book]}]")),
    ("circ-tooling", "installer", CHAIN, ("c: {place: feed}", "c: {place: annexe}")),
    ("circ-tooling", "installer", CHAIN, ("host: c,", "host: c, starts: by-itself,")),
    ("shared-fate", "feed", CHAIN, ("b: {place: feed}", "b: {place: annexe}")),
    ("shared-fate", "feed", CHAIN, ("feed: {kind: power}", "feed: {kind: building}")),
    ("cold-start", "shop", CHAIN, ("host: c,", "host: c, starts: by-itself,")),
    ("cold-start", "shop", CHAIN, ("b: {place: feed}", "b: {place: annexe}")),
    ("cold-start", "shop", CHAIN, ("needs: {start: cache}", "needs: {use: cache}")),
    ("cold-start", "wiki", START, ("expiry: unknown", "expiry: 2027-11-01")),
    ("cold-start", "wiki", START, ("expiry: unknown", "renewed-by: anna")),
    ("cold-start", "wiki", START.replace("expiry: unknown", "expiry: 2026-11-01"), ("2026-11-01}", "2026-11-23}")),
    ("spof", "admins", GROUP, ("accounts: {", "accounts: {glass: {opens: web1, held-by: [anna, ben]}, ")),
    ("spof", "admins", GROUP, (", managed-through: directory", "")),
    ("spof", "dns", UNSEATED, ("host: unknown,", "")),
    ("spof", "dns", UNSEATED, ("forum: {kind: http, needs: dns}", "")),
    ("spof", "club.example", NAMED, ("shop: {kind: http, host: spare1", "shop: {kind: http, host: web1")),
    ("shared-fate", "disks", PAIR, ("of: [a, b]", "of: a")),
    ("shared-fate", "disks", PAIR, ("host: [a, b],", "host: [a, b, c],")),
    ("shared-fate", "disks", PAIR, ("when: 2026-12-01", "when: 2026-12-01, done: yes")),
    ("payment", "hoster", PAID, ("until: unknown", "until: 2029-01-01")),
    ("payment", "hoster", PAID, (", until: unknown", "")),
    ("mig-compat", "upgrade", MOVED, ("rehearsed: unknown", "rehearsed: yes")),
    ("mig-compat", "upgrade", MOVED, ("of: wiki", "of: spare1")),
    ("bk-none", "wiki", UNASKED, (", can-delete: wiki", "")),
    ("bk-none", "wiki", UNASKED, ("save: unknown", "save: copies")),
    ("bk-colocated", "beside", LONE, (", every: unknown", "")),
    ("bk-colocated", "beside", LONE, ("beside: {on: web1}", "beside: {on: spare1}")),
    ("coverage-gap", "anna", UNREAD, ("read-every: unknown", "read-every: 1 h")),
    ("coverage-gap", "anna", UNREAD, ("readers: anna", "readers: [anna, ben]")),
    ("coverage-gap", "anna", UNREAD, (", may-withdraw: web1", "")),
    ("bk-mirror", "copies", changed(("{copies: {on: vault}}", "{copies: {on: web1, type: snapshot}}")),
        ("type: snapshot", "type: restic")),
    ("bk-none", "wiki", changed(("{copies: {on: vault}}", "{copies: {on: vault, follows: wiki}}")),
        ("follows: wiki", "type: borg")),
    ("unverified", "vault", changed(("vault: {login: ssh vault}", "vault: {login: ssh vault, place: attic, sure: {place: claimed}}"),
        ("stores:", "places: {attic: {}}\n    stores:")), ("place: claimed}", "place: measured 2026-11-01 by anna}")),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1]}-{case[3][1][:20]}")
def test_a_hope_is_named_and_knowledge_is_not(case_of: CaseOf, case: tuple[str, str, str, tuple[str, str]]) -> None:
    rule, thing, text, (before, after) = case
    drills = () if "beside" in text or "save: unknown" in text else DRILLS
    assert before in text
    assert (rule, thing) in everything(case_of(text, facts=drills))
    assert (rule, thing) not in everything(case_of(text.replace(before, after), facts=drills))


def test_what_left_out_is_not_what_nobody_knows(case_of: CaseOf) -> None:
    case = case_of("services: {wiki: {kind: http, save: unknown, host: unknown}, forum: {kind: http}}")
    assert case.is_unknown("wiki", "save")
    assert not case.is_unknown("forum", "save")
    assert not case.is_unknown("wiki", "people")


def test_known_losses_take_nothing_as_fine(case_of: CaseOf) -> None:
    text = """
        hosts: {a: {login: x}}
        people: {anna: {channels: sms a}}
        services: {wiki: {kind: http, host: a, people: anna}}
        """
    case = case_of(text)
    has, host = case.compiled.node(nodes.HAS, "wiki"), case.rules.ids["a"]
    assert host not in (case.fragile[has] or ())
    assert host in (case.known_losses.losses[has] or ())


def test_a_copy_seen_in_time_is_no_hope(case_of: CaseOf) -> None:
    seen = Fact("wiki", "backup", "snapshot", NOW - timedelta(hours=2))
    assert ("bk-colocated", "beside") not in everything(case_of(LONE, facts=(seen,)))


def test_a_rehearsed_change_settles_the_copy_too(case_of: CaseOf) -> None:
    text = changed(
        ("people: [anna, ben], save: copies}\n      mail", "people: [anna, ben], save: unknown}\n      mail")
    )
    text += "changes: {upgrade: {of: wiki, when: 2026-12-01, rehearsed: no}}\n"
    found = findings(case_of(text))
    assert found["mig-compat"].severity is Severity.NOTE
    assert ("bk-none", "wiki") in {(s.rule, s.thing) for s in found["mig-compat"].symptoms}
    assert "bk-none" not in found


def test_a_snapshot_without_a_place_lies_with_what_it_shows(case_of: CaseOf) -> None:
    found = everything(case_of(changed(("{copies: {on: vault}}", "{copies: {type: snapshot}}")), facts=DRILLS))
    assert {("bk-colocated", "copies"), ("bk-mirror", "copies")} <= found


def test_the_closest_place_is_named(case_of: CaseOf) -> None:
    text = CHAIN.replace("feed: {kind: power}", "house: {}, feed: {kind: power, in: house}")
    case = case_of(text)
    found = findings(case)["circ-tooling"]
    assert found.losses[0].thing == "feed"
    assert ("shared-fate", "feed") in {(s.rule, s.thing) for s in found.symptoms}
