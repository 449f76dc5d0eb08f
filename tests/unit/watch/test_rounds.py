"""Rounds of a watch: by what was looked at, however long that took."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kedge.watch.rounds import REMEMBERED, Rounds
from tests.unit.watch.play import START

ALL = ("wiki", "mail", "dns")


def at(second: int) -> datetime:
    return START + timedelta(seconds=second)


def started(least_s: int = 0) -> Rounds[str]:
    rounds: Rounds[str] = Rounds(timedelta(seconds=least_s))
    rounds.keep_only(ALL)
    return rounds


def look(rounds: Rounds[str], second: int, *names: str) -> None:
    for name in names:
        rounds.take(name, at(second))


def test_a_round_is_over_when_everything_was_looked_at_since() -> None:
    rounds = started()
    look(rounds, 10, "wiki", "mail")
    look(rounds, 20, "wiki", "mail")
    assert rounds.within(at(0)) == 1
    look(rounds, 60, "dns")
    assert [rounds.within(at(second)) for second in (0, 15, 20)] == [2, 2, 1]
    look(rounds, 500, *ALL)
    assert [rounds.within(at(second)) for second in (0, 15, 20, 500)] == [3, 3, 2, 1]


def test_looks_that_come_sooner_make_no_round_shorter() -> None:
    rounds = started(54)
    for second in range(0, 100, 5):
        look(rounds, second, *ALL)
    assert rounds.within(at(-1)) == 3
    assert rounds.within(at(0)) == 2


def test_what_is_not_looked_at_in_each_round_does_not_count() -> None:
    rounds = started()
    look(rounds, 1, "registration", *ALL)
    assert rounds.within(at(0)) == 2
    rounds.keep_only(["wiki", "new"])
    assert rounds.within(at(0)) == 1
    look(rounds, 2, "new")
    assert rounds.within(at(0)) == 2


def test_nothing_to_look_at_is_the_first_round_for_ever() -> None:
    assert Rounds[str]().within(START) == 1


@given(st.lists(st.sampled_from((*ALL, "other")), max_size=60))
def test_a_round_takes_a_look_at_everything(looks: list[str]) -> None:
    rounds = started()
    for second, name in enumerate(looks):
        rounds.take(name, at(second))
    fewest = min(looks.count(name) for name in ALL)
    assert rounds.within(at(-1)) == 1 + min(fewest, REMEMBERED)
