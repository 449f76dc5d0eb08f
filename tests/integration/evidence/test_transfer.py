from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kedge.errors import EvidenceError
from kedge.evidence.database import Database
from kedge.evidence.span import Look, Span
from kedge.model.facts import Fact
from kedge.model.ports import Run
from tests.integration.evidence import samples
from tests.integration.evidence.places import Files, Places
from tests.integration.evidence.samples import NIGHT, RUN, fact
from tests.integration.evidence.test_outbox import FAILED, LETTER, TAKEN, TURN


@settings(max_examples=12, deadline=None)
@given(
    st.lists(samples.facts, max_size=4),
    st.lists(samples.runs, max_size=3, unique_by=lambda run: run.id),
    st.lists(samples.looks, max_size=3),
)
def test_everything_comes_through_exactly(
    places: Places, others: Files, facts: list[Fact], runs: list[Run], looks: list[Look]
) -> None:
    """There and back, from a file and from a server into a file."""
    here, there, back = places.database(), others.database(), places.database()
    here.record(facts)
    for run in runs:
        here.begin(run)
    here.append(looks)
    lines = list(here.export_lines())
    assert all("\n" not in line for line in lines)
    there.import_lines(lines)
    back.import_lines(there.export_lines())
    for copy in (there, back):
        assert list(copy.export_lines()) == lines
        assert [copy.load(run.id) for run in runs] == runs
        assert by_name(copy.current_spans()) == by_name(here.current_spans())


def by_name(spans: Sequence[Span]) -> list[Span]:
    return sorted(spans, key=lambda one: (one.thing, one.probe, one.vantage))


@pytest.fixture(scope="session")
def others(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("others"))


def test_what_the_watch_keeps_comes_through_exactly_and_once(database: Database, places: Places) -> None:
    database.keep_turn(TURN, "home")
    database.begin_try(LETTER.id, NIGHT)
    database.end_try(LETTER.id, [FAILED, TAKEN], None)
    other, lines = places.database(), list(database.export_lines())
    assert len(lines) == 2 + 5
    for _ in range(2):
        assert other.import_lines(lines) == 5
    assert list(other.export_lines()) == lines
    assert list(other.due_letters(NIGHT)) == []


def test_importing_again_or_into_a_used_one_adds_only_what_is_new(database: Database, places: Places) -> None:
    other = places.database()
    other.record([fact(1), fact(2)])
    other.begin(RUN)
    done = replace(RUN, state="done", ended=NIGHT)
    database.record([fact(2), fact(3)])
    database.begin(RUN)
    database.mark_run(done)
    for _ in range(2):
        assert database.import_lines(other.export_lines()) == 3
    assert database.load(RUN.id) == done
    assert len(list(database.export_lines())) == 2 + 3 + 1


def test_a_bad_line_means_nothing_is_written(database: Database, places: Places) -> None:
    other = places.database()
    other.record([fact(number) for number in range(3)])
    lines = list(other.export_lines())
    lines[3] = lines[3].replace('"value"', '"walue"')
    with pytest.raises(EvidenceError, match="line 4 "):
        database.import_lines(lines)
    assert places.is_untouched(database)


def test_a_character_no_database_holds_is_refused(database: Database, places: Places) -> None:
    other = places.database()
    other.record([replace(fact(), value="Z")])
    with pytest.raises(EvidenceError, match="cannot be kept"):
        database.import_lines(line.replace('"Z"', r'"\u0000"') for line in other.export_lines())


def test_an_export_is_of_one_moment(database: Database) -> None:
    database.record([fact(number) for number in range(1500)])
    lines = database.export_lines()
    head = [next(lines), next(lines)]
    database.record([fact(9999)])
    assert len(head) + len(list(lines)) == 1502
