"""Who answers for a zone: what its parent says, and where those servers are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from kedge.errors import OutsideError
from kedge.model.ports import Address, Net
from kedge.probes.dns_query import NotDns, Question, Reply, ask

if TYPE_CHECKING:
    import dns.message
    import dns.name
    import dns.rrset

PARENT_SERVERS = 3
"""How many of the parent's servers are tried; they are other people's, and one answer is enough."""
FAILURES = (OSError, TimeoutError, OutsideError, NotDns)


class NoAnswer(Exception):  # noqa: N818 - caught where a probe says so
    """Nobody could be asked: nothing is known."""


class NotDelegated(Exception):  # noqa: N818 - caught where a probe says so
    """The parent says that there is no such zone."""


@dataclass(frozen=True)
class Asker:
    """Asks name servers from one place; `resolver` are those that ask others for us."""

    net: Net
    resolver: Sequence[Address]
    limit: timedelta

    async def resolve(self, name: dns.name.Name, kind: str) -> dns.message.Message:
        """Return what the first resolver that answers says; raises NoAnswer."""
        import dns.rdatatype

        question = Question(name, dns.rdatatype.from_text(kind), recursive=True)
        for server in self.resolver:
            try:
                return (await ask(self.net, server, question, self.limit)).message
            except FAILURES:
                continue
        raise NoAnswer("no resolver answered")

    async def addresses(self, name: dns.name.Name) -> tuple[str, ...]:
        """Return the addresses of a name, IPv4 first; none if there are none. Raises NoAnswer."""
        answers = await asyncio.gather(self.resolve(name, "A"), self.resolve(name, "AAAA"))
        found = (
            str(data) for answer in answers for rrset in answer.answer for data in rrset if rrset.rdtype in (1, 28)
        )
        return tuple(dict.fromkeys(found))

    async def ask(self, server: str, name: dns.name.Name, kind: str) -> Reply:
        """Return what a server says of its own knowledge; raises one of FAILURES."""
        import dns.rdatatype

        return await ask(self.net, Address(server, 53), Question(name, dns.rdatatype.from_text(kind)), self.limit)


@dataclass(frozen=True, slots=True)
class Delegation:
    """The servers a parent names for a zone, with the addresses it gives (glue)."""

    parent: str
    servers: tuple[dns.name.Name, ...] = ()
    glue: Mapping[dns.name.Name, tuple[str, ...]] = field(default_factory=dict)


async def find_delegation(asker: Asker, zone: dns.name.Name) -> Delegation:
    """Return the delegation of a zone; raises NotDelegated, or NoAnswer if nobody could be asked."""
    parent, servers = await _find_parent(asker, zone)
    found = await asyncio.gather(*map(asker.addresses, servers[:PARENT_SERVERS]))
    for address in (one for addresses in found for one in addresses):
        try:
            answer = await asker.ask(address, zone, "NS")
        except FAILURES:
            continue
        if delegation := read_delegation(answer.message, zone, parent):
            return delegation
    raise NoAnswer(f"no server of {parent} answered")


async def _find_parent(asker: Asker, zone: dns.name.Name) -> tuple[str, list[dns.name.Name]]:
    """Return the zone above, and its servers."""
    import dns.name

    name = zone
    while name != dns.name.root:
        name = name.parent()
        answer = await asker.resolve(name, "NS")
        for rrset in answer.answer:
            if rrset.name == name and rrset.rdtype == 2:
                return name.to_text(), [data.target for data in rrset]
    raise NoAnswer("no zone above it was found")


def read_delegation(answer: dns.message.Message, zone: dns.name.Name, parent: str) -> Delegation | None:
    """Return what a parent's answer says; None if it says nothing. Raises NotDelegated."""
    import dns.flags
    import dns.rcode

    for rrset in (*answer.answer, *answer.authority):
        if rrset.name == zone and rrset.rdtype == 2:
            names = tuple(data.target for data in rrset)
            return Delegation(parent, names, _glue(answer, names))
    is_certain = answer.flags & dns.flags.AA and answer.rcode() in (dns.rcode.NXDOMAIN, dns.rcode.NOERROR)
    if is_certain:
        raise NotDelegated(parent)
    return None


def _glue(answer: dns.message.Message, names: Sequence[dns.name.Name]) -> dict[dns.name.Name, tuple[str, ...]]:
    glue: dict[dns.name.Name, tuple[str, ...]] = {}
    for rrset in answer.additional:
        if rrset.name in names and rrset.rdtype in (1, 28):
            glue[rrset.name] = (*glue.get(rrset.name, ()), *map(str, rrset))
    return glue


def system_resolver() -> tuple[Address, ...]:
    """Return the resolvers this machine asks (resolv.conf(5)); none if it has none."""
    import dns.exception
    import dns.resolver

    try:
        found = dns.resolver.Resolver().nameservers
    except (dns.exception.DNSException, OSError):
        return ()
    return tuple(Address(server, 53) for server in found if isinstance(server, str))
