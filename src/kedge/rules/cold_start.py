"""cold-start: things that can only start when each other is running."""

from __future__ import annotations

from collections.abc import Iterator

from kedge.inventory import nodes
from kedge.model.finding import Severity, Text
from kedge.rules.case import Case
from kedge.rules.circles import path_of_aspect
from kedge.rules.claim import Claim, Rule
from kedge.scenarios.explain import circles


def find_cold_starts(case: Case) -> Iterator[Claim]:
    """Yield the circles that show when everything is off and intact."""
    truth = case.solve(())
    cold = {id_ for id_ in truth.circular() if case.rules.name(id_).startswith(f"{nodes.COLD}:")}
    for circle in circles(truth, cold):
        path = path_of_aspect([case.rules.name(each) for each in circle], nodes.COLD)
        first = path[0]
        if any(case.is_settled(thing, "starts-alone") for thing in path):
            continue
        line = " → ".join(path)
        yield Claim(
            rule="cold-start",
            thing=first,
            title=Text(
                f"After a power cut nothing here can start first: {line}",
                f"Nach einem Stromausfall kann hier nichts als Erstes starten: {line}",
            ),
            why=(
                Text(
                    "They run while each of them runs; from nothing, each waits for the next.",
                    "Sie laufen, solange alle laufen; aus dem Stand wartet jedes auf das nächste.",
                ),
            ),
            fix=Text(
                f"Let {first} start without {path[1]} (an address instead of a name, a copy); rehearse the order.",
                f"{first} ohne {path[1]} starten lassen (Adresse statt Name, Kopie); Reihenfolge proben.",
            ),
            settles=frozenset((thing, "starts-alone") for thing in path),
            least=Severity.WARNING,
        )


COLD_START = Rule(
    id="cold-start",
    summary=Text("nothing can start first", "nichts kann als Erstes starten"),
    meaning=Text(
        "Two systems need each other to start. Nobody notices for years, until everything is off at once.",
        "Zwei Systeme brauchen einander zum Starten. Jahrelang fällt das nicht auf, bis alles zugleich aus ist.",
    ),
    decision=Text(
        "With everything intact and off, reading only `run` and `start`: what holds in the greatest and not in the "
        "least reading.",
        "Alles heil und aus, nur `run` und `start` gelesen: was in der größten und nicht in der kleinsten Lesart gilt.",
    ),
    remedy=Text(
        "Break the circle at its cheapest place, write the order down, rehearse it.",
        "Den Kreis an der billigsten Stelle trennen, die Reihenfolge aufschreiben, proben.",
    ),
    find=find_cold_starts,
)
