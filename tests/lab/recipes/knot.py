"""Knot DNS: the secondary server, another program at another operator."""

from __future__ import annotations

from dataclasses import dataclass

from tests.lab.component import Component, ended
from tests.lab.host import Host

CONFIGURATION = """\
server:
    rundir: "/run/knot"
    user: knot:knot
    listen: [ 0.0.0.0@53, ::@53 ]
log:
  - target: stderr
    any: info
database:
    storage: "/var/lib/knot"
remote:
  - id: primary
    address: {primary}@53
acl:
  - id: notified
    address: {primary}
    action: notify
zone:
  - domain: {zone}
    master: primary
    acl: notified
    refresh-min-interval: 2
    retry-min-interval: 1
"""


@dataclass(frozen=True)
class Secondary(Component):
    """The secondary server of one zone: transfers it when the primary says so."""

    zone: str
    primary: str
    name = "knot"
    packages = frozenset({"knot", "knot-dnsutils"})
    process = r"^knotd "

    def prepare(self, host: Host) -> None:
        """Write the configuration."""
        text = CONFIGURATION.format(zone=self.zone, primary=self.primary)
        host.write("/etc/knot/knot.conf", text, mode=0o640, owner="knot")

    def start(self) -> str:
        """Start it; /run is empty after every boot."""
        return "install -d -o knot -g knot /run/knot; knotd -d -c /etc/knot/knot.conf"

    def ready(self) -> str:
        """It has the zone; asks the primary again if the first transfer came too early."""
        return (
            f"dig +short +time=1 +tries=1 @127.0.0.1 {self.zone} SOA | grep -q . || "
            f"{{ knotc -t 1 zone-refresh {self.zone} >/dev/null; sleep 0.1; false; }}"
        )

    def stop(self) -> str:
        """Stop it and let it write its journal."""
        return ended("^knotd ", "knotc -t 5 stop >/dev/null || true")
