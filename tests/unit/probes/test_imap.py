"""The mailbox probe, shown a healthy server and every way of not being one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.model.observation import Observation, Status
from kedge.model.ports import Address
from kedge.probes.imap import ImapProbe, parse_result
from kedge.probes.login import Login
from tests.unit.idle_loop import run_idle
from tests.unit.probes.conftest import Certified
from tests.unit.probes.fakes import (
    QUICK,
    Answer,
    Lines,
    Saying,
    dripping,
    endless,
    hanging_up,
    instance,
    serving,
    silent,
    unused_port,
)

GREETING = b"* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n"
CAPABILITY = b"* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\nk OK done\r\n"
GOOD = {
    "CAPABILITY": CAPABILITY,
    "STARTTLS": b"k OK begin\r\n",
    "AUTHENTICATE PLAIN": b"+ \r\n",
    "EXAMINE INBOX": b"* 3 EXISTS\r\n* OK [UIDVALIDITY 1]\r\nk OK [READ-ONLY] done\r\n",
    "LOGOUT": b"* BYE\r\nk OK\r\n",
}
PLAIN = ImapProbe("mail.example.org", needs_tls=False, limit=QUICK)
WITH_LOGIN = ImapProbe("mail.example.org", Login("kedge", "pw-name"), needs_tls=False, limit=QUICK)
WITHOUT_TLS = CAPABILITY.replace(b" STARTTLS", b"")


def answers(result: bytes = b"k OK logged in\r\n", **others: bytes | None) -> dict[str, bytes | None]:
    """Return a server without TLS; the line after the challenge is `AGtlZGdlAHB3`, whose tag-less rest is empty."""
    changed = {words.replace("_", " "): answer for words, answer in others.items()}
    return GOOD | {"CAPABILITY": WITHOUT_TLS} | changed | {"": result}


async def look(answer: Answer, probe: ImapProbe = PLAIN) -> Observation:
    async with serving(answer) as address:
        return await probe.look(instance({"imap": address}, **{"pw-name": "pw"}))


class TestHealthy:
    @pytest.mark.parametrize("split", [False, True])
    async def test_logs_in_and_opens_the_inbox_without_a_change(self, split: bool) -> None:
        server = Lines(GREETING, answers(), split=split, tagged=True)
        found = await look(server, WITH_LOGIN)
        assert (found.status, found.what) == (Status.OK, "let kedge log in and open the inbox")
        assert [line.split(" ", 1)[1] for line in server.heard if " " in line] == [
            "CAPABILITY", "AUTHENTICATE PLAIN", "EXAMINE INBOX", "LOGOUT",
        ]  # fmt: skip

    async def test_without_a_login_it_stops_at_the_door(self) -> None:
        found = await look(Lines(GREETING, answers(), tagged=True))
        assert (found.status, found.what) == (Status.OK, "greeted, and offers to log in")

    async def test_encrypts(self, certified: Certified) -> None:
        server = Lines(GREETING, GOOD, tls=certified.server, tagged=True)
        found = await look(server, ImapProbe("mail.example.org", limit=QUICK * 5, trust=certified.trust))
        assert (found.status, found.evidence["tls"]) == (Status.OK, "TLSv1.3")

    async def test_tls_from_the_start(self, certified: Certified) -> None:
        probe = ImapProbe("mail.example.org", is_tls=True, limit=QUICK * 5, trust=certified.trust)
        async with serving(Lines(GREETING, GOOD, tagged=True), certified.server) as address:
            assert (await probe.look(instance({"imap": address}))).status is Status.OK

    async def test_literals_are_read_whole(self) -> None:
        odd = b"* LIST () {9}\r\nk NO [BAD] text\r\nk OK done\r\n"
        found = await look(Lines(GREETING, answers(EXAMINE_INBOX=odd), tagged=True), WITH_LOGIN)
        assert found.status is Status.OK


class TestDown:
    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (silent, "its greeting did not come within 0.4 s"),
            (hanging_up, "hung up instead of sending its greeting"),
            (dripping(GREETING), "its greeting did not come within 0.4 s"),
            (endless(b"* OK " + b"x" * 4096), "sent a line of more than"),
            (Lines(b"220 mail.example.org ESMTP\r\n", {}, tagged=True), "did not speak IMAP"),
            (Lines(b"* BYE too many connections\r\n", {}, tagged=True), "greeted with BYE"),
            (Lines(GREETING, answers(CAPABILITY=b""), tagged=True), "the result of CAPABILITY did not come"),
            (Lines(GREETING, answers(CAPABILITY=b"k OK\r\n"), tagged=True), "did not say that it can speak IMAP4"),
            (
                Lines(GREETING, answers(b"k NO [UNAVAILABLE] Temporary authentication failure.\r\n"), tagged=True),
                "answered the login with NO [UNAVAILABLE]",
            ),
            (
                Lines(GREETING, answers(AUTHENTICATE_PLAIN=b"k NO [SERVERBUG] internal\r\n"), tagged=True),
                "answered the login with NO [SERVERBUG]",
            ),
            (Lines(GREETING, answers(b"* BYE disconnected\r\n"), tagged=True), "said goodbye instead"),
            (Lines(GREETING, answers(b"* BYE\r\n* BYE\r\n"), tagged=True), "said goodbye instead"),
            (Lines(GREETING, answers(EXAMINE_INBOX=b"k NO [SERVERBUG] disk\r\n"), tagged=True), "answered opening the inbox with NO [SERVERBUG]"),
            (Lines(GREETING, answers(EXAMINE_INBOX=None), tagged=True), "hung up instead of sending the result of opening"),
        ],
        ids=[
            "silent", "hang-up", "drip", "long-line", "smtp", "bye", "mute", "no-capability", "unavailable", "serverbug",
            "goodbye", "goodbyes", "inbox", "dies",
        ],
    )  # fmt: skip
    async def test_says_what_was_wrong(self, answer: Answer, said: str) -> None:
        found = await look(answer, WITH_LOGIN)
        assert said in found.what
        assert found.status is Status.DOWN

    async def test_encryption_must_be_offered(self) -> None:
        found = await look(Lines(GREETING, answers(), tagged=True), ImapProbe("mail.example.org", limit=QUICK))
        assert (found.status, found.what) == (Status.DOWN, "does not offer STARTTLS")

    async def test_refused(self) -> None:
        assert (await PLAIN.look(instance({"imap": Address("127.0.0.1", unused_port())}))).status is Status.DOWN


@pytest.mark.parametrize("result", [b"k NO [AUTHENTICATIONFAILED] no\r\n", b"k NO Login failed.\r\n"])
async def test_a_refused_login_is_not_a_broken_one(result: bytes) -> None:
    found = await look(Lines(GREETING, answers(result), tagged=True), WITH_LOGIN)
    assert found.status is Status.UNKNOWN


PIECES = [b"* OK x\r\n", b"k OK\r\n", b"k NO [UNAVAILABLE]\r\n", b"+ \r\n", b"{5}\r\n", b"* CAPABILITY IMAP4REV1 {99999}\r\n",
          b"* CAPABILITY IMAP4rev1\r\n", b"* BYE\r\n", b"\xff", b"\r\n"]  # fmt: skip


@given(st.binary(max_size=300) | st.lists(st.sampled_from(PIECES)).map(b"".join))
def test_any_bytes_end_in_an_observation(data: bytes) -> None:
    net = Saying(data=data)
    try:
        found = run_idle(WITH_LOGIN.look(instance({"imap": Address("127.0.0.1", 143)}, net=net, **{"pw-name": "x"})))
    finally:
        net.close()
    assert found.what.isprintable()


@given(st.binary(max_size=100).map(lambda rest: b"k " + rest))
def test_a_result_is_one_of_three_words(data: bytes) -> None:
    parsed = parse_result(data)
    assert parsed is None or parsed[0] in ("OK", "NO", "BAD")
