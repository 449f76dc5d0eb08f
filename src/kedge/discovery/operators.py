"""Who is behind a name or an address, in the words of registries (RDAP: RFC 9082, RFC 9083) and of reverse DNS."""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from kedge.discovery.records import read_host
from kedge.discovery.world import AddressView, Operator, Registration
from kedge.errors import OutsideError
from kedge.model.observation import Observation, Status
from kedge.model.ports import Net
from kedge.probes.certificate import now
from kedge.probes.delegation import Asker, NoAnswer
from kedge.probes.registration import (
    NotTold,
    Registries,
    can_be_registered,
    judge_registration,
    read_end,
)
from kedge.probes.rest import NotJson, fetch
from kedge.probes.wording import quote

if TYPE_CHECKING:
    from collections.abc import Callable

MAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{3,200}", re.ASCII)
BOOTSTRAP = {4: "https://data.iana.org/rdap/ipv4.json", 6: "https://data.iana.org/rdap/ipv6.json"}
ASN = "origin.asn.cymru.com"
"""Team Cymru's IP to ASN mapping, by DNS: https://www.team-cymru.com/ip-asn-mapping."""
DEEPEST = 4
AT_ONCE = 4
"""Questions to registries under way at one time."""
NAME_LENGTH = 60


@dataclass
class Registry:
    """Asks registries; `base` is one server to ask about everything, in place of those IANA names."""

    net: Net
    asker: Asker
    base: str = ""
    limit: timedelta = timedelta(seconds=8)
    now: Callable[[], datetime] = now
    domains: Registries = field(default_factory=Registries)
    _operators: dict[str, Operator | None] = field(default_factory=dict)
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict)
    _few: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _networks: dict[int, list[tuple[Any, str]]] = field(default_factory=dict)

    async def registration(self, domain: str) -> Registration:
        """Return what the registry of a domain says; nothing where it cannot be asked, or does not tell."""
        if not self.base and not can_be_registered(domain):
            return Registration()
        try:
            server = self.base or await self.domains.server(self.net, domain, self.limit)
            status, answer = await fetch(self.net, f"{server.rstrip('/')}/domain/{domain}", self.limit)
        except NotTold:
            return Registration()
        except Exception as failure:
            if not _is_theirs(failure):
                raise
            return Registration(seen=Observation(Status.UNKNOWN, "its registry could not be asked"))
        if status == 404:
            return Registration(seen=Observation(Status.DOWN, "is not registered", {"asked": server}))
        if answer is None:
            return Registration(seen=Observation(Status.UNKNOWN, f"its registry answered with status {status}"))
        return read_registration(answer, self.now(), server)

    async def address(self, address: str) -> AddressView:
        """Return what is known of an address: its own name, and who runs its network."""
        pointer = await self._pointer(address)
        return AddressView(address, pointer, await self._operator(address))

    async def _operator(self, address: str) -> Operator | None:
        """Return who runs the network of an address; neighbours are asked about once, networks one after the other."""
        bits = 48 if ":" in address else 24
        network = str(ipaddress.ip_network(f"{address}/{bits}", strict=False))
        async with self._turns.setdefault(network, asyncio.Lock()):
            if network not in self._operators:
                async with self._few:
                    self._operators[network] = await self._by_rdap(address) or await self._by_routing(address)
            return self._operators[network]

    async def _pointer(self, address: str) -> str:
        import dns.reversename

        try:
            answer = await self.asker.resolve(dns.reversename.from_address(address), "PTR")
        except NoAnswer:
            return ""
        found = [read_host(data.target) for rrset in answer.answer if rrset.rdtype == 12 for data in rrset]
        return next(filter(None, found), "")

    async def _by_rdap(self, address: str) -> Operator | None:
        try:
            server = self.base or await self._server_of(address)
            if not server:
                return None
            _, answer = await fetch(self.net, f"{server.rstrip('/')}/ip/{address}", self.limit)
        except Exception as failure:
            if not _is_theirs(failure):
                raise
            return None
        name = _network_name(answer or {})
        return Operator(name, "the registry of its network") if name else None

    async def _server_of(self, address: str) -> str:
        """Return the registry of an address (RFC 9224 §5); empty for one that belongs to nobody."""
        ip = ipaddress.ip_address(address)
        if not ip.is_global:
            return ""
        if ip.version not in self._networks:
            answer = (await fetch(self.net, BOOTSTRAP[ip.version], self.limit))[1] or {}
            self._networks[ip.version] = list(_read_networks(answer))
        return next((server for network, server in self._networks[ip.version] if ip in network), "")

    async def _by_routing(self, address: str) -> Operator | None:
        """Return who announces an address, which often is who runs it."""
        import dns.name

        ip = ipaddress.ip_address(address)
        if ip.version != 4 or (not ip.is_global and not self.base):
            return None
        try:
            reverse = ".".join(reversed(address.split(".")))
            origin = await self._text(f"{reverse}.{ASN}")
            number = origin.split("|")[0].split()[:1]
            if not number or not number[0].isdigit():
                return None
            said = (await self._text(f"AS{number[0]}.asn.cymru.com")).split("|")[-1]
        except (NoAnswer, dns.name.LabelTooLong):
            return None
        name = _plain(said.rpartition(",")[0] or said)
        return Operator(name, f"AS{number[0]}, which announces its network") if name else None

    async def _text(self, name: str) -> str:
        import dns.name

        answer = await self.asker.resolve(dns.name.from_text(name), "TXT")
        texts = [b"".join(data.strings) for rrset in answer.answer if rrset.rdtype == 16 for data in rrset]
        return texts[0].decode(errors="replace") if texts else ""


