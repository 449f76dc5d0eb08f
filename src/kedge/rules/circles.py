"""Circles: ways that need what they recover. One walk over the losses serves every rule about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from kedge.inventory import nodes
from kedge.model.finding import Loss, Text
from kedge.model.need import Needs, names_in
from kedge.rules.case import Case, Toll
from kedge.scenarios.explain import circles
from kedge.scenarios.truth import Truth

CircleClass = Literal[
    "notice-loop", "alert-loop", "circ-status", "circ-secret", "circ-dns", "circ-access", "circ-tooling", "cold-start"
]
CLASSES: tuple[CircleClass, ...] = get_args(CircleClass)
"""The classes of circles, first match first."""

_PLAUSIBILITY = ("hosts", "services", "stores", "accounts", "people", "domains", "channels", "providers", "places")
_SHOWN = {nodes.NOTICE, nodes.WORKS, nodes.OPEN, nodes.AGAIN, nodes.BACK, nodes.HAS, nodes.HAND, nodes.TOLD, nodes.COPY}


@dataclass(frozen=True)
class Circle:
    """One circle: its class, what was lost, the thing to mend, the things it passes (first = last), what it costs."""

    kind: CircleClass
    loss: Loss
    mended: str
    path: tuple[str, ...]
    toll: Toll
    nodes: tuple[str, ...]


def find_circles(case: Case) -> tuple[Circle, ...]:
    """Return every class of circle of every single loss: for each thing to mend, the most telling loss first."""
    return case.remember("circles", _find_circles)


def _find_circles(case: Case) -> tuple[Circle, ...]:
    best: dict[tuple[str, str], tuple[tuple[float, ...], Circle]] = {}
    for loss in losses_with_circles(case):
        for circle in circles_of(case, loss):
            key = (circle.kind, circle.mended)
            rank = _rank(case, circle)
            if key not in best or rank < best[key][0]:
                best[key] = (rank, circle)
    return tuple(circle for _, circle in sorted(best.values(), key=lambda pair: pair[0]))


def losses_with_circles(case: Case) -> list[Loss]:
    """Return the single losses after which something could only hold by resting on itself, and that cost something."""
    ids = case.rules.ids
    return [
        loss for loss in case.compiled.losses() if ids[str(loss)] in case.circular and case.tolls.get(ids[str(loss)])
    ]


def _rank(case: Case, circle: Circle) -> tuple[float, ...]:
    section = case.compiled.section_of(circle.loss.thing)
    plausible = _PLAUSIBILITY.index(section) if section in _PLAUSIBILITY else len(_PLAUSIBILITY)
    return (plausible, *case.cost(circle.toll).key(), len(circle.path))


def circles_of(case: Case, loss: Loss) -> Iterator[Circle]:
    """Yield the circles that matter for the services one loss takes down, at most one for each thing to mend.

    Circles that only somebody unknown might break are circles as well (see `Case.hopes`).
    """
    seen: set[tuple[str, str]] = set()
    for hopeless in ((), case.hopes) if case.hopes else ((),):
        truth = case.solve([loss], also=hopeless)
        for circle in _circles_in(case, loss, truth):
            if (circle.kind, circle.mended) not in seen:
                seen.add((circle.kind, circle.mended))
                yield circle


def _circles_in(case: Case, loss: Loss, truth: Truth) -> Iterator[Circle]:
    toll = case.toll_of(truth)
    circular = truth.circular()
    lost = {*toll.unnoticed, *toll.unrecoverable}
    if not circular & {case.compiled.node(aspect, s) for s in lost for aspect in (nodes.TOLD, nodes.AGAIN, nodes.BACK)}:
        return
    points = sorted(_turning_points(case, circular), key=lambda point: (CLASSES.index(point[0]), point[1]))
    for kind, node in points:
        found = circles(truth, through=case.rules.id(node))
        if found:
            names = tuple(case.rules.name(each) for each in found[0])
            yield Circle(kind, loss, _mended(node), path_of(names), toll, names)


def _turning_points(case: Case, circular: Iterable[int]) -> Iterator[tuple[CircleClass, str]]:
    """Yield the nodes that give a circle its class: a message, a credential, a name, an account, a tool."""
    names = {case.rules.name(each) for each in circular}
    notices = {nodes.split_node(name)[1].partition("/")[2] for name in names if name.startswith(f"{nodes.NOTICE}:")}
    told = {channel for channels in case.compiled.index.channels_of.values() for channel in channels} - notices
    tools = _tools(case)
    for name in names:
        aspect, thing = nodes.split_node(name)
        if aspect == nodes.NOTICE:
            yield "notice-loop", name
        elif aspect == nodes.WORKS and thing in told:
            yield "alert-loop", name
        elif aspect == nodes.HAND and thing in case.sections.secrets:
            yield "circ-secret", name
        elif aspect in (nodes.CHANGE, nodes.HAS) and thing in case.sections.domains:
            yield "circ-dns", name
        elif aspect == nodes.OPEN and thing in case.sections.accounts:
            yield "circ-access", name
        elif (aspect == nodes.HAS and thing in tools) or (aspect == nodes.HAND and thing in case.sections.documents):
            yield "circ-tooling", name


def _tools(case: Case) -> frozenset[str]:
    """Return what somebody needs to change, start or recover something else: not what it needs to run."""

    def find(case: Case) -> frozenset[str]:
        sections = case.sections
        declared: list[Needs] = [
            *(service.needs for service in sections.services.values()),
            *(host.needs for host in sections.hosts.values()),
            *(place.needs for place in sections.places.values()),
        ]
        phases = [getattr(needs, phase) for needs in declared for phase in ("start", "change", "recover")]
        return frozenset(name for phase in phases for expression in phase for name in names_in(expression))

    return case.remember("tools", find)


def _mended(node: str) -> str:
    aspect, thing = nodes.split_node(node)
    return thing.partition("/")[2] if aspect == nodes.NOTICE else thing


def path_of(names: Sequence[str]) -> tuple[str, ...]:
    """Return the things a circle of nodes passes, each step once, first and last the same."""
    things: list[str] = []
    for name in names:
        aspect, thing = nodes.split_node(name)
        if aspect not in _SHOWN or (aspect != nodes.NOTICE and _is_inner(name)):
            continue
        shown = thing.partition("/")[0] if aspect == nodes.NOTICE else thing
        if not things or things[-1] != shown:
            things.append(shown)
    if things and things[0] != things[-1]:
        things.append(things[0])
    return tuple(things)


def path_of_aspect(names: Sequence[str], aspect: str) -> tuple[str, ...]:
    """Return the things a circle of nodes of one aspect passes, parts of their rules left out."""
    things = [nodes.split_node(name)[1] for name in names if nodes.split_node(name)[0] == aspect]
    path = [thing for thing in things if not _is_inner(thing)]
    closed = list(dict.fromkeys(path))
    return (*closed, closed[0]) if closed else ()


def _is_inner(name: str) -> bool:
    """Return whether a node is only a part of another one's rule (`again:mail.anew`)."""
    return name.rpartition(".")[2] in {"anew", "recovered", "waits", "channels", "login", "held", "ways", "copies"} or (
        any(mark in name for mark in (".notice.", ".readers.", ".reset.", ".received", ".read.", ".run", ".start"))
    )


def standing(case: Case, thing: str) -> tuple[str, ...]:
    """Return a service followed by what it stands on: its host, that host's host …"""
    service = case.sections.services.get(thing)
    if service is None or not service.host:
        return (thing,)
    return (thing, *case.compiled.index.chain(service.host[0]))


def chain_of(case: Case, circle: Circle) -> tuple[str, ...]:
    """Return a circle as the chain people follow: from the message or account down to what was lost."""
    things = list(circle.path[:-1])
    last = next((thing for thing in reversed(things) if circle.loss.thing in standing(case, thing)), None)
    if last is None:
        return tuple(circle.path)
    things = [*things[: things.index(last)], *standing(case, last)]
    return tuple(things[: things.index(circle.loss.thing) + 1])


def chain_text(case: Case, circle: Circle) -> Text:
    """Return the chain of a circle as one line."""
    line = " → ".join(chain_of(case, circle))
    return Text(line, line)


def explained(case: Case, truth: Truth) -> list[tuple[str, ...]]:
    """Return the circles of one scenario as paths of things, shortest first."""
    found = {path_of([case.rules.name(each) for each in circle]) for circle in circles(truth)}
    return sorted((path for path in found if len(path) > 1), key=lambda path: (len(path), path))
