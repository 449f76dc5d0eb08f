"""What the daemon knows between two looks, and what comes out of each: incidents, notices, things to look at now."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from kedge.model.finding import Finding
from kedge.rules.cause_graph import Needs
from kedge.watch.verdict import Standing, Thresholds

Key = tuple[str, str]
"""Thing and probe."""
NoticeKind = Literal["down", "unseen", "worse", "unanswered", "resolved"]


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient the watch is.

    A cause is held back at most for `hold`, while what it needs and what needs it is looked at again. A thing that
    went down `flaps` times within `flap_window` counts as back only after it was well for `flap_calm`. What nobody
    has seen for `unseen` is told, more gently.
    """

    thresholds: Thresholds = field(default_factory=Thresholds)
    hold: timedelta = timedelta(minutes=1)
    flaps: int = 3
    flap_window: timedelta = timedelta(hours=1)
    flap_calm: timedelta = timedelta(minutes=15)
    unseen: timedelta = timedelta(minutes=15)
    escalations: tuple[timedelta, ...] = ()
    """How long after its beginning nobody may have answered an incident, for each step that is then told."""


@dataclass(frozen=True)
class World:
    """What does not change between two looks: the need graph, how causes are found, what is in maintenance."""

    needs: Needs
    judge: Callable[[Sequence[Standing]], Sequence[Finding]]
    policy: Policy = field(default_factory=Policy)
    in_maintenance: Callable[[datetime], Collection[str]] = lambda now: ()
    """The things that are worked on now; what cannot run without them is expected to be down."""
    rounds_within: Callable[[datetime], int] = lambda since: 1
    """In which round of looks from a moment on we are."""


@dataclass(frozen=True)
class Incident:
    """One cause that people were told of. `well` is since when it is ok again, `told` how many escalations went out.

    `rounds` is the round of looks in which it was told, counted from the first look that failed, or from when it could
    count as a cause of its own if what it needs had just come back.
    """

    thing: str
    opened: datetime
    rule: str
    finding: Finding
    symptoms: tuple[str, ...] = ()
    well: datetime | None = None
    acknowledged: str = ""
    told: int = 0
    rounds: int = 1

    @property
    def id(self) -> str:
        """Its name for ever: the thing and the moment it began."""
        return f"{self.thing}-{self.opened:%Y%m%dT%H%M%S%fZ}"


@dataclass(frozen=True)
class Notice:
    """Something people have to be told about an incident, `number` times 1, 2, … for each kind."""

    kind: NoticeKind
    incident: Incident
    at: datetime
    number: int = 1
    still_bad: tuple[str, ...] = ()
    """With `resolved`: which of its symptoms are not back, or still out of sight."""
    is_flapping: bool = False

    @property
    def id(self) -> str:
        """Its name for ever; whoever sends it twice sends the same."""
        return f"{self.incident.id}/{self.kind}/{self.number}"


@dataclass(frozen=True)
class State:
    """Everything known: what is held of each probe, open incidents by thing, and what has just been."""

    standings: Mapping[Key, Standing] = field(default_factory=dict)
    incidents: Mapping[str, Incident] = field(default_factory=dict)
    openings: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    """When incidents of a thing began lately."""
    recoveries: Mapping[str, datetime] = field(default_factory=dict)
    """When a thing was last held to be ok again."""
    candidates: Mapping[str, datetime] = field(default_factory=dict)
    """Causes that are held back, and since when."""

    def of(self, things: Iterable[str]) -> list[Standing]:
        """Return what is held of these things."""
        wanted = set(things)
        return [one for one in self.standings.values() if one.thing in wanted]


@dataclass(frozen=True)
class Step:
    """What one step leads to; `wanted` are things to look at now."""

    state: State
    notices: tuple[Notice, ...] = ()
    wanted: frozenset[str] = frozenset()
