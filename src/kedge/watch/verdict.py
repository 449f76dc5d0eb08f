"""What is held of each probe: three looks in a row make it worse, two make it better, one bad look nothing. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kedge.model.observation import Observation, Status

RANK: Mapping[Status, int] = {Status.OK: 0, Status.UNKNOWN: 0, Status.DEGRADED: 1, Status.DOWN: 2}
"""How bad a status is; what nobody could see accuses nobody."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One look of a probe at a thing. What is shallow accuses, but clears nothing."""

    thing: str
    probe: str
    at: datetime
    what: Observation
    is_shallow: bool = False


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How many looks in a row change what is held; after `stale` without a look the counting begins anew."""

    failures: int = 3
    successes: int = 2
    stale: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is held of one probe: `status` since `since`, as `what` says.

    `recent` are the last looks that saw something, the newest last; `failing` is the first of those that were not ok
    in a row up to now. A look that could see nothing moves only `looked` and `blind`; `lost` is since when it has been
    unknown what was ok before.
    """

    thing: str
    probe: str
    status: Status
    since: datetime
    what: Observation
    looked: datetime
    recent: tuple[tuple[datetime, Status], ...] = ()
    failing: datetime | None = None
    blind: int = 0
    is_shallow: bool = False
    lost: datetime | None = None

    @property
    def is_bad(self) -> bool:
        """Whether it is held to be degraded or down."""
        return RANK[self.status] > 0

    @property
    def is_pending(self) -> bool:
        """Whether the latest look says something else than what is held, so that the next ones decide."""
        return bool(self.recent) and RANK[self.recent[-1][1]] != RANK[self.status]


def fold(known: Standing | None, seen: Seen, thresholds: Thresholds) -> Standing:
    """Return what is held after one more look; a look that is not newer changes nothing."""
    if known and seen.at <= known.looked:
        return known
    if known is None:
        known = Standing(seen.thing, seen.probe, Status.UNKNOWN, seen.at, seen.what, seen.at)
    elif seen.at - known.looked > thresholds.stale:
        known = replace(known, recent=(), failing=None)
    known = replace(known, looked=seen.at, is_shallow=seen.is_shallow)
    fold_one = _fold_blind if seen.what.status is Status.UNKNOWN else _fold_seen
    return fold_one(known, seen, thresholds)


def _fold_blind(known: Standing, seen: Seen, thresholds: Thresholds) -> Standing:
    """What could not be seen is neither down nor ok: only what was ok becomes unknown, after as many looks."""
    known = replace(known, blind=known.blind + 1)
    if known.blind >= thresholds.failures and known.status is Status.OK and not known.is_pending:
        return replace(known, status=Status.UNKNOWN, since=seen.at, what=seen.what, lost=seen.at)
    return replace(known, what=seen.what) if known.status is Status.UNKNOWN else known


def _fold_seen(known: Standing, seen: Seen, thresholds: Thresholds) -> Standing:
    most = max(thresholds.failures, thresholds.successes)
    recent = (*known.recent, (seen.at, seen.what.status))[-most:]
    is_ok = seen.what.status is Status.OK
    known = replace(known, recent=recent, failing=None if is_ok else known.failing or seen.at, blind=0)
    status = _decide(known, thresholds)
    if status is not known.status:
        return replace(known, status=status, since=seen.at, what=seen.what, lost=None)
    return known if known.is_pending else replace(known, what=seen.what)


def _decide(known: Standing, thresholds: Thresholds) -> Status:
    held, statuses = RANK[known.status], [status for _, status in known.recent]
    worse, better = statuses[-thresholds.failures :], statuses[-thresholds.successes :]
    if len(worse) == thresholds.failures and min(map(RANK.__getitem__, worse)) > held:
        return min(worse, key=RANK.__getitem__)
    if known.status is Status.UNKNOWN:
        return Status.OK if statuses[-1] is Status.OK else Status.UNKNOWN
    if len(better) == thresholds.successes and max(map(RANK.__getitem__, better)) < held:
        return max(better, key=RANK.__getitem__)
    return known.status
