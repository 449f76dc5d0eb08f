"""One sweep: every target looked at, none waiting for another; what was seen kept as spans and facts."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import logging
import resource
import socket
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from kedge.app.names import is_literal
from kedge.app.targets import SRV, Target
from kedge.app.vantage import LiveSite, VantageNet
from kedge.errors import UsageError
from kedge.evidence.span import Look as Look  # what others may know of the database
from kedge.model.finding import Finding
from kedge.model.instance import Instance
from kedge.model.inventory import Inventory
from kedge.model.need import NeedExpression, names_in
from kedge.model.observation import Observation, Status
from kedge.model.ports import Address
from kedge.probes.everywhere import merge
from kedge.probes.failure import judge_failure
from kedge.probes.http import HttpProbe
from kedge.probes.system import STOPPED
from kedge.probes.zone import DIFFERS
from kedge.rules.cause_graph import Graph, needs_of
from kedge.rules.causes import causes
from kedge.rules.dns_drift import changes_seen, finding_of

_LOG = logging.getLogger(__name__)
PER_PLACE = 10
"""Looks at one address and port at a time: servers rightly mistrust who opens more (dovecot: 10 per user and IP)."""
MOST = 1000
BURST, BUSY_S = 200, 0.2
"""So many looks are started in one turn of the event loop, unless the last turn took so long."""
SPARE_FILES = 64
SELDOM = (20_000, 20, 20)
"""Thresholds of the collector (gc.set_threshold) while a sweep runs."""
ADDRESSES = 8
Told = Callable[[Look], None]
Places = Mapping[tuple[str, int], asyncio.Semaphore]


@dataclass(frozen=True)
class Sweep:
    """How to look: from which vantage, and whom to tell of each look."""

    vantage: str
    told: Told = lambda look: None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def run(self, targets: Sequence[Target]) -> list[Look]:
        """Return one look for each target, in their order, however they went.

        They are started at once, so that silent ones wait together; but where a turn of the event loop takes long,
        one by one: then the machine is busy, and nobody's time shall run out because of the others.
        """
        _import_heavy(targets)
        under_way = asyncio.Semaphore(_most())
        places: Places = defaultdict(lambda: asyncio.Semaphore(PER_PLACE))
        with _seldom_collecting():
            return await self._start(targets, under_way, places)

    async def _start(self, targets: Sequence[Target], under_way: asyncio.Semaphore, places: Places) -> list[Look]:
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            tasks = []
            began, burst = loop.time(), BURST
            for target in targets:
                await under_way.acquire()
                task = group.create_task(self._look(target, places))
                task.add_done_callback(lambda _: under_way.release())
                tasks.append(task)
                if len(tasks) % burst == 0:
                    await asyncio.sleep(0)
                    burst = BURST if loop.time() - began < BUSY_S else 1
                    began = loop.time()
        return [task.result() for task in tasks]

    async def _look(self, target: Target, places: Places) -> Look:
        dial = target.dial
        place = (dial.host, dial.port) if dial else (target.thing, 0)
        async with places[place]:
            at = self.now()
            try:
                seen = await look_everywhere(target)
            except Exception:  # one probe's bug must not cost the other looks
                _LOG.exception("probe failed", extra={"thing": target.thing, "probe": target.name})
                seen = Observation(Status.UNKNOWN, "kedge's own probe failed; its log says how")
        look = Look(target.thing, target.name, self.vantage, at, seen)
        self.told(look)
        return look


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Let Python look for cycles of garbage seldom, and not in what was there before: it took a fifth of the CPU."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _import_heavy(targets: Sequence[Target]) -> None:
    """Import what looks need before any of them has a limit that runs."""
    import dns.resolver  # noqa: F401

    if any(isinstance(target.probe, HttpProbe) for target in targets):
        import aiohttp  # noqa: F401


def _most() -> int:
    """Return how many looks may be under way: each has a file descriptor or two."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(8, min(MOST, (files - SPARE_FILES) // 2))


async def look_everywhere(target: Target) -> Observation:
    """Return what one target's probe saw at every address of the name it connects to."""
    dial, site = target.dial, target.at.site
    if dial is None or dial.host.startswith("/") or not isinstance(site, LiveSite):
        return await target.probe.look(target.at)
    assert isinstance(site.net, VantageNet)
    try:
        places = target.places or await _places(site.net, dial, SRV.get(target.endpoint, ""))
    except (OSError, TimeoutError) as failure:
        return judge_failure(failure, timedelta(seconds=4))
    if list(places) == [dial]:
        return await target.probe.look(target.at)
    variants = {place: _at(target, site, dial, place) for place in places[:ADDRESSES]}
    seen = await asyncio.gather(*map(target.probe.look, variants.values()))
    return merge({place.host: one for place, one in zip(variants, seen, strict=True)})


async def _places(net: VantageNet, dial: Address, srv: str) -> Sequence[Address]:
    """Return every address and port that a name leads to; raises gaierror."""
    if pin := net.pins.get(dial.host):
        return [replace(dial, host=pin)]
    if is_literal(dial.host):
        return [dial]
    found = await net.names.services(f"{srv}.{dial.host}") if srv else ()
    leads = [replace(dial, host=one.host, port=one.port) for one in found] or [dial]
    addresses = await asyncio.gather(*(net.names.addresses(one.host) for one in leads), return_exceptions=True)
    places = [
        replace(lead, host=one)
        for lead, known in zip(leads, addresses, strict=True)
        if isinstance(known, tuple)
        for one in known
    ]
    failures = [one for one in addresses if isinstance(one, BaseException)]
    if not places and failures:
        raise failures[0]
    return places


