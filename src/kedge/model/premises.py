"""Where things run: places, the providers that sell them, hosts and their volumes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from kedge.model.hours import HoursText
from kedge.model.need import Needs, NeedsField
from kedge.model.quantity import Duration, Growth, LeadTime, Moment, Size
from kedge.model.thing import (
    AccountRef,
    AnyRef,
    ChannelRef,
    Declared,
    HostRef,
    OneOrMore,
    PeopleRef,
    PlaceRef,
    ProviderRef,
    ServiceRef,
    Thing,
)

PlaceKind = Literal[
    "site", "building", "room", "power", "uplink", "network", "equipment", "batch", "update-channel", "jurisdiction"
]


class Place(Thing):
    """Where hosts stand, or what several of them share: a failure domain."""

    section: ClassVar[str] = "places"
    kind: PlaceKind = Field("site", description="what it is: a building, or something several hosts share")
    within: Annotated[tuple[PlaceRef, ...], OneOrMore] = Field((), alias="in", description="the places around it")
    provider: ProviderRef | None = Field(None, description="who runs it")
    needs: NeedsField = Field(Needs(), description="what else it needs, and when: [needs](#needs)")


class PaidWith(Declared):
    """What pays for a contract, and until when that works."""

    what: str = Field(description="a card, a direct debit, a person who transfers it")
    until: Moment | None = Field(None, description="when the card expires, the mandate ends")


class Provider(Thing):
    """A company or person whose product the organisation depends on."""

    section: ClassVar[str] = "providers"
    sells: Annotated[tuple[AnyRef, ...], OneOrMore] = Field((), description="what goes away with this provider")
    notices_to: Annotated[tuple[ChannelRef, ...], OneOrMore] | None = Field(
        None, description="where its mails about outages, invoices and confirmations go"
    )
    contract: Annotated[tuple[PeopleRef, ...], OneOrMore] | None = Field(None, description="who signed it")
    paid_with: PaidWith | None = Field(None, description="what pays for the contract")
    notice_period: Duration | None = Field(None, description="how long before its end it must be cancelled")
    support: HoursText | None = Field(None, alias="support-hours", description="when somebody answers")
    lead_time: LeadTime | None = Field(
        None, description="from order to a new machine, or to a reopened account; `never` if it reopens nothing"
    )
    may_withdraw: Annotated[tuple[AnyRef, ...], OneOrMore] | None = Field(
        None, description="what it may close by itself (default: all it sells)"
    )
    answer_within: Duration | None = Field(
        None, description="how soon it wants an answer to a complaint or warning before it acts by itself"
    )
    url: str = Field("", description="its customers' panel")


class Volume(Declared):
    """A file system: how full it is, how it grows, and what room the disk beneath it still has."""

    size: Size | None = Field(None, description="how much fits")
    used: Size | None = Field(None, description="how much is on it")
    unallocated: Size | None = Field(None, description="room on the same disk that no partition uses")
    growth: Growth | None = Field(None, description="how much more is on it each day")
    written_by: Annotated[tuple[ServiceRef, ...], OneOrMore] | None = Field(
        None, description="what stops when it is full (default: everything on the host)"
    )
    retention: Duration | None = Field(None, description="how long what is written stays")


class Console(Declared):
    """The way to a host that does not boot: KVM, rescue system, serial console."""

    through: AccountRef | None = Field(None, alias="account", description="the account that opens it")
    tried: Moment | None = Field(None, description="when somebody last used it")


class Host(Thing):
    """A machine, physical or virtual, or a guest of one."""

    section: ClassVar[str] = "hosts"
    place: Annotated[tuple[PlaceRef, ...], OneOrMore] | None = Field(None, description="where it stands")
    provider: ProviderRef | None = Field(None, description="who sells it (default: none)")
    guest_of: HostRef | None = Field(None, description="the host it is a guest of (default: none)")
    address: Annotated[tuple[str, ...], OneOrMore] = Field((), description="its IP addresses and names")
    login: str = Field("", description="how to enter it: `ssh root@web1.example.org`")
    system: str = Field("", description="operating system and release")
    supported_until: Moment | None = Field(None, description="end of security updates, where the release does not tell")
    volumes: Mapping[str, Volume] = Field({}, description="its file systems by name: `root`, `/srv`")
    last_boot: Moment | None = Field(None, description="when it last started")
    changed: Moment | None = Field(None, description="last change of kernel, boot loader, disks or start-up")
    console: Console | None = Field(None, description="the way in when it does not boot")
    room: Size | None = Field(None, description="room it keeps free for services that lost their host")
    replacement: str = Field("", description="own hardware: what would replace it, and who would get it")
    spare_for: Annotated[tuple[ServiceRef, ...], OneOrMore] | None = Field(
        None, description="services it may carry in an emergency (default: any, if `room` is given)"
    )
    needs: NeedsField = Field(Needs(), description="what else it needs: power, an uplink, a licence server")
