"""Single points that are no machines: groups everybody gets in through, services whose host nobody knows."""

from __future__ import annotations

from collections.abc import Iterator

from kedge.inventory import nodes
from kedge.model.finding import Loss, Severity, Text
from kedge.rules.case import Case
from kedge.rules.claim import Claim
from kedge.rules.wording import listed


def find_only_groups(case: Case) -> Iterator[Claim]:
    """Yield the groups, managed elsewhere, whose loss shuts every account that opens something."""
    for name, group in case.sections.groups.items():
        if not group.managed_through or case.is_settled(name, "spare"):
            continue
        shut = _shut_by(case, name)
        if shut:
            yield _only_group(name, group.managed_through, shut)


def _shut_by(case: Case, group: str) -> list[str]:
    """Return the things that nobody can open once this group is lost, though somebody can today."""
    component = case.rules.ids.get(str(Loss(group)))
    closed = {
        account
        for account in case.sections.accounts
        if component in (case.fragile[case.compiled.node(nodes.OPEN, account)] or ())
    }
    openers = case.compiled.index.openers
    return [thing for thing in case.inventory.things if openers.get(thing) and closed.issuperset(openers[thing])]


def _only_group(name: str, manager: str, shut: list[str]) -> Claim:
    things = listed(shut)
    return Claim(
        rule="spof",
        thing=name,
        title=Text(
            f"Everybody gets into {things.en} through {name} alone",
            f"Alle Zugänge zu {things.dative} hängen allein an {name}",
        ),
        why=(
            Text(
                f"{name} is managed through {manager}; if it is deleted or emptied there, nobody can get in.",
                f"{name} wird über {manager} verwaltet; wird die Gruppe dort gelöscht, kommt niemand mehr hinein.",
            ),
        ),
        fix=Text(
            f"One account outside {name}, with two holders, kept for this day; try it once a year.",
            f"Ein Konto außerhalb von {name} mit zwei Berechtigten für diesen Tag; einmal im Jahr ausprobieren.",
        ),
        losses=(Loss(name),),
        settles=frozenset({(name, "spare")}),
        least=Severity.WARNING,
        most=Severity.WARNING,
    )


def unseated(case: Case) -> list[str]:
    """Return the services that two others or more stop with, though somebody wrote that their host is unknown.

    Those that stop with one of these are left out.
    """
    unknown = [s for s in case.sections.services if case.is_unknown(s, "host")]
    stopped = {name: [each for each in case.toll(Loss(name)).down if each != name] for name in unknown}
    carried = {each for others in stopped.values() for each in others}
    return [name for name, others in stopped.items() if len(others) > 1 and name not in carried]
