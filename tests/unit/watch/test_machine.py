"""One cause, one page; and the mistakes that watchers with dependencies are known for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from kedge.model.finding import Finding, Severity, Text
from kedge.model.need import AtLeast
from kedge.model.observation import Status
from kedge.watch.state import Policy
from kedge.watch.verdict import Standing
from tests.unit.watch.play import DEGRADED, DOWN, OF_2007, OK, SEEN, START, TICK, UNKNOWN, Play, everything, night

NEW = {"new": DOWN, "mail": DOWN, "lists": DOWN, "xmpp": DOWN, "tickets": DOWN}


def test_nothing_wrong_nobody_told() -> None:
    assert night().run(30) == []


def test_a_dead_server_is_one_page_with_all_beneath_it() -> None:
    play = night()
    assert play.run(10, **NEW) == ["down new"]
    assert sorted(play.notices[0].incident.symptoms) == ["lists", "mail", "tickets", "xmpp"]
    assert play.run(100) == []


def test_a_dead_server_that_nobody_can_look_at_is_one_page() -> None:
    play = Play(OF_2007)
    play.world_is = everything([name for name in SEEN if name not in ("new", "old")])
    play.run(3)
    assert play.run(10, mail=DOWN, lists=DOWN, xmpp=DOWN, tickets=DOWN) == ["down new"]


def test_one_failed_look_is_no_page() -> None:
    play = night()
    assert play.run(2, mail=DOWN) == []
    assert play.run(10, mail=OK) == []


def test_what_is_back_is_said_so() -> None:
    play = night()
    play.run(5, wiki=DOWN)
    assert play.run(5, wiki=OK) == ["resolved wiki"]


class TestChildBeforeParent:
    """Icinga2 #5208, #4689; sensu #770: the child is looked at before its parent is known to be down."""

    def test_the_parent_is_looked_at_first(self) -> None:
        play = night()
        play.world_is.update(NEW)
        told = [play.look("mail") for _ in range(4)]
        assert told == [[], [], [], []]
        assert {"new", "lists"} <= play.wanted

    def test_the_page_names_the_parent(self) -> None:
        play = night()
        play.world_is.update(NEW)
        for _ in range(3):
            play.look("mail")
        for _ in range(3):
            assert play.look("new", "mail") == []
        assert play.run(4) == ["down new"]

    def test_a_parent_that_is_never_seen_again_delays_only_for_a_while(self) -> None:
        play = night()
        play.world_is.update(NEW)
        told = [notice for _ in range(12) for notice in play.look("mail")]
        assert [notice.incident.thing for notice in told] == ["mail"]

    def test_a_parent_that_hesitates_is_waited_for(self) -> None:
        play = night()
        play.world_is.update(NEW)
        for name in ("mail", "new", "mail", "new", "mail"):
            assert play.look(name) == []
        assert "new" in play.wanted

    def test_siblings_on_a_host_nobody_sees_are_looked_at_first(self) -> None:
        play = Play(OF_2007)
        play.world_is = everything([name for name in SEEN if name not in ("new", "old")])
        play.run(3)
        play.world_is.update({name: DOWN for name in NEW if name != "new"})
        for _ in range(4):
            assert play.look("mail", "lists") == []
        assert {"xmpp", "tickets"} <= play.wanted
        assert play.run(4) == ["down new"]


class TestStorm:
    """Icinga2 #8201: the parent is back, what its children last saw is not."""

    def test_no_page_for_children_that_were_not_looked_at_since(self) -> None:
        play = night()
        play.run(5, **NEW)
        play.world_is["new"] = OK
        told = [notice for _ in range(4) for notice in play.look("new")]
        assert [notice.kind for notice in told] == []
        assert {"mail", "lists"} <= play.wanted
        assert play.run(8, **everything(SEEN)) == ["resolved new"]

    def test_children_that_need_a_little_longer_are_no_page(self) -> None:
        play = night()
        play.run(5, **NEW)
        assert play.run(2, new=OK) == []
        assert play.run(8, **everything(SEEN)) == ["resolved new"]

    def test_a_child_that_stays_down_is_a_page_of_its_own(self) -> None:
        play = night()
        play.run(5, **NEW)
        assert sorted(play.run(12, new=OK, mail=OK, lists=OK, xmpp=OK)) == ["down tickets", "resolved new"]
        resolved = next(notice for notice in play.notices if notice.kind == "resolved")
        assert resolved.still_bad == ("tickets",)


