"""What must hold for every inventory: monotone losses, two engines that agree, answers without a crash."""

from __future__ import annotations

import json
import tempfile
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kedge.inventory import nodes
from kedge.inventory.compile import compile_rules
from kedge.inventory.read import read_inventory
from kedge.model.facts import Fact, Facts
from kedge.rules.case import Case, Toll, open_case
from kedge.rules.judge import judge
from kedge.rules.levels import levels
from kedge.rules.preflight import ACTS, preflight
from kedge.rules.registry import RULES
from kedge.rules.unknowns import questions
from kedge.rules.whatif import what_if
from tests.unit.rules.conftest import NOW

HOSTS = ("h1", "h2", "h3")
SERVICES = ("s1", "s2", "s3", "s4")
PEOPLE = ("p1", "p2")
CHANNELS = ("mail p1@club.example", "mail p2@elsewhere.example", "sms p1", "c1")


def some(names: tuple[str, ...], least: int = 0) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), min_size=least, max_size=2, unique=True)


def maybe(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping with any of these fields, each of them absent, unknown or drawn."""
    return st.fixed_dictionaries({}, optional={k.replace("_", "-"): v for k, v in fields.items()})


HOST = maybe(
    provider=st.sampled_from(("hoster", "other")),
    login=st.just("ssh root@host"),
    room=st.just("50 GB"),
    place=some(("site",)),
    last_boot=st.just("2026-01-01"),
    changed=st.just("2026-02-01"),
    volumes=st.sampled_from(({"root": {"size": "10 GB", "used": "9.9 GB", "growth": "1 GB/d"}}, {})),
)
SERVICE = maybe(
    host=st.one_of(some(HOSTS, 1), st.just("unknown")),
    people=st.one_of(some(PEOPLE), st.just("unknown")),
    save=st.sampled_from(("none", "copies", "mirror", "unknown", {"to": ["mirror", "copies"], "every": "unknown"})),
    starts=st.sampled_from(("by-itself", "by-hand")),
    needs=st.fixed_dictionaries(
        {}, optional={phase: some((*SERVICES, "tls")) for phase in ("run", "use", "start", "change", "recover")}
    ),
    domains=st.sampled_from(("club.example", "www.club.example")),
)
ACCOUNT = maybe(
    opens=some(("hoster", "club.example", *HOSTS)),
    held_by=some(PEOPLE),
    reset_by=some(CHANNELS),
    factors=some(("key",)),
    can_delete=some((*SERVICES, "copies")),
    can_lock=some((*SERVICES, *HOSTS)),
    needs=st.fixed_dictionaries({"use": some(SERVICES)}),
)


@st.composite
def inventories(draw: st.DrawFn) -> dict[str, Any]:
    """Small inventories full of circles."""
    services = {
        name: {"kind": draw(st.sampled_from(("other", "postfix", "http"))), **draw(SERVICE)} for name in SERVICES
    }
    return {
        "organisation": {"name": "Any"},
        "places": {"site": {"kind": draw(st.sampled_from(("site", "power", "batch")))}},
        "providers": {
            "hoster": {
                "sells": ["h1"],
                "notices-to": draw(some(CHANNELS)),
                "support-hours": "mon-fri 8-18",
                **draw(maybe(may_withdraw=st.just("h1"), paid_with=st.just({"what": "a card", "until": "unknown"}))),
            },
            "other": {"lead-time": draw(st.sampled_from(("1d", "unknown")))},
        },
        "channels": {
            "c1": {
                "to": "mail it@club.example",
                **draw(maybe(via=some(SERVICES), readers=some(PEOPLE), read_every=st.just("unknown"))),
            }
        },
        "people": {p: draw(maybe(channels=some(CHANNELS), left=st.just("2026-01-01"))) for p in PEOPLE},
        "hosts": {name: draw(HOST) for name in HOSTS},
        "accounts": {"a1": draw(ACCOUNT), "a2": draw(ACCOUNT)},
        "secrets": {"key": draw(maybe(kept=some((*HOSTS, *SERVICES, *PEOPLE, "paper"))))},
        "documents": {"book": draw(maybe(covers=some(SERVICES), kept=some((*SERVICES, "paper"))))},
        "stores": {
            "copies": draw(maybe(on=st.sampled_from(HOSTS), passphrase=st.just("key"), deletable_by=some(("a1",)))),
            "mirror": draw(
                maybe(follows=st.sampled_from(SERVICES), on=st.sampled_from(HOSTS), type=st.just("snapshot"))
            ),
        },
        "services": services,
        "groups": {
            "g1": draw(
                maybe(grants=some(("a1", "a2")), members=some(PEOPLE), managed_through=st.sampled_from(SERVICES))
            )
        },
        "certificates": {"tls": draw(maybe(used_by=some(SERVICES), expiry=st.sampled_from(("unknown", "2026-11-01"))))},
        "changes": {"c2": draw(maybe(of=some((*SERVICES, *HOSTS)), rehearsed=st.sampled_from(("unknown", "no"))))},
        "domains": {"club.example": draw(maybe(nameservers=some((*SERVICES, "hoster")), registrar=st.just("other")))},
    }


def case_of(declared: dict[str, Any], *facts: Fact) -> Case:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "kedge.yaml")
        file.write_text(json.dumps(declared), encoding="utf-8")
        inventory = read_inventory(file)
    return open_case(compile_rules(inventory, NOW), Facts.of(facts, NOW))


@cache
def is_within(smaller: Toll, larger: Toll) -> bool:
    return all(
        set(getattr(smaller, part)) <= set(getattr(larger, part)) for part in ("down", "unrecoverable", "unnoticed")
    )


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(inventories(), st.data())
def test_losing_more_never_helps(declared: dict[str, Any], data: st.DataObject) -> None:
    case = case_of(declared)
    losses = case.compiled.losses()
    some_losses = data.draw(st.lists(st.sampled_from(losses), min_size=1, max_size=3, unique=True))
    one_more = data.draw(st.sampled_from(losses))
    fewer, more = case.solve(some_losses), case.solve([*some_losses, one_more])
    assert all(a >= b for a, b in zip(fewer.least, more.least, strict=True))
    assert all(a >= b for a, b in zip(fewer.greatest, more.greatest, strict=True))
    assert is_within(case.toll_of(fewer), case.toll_of(more))


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(inventories())
def test_all_single_losses_at_once_equal_one_after_the_other(declared: dict[str, Any]) -> None:
    case = case_of(declared)
    for loss in case.compiled.losses():
        truth = case.solve([loss])
        one = case.toll_of(truth)
        table = case.toll(loss)
        always = case.toll_of(case.solve([]))
        assert set(one.down) == set(table.down) | set(always.down)
        assert set(one.unrecoverable) == set(table.unrecoverable) | set(always.unrecoverable)
        for name in SERVICES:
            up, back, again = (truth.least[case.compiled.node(a, name)] for a in (nodes.UP, nodes.BACK, nodes.AGAIN))
            assert up <= back <= again


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(inventories(), st.booleans())
def test_every_answer_is_given(declared: dict[str, Any], has_facts: bool) -> None:
    facts = [Fact(s, what, "ok", NOW - timedelta(hours=2)) for s in SERVICES for what in ("backup", "drill")]
    case = case_of(declared, *(facts if has_facts else ()))
    findings = judge(case, RULES.values()).findings
    named = [(finding.rule, finding.thing) for finding in findings]
    named += [(symptom.rule, symptom.thing) for finding in findings for symptom in finding.symptoms]
    assert len(named) == len(set(named)), "nothing is said twice"
    assert all(finding.title.en and finding.title.de and finding.fix.en for finding in findings)
    assert all(finding.thing in case.inventory.things for finding in findings)
    assert set(levels(case)) == set(SERVICES)
    assert len({(q.thing, q.field) for q in questions(case)}) == len(questions(case))
    for loss in case.compiled.losses():
        answer = what_if(case, [loss])
        assert set(answer.toll.unnoticed) <= set(answer.toll.down)
        assert all(circle[0] == circle[-1] for circle in answer.circles)
    for thing in (*HOSTS, *SERVICES):
        for act in ACTS:
            assert preflight(case, act, thing)
