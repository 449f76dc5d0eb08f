"""BIND: the root of the lab's DNS, its resolver, and the primary server of the organisation's zone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tests.lab.component import Component, ended
from tests.lab.host import Host

KEY = 'key "kedge" { algorithm hmac-sha256; secret "%s"; };\n'
OPTIONS = """\
options {
    directory "/var/cache/bind";
    listen-on { any; };
    listen-on-v6 { any; };
    allow-query { any; };
    dnssec-validation no;
    empty-zones-enable no;   // the lab's addresses are documentation addresses: BIND would answer for them itself
    %s
};
controls { inet 127.0.0.1 port 953 allow { 127.0.0.1; } keys { "rndc-key"; }; };
include "/etc/bind/rndc.key";
"""


class Named(Component):
    """What every BIND of the lab has in common."""

    name = "bind"
    packages: ClassVar[frozenset[str]] = frozenset({"bind9"})
    process = r"^named "
    asked: ClassVar[str] = "."

    def personalise(self, host: Host) -> None:
        """Make the key for rndc."""
        host.sh("rndc-confgen -a -u bind -c /etc/bind/rndc.key")

    def start(self) -> str:
        """Start it; /run is empty after every boot."""
        return "install -d -o bind -g bind /run/named; named -u bind -c /etc/bind/named.conf"

    def ready(self) -> str:
        """It answers for what it is there for."""
        return f"dig +short +time=1 +tries=1 @127.0.0.1 {self.asked} SOA | grep -q ."

    def stop(self) -> str:
        """Stop it and let it write its zones."""
        return ended("^named ", "rndc stop || true")


@dataclass(frozen=True)
class RootServer(Named):
    """Authoritative for the root and for what lies above the organisation's zone."""

    zones: tuple[tuple[str, str], ...]
    """Zone name and text."""

    def prepare(self, host: Host) -> None:
        """Write configuration and zones."""
        lines = [OPTIONS % "recursion no;"]
        for number, (zone, text) in enumerate(self.zones):
            file = f"/etc/bind/zone-{number}"
            host.write(file, text)
            lines.append(f'zone "{zone}" {{ type primary; file "{file}"; }};\n')
        host.write("/etc/bind/named.conf", "".join(lines))


@dataclass(frozen=True)
class Resolver(Named):
    """The resolver all hosts use; forgets within five seconds, so that a change shows at once."""

    root: str
    """The root server's address."""

    def prepare(self, host: Host) -> None:
        """Write configuration and root hints."""
        forgetful = "recursion yes; allow-recursion { any; }; max-cache-ttl 5; max-ncache-ttl 5; prefetch 0;"
        host.write("/etc/bind/named.conf", OPTIONS % forgetful + 'zone "." { type hint; file "/etc/bind/root"; };\n')
        host.write("/etc/bind/root", f". 60 NS a.root.example.\na.root.example. 60 A {self.root}\n")


@dataclass(frozen=True)
class Primary(Named):
    """The primary server of one zone."""

    zone: str
    text: str
    secondaries: tuple[str, ...]
    changed_by: str
    """`nsupdate` (with the lab's TSIG key) or `hand` (edit the file, raise the serial, reload)."""
    file: ClassVar[str] = "/var/lib/bind/zone"

    def prepare(self, host: Host) -> None:
        """Write the zone, and the configuration but for the key."""
        host.write(self.file, self.text, owner="bind")

    def personalise(self, host: Host) -> None:
        """Write the lab's TSIG key and who may do what with it."""
        super().personalise(host)
        key = host.secrets["dns-update-key"]
        host.write("/etc/bind/kedge.key", KEY % key, mode=0o640, owner="bind")
        update = "allow-update { key kedge; };" if self.changed_by == "nsupdate" else ""
        others = " ".join(f"{address};" for address in self.secondaries)
        host.write(
            "/etc/bind/named.conf",
            f'include "/etc/bind/kedge.key";\n{OPTIONS % "recursion no; notify explicit;"}'
            f'zone "{self.zone}" {{ type primary; file "{self.file}"; notify explicit; also-notify {{ {others} }}; '
            f"allow-transfer {{ {others} key kedge; }}; {update} }};\n",
        )

    def ready(self) -> str:
        """It answers for its zone."""
        return f"dig +short +time=1 +tries=1 @127.0.0.1 {self.zone} SOA | grep -q ."
