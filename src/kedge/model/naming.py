"""Names in the world: domains and certificates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from kedge.model.premises import PaidWith
from kedge.model.quantity import Moment
from kedge.model.thing import AnyRef, OneOrMore, ProviderRef, Thing, refers

NameserverRef = Annotated[str, refers("hosts", "providers", "services")]
ZoneText = Annotated[tuple[str, ...], OneOrMore]


class Domain(Thing):
    """A registered name, who sells it, who answers for it, and what it should say.

    `zone` maps owner names (several may share a line) to records in presentation format (RFC 1035 §5.1):
    `wiki mail: A 192.0.2.10`.
    """

    section: ClassVar[str] = "domains"
    registrar: ProviderRef | None = Field(None, description="who sells it")
    nameservers: Annotated[tuple[NameserverRef, ...], OneOrMore] | None = Field(
        None, description="who answers for it: hosts or DNS services of one's own, or a provider"
    )
    expires: Moment | None = Field(None, alias="expiry", description="when it ends unless it is renewed")
    paid_with: PaidWith | None = Field(None, description="what pays for its renewal")
    zone: Mapping[str, ZoneText] = Field(
        {}, description="what it should say: owner names → records (`wiki mail: A 192.0.2.10`)"
    )


class Certificate(Thing):
    """A TLS certificate."""

    section: ClassVar[str] = "certificates"
    names: Annotated[tuple[str, ...], OneOrMore] = Field((), description="the names it is valid for")
    used_by: Annotated[tuple[AnyRef, ...], OneOrMore] = Field((), description="what stops when it ends")
    expires: Moment | None = Field(None, alias="expiry", description="when it ends unless it is renewed")
    renewed_by: AnyRef | None = Field(None, description="who or what renews it")
