"""What every SQL probe shares: what it asks for, and what the answer means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kedge.model.observation import Observation, Status

NAME = re.compile(r"[A-Za-z0-9_$.\-]{1,64}")


@dataclass(frozen=True, slots=True)
class Health:
    """What a database server says of itself: version, whether it takes changes, and what is in its databases.

    `tables` counts the tables of each database that was looked into; `closed` are those kedge may not look into.
    """

    version: str
    is_read_only: bool
    tables: Mapping[str, int] = field(default_factory=dict)
    closed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def judge_health(health: Health, *, may_be_read_only: bool) -> Observation:
    """Return what a server's health means: a database that is gone, or was emptied, is down."""
    evidence = {"version": health.version, "read-only": "yes" if health.is_read_only else "no"}
    evidence |= {f"tables/{name}": str(count) for name, count in health.tables.items()}
    evidence |= {f"tables/{name}": "kedge may not look" for name in health.closed}
    if health.missing:
        return Observation(
            Status.DOWN, f"answers queries, but has no database {' and '.join(health.missing)}", evidence
        )
    if empty := [name for name, count in health.tables.items() if not count]:
        return Observation(Status.DOWN, f"answers queries, but {' and '.join(empty)} has no tables", evidence)
    if health.is_read_only and not may_be_read_only:
        return Observation(Status.DEGRADED, "answers queries, but takes no changes", evidence)
    return Observation(Status.OK, "answered a query", evidence)


def quoted(names: Sequence[str]) -> str:
    """Return names as a list of SQL strings; names that no server would take are left out."""
    return ", ".join(f"'{name}'" for name in names if NAME.fullmatch(name)) or "''"