class TestResolved:
    """Alertmanager #226, #2754: what holds back pages must not hold back their ends."""

    def test_beneath_a_greater_cause(self) -> None:
        play = night()
        assert play.run(5, mail=DOWN, lists=DOWN) == ["down mail"]
        assert play.run(6, **NEW) == ["down new"]
        assert sorted(play.run(10, **everything(SEEN))) == ["resolved mail", "resolved new"]

    def test_in_maintenance(self) -> None:
        play = night()
        play.run(5, wiki=DOWN)
        play.maintenance = ["wiki", "old"]
        assert play.run(5, wiki=OK) == ["resolved wiki"]

    def test_with_a_parent_nobody_sees(self) -> None:
        play = night()
        play.run(5, wiki=DOWN)
        assert play.run(10, wiki=OK, old=UNKNOWN) == ["resolved wiki"]


class TestMaintenance:
    def test_what_is_worked_on_is_no_page(self) -> None:
        play = night(maintenance=["new"])
        assert play.run(30, **NEW) == []

    def test_what_needs_it_is_no_page_though_it_answers(self) -> None:
        play = night(maintenance=["new"])
        assert play.run(30, mail=DOWN) == []

    def test_what_is_not_back_by_the_end_is_a_page(self) -> None:
        play = night(maintenance=["new"])
        play.run(10, **NEW)
        play.maintenance = ()
        assert play.run(2) == ["down new"]

    def test_other_things_are_watched_meanwhile(self) -> None:
        play = night(maintenance=["new"])
        assert play.run(10, **NEW, wiki=DOWN) == ["down wiki"]


class TestFlapping:
    def test_a_flapping_parent_is_few_pages_and_one_end(self) -> None:
        play = night()
        told: list[str] = []
        for _ in range(20):
            told += play.run(4, **NEW)
            told += play.run(3, **everything(SEEN))
        told += play.run(60)
        counts = Counter(told)
        assert counts["down new"] <= 3
        assert counts["down new"] == counts["resolved new"]
        assert set(counts) == {"down new", "resolved new"}

    def test_the_third_time_it_is_said(self) -> None:
        play = night()
        for _ in range(3):
            play.run(5, wiki=DOWN)
            play.run(5, wiki=OK)
        assert [notice.is_flapping for notice in play.notices if notice.kind == "down"] == [False, False, True]
        assert play.notices[-1].kind == "down"
        assert play.run(30) == ["resolved wiki"]


class TestNeeds:
    def test_any_of_parents_one_is_enough(self) -> None:
        """Icinga turned the meaning round in 2.12, and back in 2.14."""
        play = Play({"site": (AtLeast(at_least=1, of=("dns", "dns2")),)})
        play.world_is = everything(("site", "dns", "dns2"))
        play.run(3)
        assert sorted(play.run(10, site=DOWN, dns=DOWN)) == ["down dns", "down site"]
        other = Play(play.needs)
        other.world_is = everything(("site", "dns", "dns2"))
        other.run(3)
        assert sorted(other.run(10, site=DOWN, dns=DOWN, dns2=DOWN)) == ["down dns", "down dns2"]

    def test_a_parent_named_twice_is_one_parent(self) -> None:
        """LibreNMS #19125: counted twice, it never suppressed."""
        play = Play({"mail": ("new", "new", AtLeast(at_least=1, of=("new", "new")))})
        play.world_is = everything(("mail", "new"))
        play.run(3)
        assert play.run(10, mail=DOWN, new=DOWN) == ["down new"]

    def test_a_circle_is_one_page(self) -> None:
        play = Play({"a": ("b",), "b": ("a",)})
        play.world_is = everything(("a", "b"))
        play.run(3)
        assert len(play.run(10, a=DOWN, b=DOWN)) == 1


class TestWorse:
    def test_degraded_and_then_down_is_said_once_more(self) -> None:
        play = night()
        assert play.run(6, wiki=DEGRADED) == ["down wiki"]
        assert play.run(6, wiki=DOWN) == ["worse wiki"]
        assert play.run(6, wiki=DEGRADED) == []
        assert play.run(6, wiki=OK) == ["resolved wiki"]


