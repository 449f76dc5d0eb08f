"""Doubts: what one census tells against the one before it, and what it does not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.model.census import DAMAGED, DOUBLED, QUESTIONS, Census, Tally
from kedge.work.doubts import Count, count, find_doubts

AT = datetime(2007, 1, 5, 20, tzinfo=UTC)
numbers = st.integers(min_value=0, max_value=10**12)


def census(entries: int, questions: int = 0, doubled: int = 0, size: int = 0) -> Census:
    remarks = {QUESTIONS: f"wiki.page {questions}", DOUBLED: f"wiki.page {doubled}"}
    said = {name: text for name, text in remarks.items() if not text.endswith(" 0")}
    return Census("database", AT, {"wiki.page": Tally(entries, "", size)}, remarks=said)


@pytest.mark.parametrize(
    ("before", "now", "doubt"),
    [
        (census(800), census(390), "800 -> 390 entries since the last backup"),
        (census(800, size=900), census(800, size=20), "900 -> 20 bytes since the last backup"),
        (census(800, questions=5), census(801, questions=700), "question marks in 5 -> 700 rows since the last backup"),
        (census(800), census(800, doubled=2), "text encoded twice (rows): wiki.page 2"),
    ],
)
def test_what_is_lost_or_damaged_is_named(before: Census, now: Census, doubt: str) -> None:
    assert find_doubts(now, count(before)) == [doubt]


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (census(0), census(0)),
        (census(0), census(9000)),
        (census(3), census(1)),
        (census(800), census(500)),
        (census(100, questions=50), census(400, questions=300)),
    ],
    ids=["empty", "filled", "tiny", "fewer", "grown"],
)
def test_an_ordinary_day_is_none(before: Census, now: Census) -> None:
    assert find_doubts(now, count(before)) == []


def test_what_its_own_program_calls_damaged_is_a_doubt() -> None:
    broken = Census("data", AT, {}, remarks={DAMAGED: "SQLite a.db, b.db"})
    assert find_doubts(broken, count(broken)) == ["damaged, as its own program says: SQLite a.db, b.db"]


def test_the_first_backup_has_nothing_to_be_compared_with() -> None:
    assert find_doubts(census(3, questions=3), None) == []


@given(st.builds(Count, numbers, numbers, numbers, numbers))
def test_a_count_comes_back_as_it_was(kept: Count) -> None:
    assert Count.read(kept.text) == kept


@pytest.mark.parametrize("text", ["", "none", "[1, 2]", "{}", "[1, 2, 3, null]", "7"])
def test_what_is_no_count_is_none(text: str) -> None:
    assert Count.read(text) is None
