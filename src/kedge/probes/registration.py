"""Until when a domain is registered, as its registry says (RDAP: RFC 9082, RFC 9083; where to ask: RFC 9224)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from kedge.errors import OutsideError
from kedge.model.instance import Instance, Scope
from kedge.model.observation import Observation, Status
from kedge.model.ports import Net
from kedge.probes.certificate import now
from kedge.probes.rest import NotJson, fetch

if TYPE_CHECKING:
    from collections.abc import Callable

WHERE = "https://data.iana.org/rdap/dns.json"
SOON = timedelta(days=30)
"""Registrars' last reminders come about then; after it only somebody who watches will notice."""
RESERVED = frozenset({"example", "test", "invalid", "localhost", "local", "internal", "onion", "arpa"})
"""Names nobody can register (RFC 2606, RFC 6761 …)."""
LOST = frozenset({"redemption period", "pending delete", "client hold", "server hold", "inactive"})
"""Statuses (RFC 8056) of domains that no longer work, or will be gone."""


class NotTold(Exception):  # noqa: N818 - caught where a probe says so
    """The registry offers no RDAP."""


@dataclass(eq=False)
class Registries:
    """Where each top-level domain is asked; read from IANA once a process."""

    known: Mapping[str, str] = field(default_factory=dict)
    where: str = WHERE

    async def server(self, net: Net, domain: str, limit: timedelta) -> str:
        """Return the address of the server that knows a domain; raises NotTold, or as fetch does."""
        if not self.known:
            self.known = read_registries((await fetch(net, self.where, limit))[1] or {})
        labels = domain.lower().rstrip(".").split(".")
        for start in range(1, len(labels)):
            if found := self.known.get(".".join(labels[start:])):
                return found
        raise NotTold(labels[-1])


REGISTRIES = Registries()


@dataclass(frozen=True, slots=True)
class RegistrationProbe:
    """Asks the registry of a domain until when it is registered, and whether it is on its way out.

    `every`: registries are other people's and change little; once a day is polite.
    """

    tells: ClassVar[frozenset[str]] = frozenset({"expiry"})
    every: ClassVar[timedelta] = timedelta(days=1)

    domain: str
    limit: timedelta = timedelta(seconds=20)
    name: str = "registration"
    scope: Scope = "world"
    now: Callable[[], datetime] = now
    registries: Registries = REGISTRIES

    async def look(self, at: Instance) -> Observation:
        """Look once; a registry that does not tell is not held against the domain."""
        import aiohttp

        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self.limit.total_seconds()):
                seen = await self._look(at.site.net)
        except NotTold:
            seen = Observation(Status.OK, "its registry does not tell until when it is registered")
        except NotJson as error:
            seen = Observation(Status.UNKNOWN, "its registry did not answer as RDAP", {"said": str(error)})
        except (OSError, OutsideError, aiohttp.ClientError) as failure:
            seen = Observation(Status.UNKNOWN, "its registry could not be asked", {"said": type(failure).__name__})
        return replace(seen, took=timedelta(seconds=loop.time() - began))

    async def _look(self, net: Net) -> Observation:
        server = await self.registries.server(net, self.domain, self.limit)
        status, answer = await fetch(net, f"{server.rstrip('/')}/domain/{self.domain}", self.limit)
        if status == 404:
            return Observation(Status.DOWN, "is not registered", {"asked": server})
        if answer is None:
            return Observation(Status.UNKNOWN, "its registry could not be asked", {"status": str(status)})
        return judge_registration(answer, self.now(), server)


def judge_registration(answer: Mapping[str, Any], at: datetime, server: str) -> Observation:
    """Return what a registry's answer means."""
    ends, statuses = read_end(answer), read_statuses(answer)
    evidence = {"asked": server, "statuses": ", ".join(sorted(statuses))}
    if ends:
        evidence |= {"expiry": f"{ends:%Y-%m-%dT%H:%M:%SZ}", "days left": str((ends - at).days)}
    if lost := sorted(statuses & LOST):
        return Observation(Status.DOWN, f"is on its way out: {', '.join(lost)}", evidence)
    if ends is None:
        return Observation(Status.OK, "its registry does not tell until when it is registered", evidence)
    if ends <= at:
        return Observation(Status.DOWN, "has expired", evidence)
    if ends - at <= SOON:
        return Observation(Status.DEGRADED, f"expires within {SOON.days} days", evidence)
    return Observation(Status.OK, "is registered for longer", evidence)


def read_end(answer: Mapping[str, Any]) -> datetime | None:
    """Return when a registration ends (RFC 9083 §4.5), None if that is not told."""
    events = answer.get("events")
    for event in events if isinstance(events, list) else []:
        if isinstance(event, dict) and event.get("eventAction") == "expiration":
            try:
                moment = datetime.fromisoformat(str(event.get("eventDate")))
                return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
            except (ValueError, OverflowError):
                continue
    return None


def read_statuses(answer: Mapping[str, Any]) -> frozenset[str]:
    """Return the statuses of a registration, in the words of RFC 8056."""
    statuses = answer.get("status")
    return frozenset(str(one).lower() for one in statuses) if isinstance(statuses, list) else frozenset()


def read_registries(answer: Mapping[str, Any]) -> Mapping[str, str]:
    """Return top-level domain -> server (RFC 9224 §4); raises NotJson."""
    found: dict[str, str] = {}
    services = answer.get("services")
    for service in services if isinstance(services, list) else []:
        if isinstance(service, list) and len(service) == 2 and all(isinstance(one, list) for one in service):
            names, servers = service
            secure = [str(server) for server in servers if str(server).startswith("https:")]
            found |= {str(name).lower(): secure[0] for name in names if secure}
    if not found:
        raise NotJson("a list without registries")
    return found


def can_be_registered(domain: str) -> bool:
    """Whether any registry could know this domain."""
    return domain.rstrip(".").rpartition(".")[2].lower() not in RESERVED
