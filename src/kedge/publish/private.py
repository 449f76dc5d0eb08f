"""The private edition's view: everything the inventory, the evidence and the rules say, for those responsible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from kedge.model.finding import Finding, Text
from kedge.model.inventory import THING_SECTIONS, Inventory
from kedge.model.people import Person
from kedge.model.quantity import format_duration
from kedge.model.saving import Save
from kedge.model.service import Service
from kedge.model.thing import Thing
from kedge.publish.declared import say_fields
from kedge.publish.discretion import clean
from kedge.publish.view import (
    LinkView,
    Material,
    OrganisationView,
    StatusView,
    has_left,
    view_organisation,
    view_restored,
    view_status,
)
from kedge.rules.german import both

ELSEWHERE = frozenset({"services", "people"})
"""Sections that have a part of the page to themselves; all others are listed as they stand."""


@dataclass(frozen=True, slots=True)
class NumberedFinding:
    """A finding and the number by which the rest of the page points to it."""

    number: int
    finding: Finding

    def concerns(self, name: str) -> bool:
        """Return whether it is about this thing, by itself, by what is lost, or by a symptom."""
        said = {self.finding.thing} | {loss.thing for loss in self.finding.losses}
        return name in said | {symptom.thing for symptom in self.finding.symptoms}


@dataclass(frozen=True, slots=True)
class SaveView:
    """How a service is saved. `is_known` is false where nobody said; no stores and known is a statement."""

    is_known: bool
    stores: tuple[str, ...] = ()
    every: str = ""
    by_other: bool = False


@dataclass(frozen=True, slots=True)
class ServiceDetail:
    """All about one service that a responsible person asks first."""

    name: str
    title: str
    kind: str
    about: str
    is_public: bool
    names: tuple[str, ...]
    status: StatusView
    saw: Text
    level: int
    missing: Text | None
    people: tuple[str, ...] | None
    findings: tuple[int, ...]
    hosts: tuple[str, ...] | None
    save: SaveView
    keeps_data: bool
    restored: datetime | None
    drill: str
    rpo: str
    rto: str


@dataclass(frozen=True, slots=True)
class PersonDetail:
    """Somebody who can act, and how to reach them, best channel first (None: unknown)."""

    name: str
    title: str
    channels: tuple[str, ...] | None
    teams: tuple[str, ...]
    skills: tuple[str, ...]
    accounts: tuple[str, ...]
    is_away: bool
    away_until: datetime | None
    has_left: bool
    is_public: bool


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """Who is responsible for one service: per person `direct`, `team` or nothing; `count` leaves out who left."""

    service: LinkView
    cells: tuple[str, ...]
    count: int | None


@dataclass(frozen=True, slots=True)
class AcceptedView:
    """A finding that is lived with."""

    rule: str
    thing: str
    why: str
    by: str
    until: datetime
    is_over: bool


@dataclass(frozen=True, slots=True)
class ThingDetail:
    """A thing as it was declared: its fields in the inventory's own words."""

    name: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PrivateView:
    """The whole private page."""

    organisation: OrganisationView
    now: datetime
    source: str
    findings: tuple[NumberedFinding, ...]
    services: tuple[ServiceDetail, ...]
    people: tuple[PersonDetail, ...]
    matrix: tuple[MatrixRow, ...]
    unknowns: tuple[tuple[str, tuple[str, ...]], ...]
    accepted: tuple[AcceptedView, ...]
    things: tuple[tuple[str, tuple[ThingDetail, ...]], ...]


def build_private_view(material: Material) -> PrivateView:
    """Return everything."""
    inventory = material.inventory
    findings = tuple(NumberedFinding(number, finding) for number, finding in enumerate(material.findings, 1))
    return PrivateView(
        organisation=view_organisation(inventory),
        now=material.facts.now,
        source=clean(inventory.source),
        findings=findings,
        services=tuple(_view_service(material, name, findings) for name in inventory.sections.services),
        people=tuple(_view_person(material, name) for name in inventory.sections.people),
        matrix=tuple(_view_row(material, name) for name in inventory.sections.services),
        unknowns=_view_unknowns(inventory),
        accepted=tuple(_view_accepted(material)),
        things=tuple(_view_things(inventory)),
    )


