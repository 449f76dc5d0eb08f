"""What a certificate says of itself (X.509, RFC 5280): for how long, for which names. Nothing is verified here."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SEQUENCE, UTC_TIME, GENERALIZED_TIME, INTEGER, OCTETS, OID = 0x30, 0x17, 0x18, 0x02, 0x04, 0x06
EXTENSIONS, DNS_NAME = 0xA3, 0x82
ALTERNATIVE_NAMES = bytes.fromhex("551d11")
SOON = timedelta(days=14)
"""Certificates of 90 days are renewed 30 days before their end: with 14 left, two weeks of attempts have failed."""
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)


def now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


class NotACertificate(ValueError):  # noqa: N818 - caught where a probe says so
    """The bytes are no certificate."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The dates, the DNS names and the SHA-256 of a certificate."""

    begins: datetime
    ends: datetime
    names: tuple[str, ...]
    fingerprint: str


def read_pem(text: bytes) -> Certificate:
    """Return the first certificate of a PEM file (RFC 7468); raises NotACertificate."""
    found = _PEM.search(text)
    if not found:
        raise NotACertificate("no certificate in PEM form")
    try:
        return read_der(base64.b64decode(found[1]))
    except ValueError as error:
        raise NotACertificate(str(error)) from error


def read_der(data: bytes) -> Certificate:
    """Return what a certificate in DER says; raises NotACertificate."""
    try:
        (_, certificate), *_ = _elements(data)
        (_, body), *_ = _elements(certificate)
        fields = list(_elements(body))
        validity = next(list(_elements(value)) for tag, value in fields if tag == SEQUENCE and _holds_times(value))
        (first, begins), (last, ends) = validity[:2]
        names = tuple(name for tag, value in fields if tag == EXTENSIONS for name in _names(value))
        return Certificate(_time(first, begins), _time(last, ends), names, hashlib.sha256(data).hexdigest())
    except (ValueError, IndexError, StopIteration, OverflowError) as error:
        raise NotACertificate(f"no certificate: {error}") from error


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each element in DER (X.690 §8.1); raises ValueError if one is cut."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            if not 0 < size <= 4:
                raise ValueError("a length that DER does not have")
            length, at = int.from_bytes(data[at : at + size]), at + size
        if at + length > len(data):
            raise ValueError("cut short")
        yield tag, data[at : at + length]
        at += length


def _holds_times(value: bytes) -> bool:
    tags = [tag for tag, _ in _safe(value)]
    return len(tags) == 2 and set(tags) <= {UTC_TIME, GENERALIZED_TIME}


def _safe(value: bytes) -> list[tuple[int, bytes]]:
    try:
        return list(_elements(value))
    except (ValueError, IndexError):
        return []


def _time(tag: int, value: bytes) -> datetime:
    """Return a date (RFC 5280 §4.1.2.5): two digits of the year mean 1950 to 2049."""
    text = value.decode("ascii")
    if tag == UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _names(value: bytes) -> Iterator[str]:
    """Yield the DNS names among the extensions (RFC 5280 §4.2.1.6)."""
    for _, extensions in _elements(value):
        for _, extension in _elements(extensions):
            parts = list(_elements(extension))
            if parts and parts[0] == (OID, ALTERNATIVE_NAMES):
                for _, names in _elements(parts[-1][1]):
                    yield from (name.decode("ascii") for tag, name in _elements(names) if tag == DNS_NAME)
