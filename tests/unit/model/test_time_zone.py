"""Time zones: read with a word for whoever mistypes one, and moments said in them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.app.beginning import choose_zone, own_zone
from kedge.discovery.inside import HostView
from kedge.model.time_zone import in_zone, local_zone, parse_zone, show_moment

WINTER, SUMMER = datetime(2007, 1, 5, 23, 30, tzinfo=UTC), datetime(2007, 7, 5, 20, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("Europe/Berln", "did you mean 'Europe/Berlin'"),
        ("europe/berlin", "did you mean 'Europe/Berlin'"),
        ("Berlin", "did you mean 'Europe/Berlin'"),
        ("new york", "did you mean 'America/New_York'"),
        ("MESZ", "expected a time zone such as 'Europe/Berlin'"),
        ("../../etc/passwd", "expected a time zone"),
        ("Europe", "expected a time zone"),
        ("", "expected a time zone"),
    ],
)
def test_a_wrong_name_names_the_right_one(text: str, near: str) -> None:
    with pytest.raises(ValueError, match="expected a time zone") as refused:
        parse_zone(text)
    assert near in str(refused.value)


def test_a_moment_is_said_with_its_zone_summer_and_winter() -> None:
    assert show_moment(WINTER, "Europe/Berlin") == "2007-01-06 00:30 CET"
    assert show_moment(SUMMER, "Europe/Berlin") == "2007-07-05 22:00 CEST"
    assert show_moment(SUMMER, "UTC") == "2007-07-05 20:00 UTC"


def test_a_text_is_said_in_a_zone() -> None:
    text = "silent since 2007-01-05 23:30 UTC; see 2007-01-05, 23:30 UTC and 0000-00-00 00:00 UTC"
    assert in_zone(text, "Europe/Berlin") == text.replace("2007-01-05 23:30 UTC", "2007-01-06 00:30 CET")
    assert in_zone(text, "UTC") == text


@given(st.text())
def test_any_text_can_be_said_and_read(text: str) -> None:
    in_zone(text, "Asia/Kolkata")
    local_zone(text)


@pytest.mark.parametrize(
    ("said", "zone"),
    [
        ("/usr/share/zoneinfo/Europe/Berlin", "Europe/Berlin"),
        ("../usr/share/zoneinfo/posix/Europe/Berlin\n", "Europe/Berlin"),
        (":America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("/usr/share/zoneinfo/Etc/UTC", ""),
        ("/etc/localtime", ""),
        ("CET-1CEST,M3.5.0,M10.5.0/3", ""),
        ("Europe/Nowhere", ""),
        ("Etc/GMT", ""),
    ],
)
def test_what_a_machine_says_of_its_zone(said: str, zone: str) -> None:
    assert local_zone(said) == zone


def test_the_zone_of_this_machine(tmp_path: Path) -> None:
    assert own_zone({"TZ": "Europe/Berlin"}, tmp_path) == "Europe/Berlin"
    assert own_zone({}, tmp_path) == ""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/timezone").write_text("Europe/Vienna\n")
    assert own_zone({}, tmp_path) == "Europe/Vienna"
    (tmp_path / "etc/localtime").symlink_to("/usr/share/zoneinfo/Europe/Zurich")
    assert own_zone({}, tmp_path) == "Europe/Zurich"
    assert own_zone({"TZ": "UTC"}, tmp_path) == "", "who says UTC says nothing of a place"


def test_hosts_tell_where_an_organisation_lives_only_if_they_agree() -> None:
    berlin, paris = HostView("ssh a", zone="Europe/Berlin"), HostView("ssh b", zone="Europe/Paris")
    assert choose_zone("", [berlin, HostView("ssh c")]) == "Europe/Berlin"
    assert choose_zone("", [berlin, paris]) == ""
    assert choose_zone("Europe/Vienna", [berlin, paris]) == "Europe/Vienna"
