"""The LDAP probe, shown a healthy server and every way of not being one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.model.observation import Observation, Status
from kedge.model.ports import Address
from kedge.probes.ldap import LdapProbe
from kedge.probes.ldap_wire import (
    BIND,
    BOUND,
    DONE,
    ENTRY,
    ENUMERATED,
    NOTICE,
    OCTETS,
    REFERENCE,
    SEARCH,
    SEQUENCE,
    SET,
    NotLdap,
    elements,
    message,
    number,
    result_code,
    search,
    tlv,
    values,
)
from kedge.probes.login import Login
from tests.unit.probes.fakes import QUICK, Answer, dripping, hanging_up, instance, serving, silent, unused_port

VEREIN = "dc=verein,dc=example"
PROBE = LdapProbe((VEREIN,), limit=QUICK)
WITH_LOGIN = replace(PROBE, login=Login("cn=kedge", "pw-name"))


def result(code: int, tag: int = DONE) -> bytes:
    return tlv(tag, number(code, ENUMERATED), tlv(OCTETS), tlv(OCTETS))


def entry(*told: str) -> bytes:
    attribute = tlv(SEQUENCE, tlv(OCTETS, b"namingContexts"), tlv(SET, *(tlv(OCTETS, one.encode()) for one in told)))
    return tlv(ENTRY, tlv(OCTETS, b"x"), tlv(SEQUENCE, attribute if told else b""))


class Directory:
    """A server that answers a search for each base, and a login, as told."""

    def __init__(self, bases: Mapping[str, list[bytes]], bound: bytes = b"") -> None:
        self.bases, self.bound, self.heard = bases, bound or result(0, BOUND), list[bytes]()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readexactly(2):
            length = head[1]
            if length > 127:
                length = int.from_bytes(await reader.readexactly(length - 128), "big")
            (_, id_), (tag, content) = elements(await reader.readexactly(length))
            self.heard.append(content)
            if tag == BIND:
                answers = [self.bound]
            elif tag == SEARCH:
                answers = self.bases.get(next(elements(content))[1].decode(), [result(32)])
            else:
                return
            writer.write(b"".join(message(int.from_bytes(id_, "big"), one) for one in answers))
            await writer.drain()


GOOD = {"": [entry(VEREIN), result(0)], VEREIN: [entry(), result(0)]}


async def look(answer: Answer, probe: LdapProbe = PROBE) -> Observation:
    async with serving(answer) as address:
        return await probe.look(instance({"ldap": address}, **{"pw-name": "Geheim-1"}))


class TestHealthy:
    @pytest.mark.parametrize("probe", [PROBE, replace(PROBE, suffixes=()), WITH_LOGIN])
    async def test_it_shows_the_top_entry_of_what_it_holds(self, probe: LdapProbe) -> None:
        found = await look(Directory(GOOD), probe)
        assert (found.status, found.what) == (Status.OK, f"holds {VEREIN}")

    async def test_it_logs_in_only_where_it_shall(self) -> None:
        server = Directory(GOOD)
        await look(server)
        assert not any(b"Geheim-1" in one for one in server.heard)
        await look(server, WITH_LOGIN)
        assert any(b"Geheim-1" in one for one in server.heard)

    async def test_a_reference_to_another_server_is_no_entry(self) -> None:
        found = await look(Directory({VEREIN: [tlv(REFERENCE, tlv(OCTETS, b"ldap://x/")), result(0)]}))
        assert found.status is Status.UNKNOWN


class TestSaysHelloAndFails:
    @pytest.mark.parametrize("code", [1, 51, 52, 80])
    async def test_a_broken_database(self, code: int) -> None:
        found = await look(Directory({**GOOD, VEREIN: [result(code)]}))
        assert (found.status, found.evidence["result"]) == (Status.DOWN, str(code))

    @pytest.mark.parametrize("code", [0, 32])
    async def test_lost_data_is_down_to_whoever_is_logged_in(self, code: int) -> None:
        found = await look(Directory({VEREIN: [result(code)]}), WITH_LOGIN)
        assert (found.status, found.what) == (Status.DOWN, f"does not hold {VEREIN}")

    @pytest.mark.parametrize("code", [0, 8, 13, 32, 48, 50, 53])
    async def test_what_it_shows_to_nobody_is_unknown(self, code: int) -> None:
        found = await look(Directory({VEREIN: [result(code)]}))
        assert found.status is Status.UNKNOWN
        assert "whoever is not logged in" in found.what

    @pytest.mark.parametrize(("code", "status"), [(49, Status.UNKNOWN), (53, Status.UNKNOWN), (52, Status.DOWN)])
    async def test_a_login_that_is_refused(self, code: int, status: Status) -> None:
        found = await look(Directory(GOOD, result(code, BOUND)), WITH_LOGIN)
        assert found.status is status
        assert "Geheim-1" not in found.what + str(found.evidence)

    async def test_one_that_says_goodbye(self) -> None:
        found = await look(Directory({VEREIN: [result(52, NOTICE)]}))
        assert (found.status, found.what) == (Status.DOWN, "said that it ends the conversation")

    async def test_one_that_holds_nothing(self) -> None:
        found = await look(Directory({"": [entry(), result(0)]}), replace(PROBE, suffixes=()))
        assert found.status is Status.UNKNOWN


class TestDead:
    @pytest.mark.parametrize(
        "answer", [silent, hanging_up, dripping(message(3, entry()) * 9), dripping(b"220 mail\r\n", 0)]
    )
    async def test_it_does_not_speak_ldap_in_time(self, answer: Answer) -> None:
        assert (await look(answer)).status is Status.DOWN

    async def test_nobody_there(self) -> None:
        found = await PROBE.look(instance({"ldap": Address("127.0.0.1", unused_port())}))
        assert found.status is Status.DOWN


@given(st.binary(max_size=400))
def test_an_element_holds_what_was_put_in(content: bytes) -> None:
    assert list(elements(tlv(OCTETS, content) + tlv(SET, content))) == [(OCTETS, content), (SET, content)]


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (result_code, values, lambda data: list(elements(data))):
        try:
            read(data)
        except NotLdap:
            continue


def test_a_search_is_as_the_standard_has_it() -> None:
    # RFC 4511 §4.5.1: baseObject, neverDerefAliases, no limits, (objectClass=*), the attribute 1.1
    base, switches = "04 04 64 63 3d 78", "0a 01 00 0a 01 00 02 01 00 02 01 00 01 01 00"
    present, wanted = "87 0b 6f 62 6a 65 63 74 43 6c 61 73 73", "30 05 04 03 31 2e 31"
    assert search("dc=x", "1.1") == bytes.fromhex(f"63 29 {base} {switches} {present} {wanted}")