def _is_theirs(failure: Exception) -> bool:
    """Return whether a failure is one that registries and networks have, not one of ours."""
    import aiohttp

    return isinstance(failure, (OSError, OutsideError, NotJson, aiohttp.ClientError, ValueError))


def read_registration(answer: Mapping[str, Any], at: datetime, server: str) -> Registration:
    """Return what an RDAP answer about a domain says; whatever is not as it should be is left out."""
    entities = list(_entities(answer))
    registrar = next((name for roles, name, _ in entities if "registrar" in roles and name), "")
    contacts = [
        mail
        for wanted in ("registrant", "administrative", "technical", "billing")
        for roles, _, mails in entities
        if wanted in roles and "registrar" not in roles
        for mail in mails
    ]
    return Registration(registrar, tuple(dict.fromkeys(contacts))[:4], read_end(answer),
                        judge_registration(answer, at, server))  # fmt: skip


def _entities(answer: object, depth: int = 0) -> Iterator[tuple[Sequence[str], str, list[str]]]:
    """Yield roles, name and mail addresses of every entity, nested ones too (RFC 9083 §5.1)."""
    found = answer.get("entities") if isinstance(answer, Mapping) else None
    for entity in found[:50] if isinstance(found, list) and depth < DEEPEST else ():
        if not isinstance(entity, Mapping):
            continue
        roles = entity.get("roles")
        card = entity.get("vcardArray")
        yield [str(role) for role in roles] if isinstance(roles, list) else [], *_card(card)
        yield from _entities(entity, depth + 1)


def _card(card: object) -> tuple[str, list[str]]:
    """Return the name and the mail addresses on a jCard (RFC 7095)."""
    lines = card[1] if isinstance(card, list) and len(card) > 1 and isinstance(card[1], list) else []
    name, mails = "", []
    for line in lines:
        if isinstance(line, list) and len(line) > 3 and isinstance(line[3], str):
            if line[0] in ("org", "fn") and (not name or line[0] == "org"):
                name = _plain(line[3])
            elif line[0] == "email" and MAIL.fullmatch(line[3]) and read_host(line[3].partition("@")[2]):
                mails.append(line[3].lower())
    return name, mails


def _network_name(answer: Mapping[str, Any]) -> str:
    """Return who runs a network: its registrant, else its own name."""
    for wanted in ("registrant", "administrative", "technical"):
        if found := next((name for roles, name, _ in _entities(answer) if wanted in roles and name), ""):
            return found
    return _plain(str(answer.get("name") or ""))


def _plain(text: str) -> str:
    return quote(text, NAME_LENGTH)


def _read_networks(answer: Mapping[str, Any]) -> Iterator[tuple[Any, str]]:
    services = answer.get("services")
    for service in services if isinstance(services, list) else []:
        if not (isinstance(service, list) and len(service) == 2 and all(isinstance(one, list) for one in service)):
            continue
        servers = [str(one) for one in service[1] if str(one).startswith("https:")]
        for text in service[0] if servers else []:
            try:
                yield ipaddress.ip_network(str(text)), servers[0]
            except ValueError:
                continue
