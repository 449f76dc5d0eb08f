"""By which ways an alert arrives: what watches can send, or somebody who has heard of it and phones."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kedge.model.finding import Finding
from kedge.rules.case import Case
from kedge.rules.judge import judge
from kedge.rules.registry import RULES

INVENTORY = """
vantages: {{outside: {{{sends}}}}}
alerts: {{{watcher}tell: [anna, ben]}}
people:
  anna: {{channels: [{anna}]}}
  ben: {{channels: [{ben}]}}
hosts: {{web1: {{}}}}
services:
  wiki: {{kind: mediawiki, host: web1, people: [anna, ben]}}
  mail: {{kind: postfix, host: web1, domains: club.example, people: [anna, ben]}}
domains: {{club.example: {{}}}}
"""
OWN, SMS, AWAY = "mail {}@club.example", "sms {}", "mail {}@private.example"


@pytest.fixture
def told(case_of: Callable[..., Case]) -> Callable[..., dict[str, Finding]]:
    def find(anna: str, ben: str, *, watcher: str = "watcher: outside, ", sends: str = "") -> dict[str, Finding]:
        text = INVENTORY.format(
            anna=f'"{anna.format("anna")}"', ben=f'"{ben.format("ben")}"', watcher=watcher, sends=sends
        )
        case = case_of(text)
        return {
            one.rule: one for one in judge(case, RULES.values()).findings if one.rule in ("coverage-gap", "alert-loop")
        }

    return find


Told = Callable[..., dict[str, Finding]]


def test_what_watches_sends_no_sms(told: Told) -> None:
    found = told(SMS, SMS)
    assert "Nobody would hear" in str(found["coverage-gap"].title)
    assert any("cannot send by sms" in str(one) for one in found["coverage-gap"].why)


def test_where_nothing_watches_people_tell_each_other(told: Told) -> None:
    assert told(SMS, SMS, watcher="") == {}
    assert told(OWN, SMS, watcher="") == {}


def test_one_who_is_reached_phones_the_other(told: Told) -> None:
    assert told(AWAY, SMS) == {}


def test_a_phone_helps_nobody_if_no_alert_leaves(told: Told) -> None:
    found = told(OWN, SMS)
    assert "alert-loop" in found
    assert "kedge can send by" in str(found["alert-loop"].fix)


def test_a_monitor_of_others_that_phones_counts(told: Told) -> None:
    assert told(SMS, SMS, sends="sends: sms") == {}
    assert "coverage-gap" in told(SMS, SMS, sends="sends: phone")
