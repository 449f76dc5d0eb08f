"""Who is told what, and by which way, while something is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kedge.model.finding import Finding, Severity, Symptom, Text
from kedge.rules.case import Case
from kedge.watch.letter import Letter
from kedge.watch.maintenance import in_maintenance
from kedge.watch.post import write_letters
from kedge.watch.recipient import UNANSWERED, escalations
from kedge.watch.route import find_routes, what_is_left
from kedge.watch.state import Incident, Notice
from tests.unit.watch.conftest import CaseOf
from tests.unit.watch.play import START

CLUB = """
    hosts:
      new: {provider: hoster}
      old: {provider: hoster}
      elsewhere: {provider: other}
    providers: {hoster: {sells: [new, old]}, other: {sells: elsewhere}}
    services:
      mail: {kind: postfix, host: new, domains: club.example, people: [anna, bert]}
      xmpp: {kind: prosody, host: new, domains: club.example, people: anna}
      wiki: {kind: mediawiki, host: old, people: bert}
      dns: {kind: bind, host: elsewhere, people: anna}
    domains: {club.example: {nameservers: dns}}
    people:
      anna: {channels: ["mail anna@club.example", "xmpp anna@club.example", "sms 1", "mail anna@private.example"]}
      bert: {channels: ["mail bert@club.example", {}]}
