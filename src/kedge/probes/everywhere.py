"""Looks at every address of a name, made into one: what is dead must not hide behind what lives."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from kedge.model.observation import Observation, Status
from kedge.probes.wording import listed

_ORDER = {Status.OK: 0, Status.UNKNOWN: 1, Status.DEGRADED: 2, Status.DOWN: 3}


def merge(seen: Mapping[str, Observation]) -> Observation:
    """Return what looks at several addresses come to: degraded if the service is up at some of them only.

    An address that cannot be looked at from here (a vantage without IPv6) counts only if all are so.
    """
    known = {address: one for address, one in seen.items() if one.status is not Status.UNKNOWN} or dict(seen)
    unseen = {f"not seen/{address}": one.what for address, one in seen.items() if address not in known}
    took = max((one.took for one in seen.values()), default=timedelta(0))
    worst = max(known.values(), key=lambda one: _ORDER[one.status])
    if len({(one.status, one.what) for one in known.values()}) == 1:
        addresses = {"addresses": " ".join(known)} if len(seen) > 1 else {}
        return Observation(worst.status, worst.what, {**worst.evidence, **unseen, **addresses}, took)
    apart = {f"at/{address}": f"{one.status}: {one.what}" for address, one in known.items()}
    is_everywhere = all(one.status is Status.DOWN for one in known.values())
    status = Status.DOWN if is_everywhere else min(worst.status, Status.DEGRADED, key=lambda one: _ORDER[one])
    return Observation(status, _told_apart(known), {**worst.evidence, **unseen, **apart}, took)


def _told_apart(known: Mapping[str, Observation]) -> str:
    """Return what was seen where, for all that is not ok; of fine addresses, what sets them apart is no news."""
    bad = {address: one for address, one in known.items() if one.status is not Status.OK}
    if not bad:
        return next(iter(known.values())).what
    sayings = dict.fromkeys(one.what for one in bad.values())
    parts = [f"at {listed([a for a, one in bad.items() if one.what == what])} {what}" for what in sayings]
    return "; ".join(parts)
