"""What follows from the inventory's fields, looked up by thing: sellers, openers, receivers, documents, spares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kedge.model.inventory import Inventory
from kedge.model.people import SENDABLE, Channel
from kedge.model.service import Service

Names = tuple[str, ...]


@dataclass(frozen=True)
class Index:
    """Derived relations, each from a thing's name to names in the inventory's order."""

    inventory: Inventory
    sellers: Mapping[str, Names] = field(default_factory=dict)
    withdrawers: Mapping[str, Names] = field(default_factory=dict)
    openers: Mapping[str, Names] = field(default_factory=dict)
    deleters: Mapping[str, Names] = field(default_factory=dict)
    lockers: Mapping[str, Names] = field(default_factory=dict)
    documents: Mapping[str, Names] = field(default_factory=dict)
    certificates: Mapping[str, Names] = field(default_factory=dict)
    groups: Mapping[str, Names] = field(default_factory=dict)
    guests: Mapping[str, Names] = field(default_factory=dict)
    services_on: Mapping[str, Names] = field(default_factory=dict)
    channels_of: Mapping[str, Names] = field(default_factory=dict)
    receivers: Mapping[tuple[str, str], Names] = field(default_factory=dict)
    spares: Names = ()

    def domain_of(self, name: str) -> str | None:
        """Return the declared domain that a host name or address at it belongs to (the longest match)."""
        labels = name.rstrip(".").lower().split(".")
        domains = self.inventory.sections.domains
        return next((d for i in range(len(labels)) if (d := ".".join(labels[i:])) in domains), None)

    def receiver_of(self, channel: Channel) -> tuple[Names, str | None]:
        """Return the services that receive what is sent there, and the declared domain of its address, if any.

        A channel whose address lies at no declared domain and at no service of one's own needs neither.
        """
        _, at, host = channel.address.partition("@")
        if not at:
            return (), None
        host = host.rstrip(".").lower()
        domain = self.domain_of(host)
        exact = self.receivers.get((channel.type, host), ()) or self.receivers.get((channel.type, domain or ""), ())
        return exact or (self.receivers.get((channel.type, ""), ()) if domain else ()), domain

    def is_sent(self, channel: Channel) -> bool:
        """Return whether what watches can send through a channel; where nothing is declared to watch, people can.

        A channel whose type nobody gave is asked for elsewhere.
        """
        alerts, vantages = self.inventory.sections.alerts, self.inventory.sections.vantages
        watchers = (alerts.watcher if alerts else None) or ()
        others = (kind for name in watchers for kind in vantages[name].sends)
        return not watchers or channel.type in (*SENDABLE, "", *others)

    def chain(self, host: str) -> Names:
        """Return a host and the hosts it is a guest of, innermost first."""
        hosts, found = self.inventory.sections.hosts, []
        current: str | None = host
        while current and current not in found:
            found.append(current)
            current = hosts[current].guest_of
        return tuple(found)

    def inside(self, host: str) -> Names:
        """Return a host and every guest on it, at any depth."""
        found, waiting = [], [host]
        while waiting:
            current = waiting.pop()
            found.append(current)
            waiting.extend(self.guests.get(current, ()))
        return tuple(found)


def build_index(inventory: Inventory) -> Index:
    """Return the derived relations of an inventory."""
    sections = inventory.sections
    sold = [(name, provider.sells) for name, provider in sections.providers.items()]
    hosted = [(host.provider or "", (name,)) for name, host in sections.hosts.items()]
    sited = [(place.provider or "", (name,)) for name, place in sections.places.items()]
    withdrawn = [
        (name, p.sells if p.may_withdraw is None else p.may_withdraw) for name, p in sections.providers.items()
    ]
    limited = {name for name, p in sections.providers.items() if p.may_withdraw is not None}
    accounts = sections.accounts.items()
    stores = sections.stores.items()
    return Index(
        inventory,
        sellers=_inverted([*sold, *hosted, *sited]),
        withdrawers=_inverted([*withdrawn, *((p, of) for p, of in [*hosted, *sited] if p not in limited)]),
        openers=_inverted((name, account.opens) for name, account in accounts),
        deleters=_inverted(
            [
                *((name, account.can_delete) for name, account in accounts),
                *((by, (name,)) for name, store in stores if not store.append_only for by in store.deletable_by or ()),
            ]
        ),
        lockers=_inverted((name, account.can_lock) for name, account in accounts),
        documents=_inverted((name, document.covers) for name, document in sections.documents.items()),
        certificates=_inverted((name, cert.used_by) for name, cert in sections.certificates.items()),
        groups=_inverted((name, group.grants) for name, group in sections.groups.items()),
        guests=_inverted((name, (host.guest_of,)) for name, host in sections.hosts.items() if host.guest_of),
        services_on=_by_host(sections.services),
        channels_of=_channels_of(inventory),
        receivers=_receivers(sections.services),
        spares=tuple(name for name, host in sections.hosts.items() if host.room or host.spare_for),
    )


def _inverted(pairs: Iterable[tuple[str, Iterable[str]]]) -> Mapping[str, Names]:
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for source, targets in pairs:
        for target in targets if source else ():
            found[target][source] = None
    return {target: tuple(sources) for target, sources in found.items()}


def _by_host(services: Mapping[str, Service]) -> Mapping[str, Names]:
    return _inverted((name, service.host or ()) for name, service in services.items())


def _channels_of(inventory: Inventory) -> Mapping[str, Names]:
    """Return the channels that reach each person: own ones first, then the teams', then those they read."""
    sections = inventory.sections
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for name, person in sections.people.items():
        found[name].update(dict.fromkeys(person.channels or ()))
    for name, team in sections.teams.items():
        for member in team.members if team.members is not None else (name,):
            found[member].update(dict.fromkeys(team.channels))
    for name, channel in sections.channels.items():
        for reader in inventory.actors(channel.readers):
            found[reader][name] = None
    return {person: tuple(channels) for person, channels in found.items()}


def _receivers(services: Mapping[str, Service]) -> Mapping[tuple[str, str], Names]:
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for name, service in services.items():
        for domain in (service.domains or ("",)) if service.receives else ():
            found[service.receives, domain.rstrip(".").lower()].append(name)
    return {key: tuple(names) for key, names in found.items()}
