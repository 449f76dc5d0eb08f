"""What is held of a probe, look by look."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.model.observation import Observation, Status
from kedge.watch.verdict import RANK, Seen, Standing, Thresholds, fold
from tests.unit.watch.play import DEGRADED, DOWN, OK, START, TICK, UNKNOWN

WORDS = {"o": OK, "x": DOWN, "d": DEGRADED, "?": UNKNOWN}


def held(looks: str, gap: timedelta = TICK) -> Standing:
    standing: Standing | None = None
    for number, word in enumerate(looks):
        seen = Seen("wiki", "http", START + number * gap, Observation(WORDS[word], f"look {number}"))
        standing = fold(standing, seen, Thresholds())
    assert standing is not None
    return standing


@pytest.mark.parametrize(
    ("looks", "status"),
    [
        ("o", OK), ("x", UNKNOWN), ("xx", UNKNOWN), ("xxx", DOWN), ("oxx", OK), ("oxxx", DOWN), ("oxoxox", OK),
        ("xxxo", DOWN), ("xxxoo", OK), ("xxxoxo", DOWN), ("xxd", DEGRADED), ("xxdxx", DEGRADED), ("xxdxxx", DOWN),
        ("xxxdd", DEGRADED), ("xxx???", DOWN), ("xxx?o?o", OK), ("o???", UNKNOWN), ("o??", OK), ("o???o", OK),
        ("ox?xx", DOWN), ("???", UNKNOWN), ("ox???", OK), ("o???xx", UNKNOWN), ("o???xxx", DOWN),
    ],
)  # fmt: skip
def test_looks_in_a_row_decide(looks: str, status: Status) -> None:
    assert held(looks).status is status


def test_a_bad_run_begins_with_its_first_look() -> None:
    assert held("ooxxx").failing == START + 2 * TICK
    assert held("ooxxxo").failing is None


def test_after_a_long_gap_counting_begins_anew() -> None:
    assert held("oxx", gap=timedelta(hours=1)).status is OK
    assert held("oxxxx", gap=timedelta(hours=1)).status is OK


def test_an_old_look_changes_nothing() -> None:
    known = held("oooo")
    assert fold(known, Seen("wiki", "http", START, Observation(DOWN, "late")), Thresholds()) is known


def test_what_is_said_is_what_is_held() -> None:
    assert held("oxxx").what.what == "look 3"
    assert held("oooxx").what.what == "look 2"


@given(st.text("ox d?".replace(" ", ""), min_size=1, max_size=60))
def test_one_odd_look_never_decides(looks: str) -> None:
    before = held(looks)
    for word in "xd":
        assert RANK[held(looks + word).status] <= RANK[before.status] or looks.replace("?", "")[-2:].strip("xd") == ""


@given(st.text("oxd?", max_size=40), st.sampled_from("oxd"))
def test_what_stays_so_is_held_in_the_end(looks: str, word: str) -> None:
    assert held(looks + 4 * word).status is WORDS[word]


@given(st.text("oxd", max_size=40))
def test_not_seeing_never_accuses_nor_clears(looks: str) -> None:
    if looks:
        assert RANK[held(looks + "????").status] == RANK[held(looks).status]
