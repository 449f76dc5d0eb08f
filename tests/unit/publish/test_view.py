"""What may leave, and what the view says about it."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import pytest

from kedge.kinds.registry import KINDS
from kedge.model.facts import Fact
from kedge.model.finding import Finding, Severity, Text
from kedge.model.instance import Endpoint
from kedge.model.observation import Status
from kedge.publish.view import Material, NameView, PublicView, ServiceView, build_view
from tests.unit.publish.club import (
    NOW,
    PEOPLE,
    TEAMS,
    ago,
    club,
    club_facts,
    club_looks,
    facts,
    inventory,
    looks,
    service,
)

LEAVES = {str, int, bool, datetime, Status, Severity, type(None)}


def types_in(hint: object) -> set[type]:
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        inner = typing.get_type_hints(hint).values()
        return {hint}.union(*(types_in(field) for field in inner))
    parts = [part for part in typing.get_args(hint) if part is not Ellipsis]
    return set[type]().union(*(types_in(part) for part in parts)) if parts else {typing.cast("type", hint)}


def view_one(*, people: object = None, known: tuple[Fact, ...] = (), **fields: object) -> ServiceView:
    whole = inventory({"wiki": service(people=people, **fields)}, people=PEOPLE, teams=TEAMS)
    return build_view(Material(whole, facts(*known))).services[0]


def test_the_view_reaches_plain_values_only() -> None:
    reached = types_in(PublicView)
    plain = {kind for kind in reached if kind.__module__ == "kedge.publish.view" or kind is Text}
    assert reached - plain <= LEAVES


def test_services_that_are_not_public_are_not_there() -> None:
    view = build_view(Material(club(), club_facts()))
    assert [entry.name for entry in view.services] == [
        "site", "wiki", "mail", "lists", "chat", "forum", "tickets", "calendar",
    ]  # fmt: skip
    assert "vault" not in str(view)


def test_only_people_who_agreed_are_named() -> None:
    people = view_one(people=["web", "dora"]).people
    assert people.named == ("Anna Beispiel", "Caro")
    assert (people.others, people.count, people.is_too_few) == (2, 4, False)


@pytest.mark.parametrize(
    ("people", "is_wanting"),
    [(None, True), ([], True), ("dora", True), (["dora", "anna"], False), ("post", False), ("nobody-known", True)],
)
def test_help_is_wanted_for_nobody_and_for_one(people: object, is_wanting: bool) -> None:
    assert view_one(people=people).people.is_too_few is is_wanting


def test_whoever_left_is_not_responsible_but_whoever_is_away_is() -> None:
    people = {"left": {"left": "2006-12-24"}, "leaves": {"left": "2007-02-01"}, "away": {"away": "until 2007-03-01"}}
    whole = inventory({"wiki": service(people=list(people))}, people=people)
    assert build_view(Material(whole, facts())).services[0].people.count == 2


def test_a_team_with_unknown_members_is_no_call_for_help() -> None:
    whole = inventory({"wiki": service(people="it")}, teams={"it": {"title": "IT"}})
    people = build_view(Material(whole, facts())).services[0].people
    assert people.count is None
    assert not people.is_too_few


def test_a_private_team_is_counted_but_not_named() -> None:
    whole = inventory(
        {"wiki": service(people="core")}, people=PEOPLE, teams={"core": {"members": ["ben", "dora"], "public": False}}
    )
    view = build_view(Material(whole, facts()))
    assert view.services[0].people.count == 2
    assert (view.services[0].teams, view.teams) == ((), ())


def test_nothing_seen_is_not_observed() -> None:
    assert view_one().status.now is None


def test_a_look_counts_for_its_shelf_life() -> None:
    fresh, old = (Fact("wiki", "observation", "ok", ago(minutes=minutes), "observed") for minutes in (14, 16))
    assert view_one(known=(fresh,)).status.now is Status.OK
    stale = view_one(known=(old,)).status
    assert (stale.now, stale.seen, stale.at) == (Status.UNKNOWN, Status.OK, old.at)


def test_a_look_handed_in_without_a_fact_was_made_now() -> None:
    whole = inventory({"wiki": service()})
    status = build_view(Material(whole, facts(), statuses=looks(wiki="down"))).services[0].status
    assert (status.now, status.at) == (Status.DOWN, NOW)


def test_a_look_says_what_counts_and_a_fact_when() -> None:
    known = Fact("wiki", "status", "down: no answer", ago(hours=9))
    whole = inventory({"wiki": service()})
    for handed_in, status in (("down", Status.DOWN), ("unknown", Status.UNKNOWN)):
        seen = build_view(Material(whole, facts(known), statuses=looks(wiki=handed_in))).services[0].status
        assert (seen.now, seen.seen, seen.at) == (status, Status.DOWN, known.at)


@pytest.mark.parametrize("value", ["", "fine", "all ok", "OKAY"])
def test_a_word_that_is_no_status_is_unknown(value: str) -> None:
    known = Fact("wiki", "observation", value, NOW, "observed")
    assert view_one(known=(known,)).status.now is Status.UNKNOWN


@pytest.mark.parametrize(
    ("value", "is_proven"),
    [("ok", True), ("ok rpo=22h rto=50min", True), ("failed: ok", False), ("okay", False), ("", False)],
)
def test_only_a_drill_that_went_well_proves_a_restore(value: str, is_proven: bool) -> None:
    at = NOW - timedelta(days=3)
    assert view_one(known=(Fact("wiki", "drill", value, at, "drilled"),)).restored == (at if is_proven else None)


@pytest.mark.parametrize(
    ("name", "is_shown"),
    [
        ("wiki.example.org", True), ("Wiki.Example.org.", True), ("_xmpp.example.org", True),
        ("xn--bcher-kva.example", True),
        ("192.0.2.7", False), ("2001:db8::7", False), ("wiki", False), ("wiki.local", False), ("db.internal", False),
        ("wiki.example.org/admin", False), ("javascript:alert(1)", False), ("a b.example.org", False), ("", False),
    ],
)  # fmt: skip
def test_only_domain_names_are_shown_as_names(name: str, is_shown: bool) -> None:
    assert [entry.text for entry in view_one(domains=name).names] == ([name.lower().rstrip(".")] if is_shown else [])


class Web(KINDS["http"]):  # type: ignore[misc]
    """A kind whose names and endpoints follow from its address."""

    def names(self) -> Iterator[str]:
        yield urlsplit(self.url).hostname or ""

    def endpoints(self) -> Iterator[Endpoint]:
        yield Endpoint("web", urlsplit(self.url).hostname or "", urlsplit(self.url).port or 443, "tls")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://wiki.example.org/admin", [NameView("wiki.example.org", "https://wiki.example.org/")]),
        ("https://example.org/", [NameView("example.org", "https://example.org/")]),
        ("https://wiki.example.org:8443/", [NameView("wiki.example.org")]),
        ("https://web1.example.net/", []),
        ("https://192.0.2.7/", []),
    ],
)
def test_names_that_follow_from_an_address_are_shown_unless_they_are_a_host(url: str, shown: list[NameView]) -> None:
    whole = inventory(
        {"wiki": Web(url=url)},
        hosts={"web1": {"address": ["192.0.2.7", "web1.example.net"]}},
        domains={"example.org": {}},
    )
    assert list(build_view(Material(whole, facts())).services[0].names) == shown


def test_levels_and_findings_stay_private_unless_opted_in() -> None:
    finding = Finding("bus-1", "wiki", Severity.WARNING, Text("One only", "Nur eine"), (), Text("Ask", "Frag"))
    for opted in (False, True):
        whole = inventory(
            {"wiki": service()}, organisation={"name": "Club", "public": {"levels": opted, "findings": opted}}
        )
        view = build_view(Material(whole, facts(), (finding,), {"wiki": 3}))
        assert (view.services[0].level, view.has_levels) == ((3, True) if opted else (None, False))
        assert (view.findings is not None) is opted


def test_opted_in_findings_that_name_what_is_private_are_counted_only() -> None:
    said = {"plain": "No restore was tried", "host": "The disk of web1 is full", "address": "192.0.2.7 is alone"}
    findings = [
        Finding(rule, "wiki", Severity.WARNING, Text(text, text), (), Text("Try", "Versuch"))
        for rule, text in said.items()
    ]
    findings.append(Finding("spof", "web1", Severity.CRITICAL, Text("x", "x"), (), Text("y", "y")))
    whole = inventory(
        {"wiki": service(host="web1")}, hosts={"web1": {}}, organisation={"name": "C", "public": {"findings": True}}
    )
    view = build_view(Material(whole, facts(), findings))
    assert [finding.title.en for finding in view.findings or ()] == ["No restore was tried"]
    assert view.withheld == 3


def test_the_club_is_shown_as_it_is() -> None:
    view = build_view(Material(club(), club_facts(), statuses=club_looks()))
    assert [entry.name for entry in view.wanting] == ["chat", "calendar"]
    assert view.people_count == 4
    assert [(team.name, [link.name for link in team.services]) for team in view.teams] == [
        ("web", ["site", "wiki"]), ("post", ["mail", "lists", "tickets"]),
    ]  # fmt: skip
