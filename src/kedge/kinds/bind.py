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
    """What every kind of name server shares.

    It is not *used under* its own name nor its zones' names: resolvers find it by the addresses that the zone above
    gives them (glue, RFC 9471). Else every name server would need itself.
    """

    hostname: str = Field("", description="its name as a name server: what the NS records point to")
    zones: Annotated[tuple[AnyRef, ...], OneOrMore] = Field((), description="the zones it answers for")

    def endpoints(self) -> Iterable[Endpoint]:
        """Yield port 53, which clients ask by UDP and by TCP (RFC 7766)."""
        yield Endpoint("dns", "", 53, "udp")
        yield Endpoint("dns-tcp", "", 53, "tcp")


class Bind(NameServer):
    """A name server and the zones it answers for."""

    kind: ClassVar[str] = "bind"
    summary: ClassVar[str] = "the BIND name server and its zones"
    example: ClassVar[Mapping[str, Any]] = {"hostname": "ns1.example.org", "zones": ["example.org"]}

    settings: Folder = Field("/etc/bind", description="the folder of `named.conf`, as it is called on its host")
