"""The watch as a state machine: state, looks and the time in; state, notices and things to look at now out. Pure.

Three rules hold it together. Only telling is ever held back, never looking. Only the beginning of an incident may be
held back or left out, never its end. And what follows from what is taken from what was seen, not from what was told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from kedge.model.finding import Finding
from kedge.model.observation import Status
from kedge.rules.cause_graph import Graph
from kedge.watch.around import Around
from kedge.watch.sight import UNSEEN, lost_from_sight
from kedge.watch.state import Incident, Notice, NoticeKind, State, Step, World
from kedge.watch.verdict import Seen, Standing, fold

CAUSES = {UNSEEN: 0, "degraded": 1, "dns-drift": 2, "down": 3}
"""The findings that are told, by how bad they are."""

SIBLINGS = 200
"""So many things are looked at again before a cause is told, and no more."""


def advance(
    state: State, looks: Iterable[Seen], now: datetime, world: World, answered: Mapping[str, str] | None = None
) -> Step:
    """Return what follows from these looks at this moment; `answered` is who acknowledged which incident."""
    state = _acknowledge(_take(state, looks, world), answered or {})
    around = Around(world.needs)
    findings = {**_out_of_sight(state, now, world, around), **_causes(state, world)}
    turn = _Turn(state, now, world, findings, around)
    turn.close()
    turn.open()
    turn.escalate()
    return turn.step()


def _take(state: State, looks: Iterable[Seen], world: World) -> State:
    standings, recoveries = dict(state.standings), dict(state.recoveries)
    for seen in looks:
        known = standings.get((seen.thing, seen.probe))
        now = fold(known, seen, world.policy.thresholds)
        standings[seen.thing, seen.probe] = now
        if known and known.is_bad and not now.is_bad:
            recoveries[seen.thing] = seen.at
    return replace(state, standings=standings, recoveries=recoveries)


def _acknowledge(state: State, answered: Mapping[str, str]) -> State:
    new = {
        thing: replace(one, acknowledged=answered[one.id])
        for thing, one in state.incidents.items()
        if not one.acknowledged and one.id in answered
    }
    return replace(state, incidents={**state.incidents, **new}) if new else state


def _causes(state: State, world: World) -> Mapping[str, Finding]:
    """Return the causes of what is held to be bad, by thing; the worst of each."""
    if not any(one.is_bad for one in state.standings.values()):
        return {}
    found: dict[str, Finding] = {}
    for finding in world.judge(list(state.standings.values())):
        known = found.get(finding.thing)
        if CAUSES.get(finding.rule) and (known is None or CAUSES[finding.rule] > CAUSES[known.rule]):
            found[finding.thing] = finding
    return found


def _out_of_sight(state: State, now: datetime, world: World, around: Around) -> Mapping[str, Finding]:
    """Return what nobody has seen for long, by thing; not what stands beneath something that is down."""
    if not any(one.lost for one in state.standings.values()):
        return {}
    down = {one.thing for one in state.standings.values() if one.status is Status.DOWN}
    down |= {thing for thing, one in state.incidents.items() if one.rule == "down"}
    explained = Graph(world.needs, {}, frozenset(down)).levels.keys()
    return {one.thing: one for one in lost_from_sight(state, around, explained, now - world.policy.unseen)}


@dataclass
class _Turn:
    """One step under way."""

    state: State
    now: datetime
    world: World
    findings: Mapping[str, Finding]
    around: Around
    notices: list[Notice] = field(default_factory=list)
    wanted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.incidents = dict(self.state.incidents)
        self.openings = dict(self.state.openings)
        self.recoveries = dict(self.state.recoveries)
        self.candidates: dict[str, datetime] = {}

    @cached_property
    def _by_thing(self) -> Mapping[str, list[Standing]]:
        found: dict[str, list[Standing]] = {}
        for one in self.state.standings.values():
            found.setdefault(one.thing, []).append(one)
        return found

    @cached_property
    def _expected(self) -> Collection[str]:
        """What cannot run while others work on something."""
        return self.around.fallen(self.world.in_maintenance(self.now))

    def step(self) -> Step:
        """Return what came of it."""
        state = replace(
            self.state, incidents=self.incidents, openings=self.openings, candidates=self.candidates,
            recoveries=dict(self._recent_recoveries()),
        )  # fmt: skip
        return Step(state, tuple(self.notices), frozenset(self.wanted))

    # -- beginnings ----------------------------------------------------------------------------

    def open(self) -> None:
        """Open an incident for each new cause, as soon as it is certain to be one."""
        for thing, finding in self.findings.items():
            symptoms = tuple(symptom.thing for symptom in finding.symptoms)
            if known := self.incidents.get(thing):
                if finding.rule != UNSEEN or known.rule == UNSEEN:
                    self._go_on(thing, finding, symptoms)
            elif thing not in self._expected and (finding.rule == UNSEEN or self._is_certain(thing, symptoms)):
                self._open(thing, finding, symptoms)

    def _go_on(self, thing: str, finding: Finding, symptoms: tuple[str, ...]) -> None:
        known = self.incidents[thing]
        all_symptoms = tuple(dict.fromkeys((*known.symptoms, *symptoms)))
        is_worse = CAUSES[finding.rule] > CAUSES[known.rule]
        rule = finding.rule if is_worse else known.rule
        self.incidents[thing] = replace(known, symptoms=all_symptoms, well=None, rule=rule, finding=finding)
        if is_worse:
            self.notices.append(Notice("worse", self.incidents[thing], self.now))

    def _open(self, thing: str, finding: Finding, symptoms: tuple[str, ...]) -> None:
        since = self.now - self.world.policy.flap_window
        times = (*(at for at in self.openings.get(thing, ()) if at > since), self.now)
        self.openings[thing] = times
        rounds = self.world.rounds_within(self._began(thing, symptoms))
        incident = Incident(thing, self.now, finding.rule, finding, symptoms, rounds=rounds)
        self.incidents[thing] = incident
        is_flapping = len(times) >= self.world.policy.flaps
        kind: NoticeKind = "unseen" if finding.rule == UNSEEN else "down"
        self.notices.append(Notice(kind, incident, self.now, is_flapping=is_flapping))

    def _began(self, thing: str, symptoms: Sequence[str]) -> datetime:
        """Return when it was first seen to fail, or when what it needs had been back for long enough."""
        new = [name for name in (thing, *symptoms) if name not in self.incidents]
        own = [one for name in new for one in self._by_thing.get(name, ()) if one.is_bad]
        first = min((one.failing or one.since for one in own), default=self.now)
        back = [at + self.world.policy.hold for name in self.around.below(thing) if (at := self.recoveries.get(name))]
        return max([first, *back])

    def _is_certain(self, thing: str, symptoms: Sequence[str]) -> bool:
        """Whether everything around a cause was looked at since it began, or that has taken too long."""
        own = [one for name in (thing, *symptoms) for one in self._by_thing.get(name, ()) if one.is_bad]
        if not self._is_fresh(thing, own):
            self.wanted.update(one.thing for one in own)
            return False
        first = self.candidates[thing] = self.state.candidates.get(thing, self.now)
        began = min((one.failing or one.since for one in own), default=first)
        unsettled = {name for name in self._near(thing, symptoms) if not self._is_settled(name, began)}
        self.wanted |= unsettled
        return not unsettled or self.now - first >= self.world.policy.hold

    def _is_fresh(self, thing: str, own: Sequence[Standing]) -> bool:
        """Whether it failed often enough since what it needs came back, and had time to come back as well."""
        back = [at for name in self.around.below(thing) if (at := self.recoveries.get(name))]
        if not back:
            return True
        policy, latest = self.world.policy, max(back)
        is_seen = any(sum(at > latest for at, _ in one.recent) >= policy.thresholds.failures for one in own)
        return is_seen and self.now - latest >= policy.hold

    def _near(self, thing: str, symptoms: Iterable[str]) -> set[str]:
        """Return what has to be known before a cause is told: all around it, and what shares with it what nobody sees.

        Only so the loss of a host that cannot be looked at itself is one cause, and not first its one service.
        """
        below = self.around.below(thing)
        near = {thing, *symptoms, *below, *self.around.above(thing)}
        unseen = sorted((self.around.above(name) for name in below if not self._is_seen(name)), key=len)
        for siblings in unseen:
            if len(near | siblings) > SIBLINGS:
                break
            near |= siblings
        return near

    def _is_seen(self, name: str) -> bool:
        return any(not one.is_shallow and one.status is not Status.UNKNOWN for one in self._by_thing.get(name, ()))

    def _is_settled(self, name: str, since: datetime) -> bool:
        """Whether it was seen since, as it is held to be; or nobody could see it, as often as it takes to say so."""
        most = self.world.policy.thresholds.failures
        return all(
            one.looked >= since and not one.is_pending and (one.blind == 0 or one.blind >= most)
            for one in self._by_thing.get(name, ())
        )

    # -- ends ----------------------------------------------------------------------------------

    def close(self) -> None:
        """End each incident whose thing is well again, and say so; nothing suppresses that."""
        for thing, incident in list(self.incidents.items()):
            if self._goes_on(thing, incident):
                self.incidents[thing] = replace(incident, well=None)
                continue
            if incident.well is None:
                incident = replace(incident, well=self.now)
                self.recoveries[thing] = self.now
            self._end(thing, incident)

    def _goes_on(self, thing: str, incident: Incident) -> bool:
        """Whether it is not over yet. That something of a thing is out of sight keeps no other incident open."""
        if self._is_bad(thing) or (incident.rule == UNSEEN and self._is_lost(thing)):
            return True
        return thing in self.findings and self.findings[thing].rule != UNSEEN

    def _is_lost(self, thing: str) -> bool:
        return any(one.lost for one in self._by_thing.get(thing, ()))

    def _is_bad(self, thing: str) -> bool:
        return any(one.is_bad for one in self._by_thing.get(thing, ()))

    def _end(self, thing: str, incident: Incident) -> None:
        assert incident.well is not None
        policy, calm = self.world.policy, self.now - incident.well
        is_flapping = len(self.openings.get(thing, ())) >= policy.flaps
        unsettled = {
            name for name in incident.symptoms if self._is_bad(name) or not self._is_settled(name, incident.well)
        }
        is_waiting = (is_flapping and calm < policy.flap_calm) or (unsettled and calm < policy.hold)
        if is_waiting:
            self.wanted |= unsettled
            self.incidents[thing] = incident
            return
        del self.incidents[thing]
        is_still = self._is_lost if incident.rule == UNSEEN else self._is_bad
        still_bad = tuple(name for name in incident.symptoms if is_still(name))
        self.notices.append(Notice("resolved", incident, self.now, still_bad=still_bad))

    # -- nobody answers ------------------------------------------------------------------------

    def escalate(self) -> None:
        """Tell the next ones of each incident that nobody has answered for so long."""
        steps = self.world.policy.escalations
        for thing, incident in list(self.incidents.items()):
            due = sum(self.now - incident.opened >= after for after in steps)
            if incident.well or incident.acknowledged or due <= incident.told or incident.rule == UNSEEN:
                continue
            self.incidents[thing] = replace(incident, told=due)
            numbers = range(incident.told + 1, due + 1)
            self.notices += [Notice("unanswered", self.incidents[thing], self.now, number) for number in numbers]

    def _recent_recoveries(self) -> Iterator[tuple[str, datetime]]:
        """Yield those that somebody may still wait for."""
        since = self.now - self.world.policy.flap_window
        yield from ((thing, at) for thing, at in self.recoveries.items() if at > since)
