"""unverified: everything nobody knows, as one finding."""

from __future__ import annotations

from collections.abc import Iterator

from kedge.model.finding import Severity, Text
from kedge.model.thing import Thing
from kedge.rules.case import Case
from kedge.rules.claim import Claim, Rule
from kedge.rules.dns_drift import declared_sets
from kedge.rules.single_points import unseated
from kedge.rules.unknowns import questions


def unobserved_sets(case: Case) -> list[str]:
    """Return the declared mail routes that nobody has compared with the world: `partei.example MX`."""
    return [
        f"{name if owner == '@' else f'{owner}.{name}'} {kind}"
        for name, domain in case.sections.domains.items()
        for owner, kind in declared_sets(domain)
        if kind == "MX" and case.facts.get(name, f"rrset/{owner} {kind}") is None
    ]


def claimed(case: Case) -> list[tuple[str, str]]:
    """Return the values that are marked as claimed or assumed: (thing, field)."""
    return [
        (name, field)
        for name, thing in case.inventory.things.items()
        if isinstance(thing, Thing)
        for field, sure in thing.sure.items()
        if sure.how in {"claimed", "assumed"}
    ]


def relied_on(case: Case) -> list[str]:
    """Return the things about which somebody claims something that nobody has seen; an assumption claims nothing."""
    return [
        name
        for name, thing in case.inventory.things.items()
        if isinstance(thing, Thing) and any(sure.how == "claimed" for sure in thing.sure.values())
    ]


def find_unverified(case: Case) -> Iterator[Claim]:
    """Yield one claim for all that is unknown or only claimed."""
    unknown, believed, unobserved = questions(case), claimed(case), unobserved_sets(case)
    count = len(unknown) + len(believed) + len(unobserved)
    if not count:
        return
    why = [question.text for question in unknown[:3]]
    if unobserved:
        names = ", ".join(unobserved[:3])
        why.append(Text(f"Not compared with the world: {names}.", f"Nicht mit der Welt verglichen: {names}."))
    if believed:
        names = ", ".join(f"{thing} ({field})" for thing, field in believed[:4])
        rest = len(believed) - 4
        more = Text(f" and {rest} more", f" und {rest} weitere") if rest > 0 else Text("", "")
        believes = Text(
            f"Only assumed or claimed: {names}{more.en}.", f"Nur angenommen oder behauptet: {names}{more.de}."
        )
        why.append(believes)
    first = unknown[0].thing if unknown else believed[0][0] if believed else next(iter(case.sections.domains))
    yield Claim(
        rule="unverified",
        thing=first,
        title=Text(
            f"{count} value{'s are' if count != 1 else ' is'} unknown or unverified",
            f"{count} Angabe{'n sind' if count != 1 else ' ist'} unbekannt oder ungeprüft",
        ),
        why=tuple(why),
        fix=Text(
            "`kedge ask` puts the three questions that matter most.", "`kedge ask` stellt die drei wichtigsten Fragen."
        ),
        most=Severity.NOTE,
        others=tuple(dict.fromkeys(thing for thing in relied_on(case) if thing != first)),
        is_unproven=True,
        also=tuple(("spof", name) for name in unseated(case)),
    )


UNVERIFIED = Rule(
    id="unverified",
    summary=Text("what nobody knows", "was niemand weiß"),
    meaning=Text(
        "kedge takes a value that nobody gave as fine when it simulates a loss, and counts it here, so that unknown "
        "never passes for fine.",
        "Was niemand angibt, nimmt kedge beim Durchspielen als gut an und zählt es hier: unbekannt ist nie gut.",
    ),
    decision=Text(
        "All values that are missing or declared `unknown`, all marked `claimed` or `assumed`, and mail routes that "
        "nobody has compared with the world. One finding; the questions whose answers would change most come first. "
        "What is claimed stands beneath, and what much hangs on while nobody knows where it runs (spof).",
        "Alle fehlenden oder `unknown` genannten Werte, nur Behauptetes, nie beobachtete Mailwege. Ein Befund.",
    ),
    remedy=Text("Ask three questions a week: `kedge ask`.", "Drei Fragen in der Woche: `kedge ask`."),
    find=find_unverified,
    is_summary=True,
    prevented=(
        Text(
            "Bluepad at OVH 2021: two buildings, it was believed; it was one",
            "Bluepad bei OVH 2021: zwei Gebäude, dachte man; es war eines",
        ),
    ),
)
