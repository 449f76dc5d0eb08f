"""Who is told of an incident, and when: the responsible first, others when nobody answers, and nobody twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kedge.model.care import Alerts, Tell
from kedge.model.finding import Severity
from kedge.model.hours import parse_hours
from kedge.model.inventory import Inventory
from kedge.rules.case import Case
from kedge.watch.route import what_is_left
from kedge.watch.sight import UNSEEN
from kedge.watch.state import Incident, Notice

DAY = parse_hours("mon-sun 8-20")
"""When people are told of what nobody can see, unless their hours say otherwise: it is never worth a night.

In the time of the organisation.
"""
UNANSWERED = timedelta(minutes=30)
"""How long nobody may answer, where somebody has to and nobody said how long."""


@dataclass(frozen=True)
class Recipient:
    """A person to be told, not before a moment, through these channels (none: the person's own)."""

    person: str
    not_before: datetime
    through: tuple[str, ...] = ()


def escalations(inventory: Inventory) -> tuple[timedelta, ...]:
    """Return how long after its beginning an unanswered incident goes to the next ones, step by step."""
    alerts = inventory.sections.alerts
    if alerts is None:
        return ()
    if alerts.escalate:
        return tuple(step.after or timedelta() for step in alerts.escalate)
    return (UNANSWERED,) if alerts.acknowledged else ()


def recipients(case: Case, notice: Notice, severity: Severity) -> list[Recipient]:
    """Return who is to be told of this, in order, each once."""
    inventory, alerts = case.inventory, case.sections.alerts
    if notice.kind == "unanswered" and alerts and alerts.escalate:
        return _of_step(case, alerts.escalate[notice.number - 1], notice.at)
    names = _responsible(inventory, notice.incident, alerts)
    if notice.kind == "resolved" and alerts:
        names += [who for step in alerts.escalate[: notice.incident.told] for who in step.who]
    people = _able(case, inventory.actors(tuple(names)), notice.at)
    if notice.incident.rule == UNSEEN:
        return [Recipient(one, _by_day(case, one, notice.at)) for one in people]
    return [Recipient(one, _when(case, one, people, severity, notice.at)) for one in people]


def severity_of(case: Case, incident: Incident) -> Severity:
    """Return how bad it is: critical if something could not be brought back, a note if all still works."""
    if incident.rule != "down":
        return Severity.NOTE if incident.rule == "degraded" else incident.finding.severity
    left = what_is_left(case, [incident.thing])
    return Severity.CRITICAL if case.toll_of(left).unrecoverable else Severity.WARNING


def _responsible(inventory: Inventory, incident: Incident, alerts: Alerts | None) -> list[str]:
    """Return the people and teams responsible for what is down, and whoever is told of everything."""
    services = inventory.sections.services
    names = list((alerts.tell if alerts else None) or ())
    things = (incident.thing, *incident.symptoms)
    if incident.rule == UNSEEN and not services.keys() & set(things):
        things = tuple(name for name, service in services.items() if set(things) & set(service.host or ()))
    for thing in things:
        if thing in services:
            names += services[thing].people or ()
    return names or list(inventory.sections.people)


def _able(case: Case, people: Iterable[str], at: datetime) -> list[str]:
    """Return those who are not away; if all are, those who have not left for good."""
    present = [one for one in people if case.inventory.can_act(one, at)]
    if present:
        return present
    known = case.sections.people
    return [one for one in people if one not in known or not (left := known[one].left) or left > at]


def _when(case: Case, person: str, people: Sequence[str], severity: Severity, at: datetime) -> datetime:
    """Return when to tell somebody: at once, or in the morning what can wait, or what another one hears now.

    What is critical waits for nobody.
    """
    hours = case.sections.people[person].hours if person in case.sections.people else None
    if severity is Severity.CRITICAL or hours is None or hours.is_open(at):
        return at
    others = [case.sections.people[one].hours for one in people if one != person and one in case.sections.people]
    is_heard = any(other is None or other.is_open(at) for other in others)
    return hours.next_open(at) if severity is Severity.NOTE or is_heard else at


def _by_day(case: Case, person: str, at: datetime) -> datetime:
    """Return when to tell somebody what can always wait for a morning."""
    hours = case.sections.people[person].hours if person in case.sections.people else None
    return (hours or replace(DAY, zone=case.zone)).next_open(at)


def _of_step(case: Case, step: Tell, at: datetime) -> list[Recipient]:
    people = _able(case, case.inventory.actors(step.who), at)
    return [Recipient(one, at, step.through) for one in people]
