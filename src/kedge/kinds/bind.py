"""BIND."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from kedge.kinds.files import part_name
from kedge.model.folder import Folder
from kedge.model.instance import Command, Endpoint, Instance, Part, Probe, Program, Start
from kedge.model.service import Service
from kedge.model.thing import AnyRef, OneOrMore


class NameServer(Service):
    """What every kind of name server shares.

    It is not *used under* its own name nor its zones' names: resolvers find it by the addresses that the zone above
    gives them (glue, RFC 9471). Else every name server would need itself.
    """

    hostname: str = Field("", description="its name as a name server: what the NS records point to")
    zones: Annotated[tuple[AnyRef, ...], OneOrMore] = Field((), description="the zones it answers for")
    own_address: str = Field("127.0.0.1", description="the address at which its own host asks it")

    def endpoints(self) -> Iterable[Endpoint]:
        """Yield port 53, which clients ask by UDP and by TCP (RFC 7766)."""
        yield Endpoint("dns", "", 53, "udp")
        yield Endpoint("dns-tcp", "", 53, "tcp")

    def probes(self, at: Instance) -> Iterable[Probe]:
        """Yield one question for each zone."""
        from kedge.probes.soa import SoaProbe

        for zone in self.zones or self.domains:
            yield SoaProbe(zone)

    def zone_parts(self, loads: Mapping[str, str], *, keeps_keys: bool) -> Iterable[Part]:
        """Yield each zone as it transfers it; `loads` are scripts that give it to a copy, by the copy's mode."""
        from kedge.parts.zone import ZonePart

        for zone in dict.fromkeys(self.zones or self.domains):
            name = f"zone-{part_name(zone)}"
            yield ZonePart(zone, name, self.own_address, tuple(loads.items()), keeps_keys)


class FiledNameServer(NameServer):
    """A name server that keeps its zones in files, though other files, or a journal, may be ahead of them."""

    transfers: bool = Field(
        False, description="whether each zone is also saved as it transfers it: for zones whose files are not the truth"
    )

    def transferred(self) -> Iterable[Part]:
        """Yield each zone as it transfers it, if that is wanted; the keys of signed ones are in its folders."""
        if self.transfers:
            yield from self.zone_parts({}, keeps_keys=True)


NEEDED = ("/run/named", "/var/cache/bind", "/var/lib/bind")


class Bind(FiledNameServer):
    """A name server and the zones it answers for."""

    kind: ClassVar[str] = "bind"
    summary: ClassVar[str] = "the BIND name server and its zones"
    example: ClassVar[Mapping[str, Any]] = {
        "hostname": "ns1.example.org",
        "zones": ["example.org"],
        "data": "/var/lib/bind",
    }

    settings: Folder = Field("/etc/bind", description="the folder of `named.conf`, as it is called on its host")
    data: Folder | None = Field(None, description="the folder of its zone files, if they lie elsewhere")

    def parts(self) -> Iterable[Part]:
        """Yield its settings, and the zones that it is given by others or keeps elsewhere."""
        from kedge.parts.folder import FolderPart

        yield FolderPart(self.settings, "settings")
        if self.data and self.data != self.settings:
            yield FolderPart(self.data, "zones")
        yield from self.transferred()

    def programs(self) -> Iterable[str]:
        """Yield the programs of a copy."""
        yield "named"

    def start(self, at: Instance) -> Iterable[Start]:
        """Yield named(8) on the restored settings, at another port, in the foreground."""
        from kedge.probes.soa import SoaProbe

        dns = at.dial.get("dns-tcp")
        zones = self.zones or self.domains
        if at.mode != "sandbox" or dns is None or not zones:
            return
        yield Command(("mkdir", "-p", *(str(at.path(folder)) for folder in NEEDED)))
        named = ("named", "-g", "-4", "-p", str(dns.port), "-c", str(at.path(self.settings) / "named.conf"))
        yield Program(named, SoaProbe(zones[0]))


KNOT_COPY = "/drill/knot.conf"
# Knot takes `listen` of its settings all together: its copy gets them without, and with an address of its own.
KNOT = """
umask 077
awk '/^[a-z]/ { section = $1 } section == "server:" && /^ +(listen|listen-xdp|rundir|user|pidfile):/ { next }
  section == "control:" { next } { print }' "$1" > "$2"
printf 'server:\\n  listen: %s@%s\\n  rundir: /run/knot\\n' "$3" "$4" >> "$2"
"""


class Knot(FiledNameServer):
    """A name server and the zones it answers for."""

    kind: ClassVar[str] = "knot"
    summary: ClassVar[str] = "the Knot name server and its zones"
    example: ClassVar[Mapping[str, Any]] = {"hostname": "ns2.example.org", "zones": ["example.org"]}

    settings: Folder = Field("/etc/knot", description="the folder of `knot.conf`, as it is called on its host")
    data: Folder = Field("/var/lib/knot", description="the folder of its zones and keys")

    def parts(self) -> Iterable[Part]:
        """Yield its settings, and its zones and keys."""
        from kedge.parts.folder import FolderPart

        yield FolderPart(self.settings, "settings")
        yield FolderPart(self.data, "zones")
        yield from self.transferred()

    def programs(self) -> Iterable[str]:
        """Yield the programs of a copy."""
        yield "knotd"

    def start(self, at: Instance) -> Iterable[Start]:
        """Yield knotd(8) on the restored settings, at another port, in the foreground."""
        from kedge.probes.soa import SoaProbe

        dns, zones = at.dial.get("dns-tcp"), self.zones or self.domains
        if at.mode != "sandbox" or dns is None or not zones:
            return
        yield Command(("mkdir", "-p", "/run/knot", str(at.path(KNOT_COPY).parent)))
        source, copy = str(at.path(self.settings) / "knot.conf"), str(at.path(KNOT_COPY))
        yield Command(("sh", "-c", KNOT, "sh", source, copy, dns.host, str(dns.port)))
        yield Program(("knotd", "-c", copy), SoaProbe(zones[0]))
