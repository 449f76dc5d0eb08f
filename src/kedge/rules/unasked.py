"""Data that something may delete or a change is about to touch, while nobody knows whether it is saved."""

from __future__ import annotations

from collections.abc import Iterator

from kedge.model.finding import Loss, Severity, Text
from kedge.rules.backups import keeps_data, newest_backup, newest_drill
from kedge.rules.case import Case
from kedge.rules.claim import Claim
from kedge.rules.wording import listed


def find_unasked(case: Case) -> Iterator[Claim]:
    """Yield one note for the services in danger of which it is expressly unknown whether they are saved."""
    dangers = {name: danger for name in _unknown_saves(case) if (danger := _danger(case, name))}
    if not dangers:
        return
    names = listed(list(dangers))
    first, *others = dangers
    yield Claim(
        rule="bk-none",
        thing=first,
        title=Text(f"Nobody knows of a backup of {names.en}", f"Von einem Backup weiß niemand: {names.de}"),
        why=(
            Text(
                f"`save: unknown`, and {dangers[first]} may change or delete the data of {first}.",
                f"`save: unknown`, und {dangers[first]} kann die Daten von {first} ändern oder löschen.",
            ),
        ),
        fix=Text(
            f"Find out today; until then take it that there is none, and copy {first} elsewhere before anything else.",
            f"Heute klären; bis dahin gilt: keines. {first} vor allem anderen anderswohin kopieren.",
        ),
        losses=(Loss(first, "emptied"),),
        settles=frozenset((name, "saved") for name in dangers),
        others=tuple(others),
        is_unproven=True,
        most=Severity.NOTE,
    )


def _unknown_saves(case: Case) -> Iterator[str]:
    for name in keeps_data(case):
        was_seen = newest_backup(case, name) or newest_drill(case, name)
        is_settled = case.is_settled(name, "saved") or case.is_settled(name, "copied")
        if case.is_unknown(name, "save") and not was_seen and not is_settled:
            yield name


def _danger(case: Case, name: str) -> str | None:
    """Return the planned change or the account that could cost a service its data, by name."""
    planned = (c for c, of in case.sections.changes.items() if of.is_ahead and name in (*of.move, *of.of))
    return next(iter((*planned, *case.compiled.index.deleters.get(name, ()))), None)
