"""What a part contains, compact and comparable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

QUESTIONS, DOUBLED, OUTSIDE = "question-marks", "double-encoded", "outside-the-snapshot"
"""Remarks that say how much text may be damaged (`table rows, …`), and what no snapshot holds still."""

DAMAGED, UNCHECKED = "damaged", "unchecked"
"""Remarks that say what its own program calls damaged, and what it could not check."""


@dataclass(frozen=True, slots=True)
class Tally:
    """One countable piece of a part (a table, a folder): how many entries, and a digest that ignores their order."""

    count: int
    digest: str = ""
    size_bytes: int = 0


@dataclass(frozen=True)
class Census:
    """What a part contained at one moment: tallies by name, the newest entry, remarks (charset report, objects)."""

    part: str
    at: datetime
    tallies: Mapping[str, Tally]
    newest: datetime | None = None
    remarks: Mapping[str, str] = field(default_factory=dict)

    def difference(self, other: Census) -> list[str]:
        """Return what differs, one line each (`pages: 41 -> 40 entries`); an empty list means equal content."""
        lines: list[str] = []
        for name in sorted({*self.tallies, *other.tallies}):
            mine, theirs = self.tallies.get(name), other.tallies.get(name)
            if mine is None or theirs is None:
                lines.append(f"{name}: {'missing' if theirs is None else 'added'}")
            elif mine.count != theirs.count:
                lines.append(f"{name}: {mine.count} -> {theirs.count} entries")
            elif mine.digest != theirs.digest:
                lines.append(f"{name}: same number of entries, different content")
        return lines
