"""Who: people, teams, groups, the channels that reach them, the accounts they open, secrets and documents."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field

from kedge.model.hours import HoursText
from kedge.model.need import Needs, NeedsField
from kedge.model.quantity import Deadline, Duration, Moment
from kedge.model.thing import (
    AnyRef,
    ChannelRef,
    Declared,
    OneOrMore,
    PeopleRef,
    PersonRef,
    PlaceRef,
    SecretRef,
    Thing,
)

SENDABLE = ("mail", "xmpp", "ntfy", "webhook", "exec", "apprise")
"""What kedge's own watch can send through."""
CHANNEL_TYPES = (*SENDABLE, "sms", "phone", "matrix", "signal", "letter")
"""By the others people reach each other, and providers their customers."""


class Away(Declared):
    """A time somebody cannot be reached."""

    since: Moment | None = Field(None, alias="from", description="from when (default: already)")
    until: Deadline | None = Field(None, description="until when (default: for good)")


def _read_away(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    start, dots, end = value.partition("..")
    if dots:
        return {"from": start.strip(), "until": end.strip()}
    word, _, moment = value.partition(" ")
    if word not in {"until", "from"} or not moment:
        raise ValueError(f"expected 'until 2007-02-01' or '2007-01-05..2007-02-01', found '{value}'")
    return {word: moment.strip()}


class Person(Thing):
    """Somebody who can act."""

    section: ClassVar[str] = "people"
    channels: Annotated[tuple[ChannelRef, ...], OneOrMore] | None = Field(
        None, description="how to reach this person, best first: `sms anna`, `mail anna@private.example`"
    )
    away: Annotated[Away, BeforeValidator(_read_away, json_schema_input_type=str | Away)] | None = Field(
        None, description="`until 2007-02-01` or `2007-01-05..2007-02-01` (default: not away)"
    )
    hours: HoursText | None = Field(None, description="when this person answers (default: always)")
    left: Moment | None = Field(None, description="when this person left for good (default: still there)")
    skills: Annotated[tuple[str, ...], OneOrMore] = Field((), description="what this person knows, in words")
    public: bool = Field(False, description="the person agreed to be named on the public page")

    def can_act(self, at: datetime) -> bool:
        """Return whether this person is neither away nor gone for good at this moment."""
        if self.left and self.left <= at:
            return False
        away = self.away
        return not away or not ((away.since is None or away.since <= at) and (away.until is None or at <= away.until))


class Team(Thing):
    """People who are responsible together."""

    section: ClassVar[str] = "teams"
    members: Annotated[tuple[PersonRef, ...], OneOrMore] | None = Field(None, description="the people in it")
    channels: Annotated[tuple[ChannelRef, ...], OneOrMore] = Field((), description="how to reach all of them at once")
    public: bool = Field(True, description="named on the public page")


class Group(Thing):
    """A permission that several people hold together, managed somewhere."""

    section: ClassVar[str] = "groups"
    members: Annotated[tuple[PeopleRef, ...], OneOrMore] | None = Field(None, description="who has the permission")
    grants: Annotated[tuple[AnyRef, ...], OneOrMore] = Field((), description="accounts that its members can open")
    managed_through: AnyRef | None = Field(None, description="what adds and removes members")


def _read_channel(value: Any) -> Any:
    return {"to": value} if isinstance(value, str) else value


def _require_reference(to: str) -> str:
    """Refuse a URL of apprise's in the inventory: it has the keys in it."""
    kind, _, address = to.partition(" ")
    if kind == "apprise" and not address.strip().startswith(("env:", "file:", "command:")):
        raise ValueError("expected where its URL is kept: `apprise file:PATH`, `apprise env:NAME` or `command:…`")
    return to


class Channel(Thing):
    """A way a message travels. `to` is its type and address: `mail board@example.org`, `sms anna`, `ntfy topic`."""

    section: ClassVar[str] = "channels"
    to: Annotated[str, AfterValidator(_require_reference)] = Field(
        "", description="its type and address; a channel may be just this text (default: *unknown*)"
    )
    via: Annotated[tuple[AnyRef, ...], OneOrMore] = Field((), description="what else must work for it to arrive")
    readers: Annotated[tuple[PeopleRef, ...], OneOrMore] | None = Field(None, description="who reads it")
    read_every: Duration | None = Field(None, description="how long a message may lie there unread")

    @property
    def type(self) -> str:
        """The type of the channel: `mail`, `sms` …"""
        return self.to.partition(" ")[0]

    @property
    def address(self) -> str:
        """The address after the type."""
        return self.to.partition(" ")[2].strip()


ChannelText = Annotated[Channel, BeforeValidator(_read_channel, json_schema_input_type=str | Channel)]


class Account(Thing):
    """A login that opens something: a provider's panel, a host, a zone, a service's administration."""

    section: ClassVar[str] = "accounts"
    opens: Annotated[tuple[AnyRef, ...], OneOrMore] = Field((), description="what its holder can get into and change")
    held_by: Annotated[tuple[PeopleRef, ...], OneOrMore] | None = Field(None, description="who can log in")
    known_to: Annotated[tuple[PeopleRef, ...], OneOrMore] = Field((), description="people who know that it exists")
    reset_by: Annotated[tuple[ChannelRef, ...], OneOrMore] | None = Field(
        None, description="the channel through which it can be reset"
    )
    factors: Annotated[tuple[SecretRef, ...], OneOrMore] | None = Field(
        None, description="everything a login asks for: password, token, phone"
    )
    needs: NeedsField = Field(Needs(), description="what must work to log in: a VPN, a single sign-on")
    presence: PlaceRef | None = Field(None, description="a place somebody must stand in to use it")
    can_delete: Annotated[tuple[AnyRef, ...], OneOrMore] = Field((), description="what it may delete or overwrite")
    can_lock: Annotated[tuple[AnyRef, ...], OneOrMore] = Field((), description="what it may close or withdraw")
    can_remove_holders: bool | None = Field(None, description="one holder can shut out all others")
    url: str = Field("", description="where one logs in")


class Secret(Thing):
    """A password, key or token: where it is kept, never what it is."""

    section: ClassVar[str] = "secrets"
    kept: Annotated[tuple[str, ...], OneOrMore] | None = Field(
        None, description="each copy: a person's name (in the head), a host, service or place, or words (`paper`)"
    )
    from_: str | None = Field(None, alias="from", description="for kedge itself: `env:`, `file:` or `command:`")


class Document(Thing):
    """Instructions: what they cover and where each copy is kept."""

    section: ClassVar[str] = "documents"
    covers: Annotated[tuple[AnyRef, ...], OneOrMore] = Field((), description="what it explains how to get back")
    kept: Annotated[tuple[str, ...], OneOrMore] | None = Field(
        None, description="each copy: a host, service, place or person, or words (`paper`)"
    )
    checked: Moment | None = Field(None, description="when somebody last followed it and it was right")
