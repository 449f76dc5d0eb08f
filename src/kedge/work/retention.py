"""Which snapshots stay: the newest of so many days, weeks and months, and always what recovery rests on today."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from kedge.errors import UsageError
from kedge.model.ports import Snapshot

HOW = "expected such as 'daily 14, weekly 8, monthly 12'"
PERIODS: dict[str, Callable[[datetime], object]] = {
    "daily": lambda at: at.date(),
    "weekly": lambda at: at.isocalendar()[:2],
    "monthly": lambda at: (at.year, at.month),
    "yearly": lambda at: at.year,
}


@dataclass(frozen=True)
class Retention:
    """How many days, weeks, months and years of snapshots stay, counted in those that have one."""

    counts: tuple[tuple[str, int], ...]

    def choose(self, snapshots: Sequence[Snapshot], proven: Collection[str]) -> list[Snapshot]:
        """Return the snapshots of one service that may go, oldest first; never the newest, nor one that is proven."""
        ordered = sorted(snapshots, key=lambda snapshot: snapshot.at)
        kept = {snapshot.id for snapshot in ordered[-1:]} | set(proven)
        for period, most in self.counts:
            kept |= {snapshot.id for snapshot in _newest_of(ordered, PERIODS[period], most)}
        return [snapshot for snapshot in ordered if snapshot.id not in kept]


def read_retention(text: str) -> Retention:
    """Return what `daily 14, weekly 8` asks for; raises UsageError that names the expected form."""
    counts = []
    for word in filter(None, (word.strip() for word in text.split(","))):
        match = re.fullmatch(r"(\w+)[ =](\d{1,5})", word)
        if not match or match[1] not in PERIODS:
            raise UsageError(f"'{word}' does not say what stays", hint=HOW)
        counts.append((match[1], int(match[2])))
    if not any(number for _, number in counts):
        raise UsageError("nothing would stay", hint=HOW)
    return Retention(tuple(counts))


def _newest_of(ordered: Sequence[Snapshot], period: Callable[[datetime], object], most: int) -> Iterable[Snapshot]:
    newest = {period(snapshot.at): snapshot for snapshot in ordered}
    return list(newest.values())[len(newest) - min(most, len(newest)) :]
