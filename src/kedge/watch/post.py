"""From notices to letters: who is told what, by which ways, given everything that does not work at that moment."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from kedge.model.observation import Status
from kedge.rules.case import Case
from kedge.scenarios.truth import Truth
from kedge.watch.letter import Letter, Occasion, write_letter
from kedge.watch.recipient import Recipient, recipients, severity_of
from kedge.watch.route import Obstacle, Routes, find_routes, what_is_left
from kedge.watch.state import Notice, State


def things_lost(state: State) -> set[str]:
    """Return everything that does not work now: what is held to be down, and the causes nobody could look at."""
    causes = {thing for thing, one in state.incidents.items() if one.rule == "down" and not one.well}
    return causes | {one.thing for one in state.standings.values() if one.status is Status.DOWN}


def write_letters(case: Case, notices: Iterable[Notice], lost: Iterable[str], obstacle: Obstacle) -> list[Letter]:
    """Return one letter for each notice and person. Where none of them can be reached, everybody else is told."""
    left = what_is_left(case, lost)
    letters: list[Letter] = []
    for notice in notices:
        severity = severity_of(case, notice.incident)
        routed = [
            (one, find_routes(case, left, one.person, obstacle, one.through))
            for one in recipients(case, notice, severity)
        ]
        if all(routes.is_hopeless for _, routes in routed):
            routed += _others(case, left, notice, obstacle, {one.person for one, _ in routed})
        occasion = Occasion(case, notice, severity, tuple(one.person for one, _ in routed))
        letters += [write_letter(occasion, one, routes) for one, routes in routed]
    return letters


def _others(
    case: Case, left: Truth, notice: Notice, obstacle: Obstacle, known: Collection[str]
) -> Iterator[tuple[Recipient, Routes]]:
    """Yield whoever else can be reached: better the wrong person hears of it than nobody."""
    for person in case.sections.people:
        if person not in known and case.inventory.can_act(person, notice.at):
            routes = find_routes(case, left, person, obstacle)
            if not routes.is_hopeless:
                yield Recipient(person, notice.at), routes


def unreached(letters: Sequence[Letter]) -> list[str]:
    """Return the people for whom there is no way at all."""
    return [letter.person for letter in letters if not letter.ways]