def _title(name: str, thing: Thing) -> str:
    return clean(thing.title) or clean(name)


def _view_service(material: Material, name: str, findings: tuple[NumberedFinding, ...]) -> ServiceDetail:
    service = material.inventory.sections.services[name]
    look = (material.statuses or {}).get(name)
    drill = material.facts.get(name, "drill")
    promise, default = service.promise, material.inventory.sections.organisation.promise
    return ServiceDetail(
        name=name,
        title=_title(name, service),
        kind=service.kind,
        about=clean(service.about),
        is_public=service.public,
        names=tuple(clean(entry) for entry in dict.fromkeys((*service.domains, *service.names()))),
        status=view_status(material, name),
        saw=both(clean(look.what)) if look else Text("", ""),
        level=(material.levels or {}).get(name, 0),
        missing=(material.missing or {}).get(name),
        people=_name_people(material.inventory, service.people),
        findings=tuple(entry.number for entry in findings if entry.concerns(name)),
        hosts=service.host,
        save=_view_save(service.save),
        keeps_data=service.has_data,
        restored=view_restored(material, name),
        drill=clean(drill.value) if drill else "",
        rpo=_span(promise.rpo or default.rpo),
        rto=_span(promise.rto or default.rto),
    )


def _name_people(inventory: Inventory, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return titles of people and teams as they were declared; None is unknown."""
    known: Mapping[str, Thing] = {**inventory.sections.people, **inventory.sections.teams}
    return tuple(_title(name, known[name]) if name in known else name for name in names) if names is not None else None


def _view_save(save: Save | None) -> SaveView:
    if save is None:
        return SaveView(is_known=False)
    return SaveView(True, save.to, _span(save.every), save.made_by == "other")


def _span(span: timedelta | None) -> str:
    return format_duration(span) if span is not None else ""


def _view_person(material: Material, name: str) -> PersonDetail:
    sections = material.inventory.sections
    person: Person = sections.people[name]
    left = has_left(material, name)
    return PersonDetail(
        name=name,
        title=_title(name, person),
        channels=tuple(clean(channel) for channel in person.channels) if person.channels is not None else None,
        teams=tuple(_title(key, team) for key, team in sections.teams.items() if name in (team.members or ())),
        skills=tuple(clean(skill) for skill in person.skills),
        accounts=tuple(
            _title(key, account)
            for key, account in sections.accounts.items()
            if name in material.inventory.persons(account.held_by)
        ),
        is_away=not left and not person.can_act(material.facts.now),
        away_until=person.away.until if person.away else None,
        has_left=left,
        is_public=person.public,
    )


def _view_row(material: Material, name: str) -> MatrixRow:
    inventory = material.inventory
    service: Service = inventory.sections.services[name]
    responsible = inventory.persons(service.people)
    cells = tuple(
        "direct" if person in (service.people or ()) else "team" if person in responsible else ""
        for person in inventory.sections.people
    )
    active = [
        person for person in inventory.sections.people if person in responsible and not has_left(material, person)
    ]
    return MatrixRow(LinkView(name, _title(name, service)), cells, len(active) if service.people is not None else None)


def _view_unknowns(inventory: Inventory) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found: dict[str, list[str]] = {}
    for unknown in inventory.unknowns:
        found.setdefault(unknown.thing, []).append(f"{unknown.field} ({unknown.mark})")
    return tuple((thing, tuple(fields)) for thing, fields in found.items())


def _view_accepted(material: Material) -> Iterator[AcceptedView]:
    for entry in material.inventory.sections.accepted:
        is_over = entry.until < material.facts.now
        yield AcceptedView(entry.rule, entry.thing or "", clean(entry.why), entry.by, entry.until, is_over)


def _view_things(inventory: Inventory) -> Iterator[tuple[str, tuple[ThingDetail, ...]]]:
    for section in THING_SECTIONS:
        things = {} if section in ELSEWHERE else dict(inventory.in_section(section))
        if things:
            yield section, tuple(ThingDetail(name, tuple(say_fields(thing))) for name, thing in things.items())
