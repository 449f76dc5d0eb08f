"""The DNS of the lab: the organisation's zone, and the world above it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.lab.organisation import Machine

SERIAL = 2007010601
START = "$TTL {ttl}\n@ SOA {server} hostmaster.{server} {serial} 300 60 86400 60\n"


@dataclass(frozen=True)
class Zone:
    """A zone: its name, its name servers' addresses, its text in presentation format (RFC 1035 section 5)."""

    name: str
    text: str
    servers: tuple[tuple[str, str, str], ...]
    """Label, IPv4 and IPv6 address."""


def organisation_zone(domain: str, *, faulty: bool) -> Zone:
    """The organisation's zone: a name and an address per service, two ways in for mail; in 2007, none of that."""
    lines = [START.format(ttl=3600 if faulty else 300, server="ns1", serial=SERIAL)]
    second = "198.51.100.54" if faulty else "203.0.113.53"
    second_ipv6 = "2001:db8:51::54" if faulty else "2001:db8:113::53"
    servers = (("ns1", "198.51.100.53", "2001:db8:51::53"), ("ns2", second, second_ipv6))
    for label, ipv4, ipv6 in servers:
        lines.append(f"@ NS {label}\n{label} A {ipv4}\n{label} AAAA {ipv6}\n")
    lines.append(_hosts_and_services(OLD_2007 if faulty else CONSERVATIVE))
    return Zone(domain, "".join(lines) + (RECORDS_2007 if faulty else RECORDS), servers)


CONSERVATIVE = {
    "hetzner-old": ("192.0.2", "2001:db8:2", 10),
    "wiki": ("192.0.2", "2001:db8:2", 11),
    "forum": ("192.0.2", "2001:db8:2", 12),
    "mx2": ("192.0.2", "2001:db8:2", 13),
    "hetzner-new": ("192.0.2", "2001:db8:2", 20),
    "mail": ("192.0.2", "2001:db8:2", 21),
    "lists": ("192.0.2", "2001:db8:2", 22),
    "xmpp": ("192.0.2", "2001:db8:2", 23),
    "tickets": ("192.0.2", "2001:db8:2", 24),
    "tickets-db": ("192.0.2", "2001:db8:2", 29),
    "backup": ("198.51.100", "2001:db8:51", 30),
    "spare": ("203.0.113", "2001:db8:113", 60),
}
OLD_2007 = {
    **CONSERVATIVE,
    **dict.fromkeys(("wiki", "forum"), ("192.0.2", "2001:db8:2", 10)),
    **dict.fromkeys(("mail", "lists", "xmpp", "tickets"), ("192.0.2", "2001:db8:2", 20)),
}
del OLD_2007["mx2"], OLD_2007["spare"]

SERVICES = """\
lists MX 10 mail
_xmpp-client._tcp SRV 0 5 5222 xmpp
_xmpp-server._tcp SRV 0 5 5269 xmpp
_submission._tcp SRV 0 5 587 mail
_imap._tcp SRV 0 5 143 mail
"""
RECORDS = '@ MX 10 mail\n@ MX 20 mx2\nlists MX 20 mx2\n@ TXT "v=spf1 mx -all"\n' + SERVICES
RECORDS_2007 = "@ MX 10 mail\n" + SERVICES


def _hosts_and_services(addresses: dict[str, tuple[str, str, int]]) -> str:
    lines = (f"{name} A {v4}.{number}\n{name} AAAA {v6}::{number}\n" for name, (v4, v6, number) in addresses.items())
    return "".join(lines)


def world(root: str, machines: Sequence[Machine], zone: Zone, foreign: str) -> tuple[tuple[str, str], ...]:
    """The zones of the root server: the root, `example` with the delegation, and the names of addresses."""
    start = START.format(ttl=60, server="a.root.example.", serial=1) + "@ NS a.root.example.\n"
    glue = f"a.root.example. A {root}\n"
    delegations = "".join(f"{name}. NS a.root.example.\n" for name in ("example", "in-addr.arpa", "ip6.arpa"))
    pointers = [_pointer(machine) for machine in machines]
    return (
        (".", start + glue + delegations),
        ("example", start + glue + _delegation(zone) + _foreign(foreign)),
        ("in-addr.arpa", start + "".join(ipv4 for ipv4, _ in pointers)),
        ("ip6.arpa", start + "".join(ipv6 for _, ipv6 in pointers)),
    )


def _delegation(zone: Zone) -> str:
    lines = [
        f"{zone.name}. NS {label}.{zone.name}.\n{label}.{zone.name}. A {ipv4}\n{label}.{zone.name}. AAAA {ipv6}\n"
        for label, ipv4, ipv6 in zone.servers
    ]
    return "".join(lines)


def _foreign(domain: str) -> str:
    """Somebody else's domain: mail, XMPP and a webhook receiver on one host."""
    at = f"{domain}. A 203.0.113.40\n{domain}. AAAA 2001:db8:113::40\n{domain}. MX 10 {domain}.\n"
    jabber = "".join(
        f"_xmpp-{side}._tcp.{domain}. SRV 0 5 {port} {domain}.\n" for side, port in (("client", 5222), ("server", 5269))
    )
    return at + jabber


def _pointer(machine: Machine) -> tuple[str, str]:
    number = machine.numbers[0]
    addresses = (ipaddress.ip_address(machine.network.ipv4(number)), ipaddress.ip_address(machine.network.ipv6(number)))
    ipv4, ipv6 = (f"{address.reverse_pointer}. PTR {machine.full_name}.\n" for address in addresses)
    return ipv4, ipv6
