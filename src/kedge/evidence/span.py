"""What goes into the history of observations, and how it is kept there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from kedge.model.observation import Observation

GAP = timedelta(minutes=15)
"""After so long without a look nobody knows what was in between: the next one opens a new span."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look of a probe at a thing."""

    thing: str
    probe: str
    vantage: str
    at: datetime
    seen: Observation


@dataclass(frozen=True, slots=True)
class Span:
    """`n` looks in a row, from `first` to `last`, that saw the same; `seen` is the last of them."""

    thing: str
    probe: str
    vantage: str
    first: datetime
    last: datetime
    n: int
    seen: Observation
