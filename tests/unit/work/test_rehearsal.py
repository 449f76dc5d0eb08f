"""What a drill showed, in words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kedge.model.quantity import parse_duration
from kedge.work.rehearsal import Proof


@pytest.mark.parametrize(
    ("measured", "said"),
    [
        (timedelta(0), "0s"),
        (timedelta(seconds=39.2), "40s"),
        (timedelta(seconds=60), "1min"),
        (timedelta(seconds=2017), "33min37s"),
        (timedelta(seconds=3599.5), "1h"),
        (timedelta(hours=2, minutes=4, seconds=1), "2h5min"),
        (timedelta(hours=23, minutes=59, seconds=1), "24h"),
        (timedelta(days=3, minutes=1), "72h1min"),
    ],
)
def test_what_was_measured_is_rounded_up_and_can_be_read_again(measured: timedelta, said: str) -> None:
    proof = Proof({}, (), {}, (), rpo=measured, rto=measured)
    assert proof.value == f"ok rpo={said} rto={said}"
    assert timedelta(0) <= parse_duration(said) - measured < timedelta(minutes=1)
