"""Recovery levels: what has been shown for each service, and what is missing to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kedge.inventory import nodes
from kedge.model.finding import Text
from kedge.model.quantity import parse_duration
from kedge.rules.backups import newest_backup, newest_drill, newest_try
from kedge.rules.case import Case


@dataclass(frozen=True)
class Level:
    """A service's recovery level (DESIGN: 0 unknown … 4 assured) and what the next one asks for."""

    value: int
    missing: Text


def levels(case: Case) -> Mapping[str, Level]:
    """Return the level of every service. Each level includes the ones below it."""
    assured = _assured(case)
    return {name: _level(case, name, name in assured) for name in case.sections.services}


def _level(case: Case, name: str, is_assured: bool) -> Level:
    steps = (_is_documented(case, name), _is_saved(case, name), _is_proven(case, name), is_assured)
    for value, (is_reached, missing) in enumerate(zip(steps, _ASKED, strict=True)):
        if not is_reached:
            return Level(value, missing)
    return Level(4, Text("", ""))


_ASKED = (
    Text(
        "two responsible people whose access was tried (`kedge note --works ACCOUNT`)",
        "zwei Zuständige mit ausprobiertem Zugang (`kedge note --works KONTO`)",
    ),
    Text(
        "a backup within its RPO, in a place that survives the host",
        "ein Backup innerhalb des RPO an einem Ort, der den Host überlebt",
    ),
    Text(
        "a drill within 90 days that met RPO and RTO",
        "eine Übung in den letzten 90 Tagen, die RPO und RTO einhielt",
    ),
    Text(
        "no single loss that leaves it unrecoverable or unnoticed",
        "kein einzelner Ausfall, der es unwiederbringlich macht oder unbemerkt lässt",
    ),
)
"""What each level asks for, from 1 to 4."""


def _is_documented(case: Case, name: str) -> bool:
    """Return whether two responsible people who can act have opened an account for it within the shelf life."""
    people = case.inventory.persons(case.sections.services[name].people)
    return sum(_has_access(case, name, person) for person in people) >= 2


def _has_access(case: Case, name: str, person: str) -> bool:
    declared = case.sections.people.get(person)
    if declared is None or not declared.can_act(case.now):
        return False
    index, hosts = case.compiled.index, case.sections.services[name].host or ()
    beneath = [h for host in hosts for h in index.chain(host)]
    opened = [name, *beneath, *(p for h in beneath for p in index.sellers.get(h, ()))]
    accounts = {account for thing in opened for account in index.openers.get(thing, ())}
    return any(
        person in case.inventory.persons(case.sections.accounts[account].held_by)
        and (case.facts.fresh(account, f"works/{person}") or _worked_for(case, account, person))
        for account in accounts
    )


def _worked_for(case: Case, account: str, person: str) -> bool:
    fact = case.facts.fresh(account, "works")
    return fact is not None and fact.by == person


def _is_saved(case: Case, name: str) -> bool:
    service = case.sections.services[name]
    if not service.has_data:
        return True
    newest = newest_backup(case, name)
    if not service.save or not service.save.to or newest is None or case.now - newest > case.rpo(service):
        return False
    hosts = {h for host in service.host or () for h in case.compiled.index.chain(host)}
    return any(case.sections.stores[store].on not in hosts for store in service.save.to)


def _is_proven(case: Case, name: str) -> bool:
    """Return whether a fresh drill succeeded; `ok rpo=2h rto=40min` must keep the promises it states."""
    fact = newest_try(case, name)
    if fact is None or newest_drill(case, name) is None:
        return False
    measured = dict(word.split("=", 1) for word in fact.value.split()[1:] if "=" in word)
    service = case.sections.services[name]
    promised = {"rpo": case.rpo(service), "rto": case.rto(service)}
    return all(parse_duration(measured[key]) <= limit for key, limit in promised.items() if key in measured)


def _assured(case: Case) -> set[str]:
    """Return the services that no single loss, and no single wrong assumption, leaves unrecoverable or unnoticed."""
    least = case.fragile

    def is_assured(name: str) -> bool:
        down, back = least[case.compiled.node(nodes.UP, name)], least[case.compiled.node(nodes.BACK, name)]
        told = least[case.compiled.node(nodes.TOLD, name)]
        return back == frozenset() and down is not None and told is not None and not (down & told)

    return {name for name in case.sections.services if is_assured(name)}
