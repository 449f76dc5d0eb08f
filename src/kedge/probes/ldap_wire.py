"""The few messages of LDAP that a look needs (RFC 4511), in BER with definite lengths (X.690)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kedge.probes.dialogue import Dialogue

INTEGER, OCTETS, ENUMERATED, SEQUENCE, SET = 0x02, 0x04, 0x0A, 0x30, 0x31
BIND, BOUND, UNBIND, SEARCH, ENTRY, DONE, REFERENCE, NOTICE = 0x60, 0x61, 0x42, 0x63, 0x64, 0x65, 0x73, 0x78
PRESENT, SIMPLE = 0x87, 0x80
LONGEST = 3
"""Bytes of a length: no answer to one question of a look is longer."""


class NotLdap(ValueError):  # noqa: N818 - caught where a probe says so
    """What came is no LDAP."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to: its result code (RFC 4511 appendix A), the values of each entry that was found."""

    code: int
    entries: tuple[tuple[str, ...], ...] = ()


def tlv(tag: int, *content: bytes) -> bytes:
    """Return one element."""
    data = b"".join(content)
    length = len(data)
    if length < 128:
        return bytes((tag, length)) + data
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + data


def number(value: int, tag: int = INTEGER) -> bytes:
    """Return a small whole number."""
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def message(id_: int, operation: bytes) -> bytes:
    """Return a message."""
    return tlv(SEQUENCE, number(id_), operation)


def bind(user: str, password: str) -> bytes:
    """Return a simple bind (RFC 4511 §4.2); without a name it is an anonymous one."""
    return tlv(BIND, number(3), tlv(OCTETS, user.encode()), tlv(SIMPLE, password.encode()))


def search(base: str, attribute: str) -> bytes:
    """Return a search for one entry and one of its attributes (§4.5.1)."""
    switches = number(0, ENUMERATED) * 2 + number(0) * 2 + tlv(0x01, b"\0")
    present, wanted = tlv(PRESENT, b"objectClass"), tlv(SEQUENCE, tlv(OCTETS, attribute.encode()))
    return tlv(SEARCH, tlv(OCTETS, base.encode()), switches, present, wanted)


async def read_message(line: Dialogue) -> tuple[int, int, bytes]:
    """Return id, tag and content of the next message; raises NotLdap, or Broken as a dialogue does."""
    head = await line.read_exactly(2)
    if head[0] != SEQUENCE:
        raise NotLdap(head.decode("latin-1"))
    length = head[1]
    if length >= 128:
        if not 128 < length <= 128 + LONGEST:
            raise NotLdap("a message without a length")
        length = int.from_bytes(await line.read_exactly(length - 128), "big")
    parts = list(elements(await line.read_exactly(length)))
    if len(parts) < 2 or parts[0][0] != INTEGER:
        raise NotLdap("a message without an id")
    return int.from_bytes(parts[0][1], "big"), *parts[1]


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of the elements beside each other in some data; raises NotLdap."""
    while data:
        if len(data) < 2:
            raise NotLdap("an element that is cut off")
        tag, length, begin = data[0], data[1], 2
        if length >= 128:
            begin += length - 128
            length = int.from_bytes(data[2:begin], "big")
        if begin > 2 + LONGEST or len(data) < begin + length:
            raise NotLdap("an element that is cut off")
        yield tag, data[begin : begin + length]
        data = data[begin + length :]


def result_code(content: bytes) -> int:
    """Return the code of a result (§4.1.9); raises NotLdap."""
    for tag, value in elements(content):
        if tag == ENUMERATED and value:
            return int.from_bytes(value, "big")
        break
    raise NotLdap("a result without a code")


def values(content: bytes) -> tuple[str, ...]:
    """Return all values of an entry's attributes (§4.5.2); raises NotLdap."""
    attributes = [attribute for _, listed in list(elements(content))[1:] for _, attribute in elements(listed)]
    sets = [one for attribute in attributes for tag, one in elements(attribute) if tag == SET]
    return tuple(value.decode(errors="replace") for one in sets for _, value in elements(one))
