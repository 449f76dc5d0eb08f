"""What the watch has lost sight of: it could be seen once, and for so long now nobody knows how it is. Pure.

That is no page: the thing may be well. But what nobody sees is not fine either, so whoever is responsible hears of it.
What was never seen is a matter of setting up, and stands in `kedge status`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from kedge.model.finding import Finding, Severity, Symptom, Text
from kedge.model.observation import Status
from kedge.rules.german import both
from kedge.rules.wording import listed
from kedge.watch.around import Around
from kedge.watch.state import State
from kedge.watch.verdict import Standing

UNSEEN = "unseen"
"""The rule of these findings."""


def lost_from_sight(state: State, around: Around, explained: Collection[str], before: datetime) -> Iterator[Finding]:
    """Yield a finding for all that is out of sight for one reason since `before`, and that no other cause explains."""
    lost: dict[str, list[Standing]] = {}
    for one in state.standings.values():
        if one.lost and one.status is Status.UNKNOWN and one.thing not in explained:
            lost.setdefault(one.thing, []).append(one)
    if lost:
        yield from _Lost(state, around, lost).findings(before)


@dataclass(frozen=True)
class _Lost:
    state: State
    around: Around
    of: Mapping[str, Sequence[Standing]]

    def findings(self, before: datetime) -> Iterator[Finding]:
        for names in self._groups():
            own = set(names)
            above = [name for name, below in self._below.items() if name not in own and below & own]
            since = min(self._since(name) for name in (*names, *above))
            if since <= before:
                yield self._finding(names, above, since)

    def _groups(self) -> Iterable[Sequence[str]]:
        """Return what is told in one: what nobody sees for the same reason, and what is told already stays as it is."""
        groups: dict[str, list[str]] = {}
        for name in sorted(self._roots, key=lambda name: (self._since(name), name)):
            told = self._told.get(name)
            groups.setdefault(f"told {told}" if told else self.of[name][0].what.what, []).append(name)
        for told, names in groups.items():
            names.sort(key=lambda name: f"told {name}" != told)
        return groups.values()

    @cached_property
    def _roots(self) -> Sequence[str]:
        """What nobody sees although what it needs is in sight; of things that need each other, all."""
        roots = [name for name, below in self._below.items() if not below & self.of.keys()]
        return roots or list(self.of)

    @cached_property
    def _below(self) -> Mapping[str, frozenset[str]]:
        return {name: self.around.below(name) for name in self.of}

    @cached_property
    def _told(self) -> Mapping[str, str]:
        """Thing -> the incident it is told in."""
        open_ = [one for one in self.state.incidents.values() if one.rule == UNSEEN]
        return {name: one.thing for one in open_ for name in (*one.symptoms, one.thing)}

    def _since(self, name: str) -> datetime:
        return min(one.lost or one.since for one in self.of[name])

    def _finding(self, names: Sequence[str], above: Sequence[str], since: datetime) -> Finding:
        every = (*names, *above)
        why = [(f"{name}, {one.probe}: ", both(one.what.what)) for name in every for one in self.of[name]]
        reasons = tuple(Text(who + said.en, who + said.de) for who, said in why)
        return Finding(
            UNSEEN, names[0], Severity.NOTE, self._title(names), reasons,
            Text(
                f"Look by hand how it is, then give kedge its way back: `kedge probe {names[0]}` tries it.",
                f"Von Hand nachsehen, dann kedge wieder einen Weg geben: `kedge probe {names[0]}` prüft ihn.",
            ),
            since=since, symptoms=tuple(Symptom(UNSEEN, name) for name in every[1:]),
        )  # fmt: skip

    def _title(self, names: Sequence[str]) -> Text:
        phrase = listed(names)
        if set(names) <= self._seen_in_part:
            return Text(f"kedge no longer sees all of {phrase.en}", f"kedge sieht nicht mehr alles von {phrase.dative}")
        return Text(f"kedge no longer sees {phrase.en}", f"kedge sieht {phrase.de} nicht mehr")

    @cached_property
    def _seen_in_part(self) -> frozenset[str]:
        return frozenset(one.thing for one in self.state.standings.values() if one.status is not Status.UNKNOWN)
