"""The way back as a plan: steps of one person and one store are one line, durations are measured, declared or unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kedge.inventory.nodes import read_loss
from kedge.model.facts import Fact
from kedge.rules.whatif import WhatIf, what_if
from tests.unit.rules.conftest import NOW, CaseOf

CLUB = """
    people:
      anna: {channels: sms anna}
      ben: {channels: sms ben}
    providers:
      hoster: {sells: web1, lead-time: 1d}
      other: {sells: vault}
    accounts:
      panel: {opens: hoster, held-by: anna}
    hosts:
      web1: {login: ssh web1}
      vault: {login: ssh vault}
    stores:
      copies: {on: vault}
    services:
      db: {kind: mariadb, host: web1, people: anna, save: copies, restore: {takes: 1h}}
      wiki: {kind: mediawiki, host: web1, database: db, people: anna, save: copies, restore: {takes: 30min, units: 4}}
      forum: {kind: phpbb, host: web1, database: db, people: ben, save: copies}
      pads: {kind: other, host: web1, people: ben, save: none}
    """


def lost(case_of: CaseOf, text: str = CLUB, loss: str = "web1", **more: object) -> WhatIf:
    return what_if(case_of(text, **more), [read_loss(loss)])


def lines(answer: WhatIf) -> list[tuple[str, str]]:
    return [(step.who, step.what.en) for step in answer.plan]


def test_one_person_and_one_store_are_one_line(case_of: CaseOf) -> None:
    assert lines(lost(case_of)) == [
        ("anna", "hear of it"),
        ("anna", "have hoster revive or replace web1"),
        ("anna", "restore db and wiki from copies"),
        ("ben", "restore forum from copies"),
        ("ben", "set up pads anew and empty: no copy exists"),
    ]


def test_the_finish_adds_up_what_waits_for_each_other(case_of: CaseOf) -> None:
    """A day for the machine, an hour for the database, two for the wiki; the forum's time nobody knows."""
    answer = lost(case_of)
    assert answer.finish == (27.0, True)
    assert [step.decides for step in answer.plan] == [False, True, True, False, False]
    restored = answer.plan[2]
    assert (restored.takes, restored.unknown, restored.parts) == (timedelta(hours=3), 0, 2)
    assert answer.plan[3].ends == (25.0, True)
    assert (answer.plan[3].takes, answer.plan[3].unknown) == (None, 1)


def test_one_person_cannot_do_two_steps_at_once(case_of: CaseOf) -> None:
    text = CLUB.replace("people: ben, save: copies}", "people: anna, save: copies, restore: {takes: 5h}}")
    assert lost(case_of, text).finish.hours == 24 + 1 + 2 + 5
    two = text.replace(
        "people: anna, save: copies, restore: {takes: 5h}}", "people: ben, save: copies, restore: {takes: 5h}}"
    )
    assert lost(case_of, two).finish.hours == 24 + 1 + 5


def test_what_a_drill_measured_counts_before_what_is_declared(case_of: CaseOf) -> None:
    drill = Fact("wiki", "drill", "ok rpo=2h rto=45min", NOW - timedelta(days=3))
    restored = lost(case_of, facts=(drill,)).plan[2]
    assert restored.takes == timedelta(hours=1, minutes=45)
    both = (drill, Fact("db", "drill", "ok rpo=2h rto=15min", NOW - timedelta(days=3)))
    restored = lost(case_of, facts=both).plan[2]
    assert (restored.takes, restored.origin) == (timedelta(hours=1), "measured")


def test_waiting_for_support_is_known_even_if_the_rest_is_not(case_of: CaseOf) -> None:
    text = CLUB.replace("lead-time: 1d", "support-hours: mon-fri 8-18 Europe/Berlin")
    saturday = datetime(2007, 1, 6, 18, 0, tzinfo=UTC)
    answer = lost(case_of, text, now=saturday)
    assert answer.plan[1].not_before == datetime(2007, 1, 8, 7, 0, tzinfo=UTC)
    assert answer.plan[1].takes is None
    assert answer.finish == (37.0 + 3.0, True)


@pytest.mark.parametrize("loss", ["ben", "copies", "hoster:misused"])
def test_what_stops_nothing_needs_no_plan(case_of: CaseOf, loss: str) -> None:
    answer = lost(case_of, loss=loss)
    assert (answer.plan, answer.finish) == ((), (0.0, False))


def test_a_copy_that_survives_is_the_one_restored_from(case_of: CaseOf) -> None:
    text = CLUB.replace("save: copies", "save: [near, copies]").replace(
        "copies: {on: vault}", "copies: {on: vault}\n      near: {on: web1}"
    )
    assert ("anna", "restore db and wiki from copies") in lines(lost(case_of, text))


def test_data_that_was_deleted_is_restored_where_it_was(case_of: CaseOf) -> None:
    assert lines(lost(case_of, loss="wiki:emptied")) == [
        ("anna", "hear of it"),
        ("anna", "restore wiki from copies"),
    ]


def test_a_hoster_that_has_gone_gives_no_machine(case_of: CaseOf) -> None:
    said = [what for _, what in lines(lost(case_of, loss="hoster:withdrawn"))]
    assert "find a machine elsewhere for web1: hoster gives none" in said
    assert not any("have hoster" in what for what in said)


def test_a_lost_domain_is_fetched_from_its_registrar(case_of: CaseOf) -> None:
    text = CLUB.replace("      pads: {", "      pads: {domains: pads.club.example, ") + (
        "domains: {club.example: {registrar: other}}\n"
    )
    assert ("", "get club.example back from other") in lines(lost(case_of, text, loss="club.example"))
