"""From everything that was seen to one inventory: hosts, providers, services, domains, certificates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from kedge.discovery.from_outside import HostSeen, group_hosts, host_name, sightings_of
from kedge.discovery.sighting import Sighting, merge_sightings
from kedge.discovery.sketch import Entry, Sketch, company_slug, one_or_list
from kedge.discovery.world import DomainView, World
from kedge.inventory.edit import Value
from kedge.kinds.registry import KINDS
from kedge.model.observation import Observation
from kedge.model.thing import to_kebab

UNKNOWN = "unknown"
MAIL_SENDERS = "no SPF and no DMARC record: anybody can send mail in its name"


@dataclass
class Composer:
    """Draws one inventory. `seen` are the looks at its things, for the first judgement."""

    name: str
    today: date
    sketch: Sketch = field(default_factory=Sketch)
    seen: dict[str, dict[str, Observation]] = field(default_factory=dict)
    host_of: dict[str, str] = field(default_factory=dict)
    """Address or name -> host."""
    _providers: dict[str, str] = field(default_factory=dict)

    @property
    def measured(self) -> str:
        """The provenance of what was seen today."""
        return f"measured {self.today}"

    def provider(self, title: str, sells: str, how: str = "") -> str:
        """Return the provider of this title, made if it is new, that sells one more thing."""
        key = company_slug(title)
        if key not in self._providers:
            name, entry = self.sketch.add("providers", key, "provider")
            self._providers[key] = name
            entry.put("title", title)
            if how:
                entry.comments.append(f"named by {how}")
            for unknown in ("notices-to", "contract", "lead-time"):
                entry.put(unknown, UNKNOWN)
        entry = self.sketch.sections["providers"][self._providers[key]]
        sold = entry.fields.get("sells", [])
        assert isinstance(sold, list)
        entry.put("sells", list(dict.fromkeys([*sold, sells])))
        return self._providers[key]

    def add_host(self, seen: HostSeen, domains: Iterable[str]) -> str:
        """Draw a machine that was seen from outside; one of its addresses or names may be known already."""
        known = next((self.host_of[one] for one in (*seen.addresses, seen.pointer) if one in self.host_of), "")
        name = known
        if not known:
            name, entry = self.sketch.add("hosts", host_name(seen, domains), "host")
            entry.put("address", one_or_list(seen.addresses), self.measured)
            entry.put("login", UNKNOWN)
        entry = self.sketch.sections["hosts"][name]
        entry.comments.append(
            f"{', '.join(seen.names[:8])}" + (f"; calls itself {seen.pointer}" if seen.pointer else "")
        )
        if seen.operator:
            self.provider(seen.operator, name, seen.operator_how)
            if "provider" not in entry.fields:
                entry.put("provider", self._providers[company_slug(seen.operator)], "assumed")
        for one in (*seen.addresses, *seen.names, seen.pointer):
            self.host_of.setdefault(one, name)
        return name

    def add_world(self, world: World) -> list[Sighting]:
        """Draw the hosts that were seen from outside; return the services there."""
        domains = [view.name for view in world.domains]
        for host in group_hosts(world):
            self.add_host(host, domains)
        return list(sightings_of(world, self.host_of))

    def add_services(self, sightings: Iterable[Sighting]) -> dict[str, Sighting]:
        """Draw the services, each once, and bind those that use one another; return them by name."""
        merged = sorted(merge_sightings(sightings), key=lambda one: one.kind in ("mariadb", "mysql", "postgresql"))
        named: dict[str, Sighting] = {}
        for one in merged:
            name, _ = self.sketch.add("services", one.wanted or one.kind, one.kind)
            named[name] = one
        for name, one in named.items():
            self._service(name, one, named)
        return named

    def _service(self, name: str, one: Sighting, named: Mapping[str, Sighting]) -> None:
        entry = self.sketch.sections["services"][name]
        kind = KINDS[one.kind]
        keys = {field_.alias or to_kebab(key) for key, field_ in kind.model_fields.items()}
        entry.comments += one.why
        entry.put("kind", one.kind, "assumed" if one.is_guess else self.measured)
        if one.host:
            entry.put("host", one.host)
        for key, value in one.fields.items():
            if key in keys and value:
                entry.put(key, _listens(one.kind, value) if key == "listens" else value)
        for role, bound in _bindings(one, named):
            entry.put(role, bound)
        for unknown in ("people", "save", *one.unknown):
            entry.fields.setdefault(unknown, UNKNOWN)
        if one.seen:
            self.seen.setdefault(name, {}).update(one.seen)

    def add_domain(self, view: DomainView) -> None:
        """Draw a domain: who sold it, who answers for it, what it says."""
        name, entry = self.sketch.add("domains", view.name, "domain")
        registration = view.registration
        if not (view.has_spf or view.has_dmarc) and view.mail_hosts:
            entry.comments.append(MAIL_SENDERS)
        if view.has_wildcard:
            entry.comments.append(
                "every name below it leads somewhere (a wildcard): only names with other addresses are listed"
            )
        if view.contact:
            entry.comments.append(f"its SOA record names {view.contact} as the contact")
        entry.put("registrar", self._registrar(name, view) or UNKNOWN)
        entry.put("nameservers", self._name_servers(view) or UNKNOWN)
        if registration.ends:
            entry.put("expiry", registration.ends.date().isoformat(), self.measured)
        else:
            entry.put("expiry", UNKNOWN)
        if view.records:
            entry.put("zone", {owner: one_or_list(records) for owner, records in view.records.items()}, self.measured)
        if view.zone:
            self.seen.setdefault(name, {})["zone"] = view.zone

    def _registrar(self, name: str, view: DomainView) -> str:
        registration = view.registration
        if not registration.registrar and not registration.contacts:
            return ""
        provider = self.provider(registration.registrar or "registrar", name, "the registry of the domain")
        entry = self.sketch.sections["providers"][provider]
        channels = []
        for contact in registration.contacts:
            channel, drawn = self.sketch.add("channels", f"{provider}-mail", "mail")
            drawn.comments.append(f"the contact in the registration of {name}")
            drawn.put("to", f"mail {contact}", self.measured)
            drawn.put("readers", UNKNOWN)
            channels.append(channel)
        if channels:
            entry.put("notices-to", channels)
        return provider

    def _name_servers(self, view: DomainView) -> list[Value]:
        """Return who answers for a domain: hosts of one's own, or the provider behind foreign names."""
        found: list[Value] = []
        for server in view.servers:
            if own := self.host_of.get(server):
                found.append(own)
            else:
                found.append(self.provider(_registered(server), view.name, f"the name server {server}"))
        return list(dict.fromkeys(found))

    def add_certificates(self, world: World, services: Mapping[str, Sighting]) -> None:
        """Draw each certificate once, with the services that show it."""
        drawn: dict[tuple[str, str], Entry] = {}
        for view in sorted(world.doors, key=lambda one: one.door.protocol != "web"):
            if view.certificate is None:
                continue
            users = [name for name, one in services.items() if view.door.name in one.names]
            key = (self.host_of.get(view.address, view.address), view.certificate.ends.isoformat())
            if key not in drawn:
                _, entry = self.sketch.add("certificates", f"tls-{view.door.name.partition('.')[0]}", "tls")
                drawn[key] = entry
                entry.put("names", list(view.certificate.names))
                entry.put("expiry", view.certificate.ends.date().isoformat(), self.measured)
                entry.put("renewed-by", UNKNOWN)
            used = drawn[key].fields.get("used-by", [])
            assert isinstance(used, list)
            if users:
                drawn[key].put("used-by", list(dict.fromkeys([*used, *users])))


