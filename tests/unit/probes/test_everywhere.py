"""Looks at several addresses, made into one."""

from __future__ import annotations

from datetime import timedelta

from kedge.model.observation import Observation, Status
from kedge.probes.everywhere import merge

OK = Observation(Status.OK, "answered", took=timedelta(seconds=1))
DOWN = Observation(Status.DOWN, "did not answer within 5 s", took=timedelta(seconds=5))
REFUSED = Observation(Status.DOWN, "could not be connected to: Connection refused")
NO_ROUTE = Observation(Status.UNKNOWN, "could not be looked at from here: Network is unreachable")
V4, V6 = "192.0.2.1", "2001:db8::1"


def test_all_fine() -> None:
    seen = merge({V4: OK, V6: OK})
    assert (seen.status, seen.what, seen.took) == (Status.OK, "answered", timedelta(seconds=1))
    assert seen.evidence["addresses"] == f"{V4} {V6}"


def test_one_family_dead_is_neither_fine_nor_down() -> None:
    seen = merge({V4: OK, V6: DOWN})
    assert (seen.status, seen.what) == (Status.DEGRADED, f"at {V6} did not answer within 5 s")
    assert seen.evidence[f"at/{V4}"] == "ok: answered"
    assert seen.took == timedelta(seconds=5)


def test_all_dead_is_down_whatever_each_died_of() -> None:
    assert merge({V4: DOWN, V6: DOWN}) == Observation(
        Status.DOWN, DOWN.what, {"addresses": f"{V4} {V6}"}, timedelta(seconds=5)
    )
    seen = merge({V4: REFUSED, V6: DOWN})
    assert seen.status is Status.DOWN
    assert seen.what == f"at {V4} {REFUSED.what}; at {V6} {DOWN.what}"


def test_a_vantage_without_ipv6_says_nothing_about_ipv6() -> None:
    seen = merge({V4: OK, V6: NO_ROUTE})
    assert (seen.status, seen.what) == (Status.OK, "answered")
    assert seen.evidence[f"not seen/{V6}"] == NO_ROUTE.what


def test_nothing_seen_anywhere_is_unknown() -> None:
    assert merge({V4: NO_ROUTE, V6: NO_ROUTE}).status is Status.UNKNOWN


def test_degraded_somewhere_is_degraded() -> None:
    worn = Observation(Status.DEGRADED, "expires soon")
    assert merge({V4: OK, V6: worn}).status is Status.DEGRADED
    assert merge({V4: DOWN, V6: worn}).status is Status.DEGRADED
