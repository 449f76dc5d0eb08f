"""mig-compat: a move that nobody has rehearsed."""

from __future__ import annotations

from collections.abc import Iterator

from kedge.model.care import Change
from kedge.model.finding import Loss, Severity, Text
from kedge.rules.case import Case
from kedge.rules.claim import EVERY_DIMENSION, Claim, Rule
from kedge.rules.wording import listed, on


def find_mig_compat(case: Case) -> Iterator[Claim]:
    """Yield the planned moves whose character sets differ and that nobody has rehearsed."""
    for name, change in case.sections.changes.items():
        is_ahead = change.is_ahead and (change.move or change.of) and not case.is_settled(name, "rehearsed")
        differs = change.charset is not None and change.charset.from_.lower() != change.charset.to.lower()
        if is_ahead and differs and not change.rehearsed:
            yield _claim(case, name, change)
        elif is_ahead and (case.is_unknown(name, "rehearsed") or change.rehearsed is False):
            yield from _unrehearsed(case, name, change)


def _unrehearsed(case: Case, name: str, change: Change) -> Iterator[Claim]:
    """Yield a claim for a change to data of which nobody knows that it was rehearsed, or who wrote that it was not."""
    services = [
        s for s in (*change.move, *change.of) if s in case.sections.services and case.sections.services[s].has_data
    ]
    if not services:
        return
    blind = case.is_unknown(name, "charset") or case.is_unknown(name, "charset.from")
    sets = Text("Nobody knows which character sets meet.", "Welche Zeichensätze sich treffen, weiß niemand.")
    tried = (
        Text("Nobody rehearsed it.", "Niemand hat es geprobt.")
        if change.rehearsed is False
        else Text("Nobody knows of a rehearsal.", "Von einer Probe weiß niemand.")
    )
    names = listed(services)
    yield Claim(
        rule="mig-compat",
        thing=name,
        title=Text(
            f"“{change.what or name}” would be tried for the first time on {names.en} itself",
            f"„{change.what or name}“ würde zum ersten Mal am Original versucht: {names.de}",
        ),
        why=(tried, *([sets] if blind else [])),
        fix=Text(
            f"Do it to a copy first, and compare; just before the real one, save {names.en} and see that it arrived.",
            f"Erst an einer Kopie, und vergleichen; kurz vor dem Ernstfall {names.de} sichern und nachsehen.",
        ),
        losses=tuple(Loss(service, "emptied") for service in services),
        settles=frozenset({(name, "rehearsed"), *((service, "copied") for service in services)}),
        is_dated=change.when is not None,
        is_unproven=True,
        least=Severity.WARNING if blind else Severity.NOTE,
        most=Severity.WARNING if blind else Severity.NOTE,
    )


def _claim(case: Case, name: str, change: Change) -> Claim:
    assert change.charset
    services = [name for name in (*change.move, *change.of) if name in case.sections.services]
    moved, target = listed(services), change.to or Text("the new side", "die neue Seite")
    day = on(change.when, case.zone) if change.when else None
    when = Text(f" on {day.en}", f" am {day.de}") if day else Text("", "")
    head = Text("The move", "Der Umzug") if change.move else Text("The change", "Die Änderung")
    full = Text("", "")
    if change.to and any(claim_host == change.to for claim_host in _filling(case)):
        full = Text(f" {target} is the host that is running full.", f" {target} ist der Host, der gerade vollläuft.")
    return Claim(
        rule="mig-compat",
        thing=name,
        title=Text(
            f"{head.en} of {moved.en}{when.en} changes the character set and was not rehearsed",
            f"{head.de} von {moved.de}{when.de} ändert den Zeichensatz, ungeprobt",
        ),
        why=(
            Text(
                f"{change.charset.from_} → {change.charset.to}: a dump loaded the wrong way turns every umlaut into "
                "two wrong characters, and nothing reports an error.",
                f"{change.charset.from_} → {change.charset.to}: Falsch eingespielt wird jeder Umlaut zu zwei falschen "
                "Zeichen, ohne jede Fehlermeldung.",
            ),
            Text(
                f"Once the DNS points to {target}, new entries exist only there.{full.en}",
                f"Sobald das DNS auf {target} zeigt, gibt es neue Einträge nur noch dort.{full.de}",
            ),
        ),
        fix=Text(
            f"Load a copy on {target} first, compare row counts and one page with an umlaut, keep the old side "
            "readable, lower the TTL, and only then change the DNS.",
            f"Zuerst eine Kopie auf {target} einspielen, Zeilenzahlen und eine Seite mit Umlaut vergleichen, die alte "
            "Seite lesbar lassen, TTL senken, erst dann das DNS ändern.",
        ),
        losses=tuple(Loss(service, "emptied") for service in services),
        speaks_of=EVERY_DIMENSION,
        settles=frozenset({(name, "rehearsed")}),
        is_dated=change.when is not None,
        least=Severity.WARNING,
    )


def _filling(case: Case) -> set[str]:
    from kedge.rules.disk_limit import find_disk_limits

    return {claim.thing for claim in find_disk_limits(case)}


MIG_COMPAT = Rule(
    id="mig-compat",
    summary=Text("a move that nobody has rehearsed", "ein Umzug, den niemand geprobt hat"),
    meaning=Text(
        "Old and new side differ (character set, version), and the first try would be the real one.",
        "Alte und neue Seite unterscheiden sich (Zeichensatz, Version), und der erste Versuch wäre der echte.",
    ),
    decision=Text(
        "A planned change to services that names differing character sets and is not marked as rehearsed. "
        "A warning where the character sets are expressly unknown and nobody knows of a rehearsal; a note for any "
        "other planned change to services with data that says `rehearsed: no` or `unknown`.",
        "Eine geplante Änderung, die Dienste umzieht, verschiedene Zeichensätze nennt und nicht geprobt ist; ebenso, "
        "wenn die Zeichensätze ausdrücklich unbekannt sind. Als Hinweis jede andere mit `rehearsed: no`/`unknown`.",
    ),
    remedy=Text(
        "Rehearse on a copy, compare, and only then switch.", "An einer Kopie proben, vergleichen, umschalten."
    ),
    find=find_mig_compat,
    prevented=(
        Text(
            "Piratenpartei 2007: wiki and forum could not be started on the new server without damage",
            "Piratenpartei 2007: Wiki und Forum waren auf dem neuen Server nur beschädigt zu starten",
        ),
        Text(
            "slum.cloud 2021: an upgrade in place, interrupted, removed the data",
            "slum.cloud 2021: ein abgebrochenes Upgrade am Original löschte die Daten",
        ),
    ),
)
