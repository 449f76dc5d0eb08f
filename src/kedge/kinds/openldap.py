"""OpenLDAP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from kedge.kinds.looks import LOOK_AS, LookAs
from kedge.model.folder import Folder
from kedge.model.instance import Command, Endpoint, Instance, Part, Probe, Program, Start
from kedge.model.service import Service
from kedge.model.thing import OneOrMore

COPY = "/drill/slapd.d"
# A copy's settings are the restored ones without what it has not or must not have: certificates, a demand for them,
# rules of who may see what (in a sandbox nobody else is), other servers to follow.
COPIED = r"""
mkdir -p -- "$2" /run/slapd /var/run/slapd && slapcat -F "$1" -n 0 -o ldif-wrap=no |
  grep -v -E '^olc(TLS[A-Za-z]*|Security|LocalSSF|Access|Requires|Disallows|ServerID):' |
  grep -v -i -E '^olc(Syncrepl|UpdateRef|MirrorMode|MultiProvider):' | slapadd -F "$2" -n 0
"""
PORTS = {"ldap": 389, "ldaps": 636}
Number = Annotated[str, Field(pattern="^[1-9][0-9]?$")]


class Openldap(Service):
    """The directory of users, groups and whatever else asks it. Settings and databases are dumped while it runs."""

    kind: ClassVar[str] = "openldap"
    summary: ClassVar[str] = "the OpenLDAP directory"
    example: ClassVar[Mapping[str, Any]] = {"hostname": "ldap.example.org", "suffixes": ["dc=example,dc=org"]}

    hostname: str = Field("", description="the name that its clients use")
    suffixes: Annotated[tuple[str, ...], OneOrMore] = Field(
        (), description="what it holds (`olcSuffix`); empty: whatever it says that it holds"
    )
    listens: Annotated[tuple[Literal["ldap", "ldaps"], ...], OneOrMore] = Field(
        ("ldap",), description="the ports it can be asked at"
    )
    look_as: LookAs | None = Field(None, description=f"{LOOK_AS}; `user` is its DN; by `ldaps` only")
    settings: Folder = Field("/etc/ldap/slapd.d", description="the folder of its settings (`cn=config`)")
    databases: Mapping[Number, Folder] = Field(
        {"1": "/var/lib/ldap"}, description="its databases by number, as slapcat(8) has it → the folder of each"
    )

    def names(self) -> Iterable[str]:
        """Yield its domains and the name that clients use."""
        yield from dict.fromkeys((*self.domains, *([self.hostname] if self.hostname else [])))

    def endpoints(self) -> Iterable[Endpoint]:
        """Yield the ports it is asked at (RFC 4513 §3.1.4 for TLS from the start)."""
        for name in self.listens:
            yield Endpoint(name, self.hostname, PORTS[name], "tls" if name == "ldaps" else "tcp")

    def probes(self, at: Instance) -> Iterable[Probe]:
        """Yield a search at each port; in a sandbox, which holds no account, without a login."""
        from kedge.probes.ldap import LdapProbe

        login = self.look_as.login() if self.look_as and at.mode == "live" else None
        for name in self.listens:
            is_tls = name == "ldaps"
            known = login if is_tls else None
            yield LdapProbe(self.suffixes, known, self.hostname, is_tls=is_tls, endpoint=name, name=name)

    def parts(self) -> Iterable[Part]:
        """Yield its settings and its databases, as LDIF."""
        from kedge.parts.openldap import directory_part

        databases = sorted(self.databases.items())
        yield directory_part("settings", "0", self.settings, self.settings, databases)
        for number, folder in databases:
            yield directory_part(f"database-{number}", number, folder, self.settings, databases)

    def programs(self) -> Iterable[str]:
        """Yield the programs of a copy."""
        yield from ("slapd", "slapadd", "slapcat")

    def start(self, at: Instance) -> Iterable[Start]:
        """Yield slapd(8) on the restored databases, with a copy of the restored settings, in the clear."""
        dials = [at.dial[name] for name in self.listens if name in at.dial]
        if at.mode != "sandbox" or not dials:
            return
        yield Command(("sh", "-c", COPIED, "sh", self.settings, COPY))
        urls = " ".join(f"ldap://{dial.host}:{dial.port}/" for dial in dials)
        yield Program(("slapd", "-F", COPY, "-h", urls, "-d", "0"), next(iter(self.probes(at))))
