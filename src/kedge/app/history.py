"""What runs there were."""

from __future__ import annotations

from typing import Any

from kedge.app.database import open_database
from kedge.app.opening import Opened
from kedge.errors import UsageError

LATEST = 20


def list_runs(opened: Opened) -> list[dict[str, Any]]:
    """Return the latest runs, newest last: id, state, when it began, how long it took."""
    return [
        {
            "run": run.id,
            "state": run.state,
            "started": run.started.isoformat(timespec="seconds"),
            "took": str(run.ended - run.started).partition(".")[0] if run.ended else "",
        }
        for run in open_database(opened.path).latest_runs(LATEST)
    ]


def show_run(opened: Opened, name: str) -> list[dict[str, Any]]:
    """Return the steps of a run; raises UsageError if there is none of this id."""
    run = open_database(opened.path).load(name)
    if run is None:
        raise UsageError(f"there is no run {name}", hint="kedge runs")
    return [
        {"step": step.name, "state": step.state, "took": _took(step.started, step.ended), "result": step.result}
        for step in run.steps
    ]


def _took(began: Any, ended: Any) -> str:
    return f"{(ended - began).total_seconds():.1f} s" if began and ended else ""
