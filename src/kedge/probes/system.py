"""A host from within, through the Shell port: disks, memory, last boot, what failed, what waits for a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar

from kedge.model.instance import Instance, Scope
from kedge.model.observation import Observation, Status
from kedge.model.quantity import format_size
from kedge.probes.certificate import now
from kedge.probes.entry import not_entered
from kedge.probes.system_report import SCRIPT, Filled, NoReport, Report, read_report
from kedge.probes.wording import listed, quote

FULL, NEARLY = 0.99, 0.9
"""Shares: so full, nothing more can be written; so full, somebody must act (the rule disk-limit says the same)."""
SKEW = timedelta(seconds=60)
"""A clock so wrong breaks logins, certificates and the order of logs."""
FREE_MEMORY = 0.03
STOPPED = "stopped"
"""Evidence `stopped/MOUNT` says why nothing more can be written there."""
ROOM = 1 << 30
"""Less unallocated room than this is not worth naming."""


@dataclass(frozen=True, slots=True)
class SystemProbe:
    """Asks a host how full its disks are, whether they take changes, what failed, when it started.

    Down: a file system that is full or went read-only. Degraded: what will be down soon, or is not as it should be.
    """

    tells: ClassVar[frozenset[str]] = frozenset({"used", "size", "unallocated", "boot"})

    limit: timedelta = timedelta(seconds=15)
    name: str = "system"
    scope: Scope = "instance"

    async def look(self, at: Instance) -> Observation:
        """Look once; a host that cannot be entered is unknown, since that may be about the login."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        ended = await at.site.shell.run(("sh", "-c", SCRIPT), limit=self.limit)
        if ended.code is None:
            seen = not_entered(ended)
        else:
            try:
                seen = judge_report(read_report(ended.stdout.decode(errors="replace")), now())
            except NoReport:
                seen = Observation(Status.UNKNOWN, "did not answer all questions", {"said": quote(ended.stderr)})
        return replace(seen, took=timedelta(seconds=loop.time() - began))


def judge_report(report: Report, at: datetime) -> Observation:
    """Return what a report means: the worst first, in words that do not change while the numbers do."""
    evidence = dict(_evidence(report))
    if down := list(_down(report)):
        return Observation(Status.DOWN, "; ".join([*down, *_worn(report, at)]), evidence)
    if worn := list(_worn(report, at)):
        return Observation(Status.DEGRADED, "; ".join(worn), evidence)
    return Observation(Status.OK, "has room and runs as it should", evidence)


def _down(report: Report) -> Iterator[str]:
    full = [volume.mount for volume in report.volumes if _matters(volume) and volume.share >= FULL]
    without = [volume.mount for volume in report.volumes if _matters(volume) and volume.inode_share >= FULL]
    if full:
        yield f"{listed(full)} {'is' if len(full) == 1 else 'are'} full"
    if without:
        yield f"{listed(without)} {'has' if len(without) == 1 else 'have'} no inodes left"
    if report.read_only:
        yield f"{listed(list(report.read_only))} went read-only"


def _worn(report: Report, at: datetime) -> Iterator[str]:
    nearly = [
        volume.mount
        for volume in report.volumes
        if _matters(volume) and max(volume.share, volume.inode_share) >= NEARLY
        and max(volume.share, volume.inode_share) < FULL
    ]  # fmt: skip
    if nearly:
        yield f"{listed(nearly)} {'is' if len(nearly) == 1 else 'are'} nearly full"
    if report.broken_raids:
        yield f"{listed(list(report.broken_raids))} misses a disk"
    if report.damaged:
        yield f"the file system on {listed(list(report.damaged))} has errors"
    if report.memory and report.memory_free < report.memory * FREE_MEMORY:
        yield "hardly any memory is left"
    if report.failed_units:
        yield f"failed: {listed(sorted(report.failed_units))}"
    if report.needs_reboot:
        yield "waits for a reboot"
    if report.at and abs(report.at - at) > SKEW:
        yield "its clock is wrong"


def _matters(volume: Filled) -> bool:
    """Whether somebody writes there; what is mounted from elsewhere, or always full, is not this host's matter."""
    return volume.kind not in ("nfs", "nfs4", "cifs", "squashfs", "iso9660")


def _evidence(report: Report) -> Iterator[tuple[str, str]]:
    """Yield numbers for people, and facts under the names that rules know (`used/root` is that of `/`)."""
    for volume in report.volumes:
        name = "root" if volume.mount == "/" else volume.mount
        yield f"used/{name}", format_size(volume.used)
        yield f"size/{name}", format_size(volume.used + volume.free)
        yield f"full/{name}", f"{volume.share:.0%}, inodes {volume.inode_share:.0%}"
    for volume in filter(_matters, report.volumes):
        if volume.share >= FULL or volume.inode_share >= FULL:
            yield f"{STOPPED}/{volume.mount}", "is full" if volume.share >= FULL else "has no inodes left"
    for mount in report.read_only:
        yield f"{STOPPED}/{mount}", "went read-only"
    for disk, room in report.unallocated.items():
        if room >= ROOM:
            yield f"unallocated/{disk}", format_size(room)
    if report.booted:
        yield "boot", report.booted.replace(second=0, microsecond=0).isoformat()
    if report.memory:
        yield "memory", f"{format_size(report.memory_free)} of {format_size(report.memory)} free"
    yield "load", f"{report.load:g} on {report.processors} processors"
