"""BIND."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from kedge.kinds.files import Folder
from kedge.model.instance import Endpoint
from kedge.model.service import Service
from kedge.model.thing import AnyRef, OneOrMore


class NameServer(Service):
    """What every kind of name server shares."""

    hostname: str = Field("", description="its name as a name server: what the NS records point to")
    zones: Annotated[tuple[AnyRef, ...], OneOrMore] = Field((), description="the zones it answers for")

    def names(self) -> Iterable[str]:
        """Yield its own name and the zones it answers for."""
        yield from dict.fromkeys((*self.domains, *([self.hostname] if self.hostname else []), *self.zones))

    def endpoints(self) -> Iterable[Endpoint]:
        """Yield port 53, which clients ask by UDP and by TCP (RFC 7766)."""
        yield Endpoint("dns", self.hostname, 53, "udp")
        yield Endpoint("dns-tcp", self.hostname, 53, "tcp")


class Bind(NameServer):
    """A name server and the zones it answers for."""

    kind: ClassVar[str] = "bind"
    summary: ClassVar[str] = "the BIND name server and its zones"
    example: ClassVar[Mapping[str, Any]] = {"hostname": "ns1.example.org", "zones": ["example.org"]}

    settings: Folder = Field("/etc/bind", description="the folder of `named.conf`, as it is called on its host")
