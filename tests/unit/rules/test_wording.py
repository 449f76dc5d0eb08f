"""Phrases agree: number in both languages, case in German."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kedge.rules.registry import RULES
from kedge.rules.wording import IS, STANDS, days, listed, services
from tests.unit.rules.conftest import CaseOf
from tests.unit.rules.test_catalogue import changed
from tests.unit.rules.test_rules import DRILLS, findings


@pytest.mark.parametrize(
    ("count", "en", "de", "dative"),
    [
        (0, "", "", ""),
        (1, "a", "a", "a"),
        (2, "a and b", "a und b", "a und b"),
        (6, "a, b, c, d, e and f", "a, b, c, d, e und f", "a, b, c, d, e und f"),
        (7, "a, b, c, d and 3 more", "a, b, c, d und 3 weitere", "a, b, c, d und 3 weiteren"),
    ],
)
def test_names_are_listed(count: int, en: str, de: str, dative: str) -> None:
    phrase = listed("abcdefg"[:count])
    assert (phrase.en, phrase.de, phrase.dative, phrase.count) == (en, de, dative, count)


@pytest.mark.parametrize(
    ("hours", "en", "de", "dative"),
    [(0.2, "1 hour", "1 Stunde", "1 Stunde"), (30, "30 hours", "30 Stunden", "30 Stunden"), (48, "2 days", "2 Tage", "2 Tagen")],
)  # fmt: skip
def test_durations(hours: float, en: str, de: str, dative: str) -> None:
    phrase = days(timedelta(hours=hours))
    assert (phrase.en, phrase.de, phrase.dative) == (en, de, dative)


def test_verbs_agree() -> None:
    assert [listed(names).verb(*IS).de for names in ("a", "ab")] == ["ist", "sind"]
    assert [services(count).verb(*STANDS).en for count in (1, 2)] == ["stops", "stop"]
    assert [services(count).dative for count in (1, 2)] == ["1 Dienst", "2 Diensten"]


def test_one_service_stops(case_of: CaseOf) -> None:
    text = changed(("room: 100 GB", "system: ''"), ("host: web1, domains", "host: spare1, domains"))
    title = findings(case_of(text, facts=DRILLS))["spof"].title
    assert title.en.startswith("1 service stops with ")
    assert title.de.startswith("1 Dienst steht mit ")


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_what_was_foreseen_is_told_in_both_languages(rule: object) -> None:
    for each in rule.prevented:  # type: ignore[attr-defined]
        assert each.en
        assert each.de
        assert each.en != each.de
