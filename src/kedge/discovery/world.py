"""What was seen of an organisation from outside: its domains, their addresses, what answers there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from kedge.model.observation import Observation

Protocol = Literal["smtp", "submission", "submissions", "imap", "imaps", "xmpp-client", "xmpp-server", "web"]
"""What is spoken at a door."""


@dataclass(frozen=True, slots=True)
class Srv:
    """One SRV record (RFC 2782): the service it is of, where it leads; no target means *decidedly not offered*."""

    service: str
    target: str
    port: int


@dataclass(frozen=True, slots=True)
class Registration:
    """What a registry says of a domain: who sold it, whom it writes to, until when it is paid."""

    registrar: str = ""
    contacts: tuple[str, ...] = ()
    ends: datetime | None = None
    seen: Observation | None = None


@dataclass(frozen=True)
class DomainView:
    """A domain as its name servers tell it.

    `records` are those worth declaring: owner (`@`, `wiki`) -> records in presentation format. `names` are the full
    names that were found to have addresses; a wildcard's are left out.
    """

    name: str
    is_there: bool = True
    servers: tuple[str, ...] = ()
    contact: str = ""
    mail_hosts: tuple[str, ...] = ()
    mail_domains: tuple[str, ...] = ()
    """The domain and those of its names that have mail exchangers of their own."""
    srv: tuple[Srv, ...] = ()
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    records: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names outside the domain that its records lead to (mail exchangers, name servers), with their addresses."""
    has_wildcard: bool = False
    has_spf: bool = False
    has_dmarc: bool = False
    dkim: tuple[str, ...] = ()
    zone: Observation | None = None
    left: int = 0
    """Questions that were not answered in the time there was."""
    registration: Registration = Registration()


@dataclass(frozen=True, slots=True)
class Operator:
    """Who runs the network of an address, in a registry's words; `how` says who said so."""

    name: str
    how: str


@dataclass(frozen=True, slots=True)
class AddressView:
    """An address: the name it calls itself, and whose network it is in."""

    address: str
    pointer: str = ""
    operator: Operator | None = None


@dataclass(frozen=True, slots=True)
class Door:
    """One place where something should answer: a protocol under a name at a port."""

    protocol: Protocol
    name: str
    port: int
    domain: str = ""
    """The domain it serves: that of an address behind an SRV or MX record."""
    is_promised: bool = False
    """Whether a record says that it is there; others are only tried."""


@dataclass(frozen=True, slots=True)
class Page:
    """A web page: where redirects led, its headers and the beginning of its text."""

    url: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """The certificate a door shows: its names and its end."""

    names: tuple[str, ...]
    ends: datetime


@dataclass(frozen=True, slots=True)
class DoorView:
    """What was seen at a door; `address` is where it was looked at, empty if its name led nowhere."""

    door: Door
    address: str
    seen: Observation
    page: Page | None = None
    certificate: Shown | None = None


@dataclass(frozen=True)
class World:
    """Everything that was seen from outside, and what was left because the time was over."""

    domains: tuple[DomainView, ...] = ()
    addresses: Mapping[str, AddressView] = field(default_factory=dict)
    doors: tuple[DoorView, ...] = ()
    left: tuple[str, ...] = ()
