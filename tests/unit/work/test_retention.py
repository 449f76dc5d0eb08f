"""Retention: what is asked for stays, and always what recovery rests on today."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.errors import UsageError
from kedge.model.ports import Snapshot
from kedge.work.retention import PERIODS, Retention, read_retention

NOON = datetime(2007, 1, 31, 12, tzinfo=UTC)


def snapshots(*days: int) -> list[Snapshot]:
    return [Snapshot(f"{day}", "wiki", NOON - timedelta(days=day)) for day in days]


def gone(policy: str, *days: int, proven: tuple[str, ...] = ()) -> list[str]:
    return [one.id for one in read_retention(policy).choose(snapshots(*days), proven)]


def test_the_newest_of_each_period_stay() -> None:
    assert gone("daily 3", 0, 1, 2, 3, 4) == ["4", "3"]
    assert gone("daily 1, weekly 2", 0, 1, 2, 3, 7, 14) == ["14", "7", "2", "1"]
    assert gone("monthly 12", 0, 1, 30, 31, 62) == ["30", "1"]


def test_what_is_proven_stays() -> None:
    assert gone("daily 1", 0, 1, 2, proven=("2",)) == ["1"]


@pytest.mark.parametrize("policy", ["", "daily", "daily 0", "hourly 3", "daily 3 weekly 2", "daily -1"])
def test_what_says_nothing_is_refused(policy: str) -> None:
    with pytest.raises(UsageError):
        read_retention(policy)


counts = st.tuples(st.sampled_from(sorted(PERIODS)), st.integers(0, 9))


@given(st.lists(counts, max_size=3), st.sets(st.integers(0, 4000), max_size=40), st.sets(st.integers(0, 4000)))
def test_never_the_newest_nor_what_is_proven(policy: list[tuple[str, int]], days: set[int], proven: set[int]) -> None:
    found = snapshots(*days)
    goes = Retention(tuple(policy)).choose(found, {f"{day}" for day in proven})
    assert {int(one.id) for one in goes} <= days - proven - {min(days, default=0)}
    stay = [one for one in found if one not in goes]
    assert Retention(tuple(policy)).choose(stay, {f"{day}" for day in proven}) == []
