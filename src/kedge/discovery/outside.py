"""The look from outside: all domains, their addresses and doors, within one time limit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TypeVar

from kedge.discovery.doors import Visitor, distinct, doors_of
from kedge.discovery.operators import Registry
from kedge.discovery.records import survey_domain
from kedge.discovery.world import AddressView, DomainView, Door, DoorView, Registration, World
from kedge.model.instance import Instance
from kedge.model.observation import Observation
from kedge.model.ports import Site
from kedge.probes.delegation import Asker, NoAnswer
from kedge.probes.zone import ZoneProbe

Key = TypeVar("Key")
Seen = TypeVar("Seen")
MOST_ADDRESSES = 40
PER_ADDRESS = 3
"""Looks at one address at a time: we are a guest."""


@dataclass
class Watch:
    """The time that is left, and whom to tell of each step."""

    limit: timedelta
    told: Callable[[str], None] = lambda step: None
    _end: float = 0.0
    left: list[str] = field(default_factory=list)

    def begin(self) -> None:
        """Start counting."""
        self._end = asyncio.get_running_loop().time() + self.limit.total_seconds()

    async def gather(self, what: str, jobs: Mapping[Key, Awaitable[Seen]], share: float = 1.0) -> dict[Key, Seen]:
        """Return what came of these jobs within a share of the time that is left; the others are given up, and said."""
        tasks = {asyncio.ensure_future(job): key for key, job in jobs.items()}
        if not tasks:
            return {}
        self.told(f"{what}: {len(tasks)}")
        loop = asyncio.get_running_loop()
        rest = max((self._end - loop.time()) * share, 0.5)
        done, waiting = await asyncio.wait(tasks, timeout=rest)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        if waiting:
            self.left.append(f"{len(waiting)} of {len(tasks)} {what}")
        return {tasks[task]: task.result() for task in done}


@dataclass
class Outlook:
    """Looks at domains from one site, through one resolver."""

    site: Site
    asker: Asker
    registry: Registry
    visitor: Visitor

    async def look(self, domains: Iterable[str], watch: Watch) -> World:
        """Return everything that could be seen in the time there is."""
        watch.begin()
        names = list(dict.fromkeys(domains))
        registrations = {name: asyncio.ensure_future(self.registry.registration(name)) for name in names}
        views = await watch.gather(
            "domains", {name: survey_domain(self.asker, name, watch.limit * 0.4) for name in names}
        )
        found = [view for view in views.values() if view.is_there]
        zones = {view.name: asyncio.ensure_future(self._zone(view)) for view in found}
        elsewhere = await watch.gather("names of others", {view.name: self._elsewhere(view) for view in found}, 0.5)
        found = [replace(view, elsewhere=elsewhere.get(view.name, {})) for view in found]
        addresses, doors = await asyncio.gather(self._addresses(found, watch), self._doors(found, watch))
        told = await watch.gather("registries", registrations)
        judged = await watch.gather("zones", zones)
        complete = tuple(
            replace(view, registration=told.get(view.name, Registration()), zone=judged.get(view.name))
            for view in found
        )
        unanswered = tuple(f"{view.left} questions about {view.name}" for view in found if view.left)
        missing = tuple(f"nobody knows the domain {name}" for name in names if name not in {one.name for one in found})
        return World(complete, addresses, tuple(doors), (*missing, *unanswered, *watch.left))

    async def _zone(self, view: DomainView) -> Observation:
        declared = {("@", "MX"): tuple(one[3:] for one in view.records.get("@", ()) if one.startswith("MX "))}
        probe = ZoneProbe(view.name, {key: texts for key, texts in declared.items() if texts},
                          resolver=tuple(self.asker.resolver))  # fmt: skip
        return await probe.look(Instance("live", self.site, {}))

    async def _elsewhere(self, view: DomainView) -> dict[str, tuple[str, ...]]:
        """Return where the names lead that the domain's records mention and that are not among its own."""
        import dns.name

        mentioned = [*view.servers, *view.mail_hosts, *(one.target for one in view.srv if one.target)]
        wanted = [name for name in dict.fromkeys(mentioned) if name not in view.names]
        jobs = (self.asker.addresses(dns.name.from_text(name)) for name in wanted)
        found = await asyncio.gather(*jobs, return_exceptions=True)
        for one in found:
            if isinstance(one, BaseException) and not isinstance(one, NoAnswer):
                raise one
        return {name: one for name, one in zip(wanted, found, strict=True) if isinstance(one, tuple)}

    async def _addresses(self, views: Iterable[DomainView], watch: Watch) -> Mapping[str, AddressView]:
        wanted = [
            address
            for view in views
            for addresses in (*view.names.values(), *view.elsewhere.values())
            for address in addresses
        ]
        each = list(dict.fromkeys(wanted))[:MOST_ADDRESSES]
        return await watch.gather("addresses", {address: self.registry.address(address) for address in each}, 0.8)

    async def _doors(self, views: Iterable[DomainView], watch: Watch) -> list[DoorView]:
        where = {name: found for view in views for name, found in {**view.elsewhere, **view.names}.items()}
        doors = distinct(door for view in views for door in doors_of(view))
        turns: dict[str, asyncio.Semaphore] = {}

        async def look(door: Door, address: str) -> DoorView | None:
            async with turns.setdefault(address, asyncio.Semaphore(PER_ADDRESS)):
                return await self.visitor.look(door, address)

        jobs = {door: look(door, where[door.name][0]) for door in doors if where.get(door.name)}
        seen = await watch.gather("doors (mail, XMPP, web)", jobs, 0.8)
        return [seen[door] for door in jobs if (one := seen.get(door)) and one is not None]  # type: ignore[misc]
