"""Of several things that are not ok, the causes: those whose own needs are all ok. Pure; one finding for each.

A thing that nobody could look at may be a cause as well: it is *suspected* if everything that needs it and was looked
at is down. So the loss of a host is one finding, although a dead host cannot say that it is dead.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from kedge.model.finding import Finding, Severity, Symptom, Text
from kedge.model.need import names_in
from kedge.model.observation import Observation, Status
from kedge.rules.cause_graph import BAD, FINE, WORN, Graph, Needs, components
from kedge.rules.german import both
from kedge.rules.wording import listed

Observations = Mapping[str, Mapping[str, Observation]]
"""Thing -> probe -> what it saw."""
LEVELS = {Status.OK: FINE, Status.DEGRADED: WORN, Status.DOWN: BAD}
FEW = 2
"""So many things must be down before something that nobody could look at is suspected."""
RULES = {BAD: "down", WORN: "degraded"}
STATES = {
    (BAD, False): Text("is down", "ist ausgefallen"),
    (BAD, True): Text("are down", "sind ausgefallen"),
    (WORN, False): Text("works, but not as it should", "läuft, aber nicht wie es soll"),
    (WORN, True): Text("work, but not as they should", "laufen, aber nicht wie sie sollen"),
}
"""How bad, and whether it is said of several things."""


def causes(
    needs: Needs,
    observations: Observations,
    *,
    hints: Mapping[str, Collection[str]] | None = None,
    parts: Mapping[str, str] | None = None,
    since: Mapping[str, datetime] | None = None,
) -> tuple[Finding, ...]:
    """Return one finding for each cause, the one with most symptoms first, and one for all that could not be seen.

    `hints` are needs that a thing's own words blame (a page that cannot reach its database): one such word is enough
    to suspect a need that nobody could look at. `parts` are parts of things (a full volume), to be reported as those.
    `since` is when a thing was first seen so.
    """
    case = _Case(needs, observations, hints or {}, parts or {}, since or {}).suspecting()
    found = sorted(case.findings(), key=lambda finding: (-len(finding.symptoms), -finding.severity, finding.thing))
    return (*found, *case.unseen())


@dataclass(frozen=True)
class _Case:
    needs: Needs
    observations: Observations
    hints: Mapping[str, Collection[str]]
    parts: Mapping[str, str]
    since: Mapping[str, datetime]
    suspected: frozenset[str] = frozenset()

    @cached_property
    def graph(self) -> Graph:
        return Graph(self.needs, {name: LEVELS[one.status] for name, one in self.worst.items()}, self.suspected)

    @cached_property
    def worst(self) -> Mapping[str, Observation]:
        """The worst that was seen of each thing; what is unknown was not seen."""
        known = {
            name: [one for one in seen.values() if one.status is not Status.UNKNOWN]
            for name, seen in self.observations.items()
        }
        return {name: max(seen, key=lambda one: LEVELS[one.status]) for name, seen in known.items() if seen}

    def suspecting(self) -> _Case:
        """Return the case with everything suspected that has to be."""
        case = self
        while suspect := case._suspect():
            case = replace(case, suspected=case.suspected | {suspect})
        return case

    def findings(self) -> Iterator[Finding]:
        for members in self._sinks:
            yield self._finding(members)

    @cached_property
    def _edges(self) -> Mapping[str, Sequence[str]]:
        return {name: tuple(dict.fromkeys(self.graph.blamed(name))) for name in self.graph.levels}

    @cached_property
    def _sinks(self) -> list[tuple[str, ...]]:
        """The things that blame nothing but each other."""
        groups = components(tuple(self._edges), self._edges)
        return [group for group in groups if all(set(self._edges[name]) <= set(group) for name in group)]

    def _suspect(self) -> str | None:
        """Return the unseen thing that explains most of the causes found so far, the closest to them; None if none."""
        causes = {name for group in self._sinks for name in group if self.graph.levels[name] == BAD} - self.suspected
        best: tuple[int, int, str] | None = None
        for thing in self._needed_by(causes):
            fallen = self.graph.fallen(thing)
            explained = len(causes & set(fallen))
            if self._may_be_down(thing, fallen, explained):
                best = max(best or (0, 0, ""), (explained, -len(fallen), thing))
        return best[2] if best else None

    def _may_be_down(self, thing: str, fallen: Collection[str], explained: int) -> bool:
        if thing in self.graph.seen or thing in self.suspected or not explained:
            return False
        if any(self.graph.seen.get(name, BAD) != BAD for name in fallen):
            return False
        is_blamed = any(thing in self.hints.get(name, ()) for name in fallen)
        return explained >= FEW or is_blamed

    def _needed_by(self, things: Collection[str]) -> Collection[str]:
        """Return everything these need, directly or not, nearest first."""
        found: dict[str, None] = {}
        waiting = list(things)
        while waiting:
            for expression in self.needs.get(waiting.pop(0), ()):
                new = [name for name in names_in(expression) if name not in found]
                found.update(dict.fromkeys(new))
                waiting += new
        return found

    def _finding(self, members: tuple[str, ...]) -> Finding:
        known = [name for name in members if name in self.suspected] + [name for name in members if name in self.worst]
        thing = known[0] if known else members[0]
        bad = self.graph.levels[thing]
        symptoms = tuple(
            Symptom(RULES[self.graph.levels[name]], name)
            for name in sorted(self._above(members))
            if name in self.observations
        )
        of = self.parts.get(thing, thing)
        return Finding(
            RULES[bad], of, Severity.WARNING, self._title(members, thing), tuple(self._reasons(members, symptoms)),
            _fix(of, bad), since=self.since.get(thing), symptoms=symptoms,
        )  # fmt: skip

    def _title(self, members: tuple[str, ...], thing: str) -> Text:
        if thing in self.suspected:
            return Text(f"{thing} is probably down", f"{thing} ist vermutlich ausgefallen")
        if thing in self.parts:
            said = both(self.worst[thing].what)
            return Text(f"{thing} {said.en}", f"{thing} {said.de}")
        named = [name for name in members if name in self.worst] or list(members)
        state, names = STATES[self.graph.levels[thing], len(named) > 1], listed(named)
        return Text(f"{names.en} {state.en}", f"{names.de} {state.de}")

    def _above(self, members: tuple[str, ...]) -> set[str]:
        """Return everything that blames one of these, directly or not."""
        found, waiting = set(members), list(members)
        while waiting:
            new = [name for name in self._blamers.get(waiting.pop(), ()) if name not in found]
            found.update(new)
            waiting += new
        return found - set(members)

    @cached_property
    def _blamers(self) -> Mapping[str, Sequence[str]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for name, blamed in self._edges.items():
            for below in blamed:
                found[below].append(name)
        return found

    def _reasons(self, members: tuple[str, ...], symptoms: Sequence[Symptom]) -> Iterator[Text]:
        # That a volume is full is said in the title; what shows it to its users is news.
        said_of = [one.thing for one in symptoms][:FEW] if self.parts.keys() & set(members) else []
        for name in said_of or members:
            for probe, seen in self.observations.get(name, {}).items():
                if seen.status is not Status.OK:
                    said = both(seen.what)
                    yield Text(f"{name}, {probe}: {said.en}", f"{name}, {probe}: {said.de}")
        if self.suspected.intersection(members):
            names = listed([symptom.thing for symptom in symptoms if symptom.thing in self.worst])
            yield Text(
                f"Nobody could look at it, but everything seen that needs it is down: {names.en}.",
                f"Niemand konnte nachsehen, aber alles Gesehene, was es braucht, ist ausgefallen: {names.de}.",
            )

    def unseen(self) -> Iterator[Finding]:
        """Yield one finding for everything that no probe could look at, and that no cause explains."""
        blind = [
            (name, probe, seen.what)
            for name, looks in sorted(self.observations.items())
            for probe, seen in looks.items()
            if seen.status is Status.UNKNOWN and name not in self.graph.levels
        ]
        if blind:
            names = listed(list(dict.fromkeys(name for name, _, _ in blind)))
            why = [(f"{name}, {probe}: ", both(what)) for name, probe, what in blind]
            yield Finding(
                "unseen", blind[0][0], Severity.NOTE,
                Text(f"not everything could be looked at: {names.en}", f"nicht alles war zu sehen: {names.de}"),
                tuple(Text(who + said.en, who + said.de) for who, said in why),
                Text("Give kedge a way to look, or look by hand.", "kedge einen Weg geben, oder selbst nachsehen."),
            )  # fmt: skip


def _fix(thing: str, bad: int) -> Text:
    if bad == WORN:
        return Text(
            f"`kedge show {thing}` says what hangs on it, and who is responsible.",
            f"`kedge show {thing}` sagt, was daran hängt und wer zuständig ist.",
        )
    return Text(
        f"`kedge whatif {thing}` says who can bring it back, and with what.",
        f"`kedge whatif {thing}` sagt, wer es womit zurückholen kann.",
    )
