"""The XMPP probe, shown a healthy server and every way of not being one."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.model.observation import Observation, Status
from kedge.model.ports import Address
from kedge.probes.login import Login
from kedge.probes.stanza import NotXmpp, Stanzas
from kedge.probes.xmpp import XmppProbe
from tests.unit.idle_loop import run_idle
from tests.unit.probes.conftest import Certified, make_certificate
from tests.unit.probes.fakes import (
    QUICK,
    Answer,
    Saying,
    dripping,
    endless,
    hanging_up,
    instance,
    serving,
    silent,
    unused_port,
)

HEADER = (
    b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
    b"id='x' from='example.org' version='1.0'>"
)
STARTTLS = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"
MECHANISMS = (
    b"<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-1</mechanism>"
    b"<mechanism>PLAIN</mechanism></mechanisms>"
)
PROCEED = b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"


def features(*inner: bytes) -> bytes:
    return b"<stream:features>" + b"".join(inner) + b"</stream:features>"


def error(condition: str) -> bytes:
    named = f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
    return f"<stream:error>{named}</stream:error></stream:stream>".encode()


@dataclass
class Jabber:
    """An XMPP server: what it says to each stream header, in turn, to STARTTLS and to a login."""

    streams: list[bytes]
    tls: ssl.SSLContext | None = None
    proceed: bytes = PROCEED
    result: bytes = b"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
    split: bool = False
    heard: bytearray = field(default_factory=bytearray)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = list(self.streams)
        while data := await reader.read(4096):
            self.heard += data
            if b"<stream:stream" in data and left:
                await self._send(writer, left.pop(0))
            elif b"<starttls" in data:
                await self._send(writer, self.proceed)
                if self.tls:
                    await writer.start_tls(self.tls)
            elif b"<auth" in data:
                await self._send(writer, self.result)
            elif b"</stream:stream>" in data:
                return

    async def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        for piece in [data[i : i + 1] for i in range(len(data))] if self.split else [data]:
            writer.write(piece)
            await writer.drain()
            if self.split:
                await asyncio.sleep(0)


def good(certified: Certified, **changes: object) -> Jabber:
    streams = [HEADER + features(STARTTLS), HEADER + features(MECHANISMS)]
    return Jabber(streams, certified.server, **changes)  # type: ignore[arg-type]


def probe(certified: Certified | None = None, login: Login | None = None) -> XmppProbe:
    trust = certified.trust if certified else None
    return XmppProbe("mail.example.org", login=login, limit=QUICK * (5 if certified else 1), trust=trust)


async def look(answer: Answer, with_probe: XmppProbe) -> Observation:
    async with serving(answer) as address:
        return await with_probe.look(instance({"xmpp-client": address}, **{"pw-name": "pw"}))


class TestHealthy:
    @pytest.mark.parametrize("split", [False, True])
    async def test_opens_encrypts_and_opens_again(self, certified: Certified, split: bool) -> None:
        found = await look(good(certified, split=split), probe(certified))
        assert (found.status, found.what) == (Status.OK, "opened a stream, and offers to log in")
        assert (found.evidence["features"], found.evidence["tls"]) == ("mechanisms", "TLSv1.3")

    async def test_a_certificate_that_ends_soon_is_degraded(self, tmp_path: Path) -> None:
        short = make_certificate(tmp_path, "mail.example.org", "-days", "5")
        found = await look(good(short), probe(short))
        assert found.status is Status.DEGRADED
        assert found.what == "opened a stream, and offers to log in, but its certificate ends within 14 days"

    async def test_logs_in(self, certified: Certified) -> None:
        found = await look(good(certified), probe(certified, Login("kedge", "pw-name")))
        assert (found.status, found.what) == (Status.OK, "let kedge log in")

    async def test_other_servers_need_no_way_to_log_in(self, certified: Certified) -> None:
        server = Jabber([HEADER + features(STARTTLS), HEADER + features()], certified.server)
        found = await look(server, XmppProbe("example.org", "server", limit=QUICK * 5))
        assert (found.status, found.what) == (Status.OK, "opened a stream for other servers")

    async def test_a_copy_without_tls_is_spoken_to_without(self) -> None:
        async with serving(Jabber([HEADER + features(MECHANISMS)])) as address:
            plain = Address(address.host, address.port, is_plain=True)
            assert (await probe().look(instance({"xmpp-client": plain}))).status is Status.OK

    async def test_a_domain_cannot_say_more_than_its_name(self, certified: Certified) -> None:
        server = good(certified)
        await look(server, XmppProbe("x'><evil/>", limit=QUICK))
        assert b"<evil/>" not in bytes(server.heard)


class TestDown:
    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (silent, "the features of its stream did not come within 0.4 s"),
            (hanging_up, "hung up instead of sending"),
            (dripping(HEADER), "the features of its stream did not come within 0.4 s"),
            (endless(b"<a>" + b"x" * 4096), "did not speak XMPP"),
            (endless(b" " * 4096), "talked without end"),
            (Jabber([b"220 mail ESMTP\r\n"]), "did not speak XMPP"),
            (Jabber([b"<html><body/></html>"]), "did not speak XMPP"),
            (Jabber([HEADER]), "the features of its stream did not come within 0.4 s"),
            (Jabber([HEADER + b"</stream:stream>"]), "closed the stream instead of sending"),
            (Jabber([HEADER + error("internal-server-error")]), "broke off with the stream error 'internal-server-error'"),
            (Jabber([HEADER + error("system-shutdown")]), "stream error 'system-shutdown'"),
            (Jabber([HEADER + error("host-unknown")]), "does not serve mail.example.org"),
            (Jabber([HEADER + features(STARTTLS)], proceed=b"<failure xmlns='x'/>"), "offered TLS and then refused it"),
            (Jabber([HEADER + features(STARTTLS)]), "its part of the TLS handshake did not come within 0.4 s"),
            (Jabber([HEADER + b"<!DOCTYPE x [<!ENTITY a 'b'>]>"]), "did not speak XMPP"),
            (Jabber([b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + HEADER]), "did not speak XMPP"),
        ],
        ids=[
            "silent", "hang-up", "drip", "endless", "spaces", "smtp", "html", "no-features", "closed", "error",
            "shutdown", "host-unknown", "no-proceed", "no-handshake", "doctype", "doctype-first",
        ],
    )  # fmt: skip
    async def test_says_what_was_wrong(self, answer: Answer, said: str) -> None:
        found = await look(answer, probe())
        assert said in found.what
        assert found.status is Status.DOWN

    async def test_no_way_to_log_in(self, certified: Certified) -> None:
        server = Jabber([HEADER + features(STARTTLS), HEADER + features()], certified.server)
        assert (await look(server, probe(certified))).what == "offers no way to log in"

    async def test_what_is_said_before_tls_does_not_count_after_it(self, certified: Certified) -> None:
        """CVE-2011-0411: an attacker in between adds features in the clear."""
        streams = [HEADER + features(STARTTLS), HEADER + features()]
        server = Jabber(streams, certified.server, proceed=PROCEED + features(MECHANISMS))
        assert (await look(server, probe(certified))).what == "offers no way to log in"

    async def test_no_encryption_is_degraded(self) -> None:
        assert (await look(Jabber([HEADER + features(MECHANISMS)]), probe())).status is Status.DEGRADED

    async def test_a_certificate_nobody_vouches_for_is_down(self, certified: Certified) -> None:
        found = await look(good(certified), XmppProbe("mail.example.org", limit=QUICK * 5))
        assert (found.status, "certificate was refused" in found.what) == (Status.DOWN, True)

    async def test_refused(self) -> None:
        found = await probe().look(instance({"xmpp-client": Address("127.0.0.1", unused_port())}))
        assert found.status is Status.DOWN

    @pytest.mark.parametrize(
        ("condition", "status"), [("not-authorized", Status.UNKNOWN), ("temporary-auth-failure", Status.DOWN)]
    )
    async def test_a_refused_login_is_not_a_broken_one(
        self, certified: Certified, condition: str, status: Status
    ) -> None:  # fmt: skip
        failure = f"<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><{condition}/></failure>".encode()
        server = good(certified, result=failure)
        assert (await look(server, probe(certified, Login("kedge", "pw-name")))).status is status


PIECES = [HEADER, features(), features(STARTTLS), error("reset"), PROCEED, b"<a", b">", b"</a>", b"&lt;", b"&x;",
          b"<!--", b"<![CDATA[", b"\xff", b"<?x?>", b"</stream:stream>"]  # fmt: skip
SOUP = st.binary(max_size=200) | st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)


@given(SOUP)
def test_any_bytes_end_in_an_observation(data: bytes) -> None:
    net = Saying(data=data)
    try:
        found = run_idle(probe().look(instance({"xmpp-client": Address("127.0.0.1", 5222)}, net=net)))
    finally:
        net.close()
    assert found.what.isprintable()


@given(SOUP, st.integers(1, 7))
def test_the_size_of_segments_does_not_matter(data: bytes, size: int) -> None:
    names, is_xmpp = elements(data, len(data) or 1)
    in_parts, were_xmpp = elements(data, size)
    if is_xmpp:
        assert (in_parts, were_xmpp) == (names, True)
    else:  # what is wrong may be noticed later, with the next tag
        assert in_parts == [] or were_xmpp


def elements(data: bytes, size: int) -> tuple[list[str], bool]:
    stanzas = Stanzas()
    try:
        for start in range(0, len(data), size):
            stanzas.feed(data[start : start + size])
    except NotXmpp:
        return [], False
    return [element.name for element in stanzas.ready], True


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(NotXmpp):
        Stanzas().feed(HEADER + b"<a>" * 100)