def _listens(kind: str, value: Value) -> Value:
    """Return the listening ports in the order and words of the kind."""
    order = ("smtp", "submission", "submissions", "imap", "imaps", "pop3", "pop3s", "sieve")
    return [one for one in order if isinstance(value, list) and one in value]


def _bindings(one: Sighting, named: Mapping[str, Sighting]) -> list[tuple[str, str]]:
    """Return what a service is bound to: by what it says itself, or because its host has only one."""
    bound = []
    for role, kinds in KINDS[one.kind].requires.items():
        candidates = [name for name, other in named.items() if other.kind in kinds and other is not one]
        near = [name for name in candidates if named[name].host == one.host]
        told = one.uses.get(role)
        if told is not None:
            near = [name for name in candidates if _is_meant(named[name], told)] or near[:1]
        elif role != "mailboxes" and role != "mail":
            near = []
        if len(near) == 1:
            bound.append((role, near[0]))
    return bound


def _is_meant(other: Sighting, told: str) -> bool:
    """Return whether a database server is the one told of: `HOST/KIND/DATABASE`, each part possibly empty."""
    host, _, rest = told.partition("/")
    kind, _, database = rest.partition("/")
    if host and other.host != host:
        return False
    if kind and other.kind not in kind.split("|"):
        return False
    databases = other.fields.get("databases")
    return bool(host) or not database or (isinstance(databases, list) and database in databases)


def _registered(name: str) -> str:
    """Return the part of a name that somebody registered, roughly: its last two labels, three below short ones."""
    labels = name.split(".")
    count = 3 if len(labels) > 2 and len(labels[-2]) <= 3 and len(labels[-1]) == 2 else 2
    return ".".join(labels[-count:])


def compose(
    name: str, today: date, world: World, sightings: Sequence[Sighting] = (), composer: Composer | None = None
) -> Composer:
    """Return the inventory drawn from everything that was seen; closer looks come with `sightings` and `composer`."""
    drawn = composer or Composer(name, today)
    drawn.sketch.organisation.setdefault("name", name)
    outside = drawn.add_world(world)
    services = drawn.add_services([*outside, *sightings])
    for view in world.domains:
        drawn.add_domain(view)
    drawn.add_certificates(world, services)
    drawn.sketch.not_understood += [f"left: {one}" for one in world.left]
    return drawn
