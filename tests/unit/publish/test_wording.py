"""Numbers, dates, ages and enumerations in both languages."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest
from markupsafe import Markup

from kedge.publish.texts import PUBLIC
from kedge.publish.wording import Wording, as_iso, as_minute, capital, mark_code
from tests.unit.publish.club import NOW

ENGLISH, GERMAN = Wording("en", PUBLIC), Wording("de", PUBLIC)


@pytest.mark.parametrize(
    ("past", "english", "german"),
    [
        (timedelta(seconds=59), "just now", "eben"),
        (timedelta(minutes=1), "a minute ago", "vor einer Minute"),
        (timedelta(minutes=59, seconds=59), "59 minutes ago", "vor 59 Minuten"),
        (timedelta(hours=1), "an hour ago", "vor einer Stunde"),
        (timedelta(hours=47), "47 hours ago", "vor 47 Stunden"),
        (timedelta(days=2), "two days ago", "vor zwei Tagen"),
        (timedelta(days=59), "59 days ago", "vor 59 Tagen"),
        (timedelta(days=60), "two months ago", "vor zwei Monaten"),
        (timedelta(days=730), "two years ago", "vor zwei Jahren"),
    ],
)
def test_ages(past: timedelta, english: str, german: str) -> None:
    assert (ENGLISH.age(NOW - past, NOW), GERMAN.age(NOW - past, NOW)) == (english, german)


def test_numbers_are_words_up_to_twelve() -> None:
    assert [ENGLISH.count("people", number) for number in (0, 1, 12, 13)] == [
        "no people", "one person", "twelve people", "13 people",
    ]  # fmt: skip
    assert [GERMAN.count("people", number) for number in (0, 1, 12, 13)] == [
        "keine Personen", "eine Person", "zwölf Personen", "13 Personen",
    ]  # fmt: skip


def test_moments_are_told_in_utc_or_where_the_organisation_lives() -> None:
    berlin = NOW.astimezone(timezone(timedelta(hours=1)))
    assert ENGLISH.moment(berlin) == "5 January 2007, 20:00 UTC"
    assert GERMAN.moment(berlin) == "5. Januar 2007, 20:00 UTC"
    local = Wording("de", PUBLIC, "Europe/Berlin")
    assert local.moment(NOW.replace(hour=23)) == "6. Januar 2007, 00:00 CET"
    assert (as_iso(berlin), as_minute(berlin)) == ("2007-01-05T20:00:00Z", "2007-01-05 20:00")


@pytest.mark.parametrize(
    ("parts", "text"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "<b>", Markup("<i>")], "a, &lt;b&gt; and <i>")],
)
def test_enumerations_escape_what_is_no_markup(parts: list[str], text: str) -> None:
    assert ENGLISH.join(parts) == text


def test_what_is_filled_in_is_escaped_and_never_filled_again() -> None:
    assert ENGLISH.say("as-of", moment="<{moment}>") == "As of &lt;{moment}&gt;"


def test_a_capital_keeps_markup() -> None:
    assert isinstance(capital(Markup("two")), Markup)
    assert capital(Markup("two")) == "Two"


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("", ""), ("plain <b>", "plain &lt;b&gt;"), ("set `save: <x>` here", "set <code>save: &lt;x&gt;</code> here"),
        ("a lone ` stays", "a lone ` stays"), ("`a` and `b`", "<code>a</code> and <code>b</code>"),
    ],
)  # fmt: skip
def test_what_stands_between_backquotes_is_code(text: str, marked: str) -> None:
    assert mark_code(text) == marked
