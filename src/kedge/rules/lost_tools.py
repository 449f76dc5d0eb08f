"""Tools that are lost together with what they repair, as far as anybody knows: circles only a guess would break."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kedge.inventory import nodes
from kedge.model.finding import Loss, Severity, Text
from kedge.model.need import AtLeast, Needs, names_in
from kedge.rules.case import Case
from kedge.rules.claim import Claim
from kedge.rules.wording import listed, lost

SHARED_KINDS = frozenset({"power", "uplink", "network", "equipment", "batch", "update-channel"})
"""Kinds of places that things have in common wherever they stand."""

_PASSING = frozenset({"power", "uplink", "network"})
"""Kinds of places that come back as they were: what starts by itself is there again."""


@dataclass(frozen=True)
class LostTool:
    """A tool, what cannot be recovered without it, and the losses that take both, the closest first."""

    tool: str
    of: str
    losses: tuple[Loss, ...]


def fatal_for(case: Case, expression: str | AtLeast) -> frozenset[int]:
    """Return the components whose loss alone takes down what a needs expression asks for."""
    if isinstance(expression, str):
        up = case.rules.ids.get(nodes.node_name(nodes.UP, expression))
        return (case.before.fragile[up] or frozenset()) if up is not None else frozenset()
    counted = Counter(component for part in expression.of for component in fatal_for(case, part))
    spare = len(expression.of) - expression.at_least
    return frozenset(component for component, times in counted.items() if times > spare)


def is_known_back(case: Case, expression: str | AtLeast, loss: Loss) -> bool:
    """Return whether what is needed is there, or comes back, after a loss by what is known, no guess taken as fine."""
    if not isinstance(expression, str):
        return sum(is_known_back(case, part, loss) for part in expression.of) >= expression.at_least
    thing = expression
    service = case.sections.services.get(thing)
    place = case.sections.places.get(loss.thing)
    if place and place.kind in _PASSING and service and service.starts == "by-itself":
        return True
    has = case.rules.ids.get(nodes.node_name(nodes.HAS, thing))
    losing = case.known_losses.losses[has] if has is not None else frozenset()
    return losing is not None and case.rules.ids[str(loss)] not in losing


def declared_needs(case: Case) -> Mapping[str, Needs]:
    """Return what services, hosts and places say that they need, by name."""
    sections = case.sections
    declared = {name: service.needs for name, service in sections.services.items()}
    declared |= {name: host.needs for name, host in sections.hosts.items()}
    return declared | {name: place.needs for name, place in sections.places.items()}


def lost_tools(case: Case) -> Iterator[LostTool]:
    """Yield the tools that something needs to be recovered, and that go down with it and are not known to come back."""
    for name, needs in declared_needs(case).items():
        for expression in needs.recover:
            tools = dict.fromkeys(names_in(expression))
            if not any(case.concerns(tool) and not case.is_settled(tool, "elsewhere") for tool in tools):
                continue
            common = fatal_for(case, expression) & fatal_for(case, name)
            seats = [loss for loss in find_seats(case, common) if loss.thing not in {name, *tools}]
            losses = [loss for loss in seats if not is_known_back(case, expression, loss)]
            for tool in tools:
                found = tuple(loss for loss in losses if not is_known_back(case, tool, loss))
                if found and case.concerns(tool) and not case.is_settled(tool, "elsewhere"):
                    yield LostTool(tool, name, found)


def find_seats(case: Case, components: frozenset[int]) -> list[Loss]:
    """Return the losses of hosts, services and places among these components: in that order, inner places first."""
    sections = ("hosts", "services", "places")
    named = [(case.compiled.section_of(name), name) for c in components if (name := case.rules.name(c))]
    order = case.before.remember("order", _order)
    seats = sorted((sections.index(of), -_depth(case, name), order[name], name) for of, name in named if of in sections)
    return [Loss(name) for *_, name in seats]


def _order(case: Case) -> Mapping[str, int]:
    return {name: place for place, name in enumerate(case.inventory.things)}


def _depth(case: Case, name: str) -> int:
    """Return how many places lie around a place, one within the other; nothing else has any."""
    places, depth, around = case.sections.places, 0, {name}
    while around := {outer for each in around if each in places for outer in places[each].within}:
        depth += 1
        if depth > len(places):
            break
    return depth


def find_lost_tools(case: Case) -> Iterator[Claim]:
    """Yield one claim for each tool that goes down with what it repairs and that nobody knows how to bring back."""
    found: dict[str, list[LostTool]] = {}
    for each in lost_tools(case):
        found.setdefault(each.tool, []).append(each)
    for tool, uses in found.items():
        yield _claim(case, tool, uses)


def _claim(case: Case, tool: str, uses: list[LostTool]) -> Claim:
    loss, names = uses[0].losses[0], listed([use.of for use in uses])
    places = case.sections.places
    shared = dict.fromkeys(
        each.thing
        for use in uses
        for each in use.losses
        if each.thing in places and places[each.thing].kind in SHARED_KINDS
    )
    return Claim(
        rule="circ-tooling",
        thing=tool,
        title=Text(
            f"{tool} is needed to repair {names.en}, and is lost with {'it' if names.count == 1 else 'them'}",
            f"{tool} wird zur Reparatur von {names.dative} gebraucht und fällt mit aus",
        ),
        why=(
            Text(
                f"{lost(loss).en} takes both down, and nothing that is written down brings {tool} back first.",
                f"{lost(loss).de} nimmt beides mit, und nichts Bekanntes bringt {tool} vorher zurück.",
            ),
        ),
        fix=Text(
            f"Let {tool} run apart from {loss.thing}, or write down how to do without it; rehearse that once.",
            f"{tool} getrennt von {loss.thing} betreiben oder aufschreiben, wie es ohne geht; einmal proben.",
        ),
        losses=(loss,),
        settles=frozenset({(tool, "elsewhere")}),
        is_unproven=True,
        least=Severity.WARNING,
        most=Severity.WARNING,
        also=tuple(("shared-fate", place) for place in shared),
    )
