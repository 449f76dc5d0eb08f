"""Counts the rounds of a watch by what was looked at: a slow machine has longer rounds, not more of them. Pure.

A round that begins at some moment is over when everything was looked at since; what is looked at
again at once, to confirm what was seen, had its turn with the first of these looks.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

Key = TypeVar("Key")
REMEMBERED = 8
"""So many rounds are told apart from more."""


@dataclass
class Rounds(Generic[Key]):
    """When each thing was looked at lately, each in its turn."""

    least: timedelta = timedelta()
    """So long after its last turn a thing has its next one at the earliest."""
    turns: dict[Key, tuple[datetime, ...]] = field(default_factory=dict)

    def keep_only(self, everything: Collection[Key]) -> None:
        """Count these from now on, and nothing else."""
        self.turns = {key: self.turns.get(key, ()) for key in everything}

    def take(self, key: Key, at: datetime) -> None:
        """Count a look that ended at a moment."""
        known = self.turns.get(key)
        if known is not None and (not known or at - known[-1] >= self.least):
            self.turns[key] = (*known[1 - REMEMBERED :], at)

    def within(self, since: datetime) -> int:
        """Return in which round from a moment on we are: 1 until everything was looked at since, 2 until twice."""
        counts = (sum(at > since for at in turns) for turns in list(self.turns.values()))
        return 1 + min(counts, default=0)
