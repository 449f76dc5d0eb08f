"""What one address of one name server says of a zone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kedge.errors import OutsideError
from kedge.model.ports import Address
from kedge.probes.delegation import FAILURES, Asker
from kedge.probes.dns_query import NotDns, Question, Reply, ask_tcp
from kedge.probes.failure import OURS

if TYPE_CHECKING:
    import dns.message
    import dns.name

Key = tuple[str, str]
"""An owner as it is declared (`@`, `wiki`) and a type (`MX`)."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An RRset as it was answered: its data in presentation format, and its TTL in seconds."""

    records: frozenset[str] = frozenset()
    ttl_s: int = 0


@dataclass(frozen=True)
class View:
    """What was seen. `failure` says why nothing was; `is_ours` that the reason lies on our side."""

    server: str
    address: str
    failure: str = ""
    is_ours: bool = False
    serial: int = 0
    lacks_tcp: bool = False
    lacks_udp: bool = False
    """Whether not one datagram of all questions was answered; a single lost one is the network's matter."""
    rrsets: Mapping[Key, Answered] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The server with its address."""
        return f"{self.server} ({self.address})" if self.server != self.address else self.server


class _Unfit(Exception):  # noqa: N818 - caught below
    """The server's answer does not count."""


async def look_at_server(
    asker: Asker, server: str, address: str, zone: dns.name.Name, wanted: Collection[Key]
) -> View:  # fmt: skip
    """Return what this server says: its serial and every wanted RRset, or why it does not."""
    try:
        soa = await asker.ask(address, zone, "SOA")
        known = _authoritative(soa).answer
        serial = next((data.serial for rrset in known for data in rrset if rrset.rdtype == 6), None)
        if serial is None:
            raise _Unfit("has no such zone")
        names = [_name(owner, zone) for owner, _ in wanted]
        replies = await asyncio.gather(
            *(asker.ask(address, name, kind) for name, (_, kind) in zip(names, wanted, strict=True))
        )
        every = [soa, *replies]
        has_tcp = any(reply.is_by_tcp for reply in every) or await _answers_tcp(asker, address, zone)
        rrsets = {
            key: read_rrset(_authoritative(reply), name, key[1])
            for key, name, reply in zip(wanted, names, replies, strict=True)
        }
        lacks_udp = all(reply.is_udp_lost for reply in every)
        return View(server, address, serial=serial, lacks_tcp=not has_tcp, lacks_udp=lacks_udp, rrsets=rrsets)
    except _Unfit as reason:
        return View(server, address, str(reason))
    except FAILURES as failure:
        return View(server, address, explain(failure), is_ours=is_ours(failure))


async def _answers_tcp(asker: Asker, address: str, zone: dns.name.Name) -> bool:
    """Whether it answers by TCP as well, as it must (RFC 7766): long answers come no other way."""
    import dns.rdatatype

    try:
        await ask_tcp(asker.net, Address(address, 53), Question(zone, dns.rdatatype.SOA), asker.limit)
    except FAILURES as failure:
        return is_ours(failure)
    return True


def explain(failure: Exception) -> str:
    """Return in words why a server could not be asked."""
    if isinstance(failure, TimeoutError):
        return "did not answer"
    if isinstance(failure, NotDns):
        return "did not answer as DNS"
    if isinstance(failure, OutsideError):
        return f"could not be asked: {failure.message}"
    number = failure.errno if isinstance(failure, OSError) else None
    return f"could not be asked: {os.strerror(number) if number else failure}"


def is_ours(failure: Exception) -> bool:
    """Whether it says nothing about the server: there is no way from here."""
    return isinstance(failure, OutsideError) or (isinstance(failure, OSError) and failure.errno in OURS)


def _name(owner: str, zone: dns.name.Name) -> dns.name.Name:
    import dns.name

    return zone if owner == "@" else dns.name.from_text(owner, zone)


def read_rrset(answer: dns.message.Message, name: dns.name.Name, kind: str) -> Answered:
    """Return the RRset of this name and type; where the name is an alias, the CNAME with its type before it."""
    import dns.rdatatype

    wanted = dns.rdatatype.from_text(kind)
    for rrset in answer.answer:
        if rrset.name == name and rrset.rdtype == wanted:
            return Answered(frozenset(data.to_text() for data in rrset), rrset.ttl)
        if rrset.name == name and rrset.rdtype == dns.rdatatype.CNAME:
            return Answered(frozenset(f"CNAME {data.to_text()}" for data in rrset), rrset.ttl)
    return Answered()


def _authoritative(reply: Reply) -> dns.message.Message:
    """Return an answer that its server vouches for; raises _Unfit (RFC 1034 §4.3.2, RFC 1912 §2.8)."""
    import dns.flags
    import dns.rcode

    answer = reply.message
    if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        raise _Unfit(f"answered {dns.rcode.to_text(answer.rcode())}")
    if not answer.flags & dns.flags.AA:
        raise _Unfit("is not authoritative for it")
    return answer
