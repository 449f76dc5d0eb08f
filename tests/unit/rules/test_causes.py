"""Root causes: one finding for each, its symptoms beneath."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.model.finding import Finding
from kedge.model.need import AtLeast
from kedge.model.observation import Observation, Status
from kedge.rules.cause_graph import Needs
from kedge.rules.causes import causes

OF_2007: Needs = {
    "wiki": ("web-db", "old", "example.org"),
    "forum": ("web-db", "old"),
    "mail": ("new", "example.org"),
    "lists": ("mail", "new"),
    "xmpp": ("new",),
    "tickets": ("tickets-db", "new"),
    "tickets-db": ("guest",),
    "guest": ("new",),
    "web-db": ("old",),
    "example.org": (AtLeast(at_least=1, of=("dns", "dns2")),),
    "dns": ("ns1",),
    "dns2": ("ns2",),
    "new": ("hoster",),
    "old": ("hoster",),
}
SERVICES = ("wiki", "forum", "mail", "lists", "xmpp", "tickets", "example.org")


def seen(default: Status = Status.OK, **states: Status) -> dict[str, Mapping[str, Observation]]:
    named = {name.replace("_", "-"): status for name, status in states.items()}
    return {
        name: {"probe": Observation(named.get(name, default), "said so")}
        for name in {**dict.fromkeys(SERVICES), **named}
    }


def short(findings: tuple[Finding, ...]) -> dict[str, tuple[str, ...]]:
    return {f"{one.rule} {one.thing}": tuple(symptom.thing for symptom in one.symptoms) for one in findings}


DOWN, OK, DEGRADED, UNKNOWN = Status.DOWN, Status.OK, Status.DEGRADED, Status.UNKNOWN


def test_nothing_wrong_is_no_finding() -> None:
    assert causes(OF_2007, seen()) == ()


def test_what_needs_the_cause_stands_beneath_it() -> None:
    found = causes(OF_2007, seen(mail=DOWN, lists=DOWN))
    assert short(found) == {"down mail": ("lists",)}


def test_a_dead_host_is_one_cause_though_nobody_saw_it() -> None:
    found = causes(OF_2007, seen(mail=DOWN, lists=DOWN, xmpp=DOWN, tickets=DOWN))
    assert short(found) == {"down new": ("lists", "mail", "tickets", "xmpp")}
    assert str(found[0].title) == "new is probably down"


def test_a_host_that_was_seen_down_needs_no_guess() -> None:
    found = causes(OF_2007, seen(mail=DOWN, lists=DOWN, xmpp=DOWN, tickets=DOWN, new=DOWN))
    assert short(found) == {"down new": ("lists", "mail", "tickets", "xmpp")}
    assert str(found[0].title) == "new is down"


def test_a_host_on_which_something_works_is_not_suspected() -> None:
    found = causes(OF_2007, seen(mail=DOWN, xmpp=DOWN))
    assert short(found) == {"down mail": (), "down xmpp": ()}


def test_a_host_that_was_seen_fine_is_not_suspected() -> None:
    found = causes(OF_2007, seen(mail=DOWN, lists=DOWN, xmpp=DOWN, tickets=DOWN, new=OK))
    assert short(found) == {"down mail": ("lists",), "down tickets": (), "down xmpp": ()}


def test_the_closest_suspect_is_named_not_the_one_behind_it() -> None:
    """The hoster of both hosts would explain as little as the host alone: the wiki answers."""
    found = causes(
        {**OF_2007, "new": ("place",), "place": ("hoster",)}, seen(mail=DOWN, lists=DOWN, xmpp=DOWN, tickets=DOWN)
    )
    assert [one.thing for one in found] == ["new"]


def test_what_all_hosts_share_is_suspected_if_all_are_silent() -> None:
    found = causes(OF_2007, seen(DOWN, **{"example.org": OK}))
    assert [one.thing for one in found] == ["hoster"]


def test_an_unseen_database_of_two_is_suspected() -> None:
    needs = {**OF_2007, "other": ("old",)}
    assert [one.thing for one in causes(needs, seen(wiki=DOWN, forum=DOWN, other=OK))] == ["web-db"]


def test_an_unseen_database_of_one_is_suspected_if_its_user_blames_it() -> None:
    states = seen(tickets=DOWN)
    assert [one.thing for one in causes(OF_2007, states)] == ["tickets"]
    blamed = causes(OF_2007, states, hints={"tickets": {"tickets-db"}})
    assert short(blamed) == {"down tickets-db": ("tickets",)}


def test_a_database_that_was_seen_fine_is_not_blamed() -> None:
    found = causes(OF_2007, seen(tickets=DOWN, tickets_db=OK), hints={"tickets": {"tickets-db"}})
    assert [one.thing for one in found] == ["tickets"]


def test_what_is_degraded_does_not_explain_what_is_down() -> None:
    found = causes(OF_2007, seen(mail=DOWN, new=DEGRADED))
    assert short(found) == {"down mail": (), "degraded new": ()}


def test_what_is_degraded_is_explained_by_what_is_down() -> None:
    assert short(causes(OF_2007, seen(lists=DEGRADED, mail=DOWN))) == {"down mail": ("lists",)}


def test_one_of_two_name_servers_takes_nothing_down() -> None:
    assert short(causes(OF_2007, seen(dns=DOWN))) == {"down dns": ()}
    both = short(causes(OF_2007, seen(dns=DOWN, dns2=DOWN, **{"example.org": DOWN, "wiki": DOWN, "mail": DOWN})))
    assert both == {"down dns": ("example.org", "mail", "wiki"), "down dns2": ("example.org", "mail", "wiki")}


def test_what_works_less_well_with_one_of_two_is_explained_by_the_dead_one() -> None:
    assert short(causes(OF_2007, seen(dns=DOWN, **{"example.org": DEGRADED}))) == {"down dns": ("example.org",)}
    assert short(causes(OF_2007, seen(dns=DOWN, **{"example.org": DOWN}))) == {"down dns": (), "down example.org": ()}


def test_two_that_need_each_other_are_one_cause() -> None:
    found = causes({"a": ("b",), "b": ("a",), "c": ("a",)}, seen(OK, a=DOWN, b=DOWN, c=DOWN))
    assert short(found) == {"down a": ("c",)}
    assert str(found[0].title) == "a and b are down"


def test_of_a_circle_only_what_was_seen_is_named() -> None:
    found = causes({"a": ("b",), "b": ("a",)}, seen(OK, a=DEGRADED))
    assert str(found[0].title) == "a works, but not as it should"


def test_what_was_not_seen_is_one_note() -> None:
    found = causes(OF_2007, seen(xmpp=UNKNOWN, wiki=UNKNOWN))
    assert short(found) == {"unseen wiki": ()}
    assert "wiki and xmpp" in str(found[0].title)


def test_what_was_not_seen_because_of_a_cause_stands_beneath_it() -> None:
    found = causes(OF_2007, seen(mail=DOWN, lists=UNKNOWN))
    assert short(found) == {"down mail": ("lists",)}


def test_a_thing_that_was_seen_in_part_is_named_too() -> None:
    looks = {"mail": {"smtp": Observation(OK, "fine"), "submission": Observation(UNKNOWN, "no secret")}}
    (found,) = causes(OF_2007, looks)
    assert (found.rule, [str(reason) for reason in found.why]) == ("unseen", ["mail, submission: no secret"])


def test_a_part_of_a_thing_is_reported_as_its_own() -> None:
    looks = seen(mail=DOWN) | {"new /var/vmail": {"system": Observation(DOWN, "is full")}}
    found = causes({**OF_2007, "mail": ("new /var/vmail",)}, looks, parts={"new /var/vmail": "new"})
    assert short(found) == {"down new": ("mail",)}
    assert str(found[0].title) == "new /var/vmail is full"


def test_the_worst_probe_of_a_thing_counts_and_is_quoted() -> None:
    looks = {"smtp": Observation(OK, "accepted the recipient"), "round trip": Observation(DOWN, "nothing arrived")}
    (found,) = causes(OF_2007, {"mail": looks})
    assert [str(reason) for reason in found.why] == ["mail, round trip: nothing arrived"]


NAMES = st.sampled_from("abcdefg")
NEEDS = st.dictionaries(NAMES, st.lists(NAMES, max_size=3).map(tuple), max_size=7)
STATES = st.dictionaries(NAMES, st.sampled_from([OK, DEGRADED, DOWN, UNKNOWN]), max_size=7)


@given(NEEDS, STATES)
def test_everything_that_is_not_ok_stands_somewhere(needs: Needs, states: dict[str, Status]) -> None:
    found = causes(needs, {name: {"probe": Observation(status, "said so")} for name, status in states.items()})
    listed = {name for one in found for name in (one.thing, *(symptom.thing for symptom in one.symptoms))}
    reasons = {str(reason).partition(",")[0] for one in found for reason in one.why}
    for name, status in states.items():
        assert status is OK or name in listed or name in reasons
        if status is OK:
            assert name not in listed


@pytest.mark.parametrize("length", [3000])
def test_long_chains_are_no_problem(length: int) -> None:
    needs = {f"t{n}": (f"t{n + 1}",) for n in range(length)}
    found = causes(needs, {f"t{n}": {"p": Observation(DOWN, "x")} for n in range(length + 1)})
    assert [one.thing for one in found] == [f"t{length}"]


def test_what_was_seen_is_told_in_both_languages() -> None:
    looks = {
        "wiki": {"http": Observation(DOWN, "did not answer within 10 s")},
        "new": {"system": Observation(DOWN, "is full")},
        "mail": {"smtp": Observation(UNKNOWN, "its host could not be entered: ssh was refused")},
    }
    found = {one.thing: one for one in causes({}, looks, parts={"new": "new /var"})}
    assert [one.de for one in found["wiki"].why] == ["wiki, http: hat binnen 10 s nicht geantwortet"]
    assert (found["new /var"].title.en, found["new /var"].title.de) == ("new is full", "new ist voll")
    assert found["mail"].why[0].de == "mail, smtp: der Host war nicht zu betreten: ssh wurde abgewiesen"