class Changed(Play):
    """A world in which a look that sees less than it should has seen changed records."""

    def judge(self, standings: Sequence[Standing]) -> Sequence[Finding]:
        text = Text("was changed", "wurde geändert")
        changed = [Finding("dns-drift", one.thing, Severity.WARNING, text, (), text) for one in standings if one.is_bad]
        return changed if all(one.status is not DOWN for one in standings) else super().judge(standings)


class TestDrift:
    def test_a_changed_record_is_told_and_so_is_its_end(self) -> None:
        play = Changed({"zone": ()})
        play.world_is = everything(["zone"])
        play.run(3)
        assert play.run(6, zone=DEGRADED) == ["down zone"]
        assert play.notices[0].incident.finding.rule == "dns-drift"
        assert play.run(6, zone=DOWN) == ["worse zone"]
        assert play.run(6, zone=OK) == ["resolved zone"]


class TestEscalation:
    POLICY = Policy(escalations=(timedelta(minutes=5), timedelta(minutes=15)))

    def test_nobody_answers(self) -> None:
        play = night(policy=self.POLICY)
        assert play.run(120, wiki=DOWN) == ["down wiki", "unanswered wiki", "unanswered wiki"]
        assert [notice.number for notice in play.notices] == [1, 1, 2]

    def test_somebody_answers(self) -> None:
        play = night(policy=self.POLICY)
        play.run(10, wiki=DOWN)
        play.answered = {play.notices[0].incident.id: "anna"}
        assert play.run(120) == []
        assert play.run(5, wiki=OK) == ["resolved wiki"]

    def test_suppressed_rounds_do_not_use_up_steps(self) -> None:
        """LibreNMS PR #20359: what is suppressed must not consume the escalation."""
        play = night(policy=self.POLICY, maintenance=["old"])
        play.run(100, wiki=DOWN)
        play.maintenance = ()
        assert play.run(20) == ["down wiki"]
        assert play.run(40)[:1] == ["unanswered wiki"]


STORIES = st.lists(
    st.tuples(st.sampled_from(SEEN), st.sampled_from([OK, DOWN, DEGRADED, UNKNOWN]), st.integers(1, 6)), max_size=12
)


@settings(max_examples=30)
@given(STORIES)
def test_every_beginning_has_one_end_and_in_the_end_all_is_told(story: list[tuple[str, Status, int]]) -> None:
    play = night()
    for name, status, ticks in story:
        play.run(ticks, **{name: status})
    play.run(60, **everything(SEEN))
    told = Counter((notice.kind, notice.incident.id) for notice in play.notices)
    assert max(told.values(), default=1) == 1
    begun = {incident for kind, incident in told if kind == "down"}
    assert begun == {incident for kind, incident in told if kind == "resolved"}
    assert play.state.incidents == {}


@settings(max_examples=30)
@given(STORIES, st.sampled_from(SEEN))
def test_what_stays_down_is_told_or_beneath_what_was_told(story: list[tuple[str, Status, int]], thing: str) -> None:
    play = night()
    for name, status, ticks in story:
        play.run(ticks, **{name: status})
    play.run(40, **everything(SEEN))
    play.run(40, **{thing: DOWN})
    open_things = set(play.state.incidents)
    assert open_things == {thing}
    assert len({notice.id for notice in play.notices}) == len(play.notices)


@settings(max_examples=15)
@given(STORIES)
def test_the_same_looks_lead_to_the_same(story: list[tuple[str, Status, int]]) -> None:
    first, second = night(), night()
    for name, status, ticks in story:
        first.run(ticks, **{name: status})
        second.run(ticks, **{name: status})
    assert first.state == second.state
    assert first.notices == second.notices


def test_an_incident_is_named_after_thing_and_moment() -> None:
    play = night()
    play.run(5, wiki=DOWN)
    assert play.notices[0].id == f"{play.notices[0].incident.id}/down/1"
    assert play.notices[0].incident.opened == START + 6 * TICK
    assert replace(play.notices[0].incident, acknowledged="anna").id == play.notices[0].incident.id
