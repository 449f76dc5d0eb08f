from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kedge.errors import EvidenceError
from kedge.evidence.database import Database
from kedge.model.facts import Fact, Facts
from kedge.model.ports import Ledger
from tests.integration.evidence import samples
from tests.integration.evidence.places import Places
from tests.integration.evidence.samples import NIGHT, fact

FEW = st.sampled_from(["a", "b"])
CLOSE = st.integers(-3, 3).map(lambda hours: NIGHT + timedelta(hours=hours))
colliding = st.builds(Fact, FEW, FEW, FEW, CLOSE, st.sampled_from(["observed", "drilled"]), FEW, FEW, FEW)


def test_it_is_a_ledger(database: Database) -> None:
    ledger: Ledger = database
    ledger.record([fact()])
    assert ledger.facts(NIGHT).get("wiki", "backup") == fact()


def test_nothing_recorded_is_no_facts_and_makes_nothing(database: Database, places: Places) -> None:
    assert database.facts(NIGHT) == Facts(NIGHT)
    assert len(list(database.export_lines())) == 2
    assert database.load("x") is None
    assert list(database.unfinished()) == []
    assert places.is_untouched(database)


def test_an_empty_file_is_no_facts(file: Database) -> None:
    assert file.path
    file.path.parent.mkdir()
    file.path.touch()
    assert file.facts(NIGHT) == Facts(NIGHT)
    file.record([fact()])
    assert len(file.facts(NIGHT).latest) == 1


@settings(max_examples=20, deadline=None)
@given(st.lists(samples.facts, min_size=1, max_size=5))
def test_what_goes_in_comes_out(places: Places, facts: list[Fact]) -> None:
    database = places.database()
    database.record(facts)
    now = datetime.max.replace(tzinfo=UTC)
    assert database.facts(now) == Facts.of(distinct(facts), now)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(colliding, max_size=8), max_size=4), CLOSE)
def test_newest_is_what_the_model_says(places: Places, batches: list[list[Fact]], now: datetime) -> None:
    database = places.database()
    for batch in batches:
        database.record(batch)
    assert database.facts(now) == Facts.of(distinct(one for batch in batches for one in batch), now)


def distinct(facts: object) -> list[Fact]:
    known: dict[object, Fact] = {}
    for one in facts:  # type: ignore[attr-defined]
        known.setdefault((one.thing, one.what, one.at, one.source, one.value, one.vantage), one)
    return list(known.values())


def test_the_same_fact_again_changes_nothing(database: Database) -> None:
    database.record([fact(), fact()])
    before = list(database.export_lines())
    database.record([replace(fact(), by="bert", how="guessed", shelf_life=timedelta(1))])
    database.record([replace(fact(), at=fact().at.astimezone(timezone(timedelta(hours=1))))])
    assert list(database.export_lines()) == before


def test_what_is_said_anew_goes_and_nothing_else(database: Database) -> None:
    later, other = replace(fact(), at=NIGHT + timedelta(minutes=5)), replace(fact(), vantage="elsewhere")
    database.record([fact(), other])
    database.record([later], instead_of=[fact(), replace(fact(), value="never kept")])
    assert len(list(database.export_lines())) == 4
    assert database.facts(NIGHT + timedelta(hours=1)).get("wiki", "backup") == later
    assert database.facts(NIGHT).get("wiki", "backup") == other


@pytest.mark.parametrize(
    "other",
    [
        {"thing": "x"},
        {"what": "x"},
        {"value": "x"},
        {"source": "drilled"},
        {"vantage": ""},
        {"at": NIGHT + timedelta(microseconds=1)},
    ],
)
def test_any_other_fact_is_kept_beside_it(database: Database, other: dict[str, str]) -> None:
    database.record([fact()])
    database.record([replace(fact(), **other)])  # type: ignore[arg-type]
    assert len(list(database.export_lines())) == 4


@pytest.mark.parametrize(
    "bad",
    [
        {"value": "a\0b"},
        {"by": "\udc80"},
        {"at": datetime(2007, 1, 6)},
        {"at": datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))},
        {"shelf_life": timedelta.max},
    ],
)
def test_what_no_database_can_hold_is_refused_as_a_whole(database: Database, bad: dict[str, str]) -> None:
    with pytest.raises(EvidenceError) as error:
        database.record([fact(1), replace(fact(2), **bad)])  # type: ignore[arg-type]
    assert error.value.hint
    assert not database.facts(NIGHT + timedelta(1)).latest


def test_folder_and_file_are_private(file: Database) -> None:
    file.record([fact()])
    assert file.path
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert file.path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["a b", "q?mode=memory", "100%41", "h#x", "ü", "'\""])
def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    path = tmp_path / name / name
    database = Database(path)
    database.record([fact()])
    assert path.is_file()
    assert database.facts(NIGHT).latest
