"""The allow-list: exactly what may leave on the public page, and nothing else.

Templates and `status.json` get a `PublicView` and no other part of the inventory. To publish one more value, add a
field here, fill it below, and say in docs/publish.md why it may leave. Hosts, addresses, providers, accounts, stores,
channels, secrets and whatever is said about them have no field here.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kedge.model.facts import SHELF_LIFE, Facts
from kedge.model.finding import Finding, Severity, Text
from kedge.model.inventory import Inventory
from kedge.model.observation import Observation, Status
from kedge.model.people import Team
from kedge.model.service import Service
from kedge.publish.discretion import Discretion, clean

log = logging.getLogger(__name__)


_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+", re.ASCII | re.IGNORECASE)
# Names that mean something only inside a network: RFC 6761, RFC 6762, RFC 8375, RFC 9476 and common habit.
_INSIDE = (".local", ".localhost", ".internal", ".lan", ".intranet", ".home.arpa", ".alt")


@dataclass(frozen=True, slots=True)
class NameView:
    """A public name of a service; `url` is empty where no browser would find anything."""

    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class StatusView:
    """What was seen last. `now` is None if nobody ever looked; a look past its shelf life is `unknown` now."""

    now: Status | None = None
    seen: Status | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PeopleView:
    """Who is responsible: the names of those who agreed to be named, and how many others; None: not recorded."""

    named: tuple[str, ...] = ()
    others: int | None = 0

    @property
    def count(self) -> int | None:
        """How many people, if that is recorded."""
        return None if self.others is None else len(self.named) + self.others

    @property
    def is_too_few(self) -> bool:
        """Whether nobody or only one is known to be responsible."""
        return self.count is not None and self.count < 2


@dataclass(frozen=True, slots=True)
class LinkView:
    """A thing that has its own place on the page: its name there, and for people."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class ServiceView:
    """A public service. `level` is None unless the organisation opted in."""

    name: str
    title: str
    about: str
    names: tuple[NameView, ...]
    status: StatusView
    restored: datetime | None
    keeps_data: bool
    teams: tuple[LinkView, ...]
    people: PeopleView
    level: int | None


@dataclass(frozen=True, slots=True)
class TeamView:
    """A public team that is responsible for at least one public service."""

    name: str
    title: str
    about: str
    people: PeopleView
    services: tuple[LinkView, ...]


@dataclass(frozen=True, slots=True)
class FindingView:
    """A finding about a public service, if the organisation opted in: never its path, never its symptoms."""

    severity: Severity
    about: LinkView
    title: Text
    fix: Text


@dataclass(frozen=True, slots=True)
class OrganisationView:
    """Whose page this is."""

    name: str
    language: str
    url: str
    contact: str
    zone: str
    """The time zone in which the page says moments."""


@dataclass(frozen=True, slots=True)
class PublicView:
    """The whole public page. `findings` is None unless the organisation opted in; `withheld` counts the others."""

    organisation: OrganisationView
    now: datetime
    services: tuple[ServiceView, ...]
    teams: tuple[TeamView, ...]
    people_count: int
    has_levels: bool
    findings: tuple[FindingView, ...] | None
    withheld: int

    @property
    def wanting(self) -> tuple[ServiceView, ...]:
        """The services for which nobody or only one person is responsible."""
        return tuple(service for service in self.services if service.people.is_too_few)


@dataclass(frozen=True)
class Material:
    """What a page is made from. Facts carry the moment it is made for.

    `statuses` is what the latest looks saw, by service, `unknown` if too long ago; *when* is the fact `observation`
    or `status` (`down: no answer`), or that moment without one. `missing` is what a service's next level asks for.
    """

    inventory: Inventory
    facts: Facts
    findings: Sequence[Finding] = ()
    levels: Mapping[str, int] | None = None
    statuses: Mapping[str, Observation] | None = None
    missing: Mapping[str, Text] | None = None


def build_view(material: Material) -> PublicView:
    """Return what may leave."""
    sections = material.inventory.sections
    shown = {name: service for name, service in sections.services.items() if service.public}
    discretion = Discretion.of(material.inventory, _public_names(material.inventory))
    services = tuple(_view_service(material, name, discretion) for name in shown)
    teams = tuple(_view_teams(material, services, discretion))
    findings, withheld = _view_findings(material, services, discretion)
    return PublicView(
        organisation=view_organisation(material.inventory),
        now=material.facts.now,
        services=services,
        teams=teams,
        people_count=len({person for name in shown for person in _active(material, shown[name].people)}),
        has_levels=sections.organisation.public.levels,
        findings=findings if sections.organisation.public.findings else None,
        withheld=withheld,
    )


def _public_names(inventory: Inventory) -> set[str]:
    """Return the names of public services: declared, or following from other fields and no host's."""
    public = [service for service in inventory.sections.services.values() if service.public]
    hosts = {entry for name, host in inventory.sections.hosts.items() for entry in (name, *host.address)}
    derived = {name for service in public for name in service.names()} - hosts
    return derived.union(*(service.domains for service in public))


def view_organisation(inventory: Inventory) -> OrganisationView:
    """Return the organisation's public lines; it wrote them for visitors."""
    said = inventory.sections.organisation
    return OrganisationView(clean(said.name), said.language, clean(said.url), clean(said.contact), said.time_zone)


