"""circ-status: a status page that goes down with what it reports on."""

from __future__ import annotations

from collections.abc import Iterator

from kedge.inventory import nodes
from kedge.model.finding import Loss, Severity, Text
from kedge.model.need import names_in
from kedge.model.service import Service
from kedge.rules.case import Case
from kedge.rules.claim import Claim, Rule
from kedge.rules.wording import listed, lost


def find_status_circles(case: Case) -> Iterator[Claim]:
    """Yield the pages that one loss takes down together with something they report on."""
    for name, service in case.sections.services.items():
        if not service.reports_on or case.is_settled(name, "apart"):
            continue
        loss = _common_loss(case, name, set(service.reports_on))
        if loss and not _is_page(service):
            yield _instrument(name, loss)
        elif loss:
            hidden = [s for s in case.toll(loss).down if s in service.reports_on] or list(service.reports_on)
            yield Claim(
                rule="circ-status",
                thing=name,
                title=Text(
                    f"{name} cannot tell of what it reports on: {listed(hidden).en}",
                    f"{name} kann nicht melden, worüber es berichtet: {listed(hidden).de}",
                ),
                why=(
                    Text(
                        f"{lost(loss).en} takes both down; people then see nothing, or an old “all fine”.",
                        f"{lost(loss).de} nimmt beides mit; man sieht dann nichts oder ein altes „alles gut“.",
                    ),
                ),
                fix=Text(
                    f"Publish {name} from another provider, under a name that is not served by the same DNS.",
                    f"{name} bei einem anderen Anbieter veröffentlichen, unter einem Namen mit anderem DNS.",
                ),
                losses=(loss,),
                settles=frozenset({(name, "apart")}),
                least=Severity.WARNING,
                most=Severity.WARNING,
            )


def _is_page(service: Service) -> bool:
    """Return whether people read it; what only operators look at is a tool."""
    return service.kind in {"http", "static-site", "wordpress", "mediawiki", "mastodon"}


def _instrument(name: str, loss: Loss) -> Claim:
    return Claim(
        rule="circ-tooling",
        thing=name,
        title=Text(f"{name} is lost with what it would show", f"{name} fällt mit dem aus, was es zeigen soll"),
        why=(
            Text(
                f"{lost(loss).en} takes both down; whoever repairs it is blind.",
                f"{lost(loss).de} nimmt beides mit; wer repariert, sieht nichts.",
            ),
        ),
        fix=Text(
            f"Let {name} run, and be seen, from somewhere that shares nothing with what it watches.",
            f"{name} dort betreiben und ansehen, wo es nichts mit dem Beobachteten teilt.",
        ),
        losses=(loss,),
        settles=frozenset({(name, "apart")}),
        least=Severity.WARNING,
        most=Severity.WARNING,
    )


def _common_loss(case: Case, page: str, reported: set[str]) -> Loss | None:
    """Return a loss of something else that takes a reported thing down, and the page or what changes it.

    Machines before services before the rest.
    """
    hosts, services = case.sections.hosts, case.sections.services
    changing = {name for expression in services[page].needs.change for name in names_in(expression)} | {page}
    common = _fatal_for(case, changing) & _fatal_for(case, reported)
    losses = (Loss(name) for c in common if (name := case.rules.name(c)) in case.inventory.things)
    return min(
        (loss for loss in losses if loss.thing not in changing),
        key=lambda loss: (loss.thing not in hosts, loss.thing not in services, loss.thing),
        default=None,
    )


def _fatal_for(case: Case, things: set[str]) -> set[int]:
    """Return the components whose loss alone takes one of these things down."""
    ups = (case.rules.ids.get(nodes.node_name(nodes.UP, thing)) for thing in things)
    return {component for up in ups if up is not None for component in case.fragile[up] or ()}


CIRC_STATUS = Rule(
    id="circ-status",
    summary=Text("the status page goes down too", "die Statusseite fällt mit aus"),
    meaning=Text(
        "When people most need to know, the page that should tell them is part of the outage.",
        "Wenn alle wissen wollen, was los ist, ist die Seite, die es sagen soll, Teil des Ausfalls.",
    ),
    decision=Text(
        "A service that `reports-on` others, and one loss of something else that takes one of them down together with "
        "the page, or with what is needed to change it.",
        "Ein Dienst mit `reports-on` und ein Ausfall, der ihn zusammen mit dem nimmt, worüber er berichtet.",
    ),
    remedy=Text("Static pages somewhere else: `kedge publish`.", "Statische Seiten anderswo: `kedge publish`."),
    find=find_status_circles,
    prevented=(
        Text(
            "AWS S3 2017: the service health dashboard needed S3",
            "AWS S3 2017: die Statusseite brauchte S3",
        ),
        Text(
            "AWS Kinesis 2020: the page was changed with a login that needed Kinesis",
            "AWS Kinesis 2020: die Seite war nur mit einem Login zu ändern, das Kinesis brauchte",
        ),
    ),
)
