"""From notices to letters: who is told what, by which ways, given everything that does not work at that moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kedge.model.observation import Status
from kedge.rules.case import Case
from kedge.watch.letter import Letter, Occasion, write_letter
from kedge.watch.recipient import recipients, severity_of
from kedge.watch.route import Obstacle, find_routes, what_is_left
from kedge.watch.state import Notice, State


def things_lost(state: State) -> set[str]:
    """Return everything that does not work now: what is held to be down, and the causes nobody could look at."""
    causes = {thing for thing, one in state.incidents.items() if one.rule == "down" and not one.well}
    return causes | {one.thing for one in state.standings.values() if one.status is Status.DOWN}


def write_letters(case: Case, notices: Iterable[Notice], lost: Iterable[str], obstacle: Obstacle) -> list[Letter]:
    """Return one letter for each notice and person; several by the same shared channel are one message there."""
    left = what_is_left(case, lost)
    letters: list[Letter] = []
    for notice in notices:
        severity = severity_of(case, notice.incident)
        people = recipients(case, notice, severity)
        occasion = Occasion(case, notice, severity, tuple(one.person for one in people))
        letters += [
            write_letter(occasion, one, find_routes(case, left, one.person, obstacle, one.through)) for one in people
        ]
    return letters


def unreached(letters: Sequence[Letter]) -> list[str]:
    """Return the people for whom there is no way at all."""
    return [letter.person for letter in letters if not letter.ways]
