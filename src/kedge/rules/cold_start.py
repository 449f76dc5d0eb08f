"""cold-start: things that can only start when each other is running."""

from __future__ import annotations

from collections.abc import Iterator

from kedge.inventory import nodes
from kedge.model.finding import Loss, Severity, Text
from kedge.model.need import AtLeast, Needs, names_in
from kedge.rules.case import Case
from kedge.rules.circles import path_of_aspect
from kedge.rules.claim import Claim, Rule
from kedge.rules.lost_tools import fatal_for, find_seats, is_known_back
from kedge.rules.wording import listed
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


def find_missing_starts(case: Case) -> Iterator[Claim]:
    """Yield, for each certificate that may have run out unseen, the services that would not start again without it."""
    waiting: dict[str, list[str]] = {}
    for name, service in case.sections.services.items():
        for needed in service.needs.start:
            if isinstance(needed, str) and _may_be_over(case, needed):
                waiting.setdefault(needed, []).append(name)
    for certificate, services in waiting.items():
        names = listed(services)
        need = names.verb(Text("it needs", ""), Text("they need", ""))
        yield Claim(
            rule="cold-start",
            thing=services[0],
            title=Text(
                f"{names.en} may run until the next start only: {certificate}",
                f"Läuft vielleicht nur bis zum nächsten Start: {names.de} ({certificate})",
            ),
            why=(
                Text(
                    f"To start, {need.en} {certificate}, and nobody knows that it is still valid.",
                    f"Zum Starten wird {certificate} gebraucht, und niemand weiß, ob es noch gilt.",
                ),
            ),
            fix=Text(
                f"Look at {certificate} before anything is restarted; if it is over, renew it everywhere first.",
                f"{certificate} ansehen, bevor irgendetwas neu startet; ist es abgelaufen, erst überall erneuern.",
            ),
            losses=tuple(map(Loss, services)),
            settles=frozenset((name, "starts-alone") for name in services),
            others=tuple(services[1:]),
            is_unproven=True,
            least=Severity.WARNING,
            most=Severity.WARNING,
        )


def _may_be_over(case: Case, name: str) -> bool:
    """Return whether a certificate has expired, or nobody knows when it does and nothing renews it."""
    certificate = case.sections.certificates.get(name)
    if certificate is None or case.is_settled(name, "renewed"):
        return False
    if certificate.expires is not None:
        return certificate.expires <= case.now
    return certificate.renewed_by is None


def find_dead_ends(case: Case) -> Iterator[Claim]:
    """Yield services that could not start after the loss of a place, since what they wait for waits there in turn.

    The last of them is needed to start or recover the one before, lies in the same place, and nobody knows how it
    comes back.
    """
    for name, service in case.sections.services.items():
        if not service.needs.start or case.is_settled(name, "starts-alone"):
            continue
        found = _dead_end(case, name)
        if found:
            yield _dead_end_claim(name, *found)


def _dead_end(case: Case, name: str) -> tuple[Loss, tuple[str, str, str]] | None:
    """Return a place, and what a service waits for and what that waits for in vain, all lost with it."""
    seconds = list(_second_needs(case, name))
    for loss in find_seats(case, fatal_for(case, name)) if seconds else ():
        path = _taken(case, loss, name, seconds) if loss.thing in case.sections.places else None
        if path:
            return loss, path
    return None


def _taken(case: Case, loss: Loss, name: str, seconds: list[tuple[str, str | AtLeast]]) -> tuple[str, str, str] | None:
    component = case.rules.ids[str(loss)]
    for waiting, needed in seconds:
        is_taken = component in fatal_for(case, waiting) and component in fatal_for(case, needed)
        if is_taken and not is_known_back(case, needed, loss):
            return name, waiting, next(each for each in names_in(needed) if not is_known_back(case, each, loss))
    return None


def _second_needs(case: Case, name: str) -> Iterator[tuple[str, str | AtLeast]]:
    """Yield what a service waits for to start, with each thing that this needs to start or to be recovered."""
    services = case.sections.services
    for waiting in services[name].needs.start:
        needs = services[waiting].needs if isinstance(waiting, str) and waiting in services else Needs()
        for needed in (*needs.start, *needs.recover):
            yield str(waiting), needed


def _dead_end_claim(name: str, loss: Loss, path: tuple[str, ...]) -> Claim:
    line = " → ".join(path)
    return Claim(
        rule="cold-start",
        thing=name,
        title=Text(
            f"After the loss of {loss.thing} nobody knows what starts first: {line}",
            f"Nach dem Ausfall von {loss.thing} weiß niemand, was als Erstes startet: {line}",
        ),
        why=(
            Text(
                f"{path[0]} starts after {path[1]}, {path[1]} comes back by {path[2]}, and {path[2]} is lost as well.",
                f"{path[0]} startet nach {path[1]}, {path[1]} kommt mit {path[2]} zurück, und auch {path[2]} ist weg.",
            ),
        ),
        fix=Text(
            f"Take {path[2]} out of {loss.thing}, or write the order down from the very first step, and rehearse it.",
            f"{path[2]} von {loss.thing} trennen oder die Reihenfolge ab dem ersten Schritt aufschreiben und proben.",
        ),
        losses=(loss,),
        settles=frozenset((thing, "starts-alone") for thing in path),
        others=path[1:],
        is_unproven=True,
        least=Severity.WARNING,
        most=Severity.WARNING,
    )


def find_all_cold_starts(case: Case) -> Iterator[Claim]:
    """Yield circles, dead ends, and what runs today and would not start again."""
    yield from find_cold_starts(case)
    yield from find_dead_ends(case)
    yield from find_missing_starts(case)


COLD_START = Rule(
    id="cold-start",
    summary=Text("nothing can start first", "nichts kann als Erstes starten"),
    meaning=Text(
        "Two systems need each other to start, or what they all wait for is gone. Nobody notices for years, until "
        "everything is off at once.",
        "Zwei Systeme brauchen einander zum Starten, oder worauf alle warten, ist fort. Jahrelang fällt das nicht auf, "
        "bis alles zugleich aus ist.",
    ),
    decision=Text(
        "With everything intact and off, reading only `run` and `start`: what holds in the greatest and not in the "
        "least reading. Also a chain that the loss of one place takes as a whole: a service, what it needs to `start`, "
        "and what that needs to start or recover, if nothing known brings the last of them back. And services that "
        "need, to `start`, a certificate that has expired, or that nothing renews and nobody knows the end of.",
        "Alles heil und aus, nur `run` und `start` gelesen: was in der größten und nicht in der kleinsten Lesart gilt. "
        "Ebenso eine Kette, die ein Ort als Ganzes mitnimmt und von deren Ende nichts Bekanntes zurückführt; und "
        "Dienste, die zum Starten ein Zertifikat brauchen, das abgelaufen ist oder dessen Ende niemand kennt.",
    ),
    remedy=Text(
        "Break the circle at its cheapest place, write the order down, rehearse it.",
        "Den Kreis an der billigsten Stelle trennen, die Reihenfolge aufschreiben, proben.",
    ),
    find=find_all_cold_starts,
    prevented=(
        Text(
            "GitHub 2016: the application waited for Redis, and what sets up servers was dead too",
            "GitHub 2016: die Anwendung wartete auf Redis, und was Server aufsetzt, war auch tot",
        ),
        Text(
            "GitLab 2019: a cluster with expired certificates ran until its next start",
            "GitLab 2019: ein Verbund mit abgelaufenen Zertifikaten lief nur bis zum nächsten Start",
        ),
    ),
)
