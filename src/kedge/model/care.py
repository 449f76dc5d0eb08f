"""What is being looked after: limits, changes, what is accepted, who watches and who is told."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from kedge.model.people import CHANNEL_TYPES
from kedge.model.quantity import Deadline, Duration, Moment
from kedge.model.saving import Promise
from kedge.model.thing import (
    AnyRef,
    ChannelRef,
    Declared,
    HostRef,
    OneOrMore,
    PeopleRef,
    ServiceRef,
    Thing,
    VantageRef,
    refers,
)
from kedge.model.time_zone import ZoneText

Number = Annotated[float, Field(allow_inf_nan=False)]


class Limit(Thing):
    """A ceiling somebody will hit: licences, quotas, inodes, connections. Plain numbers, any unit of its own."""

    section: ClassVar[str] = "limits"
    of: AnyRef | None = Field(None, description="the thing that has this ceiling")
    what: str = Field("", description="what is limited: inodes, licences, connections")
    value: Number | None = Field(None, description="the ceiling, in a unit of its own")
    used: Number | None = Field(None, description="how much of it is used, in the same unit")
    growth: Number | None = Field(None, description="per day, in the same unit")


class Charset(Declared):
    """A change of character set."""

    from_: str = Field(alias="from", description="the character set before: `latin1`")
    to: str = Field(description="the character set after: `utf8mb4`")


class Change(Thing):
    """A planned change (`when`), or an emergency measure that must end (`until`)."""

    section: ClassVar[str] = "changes"
    what: str = Field("", description="what was done or will be done, in words")
    of: Annotated[tuple[AnyRef, ...], OneOrMore] = Field((), description="the things it changes")
    move: Annotated[tuple[ServiceRef, ...], OneOrMore] = Field((), description="services that move …")
    to: HostRef | None = Field(None, description="… to this host")
    when: Moment | None = Field(None, description="when it is planned")
    since: Moment | None = Field(None, description="since when it has been so")
    until: Deadline | None = Field(None, description="an emergency measure ends by then")
    charset: Charset | None = Field(None, description="the change of character set it brings")
    rehearsed: bool | None = Field(None, description="it was tried on a copy")
    done: bool = Field(False, description="it is over: carried out, or taken back")
    recorded_by: str = Field("", alias="by", description="who recorded it")

    @property
    def is_ahead(self) -> bool:
        """Whether it has neither begun nor been carried out."""
        return not self.done and self.since is None


class Accepted(Declared):
    """A finding the organisation lives with: silent until then, still part of every what-if."""

    rule: str = Field(description="the rule whose finding is accepted: `bus-1`")
    thing: AnyRef | None = Field(None, description="only its findings about this thing (default: about all)")
    why: str = Field(description="the reason, in words")
    by: PeopleRef = Field(description="who decided")
    until: Deadline = Field(description="from then on it is reported again")


def _require_types(value: tuple[str, ...]) -> tuple[str, ...]:
    for one in value:
        if one not in CHANNEL_TYPES:
            raise ValueError(f"expected types of channels such as 'phone' or 'sms', found '{one}'")
    return value


class Vantage(Thing):
    """Where kedge looks from."""

    section: ClassVar[str] = "vantages"
    on: Annotated[str, refers("hosts", "services", "places", "providers")] | None = Field(
        None, description="where it runs, and with what it is lost"
    )
    sends: Annotated[tuple[str, ...], OneOrMore, AfterValidator(_require_types)] = Field(
        (), description="what it sends that kedge cannot, as a monitor of others that phones: `phone`, `sms`"
    )


class Tell(Declared):
    """A step of the alert order: these people, after this long without an answer."""

    who: Annotated[tuple[PeopleRef, ...], OneOrMore] = Field(description="who is told")
    after: Duration | None = Field(None, description="how long nobody has answered by then (default: at once)")
    through: Annotated[tuple[ChannelRef, ...], OneOrMore] = Field(
        (), description="through which channels (default: each person's own)"
    )


class Alerts(Declared):
    """Who is told when something is wrong, in which order, and what does the telling."""

    watcher: Annotated[tuple[VantageRef, ...], OneOrMore] | None = Field(None, description="what watches and tells")
    tell: Annotated[tuple[PeopleRef, ...], OneOrMore] | None = Field(None, description="who is told first")
    escalate: Annotated[tuple[Tell, ...], OneOrMore] = Field((), description="who is told next, in order")
    acknowledged: bool | None = Field(None, description="somebody has to confirm, or the next one is told")


class Public(Declared):
    """What more than names, teams and status the public page may show."""

    levels: bool = Field(False, description="the recovery level of each service")
    findings: bool = Field(False, description="the findings")


class Organisation(Declared):
    """Whose inventory this is."""

    name: str = Field(description="its full name")
    language: Literal["en", "de"] = Field("en", description="the language of findings and pages")
    time_zone: ZoneText = Field(
        "UTC", description="where it lives, `Europe/Berlin`: in which time people are told moments, and when it is day"
    )
    url: str = Field("", description="its website")
    contact: str = Field("", description="how visitors of the public page offer help")
    promise: Promise = Field(Promise(), description="what its services are meant to keep, unless they say otherwise")
    as_of: Moment | None = Field(
        None,
        alias="as-of",
        description="the moment this inventory records, if it is not now: a past outage, an exercise, an example",
    )
    public: Public = Field(Public(), description="what the public page may show besides services, teams and status")
