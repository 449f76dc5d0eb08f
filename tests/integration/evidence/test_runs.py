from dataclasses import replace
from datetime import timedelta

import pytest

from kedge.errors import EvidenceError, Refused
from kedge.evidence.database import Database
from kedge.model.ports import Runs, Step
from tests.integration.evidence.samples import NIGHT, RUN, fact

LATER = NIGHT + timedelta(minutes=5)
FETCHED = Step(1, "fetch", "done", "3 files", NIGHT, LATER)


def test_a_run_comes_back_as_it_was_begun(database: Database) -> None:
    runs: Runs = database
    runs.begin(RUN)
    assert runs.load(RUN.id) == RUN
    assert list(runs.unfinished()) == [RUN]


def test_beginning_again_is_safe_but_not_with_another_plan(database: Database) -> None:
    database.begin(RUN)
    database.begin(RUN)
    with pytest.raises(Refused):
        database.begin(replace(RUN, plan="{}"))
    assert database.load(RUN.id) == RUN


def test_steps_move_and_the_plan_stays(database: Database) -> None:
    database.begin(RUN)
    database.mark_step(RUN.id, FETCHED)
    database.mark_run(replace(RUN, plan="{}", steps=(), started=LATER, state="stopped", host="other", pid=1))
    expected = replace(RUN, state="stopped", host="other", pid=1, steps=(FETCHED, RUN.steps[1]))
    assert database.load(RUN.id) == expected


def test_an_ended_run_is_not_changed_any_more(database: Database) -> None:
    ended = replace(RUN, state="done", ended=LATER)
    database.begin(RUN)
    database.mark_run(ended)
    database.mark_run(ended)
    database.mark_step(RUN.id, RUN.steps[0])
    for act in (lambda: database.mark_run(RUN), lambda: database.mark_step(RUN.id, FETCHED, [fact()])):
        with pytest.raises(Refused):
            act()
    assert database.load(RUN.id) == ended
    assert list(database.unfinished()) == []
    assert not database.facts(LATER).latest


def test_a_step_and_what_it_learnt_are_one_transaction(database: Database) -> None:
    database.begin(RUN)
    with pytest.raises(EvidenceError):
        database.mark_step(RUN.id, FETCHED, [fact(1), replace(fact(2), value="\0")])
    assert database.load(RUN.id) == RUN
    database.mark_step(RUN.id, FETCHED, [fact(1)])
    assert database.facts(LATER).get("wiki", "backup") == fact(1)


@pytest.mark.parametrize("step", [Step(3, "start"), Step(1, "restore")])
def test_a_step_that_was_not_approved_is_refused(database: Database, step: Step) -> None:
    database.begin(RUN)
    with pytest.raises(Refused):
        database.mark_step(RUN.id, step)


def test_a_run_that_is_not_there_is_named(database: Database) -> None:
    with pytest.raises(EvidenceError, match="no run drill-wiki-1"):
        database.mark_run(RUN)


def test_unfinished_runs_come_oldest_first(database: Database) -> None:
    for name in ("c", "a", "b"):
        database.begin(replace(RUN, id=name))
    database.mark_run(replace(RUN, id="a", state="failed", ended=LATER))
    assert [run.id for run in database.unfinished()] == ["c", "b"]
