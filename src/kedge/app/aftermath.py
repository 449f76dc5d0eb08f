"""What a loss leaves behind where nothing stops: services without a copy, accounts that nobody can open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kedge.inventory import nodes
from kedge.model.finding import Loss
from kedge.rules.case import Case


@dataclass(frozen=True)
class Aftermath:
    """Services whose last readable copy is gone, and accounts that nobody can open any more; both were fine before."""

    uncopied: tuple[str, ...]
    closed: tuple[str, ...]


def aftermath(case: Case, losses: Sequence[Loss]) -> Aftermath:
    """Return what these losses, all at once, leave behind; what was missing before is none of theirs."""
    truths = case.solve(()).least, case.solve(losses).least
    saved = {name: service.save.to for name, service in case.sections.services.items() if service.save}

    def is_ended(ways: Sequence[int]) -> bool:
        before, after = (any(least[way] for way in ways) for least in truths)
        return before and not after

    return Aftermath(
        tuple(s for s, stores in saved.items() if is_ended([case.compiled.node(nodes.COPY, each) for each in stores])),
        tuple(a for a in case.sections.accounts if is_ended([case.compiled.node(nodes.OPEN, a)])),
    )
