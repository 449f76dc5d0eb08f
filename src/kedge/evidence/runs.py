"""Runs and their steps as rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Select, insert, select, update

from kedge.errors import EvidenceError, Refused
from kedge.evidence.ledger import require_keepable, require_moment
from kedge.evidence.tables import run as run_table
from kedge.evidence.tables import step as step_table
from kedge.model.ports import Run, Step

_RUN = [run_table.c[name] for name in ("id", "plan", "version", "host", "pid", "started", "state", "ended")]
_STEP = [step_table.c[name] for name in ("number", "name", "state", "result", "started", "ended")]
_KEPT = ("id", "plan", "started", "steps")


def insert_run(connection: Connection, run: Run) -> None:
    """Insert a run with its steps; nothing if exactly this run is there, Refused if another one has its id."""
    known = read_run(connection, run.id)
    if known is None:
        add_run(connection, run)
    elif known != run:
        raise Refused(f"a run {run.id} is there already", hint="choose another id")


def add_run(connection: Connection, run: Run) -> None:
    """Insert a run that is not there."""
    _require_run(run)
    connection.execute(insert(run_table), {column.name: getattr(run, column.name) for column in _RUN})
    if run.steps:
        rows = [{column.name: getattr(step, column.name) for column in _STEP} | {"run": run.id} for step in run.steps]
        connection.execute(insert(step_table), rows)


def update_run(connection: Connection, run: Run) -> None:
    """Set state, holder and end of a run that has not ended; its plan, start and steps stay."""
    known = _require_known(connection, run.id)
    wanted = replace(run, **{name: getattr(known, name) for name in _KEPT})
    if wanted == known:
        return
    _require_open(known)
    _require_run(wanted)
    values = {name: getattr(wanted, name) for name in ("version", "host", "pid", "state", "ended")}
    connection.execute(update(run_table).where(run_table.c.id == run.id).values(values))


def update_step(connection: Connection, run: str, step: Step) -> None:
    """Set what is known of one step of a run that has not ended; its name stays."""
    known = _require_known(connection, run)
    before = next((one for one in known.steps if one.number == step.number), None)
    if before is None or before.name != step.name:
        raise Refused(f"run {run} has no step {step.number} {step.name}", hint="its plan is frozen")
    if before == step:
        return
    _require_open(known)
    _require_step(step)
    here = (step_table.c.run == run) & (step_table.c.number == step.number)
    values = {name: getattr(step, name) for name in ("state", "result", "started", "ended")}
    connection.execute(update(step_table).where(here).values(values))


def read_run(connection: Connection, run: str) -> Run | None:
    """Return the run of this id, or None."""
    return next(_read(connection, select(*_RUN).where(run_table.c.id == run)), None)


def read_unfinished(connection: Connection) -> Sequence[Run]:
    """Return the runs that have not ended, oldest first."""
    return list(_read(connection, select(*_RUN).where(run_table.c.ended.is_(None)).order_by(run_table.c.number)))


def read_latest(connection: Connection, most: int) -> Sequence[Run]:
    """Return at most so many runs, the newest last."""
    return list(_read(connection, select(*_RUN).order_by(run_table.c.number.desc()).limit(most)))[::-1]


def read_all(connection: Connection) -> Iterator[Run]:
    """Yield every run, in the order in which they were begun."""
    yield from _read(connection, select(*_RUN).order_by(run_table.c.number))


def _read(connection: Connection, query: Select[Any]) -> Iterator[Run]:
    for row in connection.execute(query).all():
        yield _run(connection, row)


def _run(connection: Connection, row: Any) -> Run:
    steps = select(*_STEP).where(step_table.c.run == row.id).order_by(step_table.c.number)
    found: Iterable[Any] = connection.execute(steps)
    return replace(Run(*row), steps=tuple(Step(*step) for step in found))


def _require_known(connection: Connection, run: str) -> Run:
    known = read_run(connection, run)
    if known is None:
        raise EvidenceError(f"there is no run {run}")
    return known


def _require_open(known: Run) -> None:
    if known.ended is not None:
        raise Refused(f"run {known.id} has ended ({known.state}) and is not changed any more")


def _require_run(run: Run) -> None:
    require_keepable((run.id, run.plan, run.version, run.host))
    require_moment(run.started)
    require_moment(run.ended)
    for step in run.steps:
        _require_step(step)


def _require_step(step: Step) -> None:
    require_keepable((step.name, step.result))
    require_moment(step.started)
    require_moment(step.ended)
