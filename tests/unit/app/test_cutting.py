"""Cut sets put together for people, and rates as people write them."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.app.cutting import grouped, parse_rate

SETS = st.lists(st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=3, unique=True).map(sorted), unique_by=tuple)


@given(SETS)
def test_products_stand_for_exactly_the_sets(cuts: list[list[str]]) -> None:
    written = [sorted(cut) for each in grouped(cuts) for cut in product(*each)]
    assert sorted(written) == sorted(cuts)


def test_pairs_with_the_same_partners_are_one_line() -> None:
    cuts = [["x"], ["a", "k"], ["b", "k"], ["a", "m"], ["b", "m"], ["a", "b", "c"]]
    assert grouped(cuts) == [(("x",),), (("a", "b"), ("k", "m")), (("a",), ("b",), ("c",))]


def test_nothing_has_to_be_lost_is_a_set_of_its_own() -> None:
    assert grouped([[]]) == [()]


@pytest.mark.parametrize(
    ("text", "per_year", "hours"),
    [("2/y 6h", 2, 6), ("1/10y 3d", 0.1, 72), ("1/73d 30 min", 5, 0.5)],
)
def test_a_rate_says_how_often_and_how_long(text: str, per_year: float, hours: float) -> None:
    rate = parse_rate(text)
    assert (rate.per_year, rate.hours) == (pytest.approx(per_year), hours)


@pytest.mark.parametrize("text", ["", "often", "2/y", "2 6h", "x/y 6h", "2/0y 6h", "/y 6h"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a rate such as"):
        parse_rate(text)
