"""Facts: single pieces of evidence, wherever they come from.

A fact is immutable. `what` is a short name from FACTS (or a kind's own); a fact about one part of a thing puts the
part after a slash: `used/root`. The shelf life says how long it counts as fresh; older, it is only *claimed*.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

Source = Literal["observed", "counted", "drilled", "attested", "imported"]

SHELF_LIFE: Mapping[str, timedelta] = {
    "observation": timedelta(minutes=15),
    "backup": timedelta(hours=24),
    "drill": timedelta(days=90),
    "works": timedelta(days=180),
    "reachable": timedelta(days=180),
    "console": timedelta(days=365),
}
"""How long a fact counts, by its kind (DESIGN: evidence); `used/root` is looked up as `used`."""

DRILL_EMPTY = "drill/empty"
"""What the last drill onto an empty Debian showed; beside `drill`, which any drill answers."""

DEFAULT_SHELF_LIFE = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Fact:
    """One piece of evidence: of this thing, this was seen to be so, then, by this source."""

    thing: str
    what: str
    value: str
    at: datetime
    source: Source = "attested"
    by: str = ""
    how: str = ""
    vantage: str = ""
    shelf_life: timedelta | None = None

    def is_fresh(self, now: datetime) -> bool:
        """Return whether it still counts; a fact from the future does not."""
        life = self.shelf_life or SHELF_LIFE.get(self.what.partition("/")[0], DEFAULT_SHELF_LIFE)
        return timedelta(0) <= now - self.at <= life


@dataclass(frozen=True)
class Facts:
    """Everything known, newest first for each (thing, what); facts after `now` are left out."""

    now: datetime
    latest: Mapping[tuple[str, str], Fact] = field(default_factory=dict)

    @classmethod
    def of(cls, facts: Iterable[Fact], now: datetime) -> Facts:
        """Return the newest fact for each thing and what, as known at `now`."""
        latest: dict[tuple[str, str], Fact] = {}
        for fact in facts:
            known = latest.get((fact.thing, fact.what))
            if fact.at <= now and (known is None or known.at <= fact.at):
                latest[fact.thing, fact.what] = fact
        return cls(now, latest)

    def get(self, thing: str, what: str) -> Fact | None:
        """Return the newest fact, fresh or not."""
        return self.latest.get((thing, what))

    def fresh(self, thing: str, what: str) -> Fact | None:
        """Return the newest fact if it still counts."""
        fact = self.get(thing, what)
        return fact if fact and fact.is_fresh(self.now) else None
