"""No far side keeps a look beyond its limit: whatever it says first, it then says nothing and stays."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kedge.model.ports import Address
from kedge.probes.greeting import GreetingProbe
from kedge.probes.http import HttpProbe
from kedge.probes.imap import ImapProbe
from kedge.probes.login import Login
from kedge.probes.mediawiki import MediaWikiProbe
from kedge.probes.mysql import MysqlProbe
from kedge.probes.postgres import PostgresProbe
from kedge.probes.smtp import SmtpProbe
from kedge.probes.soa import SoaProbe
from kedge.probes.tls import TlsProbe
from kedge.probes.xmpp import XmppProbe
from tests.unit.idle_loop import run_idle
from tests.unit.probes.databases import message, mysql_greeting, packet
from tests.unit.probes.fakes import Saying, instance

LIMIT = timedelta(seconds=0.02)
LOGIN = Login("kedge", "pw-name")
PROBES = [
    SmtpProbe("mail.example.org", "postmaster@example.org", limit=LIMIT),
    ImapProbe("mail.example.org", LOGIN, needs_tls=False, limit=LIMIT),
    XmppProbe("example.org", limit=LIMIT),
    MysqlProbe(LOGIN, ("wiki",), limit=LIMIT),
    PostgresProbe(LOGIN, ("wiki",), limit=LIMIT),
    GreetingProbe("POP3", "+OK", "pop3", limit=LIMIT),
    TlsProbe("www.example.org", limit=LIMIT),
    HttpProbe("http://www.example.org/", limit=LIMIT),
    MediaWikiProbe("http://www.example.org/", limit=LIMIT),
    SoaProbe("example.org", limit=LIMIT),
]
BEGINNINGS = [
    b"220 x\r\n", b"250-x\r\n", b"* OK x\r\n", b"k OK\r\n", b"+ \r\n", b"* X {9}\r\n",
    b"<stream:stream xmlns:stream='http://etherx.jabber.org/streams'>", b"<stream:features>", packet(0, mysql_greeting()),
    packet(2, b"\0\0\0\x02"), message(b"R", bytes(4)), message(b"Z", b"I"), b"+OK", b"HTTP/1.1 200 OK\r\n",
    b"Content-Length: 9\r\n\r\n", b"\x16\x03\x03\x00\x7a", b"\x00\x40",
]  # fmt: skip


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: type(probe).__name__)
@settings(max_examples=15)
@given(data=st.binary(max_size=60) | st.lists(st.sampled_from(BEGINNINGS), max_size=5).map(b"".join))
def test_a_look_ends(probe: Any, data: bytes) -> None:
    net = Saying(data=data, stays=True)
    at = instance({probe.endpoint: Address("192.0.2.1", 1)}, net=net, **{"pw-name": "x"})
    try:
        found = run_idle(asyncio.wait_for(probe.look(at), 30))
    finally:
        net.close()
    assert found.what.isprintable()
