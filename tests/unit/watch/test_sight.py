"""What nobody can see any more: no page, no silence either."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from kedge.watch.state import Policy
from kedge.watch.verdict import Standing
from tests.unit.watch.conftest import CaseOf
from tests.unit.watch.play import DEGRADED, DOWN, OF_2007, OK, SEEN, START, TICK, UNKNOWN, Play, everything, night
from tests.unit.watch.test_post import club, finding, letters, notice

PATIENT = int(Policy().unseen / TICK)


def test_it_is_told_once_after_a_while_and_when_it_is_over() -> None:
    play = night()
    assert play.run(PATIENT, old=UNKNOWN) == []
    assert play.run(4) == ["unseen old"]
    assert play.run(PATIENT) == []
    assert play.notices[-1].incident.finding.since == START + 6 * TICK, "since the third look that saw nothing"
    assert str(play.notices[-1].incident.finding.title) == "kedge no longer sees old"
    assert play.run(3, old=OK) == ["resolved old"]


def test_what_comes_back_into_sight_soon_is_not_told() -> None:
    play = night()
    for _ in range(3):
        assert play.run(PATIENT - 5, old=UNKNOWN) == []
        assert play.run(3, old=OK) == []


def test_what_was_never_seen_is_not_told() -> None:
    play = Play(OF_2007)
    play.world_is = {**everything(SEEN), "new": UNKNOWN}
    assert play.run(3 * PATIENT) == []


def test_what_needs_it_and_cannot_be_seen_either_stands_beneath() -> None:
    play = night()
    assert play.run(PATIENT + 5, new=UNKNOWN, mail=UNKNOWN, lists=UNKNOWN) == ["unseen new"]
    assert play.notices[-1].incident.symptoms == ("mail", "lists")


def test_what_is_out_of_sight_for_the_same_reason_is_one_letter() -> None:
    play = night()
    assert play.run(PATIENT + 5, new=UNKNOWN, old=UNKNOWN) == ["unseen new"]
    assert play.notices[-1].incident.symptoms == ("old",)
    assert play.run(PATIENT, mail=OK) == []


def test_what_follows_later_is_a_letter_of_its_own() -> None:
    play = night()
    assert play.run(PATIENT + 5, new=UNKNOWN) == ["unseen new"]
    assert play.run(PATIENT + 5, old=UNKNOWN) == ["unseen old"]
    assert play.run(5, new=OK) == ["resolved new"]
    assert play.run(5, old=OK) == ["resolved old"]


def test_what_a_greater_cause_explains_is_not_told_of_besides() -> None:
    play = night()
    assert play.run(3 * PATIENT, new=DOWN, mail=UNKNOWN, lists=DOWN, xmpp=DOWN, tickets=DOWN) == ["down new"]


def test_what_turns_out_to_be_down_is_worse() -> None:
    play = night()
    assert play.run(PATIENT + 5, wiki=UNKNOWN) == ["unseen wiki"]
    assert play.run(5, wiki=DOWN) == ["worse wiki"]
    assert play.run(5, wiki=OK) == ["resolved wiki"]


def test_another_incident_of_the_same_thing_ends_all_the_same() -> None:
    play = night()
    play.run(5, wiki=DEGRADED)
    play.run(4, wiki=OK)
    assert [one.kind for one in play.notices] == ["down", "resolved"]
    assert play.run(PATIENT + 5, wiki=UNKNOWN) == ["unseen wiki"]


def test_it_is_not_back_in_sight_because_something_greater_went_down() -> None:
    play = night()
    assert play.run(PATIENT + 5, mail=UNKNOWN) == ["unseen mail"]
    assert play.run(8, new=DOWN, lists=DOWN, xmpp=DOWN, tickets=DOWN) == ["down new"]
    assert sorted(play.run(10, **everything(SEEN))) == ["resolved mail", "resolved new"]


def test_in_maintenance_it_is_not_told() -> None:
    play = night()
    play.maintenance = ["old"]
    assert play.run(2 * PATIENT, old=UNKNOWN) == []


def test_nobody_has_to_answer_it() -> None:
    play = night(policy=Policy(escalations=(timedelta(minutes=1),)))
    assert play.run(3 * PATIENT, old=UNKNOWN) == ["unseen old"]


def test_a_probe_that_sees_nothing_while_others_do_is_not_all_of_it() -> None:
    play = night()
    known = play.state.standings["mail", "probe"]
    login = Standing("mail", "login", UNKNOWN, START, replace(known.what, what="refused"), START, lost=START)
    play.state = replace(play.state, standings={**play.state.standings, ("mail", "login"): login})
    assert play.run(PATIENT) == ["unseen mail"]
    assert str(play.notices[-1].incident.finding.title) == "kedge no longer sees all of mail"


class TestLetter:
    """Gentle: a note, by day."""

    def test_what_it_says(self, case_of: CaseOf) -> None:
        lost = replace(finding("old", rule="unseen"), since=START)
        told = notice("old", kind="unseen", rule="unseen")
        told = replace(told, incident=replace(told.incident, finding=lost))
        (letter,) = letters(case_of(club()), told).values()
        assert letter.person == "bert", "who is responsible for what runs there"
        assert "since 2007-01-06 18:00 UTC. Whether it works, nobody knows." in letter.body
        assert "Not affected" not in letter.body

    def test_it_waits_for_the_morning(self, case_of: CaseOf) -> None:
        told = replace(notice("wiki", kind="unseen", rule="unseen"), at=START.replace(hour=23))
        (letter,) = letters(case_of(club()), told).values()
        assert letter.not_before == START.replace(day=7, hour=8)
        text = club().replace("bert: {channels", "bert: {hours: mon-sun 10-18, channels")
        (letter,) = letters(case_of(text), told).values()
        assert letter.not_before == START.replace(day=7, hour=10)

    def test_morning_and_moments_are_those_of_the_organisation(self, case_of: CaseOf) -> None:
        told = replace(notice("wiki", kind="unseen", rule="unseen"), at=START.replace(hour=23))
        told = replace(told, incident=replace(told.incident, finding=replace(told.incident.finding, since=START)))
        (letter,) = letters(case_of(club(), time_zone="Europe/Berlin"), told).values()
        assert letter.not_before == START.replace(day=7, hour=7)
        assert "since 2007-01-06 19:00 CET." in letter.body
        assert "UTC" not in letter.body

    def test_its_end(self, case_of: CaseOf) -> None:
        told = notice("wiki", kind="resolved", rule="unseen")
        (letter,) = letters(case_of(club()), told).values()
        assert letter.subject == "kedge sees wiki again"
