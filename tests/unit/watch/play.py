"""A small world to watch: things with states, looked at every ten seconds, and what people are told of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from kedge.model.finding import Finding
from kedge.model.observation import Observation, Status
from kedge.rules.cause_graph import Needs
from kedge.rules.causes import causes
from kedge.watch.machine import advance
from kedge.watch.state import Notice, Policy, State, World
from kedge.watch.verdict import Seen, Standing

START = datetime(2007, 1, 6, 18, tzinfo=UTC)
TICK = timedelta(seconds=10)
OK, DOWN, DEGRADED, UNKNOWN = Status.OK, Status.DOWN, Status.DEGRADED, Status.UNKNOWN


@dataclass
class Play:
    needs: Needs
    policy: Policy = field(default_factory=lambda: Policy(hold=timedelta(seconds=60), flap_calm=timedelta(minutes=5)))
    maintenance: Collection[str] = ()
    state: State = field(default_factory=State)
    now: datetime = START
    world_is: dict[str, Status] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    answered: dict[str, str] = field(default_factory=dict)
    wanted: frozenset[str] = frozenset()

    def world(self) -> World:
        return World(self.needs, self.judge, self.policy, lambda now: self.maintenance)

    def judge(self, standings: Sequence[Standing]) -> Sequence[Finding]:
        seen: defaultdict[str, dict[str, Observation]] = defaultdict(dict)
        for one in standings:
            seen[one.thing][one.probe] = Observation(one.status, one.what.what)
        return causes(self.needs, seen)

    def look(self, *things: str) -> list[Notice]:
        """One tick in which only these are looked at (default: all); what was told in it."""
        self.now += TICK
        looks = [Seen(name, "probe", self.now, Observation(self.world_is[name], "said so")) for name in things]
        step = advance(self.state, looks, self.now, self.world(), self.answered)
        self.state, self.wanted = step.state, step.wanted
        self.notices += step.notices
        return list(step.notices)

    def run(self, ticks: int, **states: Status) -> list[str]:
        """Let the world be so for some ticks; what was told, `down new`."""
        self.world_is.update({name.replace("_", "-"): status for name, status in states.items()})
        told = [notice for _ in range(ticks) for notice in self.look(*self.world_is)]
        return [f"{notice.kind} {notice.incident.thing}" for notice in told]


def everything(names: Collection[str], status: Status = OK) -> dict[str, Status]:
    return dict.fromkeys(names, status)


OF_2007: Mapping[str, tuple[str, ...]] = {
    "wiki": ("old",), "forum": ("old",), "mail": ("new",), "lists": ("mail", "new"), "xmpp": ("new",),
    "tickets": ("tickets-db", "new"), "tickets-db": ("new",), "new": ("hoster",), "old": ("hoster",),
}  # fmt: skip
SEEN = ("wiki", "forum", "mail", "lists", "xmpp", "tickets", "new", "old")


def night(**settings: object) -> Play:
    """The night of 2007, five minutes before: everything is fine and known to be."""
    play = Play(OF_2007, **settings)  # type: ignore[arg-type]
    play.world_is = everything(SEEN)
    play.run(3)
    return play
