"""What a sweep looks at: every thing of the inventory that has a probe, as it lives."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from kedge.adapters.local import LocalShell
from kedge.app.names import is_literal
from kedge.app.opening import Opened
from kedge.app.vantage import LiveSite, NoShell, VantageNet, shell_into, ssh_port
from kedge.app.workshop import Workshop
from kedge.model.instance import Instance, Probe
from kedge.model.inventory import Inventory
from kedge.model.naming import Domain
from kedge.model.ports import Address
from kedge.model.premises import Host
from kedge.model.service import Service
from kedge.probes.reach import ReachProbe
from kedge.probes.registration import RegistrationProbe, can_be_registered
from kedge.probes.smtp import SmtpProbe
from kedge.probes.system import SystemProbe
from kedge.probes.tls import TlsProbe
from kedge.probes.zone import ZoneProbe

SRV = {"xmpp-client": "_xmpp-client._tcp", "xmpp-server": "_xmpp-server._tcp"}
"""Endpoints whose domain leads to them by an SRV record (RFC 6120 §3.2.1)."""
MOST_PORTS = 4
RENEWED = ("/etc/letsencrypt/live/{}/fullchain.pem", "/var/lib/dehydrated/certs/{}/fullchain.pem")
"""Where certbot and dehydrated keep the newest certificate of a name."""


@dataclass(frozen=True)
class Target:
    """One probe and what it looks at. `name` is the probe's own, with the host where a service has several."""

    thing: str
    name: str
    probe: Probe
    at: Instance
    places: tuple[Address, ...] = ()
    """Where to look, if that is declared and not what a name leads to."""

    @property
    def is_shallow(self) -> bool:
        """Whether a good look says little: that a host is there clears none of its services."""
        return bool(getattr(self.probe, "is_shallow", False))

    @property
    def endpoint(self) -> str:
        """The endpoint it connects to; empty if it is none of the instance's."""
        return str(getattr(self.probe, "endpoint", ""))

    @property
    def dial(self) -> Address | None:
        """Where that is."""
        return self.at.dial.get(self.endpoint)


