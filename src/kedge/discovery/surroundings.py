"""What stands around the hosts of an organisation: providers, domains, the channels of registries, certificates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from kedge.discovery.sighting import Sighting
from kedge.discovery.sketch import Entry, Sketch, company_slug, one_or_list
from kedge.discovery.world import DomainView, World
from kedge.inventory.edit import Value
from kedge.model.observation import Observation

UNKNOWN = "unknown"
MAIL_SENDERS = "no SPF and no DMARC record: anybody can send mail in its name"


@dataclass
class Surroundings:
    """Draws what hosts and services stand in. `seen` are the looks at things, for the first judgement."""

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
        if "." in title and company_slug(title.partition(".")[0]) in self._providers:  # ns1.inwx.de is INWX's
            key = company_slug(title.partition(".")[0])
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
                found.append(self.provider(registered_name(server), view.name, f"the name server {server}"))
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


def registered_name(name: str) -> str:
    """Return the part of a name that somebody registered, roughly: its last two labels, three below short ones."""
    labels = name.split(".")
    count = 3 if len(labels) > 2 and len(labels[-2]) <= 3 and len(labels[-1]) == 2 else 2
    return ".".join(labels[-count:])
