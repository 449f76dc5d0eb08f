"""A pytest plugin of script/test: says which levels ran, and where the lab is required lets no test be skipped.

A skip whose reason begins with `does not apply` stays a skip; any other one means that something is missing.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

LEVELS = ("unit", "corpus", "integration", "acceptance", "lab")


def _find_level(nodeid: str) -> str:
    parts = Path(nodeid.split("::")[0]).parts
    return next((level for level in LEVELS if level in parts), "other")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:  # type: ignore[misc]
    """A failure instead of a skip, where KEDGE_REQUIRE_LAB is set."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("KEDGE_REQUIRE_LAB"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not reason.removeprefix("Skipped: ").startswith("does not apply"):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} may not be skipped here: {reason}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line per level that was asked for: what ran, how long it took, what did not run, and why."""
    asked = {part for path in terminalreporter.config.args for part in Path(path.split("::")[0]).parts}
    counts: dict[str, Counter[str]] = {}
    took_s: dict[str, float] = dict.fromkeys((*LEVELS, "other"), 0.0)
    for outcome in ("passed", "failed", "error", "skipped", "xfailed"):
        for report in terminalreporter.stats.get(outcome, []):
            counts.setdefault(_find_level(report.nodeid), Counter())[outcome] += 1
    for report in (one for reports in terminalreporter.stats.values() for one in reports):
        if isinstance(report, pytest.TestReport):
            took_s[_find_level(report.nodeid)] += report.duration
    obstacle = os.environ.get("KEDGE_LAB_OBSTACLE")
    terminalreporter.section("levels")
    for level in (*LEVELS, "other"):
        if level in counts:
            said = ", ".join(f"{number} {outcome}" for outcome, number in counts[level].items())
            terminalreporter.line(f"{level}: {said} in {took_s[level]:.0f} s")
        elif asked & {*LEVELS} and level not in asked:
            continue
        elif level == "lab" and obstacle:
            terminalreporter.line(f"lab: not run: {obstacle}")
        elif level != "other":
            terminalreporter.line(f"{level}: no test ran")
