"""bus-1: only one person can."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from kedge.model.finding import Loss, Severity, Text
from kedge.rules.access import holders
from kedge.rules.case import Case
from kedge.rules.claim import Claim, Rule
from kedge.rules.wording import listed


def _alone(case: Case) -> dict[str, list[str]]:
    """Return, for each person, what nobody else is responsible for or can open: services first, then accounts."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, service in case.sections.services.items():
        if service.people is not None and not case.is_settled(name, "people"):
            _add(case, found, name, service.people)
    for name, account in case.sections.accounts.items():
        held = holders(case, name, account)
        if account.held_by is not None and not case.is_settled(name, "people") and not _is_doubled(case, name, held):
            _add(case, found, name, held)
    return found


def _is_doubled(case: Case, name: str, held: tuple[str, ...]) -> bool:
    """Return whether everything an account opens is opened by somebody else with another account."""
    accounts = case.sections.accounts
    return bool(accounts[name].opens) and all(
        any(
            set(holders(case, other, accounts[other])) - set(held)
            for other in case.compiled.index.openers.get(thing, ())
            if other != name
        )
        for thing in accounts[name].opens
    )


def _add(case: Case, found: defaultdict[str, list[str]], thing: str, names: tuple[str, ...]) -> None:
    """Count who is named and has not left; a team of which nobody knows the members is not one person."""
    people = case.sections.people
    actors = case.inventory.actors(names)
    left = [p for p in actors if p in people and (gone := people[p].left) and gone <= case.now]
    named = [p for p in actors if p not in left]
    if len(named) == 1 and named[0] in people:
        found[named[0]].append(thing)


def _lightness(case: Case, thing: str) -> tuple[bool, bool, float]:
    """Sort key: services that people see first, then those that others need, then accounts."""
    service = case.sections.services.get(thing)
    if service is None:
        return (True, True, 0)
    return (False, not service.public, -sum(map(case.weight, case.toll(Loss(thing)).down)))


def find_bus_1(case: Case) -> Iterator[Claim]:
    """Yield each person that things depend on alone; the weightiest thing names the finding."""
    for person, things in _alone(case).items():
        weighty = sorted(things, key=lambda thing: _lightness(case, thing))
        first = weighty[0]
        yield Claim(
            rule="bus-1",
            thing=first,
            title=Text(f"Only {person} can: {listed(weighty, 4).en}", f"Nur {person} kann: {listed(weighty, 4).de}"),
            why=(
                Text(
                    f"Nobody else is named as responsible for, or as a holder of, {listed(weighty, 8).en}.",
                    f"Sonst ist niemand zuständig oder im Besitz des Zugangs: {listed(weighty, 8).de}.",
                ),
            ),
            fix=Text(
                f"Ask one more person, {first} first; give them access, let them try and note it (`kedge note`).",
                f"Eine zweite Person fragen, {first} zuerst; Zugang geben, ausprobieren, notieren (`kedge note`).",
            ),
            losses=(Loss(person),),
            settles=frozenset((thing, "people") for thing in things),
            others=tuple(weighty[1:]),
            least=Severity.WARNING,
        )


BUS_1 = Rule(
    id="bus-1",
    summary=Text("only one person can", "nur eine Person kann es"),
    meaning=Text(
        "If this person is on holiday, ill or gone, nobody can look after these things, or even get in.",
        "Ist diese Person im Urlaub, krank oder weg, kann sich niemand kümmern oder auch nur anmelden.",
    ),
    decision=Text(
        "Services with exactly one responsible person (who has not left), and accounts with exactly one holder; all "
        "that depends on the same person is one finding. Nobody at all is coverage-gap; nobody named is unknown.",
        "Dienste mit genau einer zuständigen Person, die nicht gegangen ist, und Konten mit genau einer Inhaberin.",
    ),
    remedy=Text(
        "A second person for the weightiest thing first, with access that they have tried themselves.",
        "Eine zweite Person, zuerst für das Wichtigste, mit selbst ausprobiertem Zugang.",
    ),
    find=find_bus_1,
    prevented=(
        Text(
            "Piratenpartei 2007: the acting admin had no access to the DNS and did not know who had",
            "Piratenpartei 2007: der handelnde Admin kam nicht ans DNS und wusste nicht, wer",
        ),
        Text(
            "CentOS 2009: a vanished founder alone held domain, channels and accounts",
            "CentOS 2009: ein verschwundener Gründer hielt allein Domain, Kanäle und Konten",
        ),
        Text(
            "Solus 2023: one person could reach the servers; three months",
            "Solus 2023: eine Person kam an die Server; drei Monate",
        ),
    ),
)
