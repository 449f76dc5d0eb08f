"""PowerDNS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pydantic import Field

from kedge.kinds.bind import NameServer
from kedge.kinds.database import WithDatabase
from kedge.model.folder import Folder
from kedge.model.instance import Command, File, Instance, Part, Probe, Program, Start

COPY = "/drill/pdns"
FIRST = "drill.invalid"
"""The zone with which a copy begins: without one, nobody could see that it is ready."""
# Of the restored settings nothing is taken: they name a database, addresses and users that a sandbox has not.
SETTINGS = """\
launch=bind
bind-config=@COPY/named.conf
local-address=@ADDRESS
local-port=@PORT
socket-dir=@COPY
daemon=no
guardian=no
write-pid=no
disable-syslog=yes
zone-cache-refresh-interval=0
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
security-poll-suffix=
"""
ZONES = f'zone "{FIRST}" {{ type native; file "{COPY}/{FIRST}"; }};\n'
FIRST_ZONE = f"""\
{FIRST}. 60 IN SOA ns.invalid. hostmaster.invalid. 1 60 60 60 60
{FIRST}. 60 IN NS ns.invalid.
"""
# pdns_control ends with 0 whatever happened. The slash of a zone as in RFC 2317 is none in the name of a file.
IN_SANDBOX = f"""
file={COPY}/zone.$(printf %s "$1" | tr / _) && cp -- "$2" "$file" || exit 1
said=$(pdns_control --config-dir={COPY} bind-add-zone "$1" "$file" 2>&1)
case $said in Loaded*) ;; *) echo "$said" >&2; exit 1 ;; esac
"""
# A running server keeps a list of its zones for five minutes, and of what does not exist for one.
ON_HOST = """
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
pdnsutil load-zone "$1" "$2" >&2 || exit 1
for word in rediscover reload "purge $1\\$"; do pdns_control $word >/dev/null 2>&1; done; true
"""


class PowerDNS(NameServer, WithDatabase):
    """A name server whose zones are saved as it transfers them to its own host, whatever it keeps them in."""

    kind: ClassVar[str] = "powerdns"
    summary: ClassVar[str] = "the PowerDNS name server and its zones"
    example: ClassVar[Mapping[str, Any]] = {"hostname": "ns3.example.org", "zones": ["example.org"]}

    settings: Folder = Field("/etc/powerdns", description="the folder of `pdns.conf`, as it is called on its host")

    def parts(self) -> Iterable[Part]:
        """Yield its settings, each zone, and its database if known by name: it holds the keys of signed zones."""
        from kedge.parts.folder import FolderPart

        has_database = bool(self.database and self.database_name)
        loads = {"sandbox": IN_SANDBOX} if has_database else {"sandbox": IN_SANDBOX, "target": ON_HOST}
        yield FolderPart(self.settings, "settings")
        yield from self.zone_parts(loads, keeps_keys=has_database or bool(self.dumps))
        yield from self.database_parts()

    def programs(self) -> Iterable[str]:
        """Yield the programs of a copy."""
        yield from ("pdns_server", "pdns_control", "/usr/lib/*/pdns/libbindbackend.so")

    def start(self, at: Instance) -> Iterable[Start]:
        """Yield pdns_server(1) on zone files, at another port, in the foreground; the zones come then."""
        from kedge.probes.soa import SoaProbe

        dns = at.dial.get("dns-tcp")
        if at.mode != "sandbox" or dns is None or not (self.zones or self.domains):
            return
        words = {"@COPY": COPY, "@ADDRESS": dns.host, "@PORT": str(dns.port)}
        text = SETTINGS
        for place, word in words.items():
            text = text.replace(place, word)
        copy = at.path(COPY)
        yield Command(("mkdir", "-p", str(copy)))
        yield File(copy / "pdns.conf", text)
        yield File(copy / "named.conf", ZONES)
        yield File(copy / FIRST, FIRST_ZONE)
        ready: Probe = SoaProbe(FIRST)
        yield Program(("pdns_server", f"--config-dir={copy}"), ready)
