"""coverage-gap: nobody would hear of it, or only one person could."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from kedge.model.finding import Loss, Severity, Text
from kedge.rules.case import Case
from kedge.rules.claim import Claim, Rule
from kedge.rules.wording import days, listed


def find_coverage_gaps(case: Case) -> Iterator[Claim]:
    """Yield services whose loss nobody would hear of, and an alert order that ends with one person."""
    unheard = [s for s in case.sections.services if s in case.untold and not case.is_settled(s, "people")]
    if unheard:
        yield _unheard(case, unheard)
    yield from _unread_notices(case)
    alerts = case.sections.alerts
    if alerts and alerts.tell is not None:
        told = case.inventory.actors((*alerts.tell, *(who for step in alerts.escalate for who in step.who)))
        able = [p for p in told if case.inventory.can_act(p, case.now)]
        if len(able) < 2:
            yield _single(able[0] if able else next(iter(told), "alerts"), bool(able))


def _unheard(case: Case, names: list[str]) -> Claim:
    people = case.inventory.actors(tuple(each for name in names for each in case.sections.services[name].people or ()))
    channels = [case.sections.channels[one] for each in people for one in case.compiled.index.channels_of.get(each, ())]
    kinds = sorted({one.type for one in channels if not case.compiled.index.is_sent(one)})
    unsent = Text(
        f"What watches cannot send by {listed(kinds).en}; that is for people, once one of them knows.",
        f"Was wacht, kann {listed(kinds).de} nicht senden; so erreichen sich Menschen, sobald es jemand weiß.",
    )
    return Claim(
        rule="coverage-gap",
        thing=names[0],
        title=Text(
            f"Nobody would hear that {listed(names).en} {'is' if len(names) == 1 else 'are'} down",
            f"Niemand würde vom Ausfall von {listed(names).dative} erfahren",
        ),
        why=(
            Text(
                "No responsible person who can act has a channel that works, even while everything else is up.",
                "Keine handlungsfähige zuständige Person hat einen Weg, der funktioniert.",
            ),
            *((unsent,) if kinds else ()),
        ),
        fix=Text(
            "Name at least two responsible people, each with a channel of their own.",
            "Mindestens zwei Zuständige benennen, jede mit einem eigenen Weg.",
        ),
        losses=(Loss(names[0]),),
        speaks_of=frozenset({"unnoticed"}),
        settles=frozenset((name, "people") for name in names),
        others=tuple(names[1:]),
        least=Severity.WARNING,
    )


def _unread_notices(case: Case) -> Iterator[Claim]:
    """Yield providers that may act by themselves before anybody has read what they write.

    A warning where every address is read more seldom than they wait for an answer; a note where it is expressly
    unknown how often, and at most one person reads them.
    """
    for name, provider in case.sections.providers.items():
        channels = provider.notices_to or ()
        at_risk = provider.may_withdraw and case.toll(Loss(name, "withdrawn"))
        if not channels or not at_risk or case.is_settled(channels[0], "read"):
            continue
        declared = [case.sections.channels[channel] for channel in channels]
        readers = list(dict.fromkeys(r for channel in declared for r in case.inventory.actors(channel.readers)))
        reader = readers[0] if readers else channels[0]
        wait = provider.answer_within
        if wait and all(channel.read_every and channel.read_every > wait for channel in declared):
            yield _read_late(name, channels, reader, wait, min(c.read_every for c in declared if c.read_every))
        elif len(readers) < 2 and all(case.is_unknown(channel, "read-every") for channel in channels):
            yield _unread(name, channels, reader)


def _read_late(provider: str, channels: tuple[str, ...], reader: str, wait: timedelta, read: timedelta) -> Claim:
    names, often, limit = listed(channels), days(read), days(wait)
    return Claim(
        rule="coverage-gap",
        thing=reader,
        title=Text(
            f"{provider} acts before anybody has read its warning",
            f"{provider} handelt, bevor jemand die Warnung gelesen hat",
        ),
        why=(
            Text(
                f"It waits {limit.en} for an answer; {names.en} is read every {often.en}.",
                f"Gewartet wird {limit.de} auf Antwort; Abstand, in dem {names.de} gelesen wird: {often.de}.",
            ),
        ),
        fix=Text(
            f"Have messages of {provider} also reach a phone, of two people; answer the first one at once.",
            f"Nachrichten von {provider} auch auf ein Telefon leiten, bei zwei Personen; gleich antworten.",
        ),
        losses=(Loss(provider, "withdrawn"),),
        settles=frozenset({(channels[0], "read")}),
        least=Severity.WARNING,
        most=Severity.WARNING,
    )


def _unread(provider: str, channels: tuple[str, ...], reader: str) -> Claim:
    names = listed(channels)
    return Claim(
        rule="coverage-gap",
        thing=reader,
        title=Text(
            f"Nobody knows how soon a warning of {provider} would be read",
            f"Niemand weiß, wann eine Warnung von {provider} gelesen würde",
        ),
        why=(
            Text(
                f"{provider} may act by itself and writes to {names.en} only: one person reads it, "
                "and nobody knows how often.",
                f"{provider} darf von sich aus handeln und schreibt nur an {names.de}: eine Person liest es, "
                "und niemand weiß wie oft.",
            ),
        ),
        fix=Text(
            f"A second reader, a channel that wakes somebody, and `read-every` for {names.en}.",
            f"Eine zweite Person, ein Weg, der jemanden weckt, und `read-every` bei {names.dative}.",
        ),
        losses=(Loss(provider, "withdrawn"),),
        settles=frozenset({(channels[0], "read")}),
        is_unproven=True,
        most=Severity.NOTE,
    )


def _single(person: str, is_able: bool) -> Claim:
    count = Text(f"only {person} is", f"nur {person} wird") if is_able else Text("nobody is", "niemand wird")
    return Claim(
        rule="coverage-gap",
        thing=person,
        title=Text(f"At night, {count.en} told", f"Nachts {count.de} benachrichtigt"),
        why=(
            Text(
                "The alert order names nobody who would be next if there is no answer.",
                "Die Alarmreihenfolge nennt niemanden, der ohne Antwort als Nächstes an der Reihe wäre.",
            ),
        ),
        fix=Text("Add a second person to `alerts: tell`.", "Eine zweite Person in `alerts: tell` eintragen."),
        least=Severity.WARNING,
    )


COVERAGE_GAP = Rule(
    id="coverage-gap",
    summary=Text("nobody would hear of it", "niemand würde es erfahren"),
    meaning=Text(
        "A service can be down for days because nobody who could act is told.",
        "Ein Dienst kann tagelang stillstehen, weil niemand davon erfährt, der handeln könnte.",
    ),
    decision=Text(
        "Services for which, with nothing lost, no responsible person who can act has a working channel; and an alert "
        "order with fewer than two people who can act. A provider that says what it may close, and whose every address "
        "is read more seldom (`read-every`) than it waits for an answer (`answer-within`); as a note, if at most one "
        "person reads them and it is expressly unknown how often.",
        "Dienste, für die ohne jeden Ausfall niemand erreichbar ist, und eine Alarmreihenfolge mit weniger als zwei "
        "handlungsfähigen Personen. Ein Anbieter, der sperren darf und nicht so lange auf Antwort wartet, wie seine "
        "Nachrichten ungelesen liegen; als Hinweis, wenn höchstens eine Person sie liest, niemand weiß wie oft.",
    ),
    remedy=Text("Two people, two kinds of channels.", "Zwei Personen, zwei Arten von Wegen."),
    find=find_coverage_gaps,
    prevented=(
        Text(
            "synIRC 2010, Tarsnap 2011: one recipient, asleep",
            "synIRC 2010, Tarsnap 2011: eine einzige Person, und sie schlief",
        ),
        Text(
            "carookee: the hoster's warning was read after its deadline",
            "carookee: die Warnung des Hosters wurde nach ihrer Frist gelesen",
        ),
    ),
)
