"""console-unproven: a machine whose rescue way nobody has tried."""

from __future__ import annotations

from collections.abc import Iterator

from kedge.model.facts import SHELF_LIFE
from kedge.model.finding import Loss, Severity, Text
from kedge.rules.case import Case
from kedge.rules.claim import Claim, Rule
from kedge.rules.spof import bare_hosts
from kedge.rules.wording import listed, on


def find_console_unproven(case: Case) -> Iterator[Claim]:
    """Yield one claim for the machines that carry services alone and whose declared console is untried for a year."""
    untried = []
    for name, _ in bare_hosts(case):
        console, fact = case.sections.hosts[name].console, case.facts.get(name, "console")
        tried = max((m for m in (console.tried if console else None, fact.at if fact else None) if m), default=None)
        is_fresh = tried is not None and case.now - tried <= SHELF_LIFE["console"]
        if console is not None and not is_fresh and not case.is_settled(name, "console"):
            untried.append((name, tried))
    if not untried:
        return
    first, tried = untried[0]
    names = [name for name, _ in untried]
    last = on(tried, case.zone) if tried else Text("never", "nie")
    yield Claim(
        rule="console-unproven",
        thing=first,
        title=Text(
            f"Nobody has tried the rescue way of {listed(names).en} within a year",
            f"Niemand hat in einem Jahr den Rettungsweg von {listed(names).dative} ausprobiert",
        ),
        why=(Text(f"{first}: last tried {last.en}.", f"{first}: zuletzt {last.de}."),),
        fix=Text(
            f"Open the console of {first} today, in daylight: password, keyboard, rescue image. Note it.",
            f"Heute bei Tageslicht die Konsole von {first} öffnen: Passwort, Tastatur, Rettungssystem. Notieren.",
        ),
        losses=(Loss(first),),
        settles=frozenset((name, "console") for name in names),
        others=tuple(names[1:]),
        is_unproven=True,
        most=Severity.WARNING,
    )


CONSOLE_UNPROVEN = Rule(
    id="console-unproven",
    summary=Text("the rescue way is untried", "der Rettungsweg ist ungeprüft"),
    meaning=Text(
        "When a machine does not boot, the console is the only way in, and its password was never tried.",
        "Startet ein Rechner nicht, ist die Konsole der einzige Weg, und ihr Passwort wurde nie ausprobiert.",
    ),
    decision=Text(
        "Machines that carry services alone (see spof), with a declared console that nobody tried within 365 days.",
        "Rechner, die Dienste allein tragen (siehe spof), mit einer Konsole, die 365 Tage niemand probiert hat.",
    ),
    remedy=Text("Once a year, each machine.", "Einmal im Jahr, jeder Rechner."),
    find=find_console_unproven,
    prevented=(
        Text(
            "Piratenpartei 2007: the console had to be asked for first, by mail through the dead server",
            "Piratenpartei 2007: die Konsole musste erst beantragt werden, per Mail über den toten Server",
        ),
    ),
)
