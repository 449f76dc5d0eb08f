"""Records of a zone in presentation format (RFC 1035 §5.1), as they stand in an inventory."""

from __future__ import annotations

import re

from kedge.inventory.secrecy import shown

_OWNER_AND_TTL = re.compile(r"(?:(?P<ttl>\d{1,10})\s+)?(?:IN\s+)?(?P<type>[A-Za-z][A-Za-z0-9-]*)\s+(?P<data>.*)", re.S)


def check_record(text: str, origin: str) -> None:
    """Accept `[TTL] [IN] TYPE DATA`, names relative to the origin; raises ValueError that names what is expected."""
    import dns.exception
    import dns.name
    import dns.rdata
    import dns.rdataclass
    import dns.rdatatype

    match = _OWNER_AND_TTL.fullmatch(text.strip())
    if not match:
        raise ValueError(f"expected a record such as 'A 192.0.2.10' or 'MX 10 mail', found {shown(text)}")
    try:
        kind = dns.rdatatype.from_text(match["type"])
    except (dns.exception.DNSException, ValueError):
        raise ValueError(f"{shown(match['type'])} is no type of DNS record; expected A, AAAA, MX, TXT …") from None
    try:
        dns.rdata.from_text(dns.rdataclass.IN, kind, match["data"], origin=dns.name.from_text(origin))
    except (dns.exception.DNSException, ValueError, IndexError, OverflowError) as error:
        raise ValueError(f"{shown(text)} is not a valid {match['type'].upper()} record ({_said(error)})") from None


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def check_owner(text: str, origin: str) -> None:
    """Accept owner names, several separated by spaces, `@` for the domain itself; raises ValueError."""
    import dns.exception
    import dns.name

    for name in text.split():
        try:
            dns.name.from_text(name, dns.name.from_text(origin))
        except (dns.exception.DNSException, ValueError):
            raise ValueError(f"{shown(name)} cannot be the name of a record") from None