def view_status(material: Material, service: str) -> StatusView:
    """Return what was seen last of a service, and when: by the look handed in, else by its fact if fresh."""
    look = (material.statuses or {}).get(service)
    fact = material.facts.get(service, "observation") or material.facts.get(service, "status")
    if fact is None:
        return StatusView(look.status, look.status, material.facts.now) if look else StatusView()
    seen = _read_status(fact.value)
    counts = material.facts.now - fact.at <= (fact.shelf_life or SHELF_LIFE["observation"])
    return StatusView(look.status if look else seen if counts else Status.UNKNOWN, seen, fact.at)


def _read_status(value: str) -> Status:
    word = value.partition(":")[0].strip().lower()
    return Status(word) if word in set(Status) else Status.UNKNOWN


def view_restored(material: Material, service: str) -> datetime | None:
    """Return when a restore of this service was last proven (fact `drill`, value `ok …`)."""
    fact = material.facts.get(service, "drill")
    return fact.at if fact and re.match(r"ok\b", fact.value) else None


def _view_service(material: Material, name: str, discretion: Discretion) -> ServiceView:
    service = material.inventory.sections.services[name]
    has_levels = material.inventory.sections.organisation.public.levels
    return ServiceView(
        name=clean(name),
        title=_said(service.title, discretion, f"the title of {name}") or clean(name),
        about=_said(service.about, discretion, f"'about' of {name}"),
        names=tuple(_view_names(service, discretion)),
        status=view_status(material, name),
        restored=view_restored(material, name),
        keeps_data=service.has_data,
        teams=tuple(_link_teams(material, service.people, discretion)),
        people=_view_people(material, service.people),
        level=(material.levels or {}).get(name, 0) if has_levels else None,
    )


def _said(text: str, discretion: Discretion, what: str) -> str:
    text = clean(text)
    named = discretion.find(text)
    if named:
        log.warning("left %s out of the public page: it names '%s', which is private", what, named)
    return "" if named else text


def _view_names(service: Service, discretion: Discretion) -> Iterator[NameView]:
    """Yield the names declared as public ones, and of those that follow from other fields what names no host."""
    derived = [name for name in service.names() if name not in service.domains and discretion.allows(name)]
    web = {point.host.lower(): point.port for point in service.endpoints() if point.port in (80, 443)}
    for name in dict.fromkeys(clean(name).lower().rstrip(".") for name in (*service.domains, *derived)):
        if is_public_name(name):
            scheme = {80: "http", 443: "https"}.get(web.get(name, 0), "")
            yield NameView(name, f"{scheme}://{name}/" if scheme else "")


def is_public_name(name: str) -> bool:
    """Return whether this is a domain name that means something everywhere, and no address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return bool(_DOMAIN.fullmatch(name)) and not name.endswith(_INSIDE)
    return False


def _active(material: Material, names: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the people behind these names who have not left; being away is nobody else's business."""
    people = material.inventory.sections.people
    found = material.inventory.persons(names)
    return tuple(name for name in found if name in people and not has_left(material, name))


def has_left(material: Material, person: str) -> bool:
    """Return whether somebody is gone for good."""
    left = material.inventory.sections.people[person].left
    return left is not None and left <= material.facts.now


def _view_people(material: Material, names: tuple[str, ...] | None) -> PeopleView:
    sections = material.inventory.sections
    people = {name: sections.people[name] for name in _active(material, names)}
    named = tuple(clean(person.title) or clean(name) for name, person in people.items() if person.public)
    is_open = any(name in sections.teams and sections.teams[name].members is None for name in names or ())
    return PeopleView(named, None if is_open else len(people) - len(named))


def _link_teams(material: Material, names: tuple[str, ...] | None, discretion: Discretion) -> Iterator[LinkView]:
    for name in dict.fromkeys(names or ()):
        team = material.inventory.sections.teams.get(name)
        if team and team.public:
            yield LinkView(clean(name), _team_title(name, team, discretion))


def _team_title(name: str, team: Team, discretion: Discretion) -> str:
    return _said(team.title, discretion, f"the title of {name}") or clean(name)


def _view_teams(material: Material, services: tuple[ServiceView, ...], discretion: Discretion) -> Iterator[TeamView]:
    for name, team in material.inventory.sections.teams.items():
        links = tuple(
            LinkView(service.name, service.title)
            for service in services
            if clean(name) in {link.name for link in service.teams}
        )
        if team.public and links:
            about = _said(team.about, discretion, f"'about' of {name}")
            title = _team_title(name, team, discretion)
            yield TeamView(clean(name), title, about, _view_people(material, (name,)), links)


def _view_findings(
    material: Material, services: tuple[ServiceView, ...], discretion: Discretion
) -> tuple[tuple[FindingView, ...], int]:
    titles = {service.name: service.title for service in services}
    shown = tuple(
        FindingView(
            finding.severity, LinkView(finding.thing, titles[finding.thing]), _clean(finding.title), _clean(finding.fix)
        )
        for finding in material.findings
        if finding.thing in titles and _is_harmless(finding, discretion)
    )
    return shown, len(material.findings) - len(shown)


def _clean(text: Text) -> Text:
    return Text(clean(text.en), clean(text.de))


def _is_harmless(finding: Finding, discretion: Discretion) -> bool:
    texts = (finding.title.en, finding.title.de, finding.fix.en, finding.fix.de)
    return all(discretion.allows(clean(text)) for text in texts)