@dataclass(frozen=True)
class Surveyor:
    """Finds targets in an inventory. `there` is an address that is looked at in place of every declared one."""

    inventory: Inventory
    net: VantageNet
    near: LocalShell
    folder: Path
    there: str = ""

    def targets(self, things: Collection[str] = ()) -> Iterator[Target]:
        """Yield what can be looked at, of these things or of all."""
        sections = self.inventory.sections
        for name, service in sections.services.items():
            if not things or name in things:
                yield from self._of_service(name, service)
        for name, domain in sections.domains.items() if not self.there else ():
            if not things or name in things:
                yield from self._of_domain(name, domain)
        for name, host in sections.hosts.items() if not self.there else ():
            if not things or name in things:
                yield from self._of_host(name, host)

    def _of_service(self, name: str, service: Service) -> Iterator[Target]:
        hosts = service.host or ("",)
        is_named = all(endpoint.host for endpoint in service.endpoints())
        for host in hosts[:1] if is_named or self.there else hosts:
            at = self.live(service, host)
            suffix = f" on {host}" if len(hosts) > 1 and not is_named and not self.there else ""
            for probe in service.probes(at):
                if probe.scope == "instance" or not self.there:
                    yield Target(name, probe.name + suffix, self._with_recipient(probe), at)
            for probe in _certificates(service):
                yield Target(name, probe.name + suffix, probe, at)

    def _with_recipient(self, probe: Probe) -> Probe:
        """Return the probe; of a mail server that MX records point to, it names a recipient there.

        A second way in receives for no domain of its own, and is worth nothing if it refuses the mail of the others.
        """
        if not isinstance(probe, SmtpProbe) or probe.recipient or probe.login:
            return probe
        for name, domain in self.inventory.sections.domains.items():
            targets = [data.split()[-1] for data in declared_records(domain).get(("@", "MX"), ()) if data.split()]
            if probe.hostname in {one[:-1] if one.endswith(".") else f"{one}.{name}" for one in targets}:
                return replace(probe, recipient=f"postmaster@{name}")
        return probe

    def live(self, service: Service, host: str, depth: int = 1) -> Instance:
        """Return the running copy of a service on a host, with those it is bound to."""
        uses: dict[str, Instance] = {}
        for role in service.requires if depth else ():
            bound = self.inventory.sections.services.get(getattr(service, role.replace("-", "_"), None) or "")
            if bound:
                uses[role] = self.live(bound, (bound.host or ("",))[0], depth - 1)
        dial = {endpoint.name: self._address(endpoint.host, host, endpoint.port) for endpoint in service.endpoints()}
        return Instance("live", self._site(host, service), {k: v for k, v in dial.items() if v}, uses=uses)

    def _address(self, name: str, host: str, port: int) -> Address | None:
        if self.there and not name:
            return Address(self.there, port)
        found = self.inventory.sections.hosts.get(host)
        where = name or (found.address[0] if found and found.address else "")
        return Address(where, port) if where else None

    def _site(self, host: str, service: Service) -> LiveSite:
        declared = self.inventory.sections.hosts.get(host)
        login = declared.login if declared and not self.there else ""
        pins = {endpoint.host: self.there for endpoint in service.endpoints() if endpoint.host and self.there}
        return LiveSite(
            replace(self.net, pins=pins), shell_into(login, self.near, service.entry()), self.near,
            self.inventory.sections.secrets, self.folder,
        )  # fmt: skip

    def _of_domain(self, name: str, domain: Domain) -> Iterator[Target]:
        at = Instance("live", LiveSite(self.net, NoShell(""), self.near), {})
        zone = ZoneProbe(name, declared_records(domain), dict(self._name_servers(domain)))
        yield Target(name, zone.name, zone, at)
        if domain.registrar and can_be_registered(name):
            registration = RegistrationProbe(name)
            yield Target(name, registration.name, registration, at)

    def _of_host(self, name: str, host: Host) -> Iterator[Target]:
        """Yield a knock at the ports that ought to answer from here, and a look from within where kedge may enter."""
        site = LiveSite(self.net, shell_into(host.login, self.near), self.near)
        places = tuple(Address(address) for address in host.address if is_literal(address))
        if places and (ports := tuple(dict.fromkeys(self._open_ports(name, host)))):
            probe = ReachProbe(ports[:MOST_PORTS])
            yield Target(name, probe.name, probe, Instance("live", site, {probe.endpoint: places[0]}), places)
        if host.login:
            yield Target(name, "system", SystemProbe(), Instance("live", site, {}))

    def _open_ports(self, name: str, host: Host) -> Iterator[int]:
        if port := ssh_port(host.login):
            yield port
        for service in self.inventory.sections.services.values():
            if name in (service.host or ()):
                yield from (one.port for one in service.endpoints() if one.host and one.transport != "udp")

    def _name_servers(self, domain: Domain) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the name servers that are one's own, with their hosts' addresses."""
        sections = self.inventory.sections
        for name in domain.nameservers or ():
            service = sections.services.get(name)
            hosts = (service.host or ()) if service else (name,)
            addresses = tuple(
                address for host in hosts if host in sections.hosts for address in sections.hosts[host].address
            )
            if found := tuple(filter(is_literal, addresses)):
                yield getattr(service, "hostname", "") or name, found


def _certificates(service: Service) -> Iterator[TlsProbe]:
    """Yield a look at the certificate of each endpoint that begins with TLS; others are looked at on the way."""
    for endpoint in service.endpoints():
        if endpoint.host and endpoint.transport == "tls":
            renewed = tuple(PurePosixPath(folder.format(endpoint.host)) for folder in RENEWED)
            name = "certificate" if endpoint.name == "web" else f"certificate {endpoint.name}"
            yield TlsProbe(endpoint.host, renewed, endpoint.name, name=name)


def declared_records(domain: Domain) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """Return the declared zone: (owner, type) -> record data in presentation format."""
    found: dict[tuple[str, str], list[str]] = {}
    for owners, records in domain.zone.items():
        for record in records:
            kind, _, data = record.strip().partition(" ")
            for owner in owners.split():
                found.setdefault((owner, kind.upper()), []).append(data.strip())
    return {key: tuple(values) for key, values in found.items()}


def survey(opened: Opened, things: Collection[str] = (), there: str = "") -> list[Target]:
    """Return the targets of an inventory, in its order."""
    inventory, path = opened.inventory, opened.path
    folder = path if path.is_dir() else path.parent
    return list(Surveyor(inventory, VantageNet(), Workshop.open(opened).near, folder, there).targets(things))
