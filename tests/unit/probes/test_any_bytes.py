"""Whatever bytes come, a look ends in an observation that can be printed, and is not fooled into ok."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

import dns.exception
import dns.message
import dns.name
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kedge.model.observation import Status
from kedge.model.ports import Address
from kedge.probes.delegation import NotDelegated, read_delegation
from kedge.probes.error_page import END, SHORT, explain_error, find_error
from kedge.probes.greeting import GreetingProbe
from kedge.probes.http import HttpProbe, Mark
from kedge.probes.imap import ImapProbe
from kedge.probes.ldap import LdapProbe
from kedge.probes.login import Login
from kedge.probes.mediawiki import MediaWikiProbe
from kedge.probes.registration import RegistrationProbe, Registries
from kedge.probes.round_trip import RoundTripProbe
from kedge.probes.smtp import SmtpProbe
from kedge.probes.soa import SoaProbe
from kedge.probes.tls import TlsProbe
from kedge.probes.zone_view import read_rrset
from tests.unit.idle_loop import run_idle
from tests.unit.probes.fakes import Saying, instance
from tests.unit.probes.nameservers import NameServer

ZONE = dns.name.from_text("example.org")
REGISTRY = Registries({"org": "http://192.0.2.1:1"}, where="http://192.0.2.1:1")
PROBES = [
    HttpProbe("http://www.example.org/", mark=Mark("Spirit", "stModules")),
    MediaWikiProbe("http://www.example.org/"),
    GreetingProbe("POP3", "+OK POP3 server ready", "pop3"),
    TlsProbe("www.example.org"),
    SoaProbe("example.org"),
    LdapProbe(),
    LdapProbe(("dc=x",), Login("cn=kedge", "pw-name")),
    RegistrationProbe("example.org", registries=REGISTRY),
]
PIECES = [
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 500 E\r\n", b"Content-Length: 9\r\n", b"Transfer-Encoding: chunked\r\n", b"\r\n",
    b"Location: /\r\n", b"Content-Type: text/html; charset=utf-16\r\n", b"<meta charset=x>", b"{}", b"+OK", b"5\r\nhello\r\n",
    b"<link rel='EditURI' href='//[::1'>", b"\x16\x03\x03\x00\x7a", b"\x00\x0c" + bytes(12),
    b"0\x0c\x02\x01\x02e\x07\n\x01\0\x04\0\x04\0", b"0\x05\x02\x01\x02d\0", b"0\x84\x7f\xff\xff\xff", b"\x04\x01",
]  # fmt: skip
BYTES = st.binary(max_size=80) | st.lists(st.sampled_from(PIECES), max_size=7).map(b"".join)


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: type(probe).__name__)
@settings(max_examples=60)
@given(data=BYTES)
def test_a_look_is_not_fooled(probe: Any, data: bytes) -> None:
    net = Saying(data=data)
    at = instance({getattr(probe, "endpoint", "web"): Address("192.0.2.1", 1)}, net=net)
    try:
        found = run_idle(probe.look(at))
    finally:
        net.close()
    assert found.status is not Status.OK
    assert found.what.isprintable()
    assert all(value.isprintable() for value in found.evidence.values())


ANSWERS = [b"k OK\r\n", b"* OK\r\n", b"* SEARCH 1 2\r\n", b"* SEARCH x,y\r\n", b"* 1 FETCH (BODY[] {3}\r\n", b"+ \r\n",
           b"* CAPABILITY IMAP4rev1\r\n", b"k NO\r\n", b"* BYE\r\n"]  # fmt: skip


@settings(max_examples=60)
@given(st.binary(max_size=60) | st.lists(st.sampled_from(ANSWERS), max_size=14).map(b"".join))
def test_a_mailbox_that_says_anything_brought_no_mail(data: bytes) -> None:
    submitting = Saying(data=b"220 x\r\n250 x\r\n250 x\r\n250 x\r\n354 x\r\n250 x\r\n")
    reading = Saying(data=data)
    dial = {"smtp": Address("192.0.2.1", 1), "imap": Address("192.0.2.1", 1)}
    at = instance(dial, net=submitting, **{"pw-name": "x"})
    at = replace(at, uses={"mailboxes": instance(dial, net=reading, **{"pw-name": "x"})})
    probe = RoundTripProbe(
        SmtpProbe("mail.example.org", "kedge@example.org", encryption="never"),
        ImapProbe("mail.example.org", needs_tls=False), Login("kedge@example.org", "pw-name"),
    )  # fmt: skip
    try:
        found = run_idle(probe.look(at))
    finally:
        submitting.close()
        reading.close()
    assert found.status is not Status.OK
    assert found.what.isprintable()


@given(st.data())
def test_a_damaged_answer_delegates_or_does_not(data: st.DataObject) -> None:
    parent = NameServer(referrals={"example.org.": ["ns1.example.org."]}, glue={"ns1.example.org. A": ["192.0.2.1"]})
    wire = bytearray(parent.answer(dns.message.make_query(ZONE, "NS").to_wire(), over_udp=True))
    for _ in range(data.draw(st.integers(0, 4))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    try:
        answer = dns.message.from_wire(bytes(wire), ignore_trailing=True)
    except (dns.exception.DNSException, ValueError):
        return
    with contextlib.suppress(NotDelegated):
        found = read_delegation(answer, ZONE, "org.")
        assert found is None or all(isinstance(name, dns.name.Name) for name in found.servers)
    assert isinstance(read_rrset(answer, ZONE, "NS").records, frozenset)


@given(st.text(max_size=200), st.integers(0, 2 * SHORT))
def test_any_text_is_an_error_page_or_not(text: str, more: int) -> None:
    found = find_error(text + " " * more)
    assert explain_error(found) if found else True


@given(st.integers(0, 3 * SHORT), st.integers(END, 3 * SHORT))
def test_a_phrase_counts_where_an_error_page_has_it(before: int, after: int) -> None:
    text = "x" * before + "Internal Server Error" + "x" * after
    assert bool(find_error(text)) is (len(text) <= SHORT)
