"""The inventory: everything declared, by section, and by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import get_args

from pydantic import Field

from kedge.errors import KedgeError
from kedge.model.care import Accepted, Alerts, Change, Limit, Organisation, Vantage
from kedge.model.facts import Fact
from kedge.model.naming import Certificate, Domain
from kedge.model.people import Account, ChannelText, Document, Group, Person, Secret, Team
from kedge.model.premises import Host, Place, Provider
from kedge.model.saving import Store
from kedge.model.service import Service
from kedge.model.thing import Declared, Thing


class Sections(Declared):
    """The sections of an inventory, in the order a reader expects them; each maps names to things."""

    version: int = Field(1, ge=1, le=1)
    organisation: Organisation
    places: Mapping[str, Place] = {}
    providers: Mapping[str, Provider] = {}
    hosts: Mapping[str, Host] = {}
    services: Mapping[str, Service] = {}
    domains: Mapping[str, Domain] = {}
    certificates: Mapping[str, Certificate] = {}
    limits: Mapping[str, Limit] = {}
    people: Mapping[str, Person] = {}
    teams: Mapping[str, Team] = {}
    groups: Mapping[str, Group] = {}
    channels: Mapping[str, ChannelText] = {}
    accounts: Mapping[str, Account] = {}
    secrets: Mapping[str, Secret] = {}
    documents: Mapping[str, Document] = {}
    stores: Mapping[str, Store] = {}
    vantages: Mapping[str, Vantage] = {}
    alerts: Alerts | None = None
    changes: Mapping[str, Change] = {}
    accepted: tuple[Accepted, ...] = ()


THING_SECTIONS: tuple[str, ...] = tuple(
    name
    for name, field_ in Sections.model_fields.items()
    if any(isinstance(part, type) and issubclass(part, Thing) for part in get_args(field_.annotation))
    or name == "channels"
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the user's files: file, line and column, both counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value the user declared to be unknown: of which thing, which field (kebab-case, dotted), where."""

    thing: str
    field: str
    mark: Mark


@dataclass(frozen=True)
class Inventory:
    """A read inventory: its sections, what it says is unknown, the attested facts beside it, where things stand.

    Channels written in place (`mail anna@private.example`) are things as well, under their own text.
    """

    sections: Sections
    unknowns: tuple[Unknown, ...] = ()
    facts: tuple[Fact, ...] = ()
    marks: Mapping[str, Mark] = field(default_factory=dict)
    source: str = ""

    @cached_property
    def things(self) -> Mapping[str, Thing]:
        """Every declared thing by name; names are unique across sections."""
        return {name: thing for section in THING_SECTIONS for name, thing in getattr(self.sections, section).items()}

    def persons(self, names: tuple[str, ...] | None) -> tuple[str, ...]:
        """Return the people behind these people and teams, each once, in order."""
        found: dict[str, None] = {}
        for name in names or ():
            team = self.sections.teams.get(name)
            for person in (team.members or ()) if team else (name,):
                found[person] = None
        return tuple(found)

    def actors(self, names: tuple[str, ...] | None) -> tuple[str, ...]:
        """Return who may act among these people and teams: people, and teams of which nobody knows the members."""
        found: dict[str, None] = {}
        for name in names or ():
            team = self.sections.teams.get(name)
            for actor in (name,) if team is None or team.members is None else team.members:
                found[actor] = None
        return tuple(found)

    def can_act(self, actor: str, at: datetime) -> bool:
        """Return whether somebody is neither away nor gone at this moment; a team of unknown members may act."""
        person = self.sections.people.get(actor)
        return person is None or person.can_act(at)

    def find(self, name: str) -> Thing:
        """Return a thing by name; raises KedgeError that names close ones."""
        if name in self.things:
            return self.things[name]
        raise KedgeError(f"nothing in the inventory is called '{name}'", hint=_close(name, self.things))

    def in_section(self, section: str) -> Iterator[tuple[str, Thing]]:
        """Yield the named things of one section."""
        yield from getattr(self.sections, section).items()


def _close(name: str, among: Mapping[str, object]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, among, 3, 0.6)
    return f"did you mean {' or '.join(repr(match) for match in near)}?" if near else "see `kedge show`"
