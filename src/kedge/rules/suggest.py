"""Which one addition removes most: a list for a meeting's agenda."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kedge.inventory import nodes
from kedge.model.finding import Loss, Text
from kedge.rules.backups import keeps_data
from kedge.rules.case import Case, Settled
from kedge.rules.wording import listed
from kedge.scenarios.cuts import cut_sets

_PAIRS_UP_TO = 5_000
"""Nodes up to which pairs of losses are counted as well."""


@dataclass(frozen=True)
class Points:
    """How many single losses (and pairs) leave a service unrecoverable or unnoticed, or take it down; by weight."""

    single: float
    down: float
    pairs: float

    def key(self) -> tuple[float, float, float]:
        """Sort key: single points first."""
        return (self.single, self.pairs, self.down)


@dataclass(frozen=True)
class Suggestion:
    """One addition: what to do, who could, how much effort, what it removes, before and after."""

    what: Text
    who: tuple[str, ...]
    effort: Text
    settles: frozenset[Settled]
    before: Points
    after: Points

    @property
    def gain(self) -> tuple[float, float, float]:
        """What it removes; single points first."""
        return (
            self.before.single - self.after.single,
            self.before.pairs - self.after.pairs,
            self.before.down - self.after.down,
        )


MINUTES = Text("minutes", "Minuten")
EVENING = Text("an evening", "ein Abend")
WEEKEND = Text("a weekend", "ein Wochenende")


def suggest(case: Case) -> list[Suggestion]:
    """Return the additions that remove something, the greatest gain first; single points before pairs."""
    before = count_points(case)
    found = []
    for what, who, effort, settles in _candidates(case):
        after = count_points(case.settling(settles))
        found.append(Suggestion(what, who, effort, settles, before, after))
    useful = [each for each in found if max(each.gain[:2]) > 0 or each.gain[2] > 0]
    return sorted(useful, key=lambda each: (tuple(-part for part in each.gain), each.what.en))


def count_points(case: Case) -> Points:
    """Return the points of a case: services weighted by promise, summed over losses."""
    single = down = 0.0
    for component, toll in case.tolls.items():
        if not nodes.is_assumption(case.rules.name(component)):
            cost = case.cost(toll)
            single += cost.unrecoverable + cost.unnoticed
            down += cost.down
    return Points(round(single, 2), round(down, 2), round(_pairs(case), 2))


def _pairs(case: Case) -> float:
    """Return the weight of all pairs of losses that leave a service unrecoverable."""
    if len(case.rules) > _PAIRS_UP_TO:
        return 0.0
    targets = {case.compiled.node(nodes.BACK, name): name for name in case.sections.services}
    total = 0.0
    for target, found in cut_sets(case.rules, targets, 2).items():
        real = [cut for cut in found.sets if len(cut) == 2 and not _is_assumed(case, cut)]
        total += len(real) * case.weight(targets[target])
    return total


def _is_assumed(case: Case, cut: Iterable[int]) -> bool:
    return any(nodes.is_assumption(case.rules.name(member)) for member in cut)


def _candidates(case: Case) -> Iterator[tuple[Text, tuple[str, ...], Text, frozenset[Settled]]]:
    """Yield every addition worth trying: addresses, people, copies, places, papers."""
    sections = case.sections
    for name, provider in sections.providers.items():
        if provider.notices_to:
            yield (
                Text(f"give {name} a second address outside for its messages",
                     f"{name} eine zweite Adresse außerhalb für Meldungen geben"),
                case.inventory.persons(provider.contract), MINUTES,
                frozenset((channel, "outside") for channel in provider.notices_to),
            )  # fmt: skip
    yield from _people(case)
    yield from _copies(case)
    for name, host in sections.hosts.items():
        if not host.guest_of and case.toll(Loss(name)).down:
            text = Text(f"name a spare with room for what runs on {name}", f"Ersatz mit Platz für {name} benennen")
            yield text, (), WEEKEND, frozenset({(name, "spare")})
    for name, account in sections.accounts.items():
        yield (
            Text(f"a second holder for {name}, with a password on paper",
                 f"eine zweite Person für {name}, Passwort auf Papier"),
            case.inventory.persons(account.held_by), MINUTES, frozenset({(name, "opened")}),
        )  # fmt: skip
    for name in sections.secrets:
        text = Text(f"a second copy of {name} on paper", f"eine zweite Kopie von {name} auf Papier")
        yield text, (), MINUTES, frozenset({(name, "at-hand")})
    for name in sections.documents:
        text = Text(f"a copy of {name} elsewhere", f"eine Kopie von {name} anderswo")
        yield text, (), MINUTES, frozenset({(name, "elsewhere")})


def _people(case: Case) -> Iterator[tuple[Text, tuple[str, ...], Text, frozenset[Settled]]]:
    for person in case.sections.people:
        channels = case.compiled.index.channels_of.get(person, ())
        if channels:
            text = Text(f"a phone number of {person}", f"eine Telefonnummer von {person}")
            yield text, (person,), MINUTES, frozenset((channel, "outside") for channel in channels)


def _copies(case: Case) -> Iterator[tuple[Text, tuple[str, ...], Text, frozenset[Settled]]]:
    """Yield a copy elsewhere for each group of services that have the same ones now."""
    groups: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for name in keeps_data(case):
        save = case.sections.services[name].save
        groups[save.to if save else ()].append(name)
    for names in groups.values():
        who = case.inventory.persons(case.sections.services[names[0]].people)
        text = Text(f"a copy elsewhere of {listed(names).en}", f"eine Kopie anderswo von {listed(names).de}")
        yield text, who, EVENING, frozenset((name, "saved") for name in names)