def _at(target: Target, site: LiveSite, dial: Address, place: Address) -> Instance:
    """Return the instance as it is at one address; its other names lead where they always do."""
    assert isinstance(site.net, VantageNet)
    pins = {**site.net.pins, dial.host: place.host}
    dials = {**target.at.dial, target.endpoint: place}
    return replace(target.at, site=replace(site, net=replace(site.net, pins=pins)), dial=dials)


def judge(inventory: Inventory, targets: Iterable[Target], looks: Iterable[Look]) -> tuple[Finding, ...]:
    """Return one finding for each cause of what was seen; shallow looks only accuse."""
    seen: defaultdict[str, dict[str, Observation]] = defaultdict(dict)
    for target, look in zip(targets, looks, strict=True):
        if not target.is_shallow or look.seen.status is Status.DOWN:
            seen[look.thing][look.probe] = look.seen
    needs = dict(needs_of(inventory))
    parts = dict(_take_volumes(inventory, seen, needs))
    drift = list(_take_drift(inventory, seen))
    return (*causes(needs, seen, hints=_hints(inventory, seen), parts=parts), *drift)


def _take_drift(inventory: Inventory, seen: dict[str, dict[str, Observation]]) -> Iterator[Finding]:
    """Yield a finding for each domain whose records were changed, and leave to the look what else is wrong."""
    for name, domain in inventory.sections.domains.items():
        zone = seen.get(name, {}).get("zone")
        if zone and (changes := list(changes_seen(domain, zone.evidence))):
            rest = [said for said in zone.what.split("; ") if not said.startswith(DIFFERS)]
            seen[name]["zone"] = _left_over(zone, rest)
            yield finding_of(name, changes)


def beneath(inventory: Inventory, looks: Sequence[Look]) -> list[str]:
    """Return what the things that are not ok need, directly or not, and nobody has looked at yet."""
    needs = needs_of(inventory)
    seen = {look.thing for look in looks}
    found: dict[str, None] = {}
    waiting = [look.thing for look in looks if look.seen.status is not Status.OK]
    while waiting:
        new = [name for need in needs.get(waiting.pop(), ()) for name in names_in(need) if name not in found]
        found.update(dict.fromkeys(new))
        waiting += new
    return [name for name in found if name not in seen]


def _take_volumes(
    inventory: Inventory, seen: dict[str, dict[str, Observation]], needs: dict[str, Sequence[NeedExpression]]
) -> Iterator[tuple[str, str]]:
    """Yield the volumes that take no more writes, with their hosts; who writes there needs them, and who needs those.

    A host whose one partition is full is not down, and its other services are not down because of that.
    """
    for host, declared in inventory.sections.hosts.items():
        system = seen.get(host, {}).get("system")
        stopped = {k: v for k, v in system.evidence.items() if k.startswith(f"{STOPPED}/")} if system else {}
        for key, why in stopped.items():
            mount = key.removeprefix(f"{STOPPED}/")
            volume = declared.volumes.get("root" if mount == "/" else mount)
            part = f"{host} {mount}"
            seen[part] = {"system": Observation(Status.DOWN, why)}
            writers = (volume and volume.written_by) or services_on(inventory, host)
            # What needs a writer may fail although the writer still answers: mail that finds no room in its mailbox.
            for thing in {name for writer in writers for name in Graph(needs, {}).fallen(writer)}:
                needs[thing] = (*needs.get(thing, ()), part)
            yield part, host
        if system and stopped:
            seen[host]["system"] = _without_volumes(system)


def _without_volumes(system: Observation) -> Observation:
    """Return what a host says of itself besides the volumes that take no more writes."""
    rest = [said for said in system.what.split("; ") if not said.endswith(("full", "inodes left", "read-only"))]
    return _left_over(system, rest)


def _left_over(seen: Observation, rest: Sequence[str]) -> Observation:
    """Return an observation of what is left once a part of it has become a finding of its own."""
    if not rest:
        return replace(seen, status=Status.OK, what="nothing else")
    return replace(seen, status=Status.DEGRADED, what="; ".join(rest))


def services_on(inventory: Inventory, host: str) -> Iterator[str]:
    """Yield the services that run on a host."""
    yield from (name for name, service in inventory.sections.services.items() if host in (service.host or ()))


def _hints(inventory: Inventory, seen: Mapping[str, Mapping[str, Observation]]) -> Mapping[str, set[str]]:
    """Return the needs that services blame in their own words: an error page that speaks of the database."""
    hints: dict[str, set[str]] = {}
    for name, service in inventory.sections.services.items():
        words = " ".join(one.what for one in seen.get(name, {}).values() if one.status is not Status.OK).lower()
        blamed = {bound for role in service.requires if role in words and (bound := getattr(service, role, None))}
        if blamed:
            hints[name] = blamed
    return hints


def choose_vantage(inventory: Inventory, given: str) -> str:
    """Return the name of the place we look from: as given, the only declared one, or this machine's name.

    Raises KedgeError for one that is not declared, where others are.
    """
    declared = list(inventory.sections.vantages)
    if given:
        if given not in declared and declared:
            inventory.find(given)
            raise UsageError(f"'{given}' is not a vantage", hint=f"declared: {', '.join(declared)}")
        return given
    return declared[0] if len(declared) == 1 else socket.gethostname()


def require_address(text: str) -> str:
    """Return an IP address, or nothing if nothing was given; raises UsageError."""
    try:
        return str(ipaddress.ip_address(text)) if text else ""
    except ValueError as cause:
        raise UsageError(f"--at: {cause}") from cause


def is_fine(looks: Iterable[Look]) -> bool:
    """Whether everything is ok; what could not be looked at is not."""
    return all(look.seen.status is Status.OK for look in looks)
