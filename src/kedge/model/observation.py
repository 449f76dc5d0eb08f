"""What a probe saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Status(StrEnum):
    """The four states of a thing that was looked at. Unknown is never fine."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Observation:
    """What one look saw: a status, one past-tense sentence, the evidence for it, and how long it took."""

    status: Status
    what: str
    evidence: Mapping[str, str] = field(default_factory=dict)
    took: timedelta = timedelta(0)