"""


def club(bert: str = "ntfy club-alarm") -> str:
    return CLUB.replace("{}]", f'"{bert}"]')


def no_sms(channel: str) -> Text | None:
    return Text("kedge cannot send sms", "kann keine SMS") if channel.startswith("sms") else None


def finding(thing: str, *symptoms: str, rule: str = "down") -> Finding:
    title = Text(f"{thing} is {rule}", f"{thing} ist {rule}")
    beneath = tuple(Symptom("down", name) for name in symptoms)
    return Finding(
        rule, thing, Severity.WARNING, title, (Text("it said so", "es sagte es"),), Text("f", "f"), symptoms=beneath
    )


def notice(thing: str, *symptoms: str, kind: str = "down", rule: str = "down", number: int = 1) -> Notice:
    incident = Incident(thing, START, rule, finding(thing, *symptoms, rule=rule), symptoms)
    return Notice(kind, incident, START, number)  # type: ignore[arg-type]


def letters(case: Case, told: Notice, *lost: str) -> dict[str, Letter]:
    return {one.person: one for one in write_letters(case, [told], lost, no_sms)}


class TestRoutes:
    @pytest.mark.parametrize(
        ("lost", "ways"),
        [
            ((), ("mail anna@club.example", "xmpp anna@club.example", "mail anna@private.example")),
            (("new",), ("mail anna@private.example",)),
            (("mail",), ("xmpp anna@club.example", "mail anna@private.example")),
            (("hoster",), ("mail anna@private.example",)),
            (("dns",), ("mail anna@private.example",)),
            (("club.example",), ("mail anna@private.example",)),
            (("old", "wiki"), ("mail anna@club.example", "xmpp anna@club.example", "mail anna@private.example")),
        ],
    )
    def test_only_what_survives(self, case_of: CaseOf, lost: tuple[str, ...], ways: tuple[str, ...]) -> None:
        case = case_of(club())
        assert find_routes(case, what_is_left(case, lost), "anna", no_sms).ways == ways

    def test_why_not_is_said(self, case_of: CaseOf) -> None:
        case = case_of(club())
        skipped = dict(find_routes(case, what_is_left(case, ["new"]), "anna", no_sms).skipped)
        assert str(skipped["mail anna@club.example"]) == "it depends on mail"
        assert str(skipped["sms 1"]) == "kedge cannot send sms"

    def test_where_nothing_survives_all_is_tried(self, case_of: CaseOf) -> None:
        case = case_of(club("mail bert@club.example"))
        found = find_routes(case, what_is_left(case, ["new"]), "bert", no_sms)
        assert found.is_desperate
        assert found.ways == ("mail bert@club.example",)

    def test_via_counts(self, case_of: CaseOf) -> None:
        text = club().replace(
            "people:\n      anna",
            "channels: {out: {to: mail bert@private.example, via: wiki}}\n    people:\n      anna",
        )
        case = case_of(text.replace('"ntfy club-alarm"', "out"))
        assert find_routes(case, what_is_left(case, ["old"]), "bert", no_sms).ways == ("mail bert@club.example",)


class TestRecipients:
    def test_the_responsible_of_everything_beneath(self, case_of: CaseOf) -> None:
        found = letters(case_of(club()), notice("new", "mail", "xmpp"), "new", "mail", "xmpp")
        assert list(found) == ["anna", "bert"]
        assert found["anna"].ways == ("mail anna@private.example",)
        assert found["bert"].ways == ("ntfy club-alarm",)

    def test_nobody_is_told_of_what_is_not_theirs(self, case_of: CaseOf) -> None:
        assert list(letters(case_of(club()), notice("wiki"), "wiki")) == ["bert"]

    def test_who_is_told_of_everything(self, case_of: CaseOf) -> None:
        assert list(letters(case_of(club() + "    alerts: {tell: anna}\n"), notice("wiki"))) == ["anna", "bert"]

    def test_where_nobody_is_named_everybody_is(self, case_of: CaseOf) -> None:
        assert list(letters(case_of(club()), notice("club.example"))) == ["anna", "bert"]

    def test_where_none_of_them_can_be_reached_everybody_else_is_told(self, case_of: CaseOf) -> None:
        found = letters(case_of(club("mail bert@club.example")), notice("wiki"), "wiki", "new")
        assert found["bert"].ways == ("mail bert@club.example",)
        assert found["anna"].ways == ("mail anna@private.example",)

    def test_who_is_away_is_not_told(self, case_of: CaseOf) -> None:
        text = club().replace("anna: {channels", "anna: {away: until 2007-02-01, channels")
        assert list(letters(case_of(text), notice("new", "mail", "xmpp"))) == ["bert"]

    def test_if_all_are_away_they_are_told_all_the_same(self, case_of: CaseOf) -> None:
        text = club().replace("bert: {channels", "bert: {away: until 2007-02-01, channels")
        assert list(letters(case_of(text), notice("wiki"))) == ["bert"]

    def test_quiet_hours(self, case_of: CaseOf) -> None:
        text = club().replace("bert: {channels", "bert: {hours: mon-sun 8-18, channels")
        morning = START.replace(day=7, hour=8)
        note = letters(case_of(text), notice("wiki", rule="degraded"))["bert"]
        assert (note.severity, note.not_before) == ("note", morning)
        down = letters(case_of(text), notice("new", "mail"))
        assert {name: one.not_before for name, one in down.items()} == {"anna": START, "bert": morning}
        alone = letters(case_of(text), notice("wiki"))["bert"]
        assert (alone.severity, alone.not_before) == ("warning", START)

    def test_what_cannot_be_brought_back_waits_for_no_morning(self, case_of: CaseOf) -> None:
        text = club().replace("bert: {channels", "bert: {hours: mon-sun 8-18, channels")
        text = text.replace("people: [anna, bert]}", "people: [anna, bert], save: none}")
        down = letters(case_of(text), notice("new", "mail"))
        assert {one.severity for one in down.values()} == {"critical"}
        assert {one.not_before for one in down.values()} == {START}

    def test_the_next_ones(self, case_of: CaseOf) -> None:
        alerts = "    alerts: {escalate: [{who: bert, after: 10min}, {who: anna, after: 1h, through: sms 1}]}\n"
        case = case_of(club() + alerts)
        assert escalations(case.inventory) == (timedelta(minutes=10), timedelta(hours=1))
        assert list(letters(case, notice("xmpp", kind="unanswered"))) == ["bert"]
        second = letters(case, notice("xmpp", kind="unanswered", number=2))
        assert second["anna"].ways == ()

    def test_who_has_to_answer_is_asked_again(self, case_of: CaseOf) -> None:
        case = case_of(club() + "    alerts: {acknowledged: yes}\n")
        assert escalations(case.inventory) == (UNANSWERED,)
        assert list(letters(case, notice("xmpp", kind="unanswered"))) == ["anna"]


class TestLetter:
    def test_what_it_says(self, case_of: CaseOf) -> None:
        letter = letters(case_of(club()), notice("new", "mail", "xmpp"), "new")["anna"]
        assert letter.subject == "new is down (mail and xmpp)"
        for said in (
            "new is down. Noticed 2007-01-06 18:00 UTC.", "Beneath it: mail and xmpp.", "Why: it said so",
            "Not affected: 2 other services.", "First step: have hoster revive or replace new", "kedge whatif new",
            "kedge alerts ack new", "Told as well: bert.", "Not through mail anna@club.example: it depends on mail.",
        ):  # fmt: skip
            assert said in letter.body
        assert "wiki" not in letter.body

    def test_in_german(self, case_of: CaseOf) -> None:
        letter = letters(case_of(club(), language="de"), notice("new", "mail", "xmpp"), "new")["anna"]
        assert letter.subject == "new ist down (mail und xmpp)"
        assert "Erster Schritt: new durch hoster wiederbeleben" in letter.body

    def test_after_the_storm(self, case_of: CaseOf) -> None:
        told = replace(
            notice("new", "mail", "xmpp", kind="resolved"), at=START + timedelta(minutes=25), still_bad=("xmpp",)
        )
        letter = letters(case_of(club()), told, "xmpp")["anna"]
        assert letter.subject == "new is back"
        assert "new is back, after 25 min." in letter.body
        assert "mail: back" in letter.body
        assert "xmpp: not yet (anna)" in letter.body

    def test_ids_are_told_apart_by_person_and_kind(self, case_of: CaseOf) -> None:
        case = case_of(club())
        all_told = [notice("new", "mail", "wiki", kind=kind) for kind in ("down", "worse", "resolved")]
        ids = [letter.id for letter in write_letters(case, all_told, ["new"], no_sms)]
        assert len(set(ids)) == len(ids) == 6


def test_planned_changes_are_maintenance_while_they_last(case_of: CaseOf) -> None:
    text = (
        club()
        + """
    changes:
      move: {of: new, when: 2007-01-06 17:00, until: 2007-01-06 19:00}
      done: {of: old, when: 2007-01-06 17:00, until: 2007-01-06 19:00, done: yes}
      emergency: {of: wiki, since: 2007-01-05, until: 2007-02-01}
    """
    )
    inventory = case_of(text).inventory
    assert in_maintenance(inventory, START) == {"new"}
    assert in_maintenance(inventory, START + timedelta(hours=2)) == frozenset()
