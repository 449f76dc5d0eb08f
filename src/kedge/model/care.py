"""What is being looked after: limits, changes, what is accepted, who watches and who is told."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

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

Number = Annotated[float, Field(allow_inf_nan=False)]


class Limit(Thing):
    """A ceiling somebody will hit: licences, quotas, inodes, connections. Plain numbers, any unit of its own."""

    section: ClassVar[str] = "limits"
    of: AnyRef | None = None
    what: str = ""
    value: Number | None = None
    used: Number | None = None
    growth: Number | None = Field(None, description="per day, in the same unit")


class Charset(Declared):
    """A change of character set."""

    from_: str = Field(alias="from")
    to: str


class Change(Thing):
    """A planned change (`when`), or an emergency measure that must end (`until`)."""

    section: ClassVar[str] = "changes"
    what: str = Field("", description="what was done or will be done, in words")
    of: Annotated[tuple[AnyRef, ...], OneOrMore] = Field((), description="the things it changes")
    move: Annotated[tuple[ServiceRef, ...], OneOrMore] = Field((), description="services that move …")
    to: HostRef | None = Field(None, description="… to this host")
    when: Moment | None = None
    since: Moment | None = None
    until: Deadline | None = Field(None, description="an emergency measure ends by then")
    charset: Charset | None = None
    rehearsed: bool | None = None
    done: bool = False
    recorded_by: str = Field("", alias="by")


class Accepted(Declared):
    """A finding the organisation lives with: silent until then, still part of every what-if."""

    rule: str
    thing: AnyRef | None = None
    why: str
    by: PeopleRef
    until: Deadline


class Vantage(Thing):
    """Where kedge looks from."""

    section: ClassVar[str] = "vantages"
    on: Annotated[str, refers("hosts", "places", "providers")] | None = None


class Tell(Declared):
    """A step of the alert order: these people, after this long without an answer."""

    who: Annotated[tuple[PeopleRef, ...], OneOrMore]
    after: Duration | None = None
    through: Annotated[tuple[ChannelRef, ...], OneOrMore] = ()


class Alerts(Declared):
    """Who is told when something is wrong, in which order, and what does the telling."""

    watcher: Annotated[tuple[VantageRef, ...], OneOrMore] | None = None
    tell: Annotated[tuple[PeopleRef, ...], OneOrMore] | None = None
    escalate: Annotated[tuple[Tell, ...], OneOrMore] = ()
    acknowledged: bool | None = Field(None, description="somebody has to confirm, or the next one is told")


class Public(Declared):
    """What more than names, teams and status the public page may show."""

    levels: bool = False
    findings: bool = False


class Organisation(Declared):
    """Whose inventory this is."""

    name: str
    language: Literal["en", "de"] = "en"
    url: str = ""
    contact: str = Field("", description="how visitors of the public page offer help")
    promise: Promise = Promise()
    public: Public = Public()
