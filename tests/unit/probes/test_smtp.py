"""The mail probe, shown a healthy server and every way of not being one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.model.observation import Observation, Status
from kedge.model.ports import Address
from kedge.probes.login import Login
from kedge.probes.reply import parse_line
from kedge.probes.smtp import SmtpProbe
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

GREETING = b"220 mail.example.org ESMTP\r\n"
EHLO = b"250-mail.example.org\r\n250-SIZE 10240000\r\n250 ENHANCEDSTATUSCODES\r\n"
GOOD = {
    "EHLO": EHLO,
    "MAIL FROM:<>": b"250 2.1.0 Ok\r\n",
    "RCPT TO:<POSTMASTER@EXAMPLE.ORG>": b"250 2.1.5 Ok\r\n",
    "RSET": b"250 2.0.0 Ok\r\n",
    "QUIT": b"221 2.0.0 Bye\r\n",
}
PROBE = SmtpProbe("mail.example.org", "postmaster@example.org", limit=QUICK)


async def look(answer: Answer, probe: SmtpProbe = PROBE, **secrets: str) -> Observation:
    async with serving(answer) as address:
        return await probe.look(instance({"smtp": address}, **secrets))


async def seen(answer: Answer, probe: SmtpProbe = PROBE) -> tuple[Status, str]:
    found = await look(answer, probe)
    return found.status, found.what


class TestHealthy:
    @pytest.mark.parametrize("split", [False, True])
    async def test_goes_to_the_recipient_and_back(self, split: bool) -> None:
        server = Lines(GREETING, GOOD, split=split)
        found = await look(server)
        assert (found.status, found.what) == (Status.OK, "accepted the recipient")
        assert [command.split(":")[0].split()[0] for command in server.heard] == [
            "EHLO",
            "MAIL",
            "RCPT",
            "RSET",
            "QUIT",
        ]
        assert found.evidence["recipient"] == "250 2.1.5 Ok"

    async def test_never_sends_mail(self) -> None:
        server = Lines(GREETING, GOOD | {"DATA": b"354 go on\r\n"})
        await look(server)
        assert not any(command.upper().startswith("DATA") for command in server.heard)

    async def test_speaks_only_after_the_greeting(self) -> None:
        """Postfix refuses who speaks first (554 SMTP protocol synchronization)."""
        import asyncio

        early: list[bytes] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                early.append(await asyncio.wait_for(reader.read(1), 0.05))
            except TimeoutError:
                await Lines(GREETING, GOOD)(reader, writer)

        assert (await seen(answer))[0] is Status.OK
        assert early == []

    async def test_a_long_greeting(self) -> None:
        greeting = b"".join(b"220-line %d\r\n" % n for n in range(50)) + b"220 mail.example.org\r\n"
        assert (await seen(Lines(greeting, GOOD)))[0] is Status.OK

    async def test_greylisting_is_what_the_server_wants(self) -> None:
        answers = GOOD | {"RCPT": b"450 4.2.0 <postmaster@example.org>: Greylisted for 5 minutes\r\n"}
        answers.pop("RCPT TO:<POSTMASTER@EXAMPLE.ORG>")
        assert (await seen(Lines(GREETING, answers)))[0] is Status.OK

    async def test_encrypts_where_offered_and_takes_any_certificate(self, certified: Certified) -> None:
        answers = GOOD | {"EHLO": EHLO.replace(b"SIZE 10240000", b"STARTTLS"), "STARTTLS": b"220 2.0.0 Ready\r\n"}
        server = Lines(GREETING, answers, tls=certified.server)
        found = await look(server)
        assert (found.status, found.evidence["tls"]) == (Status.OK, "TLSv1.3")
        assert [command.split()[0] for command in server.heard][:3] == ["EHLO", "STARTTLS", "EHLO"]


class TestSubmission:
    ANSWERS = GOOD | {
        "EHLO": b"250-mail.example.org\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n",
        "STARTTLS": b"220 2.0.0 Ready\r\n",
        "AUTH PLAIN AGTLZGDLAHB3": b"235 2.7.0 Ok\r\n",
        "AUTH PLAIN": b"235 2.7.0 Ok\r\n",
    }

    def probe(self, certified: Certified, login: Login | None = None) -> SmtpProbe:
        return SmtpProbe(
            "mail.example.org", "postmaster@example.org", login, "starttls", limit=QUICK * 5, trust=certified.trust
        )

    async def test_offers_to_log_in(self, certified: Certified) -> None:
        found = await look(Lines(GREETING, self.ANSWERS, tls=certified.server), self.probe(certified))
        assert (found.status, found.what) == (Status.OK, "offers to log in")

    async def test_logs_in(self, certified: Certified) -> None:
        server = Lines(GREETING, self.ANSWERS, tls=certified.server)
        found = await look(server, self.probe(certified, Login("kedge", "mail-password")), **{"mail-password": "pw"})
        assert (found.status, found.what) == (Status.OK, "accepted the recipient")
        assert "pw" not in str(found)

    @pytest.mark.parametrize(
        ("answer", "status"),
        [
            (b"535 5.7.8 Error: authentication failed\r\n", Status.UNKNOWN),
            (b"454 4.7.0 Temporary authentication failure\r\n", Status.DOWN),
        ],
    )
    async def test_a_refused_login_is_not_a_broken_one(
        self, certified: Certified, answer: bytes, status: Status
    ) -> None:  # fmt: skip
        answers = {"AUTH PLAIN": answer} | {k: v for k, v in self.ANSWERS.items() if not k.startswith("AUTH")}
        server = Lines(GREETING, answers, tls=certified.server)
        found = await look(server, self.probe(certified, Login("kedge", "mail-password")), **{"mail-password": "pw"})
        assert found.status is status

    async def test_without_the_secret_it_is_unknown(self, certified: Certified) -> None:
        server = Lines(GREETING, self.ANSWERS, tls=certified.server)
        assert (await look(server, self.probe(certified, Login("kedge", "other")))).status is Status.UNKNOWN

    async def test_encryption_must_be_offered(self, certified: Certified) -> None:
        found = await look(Lines(GREETING, GOOD), self.probe(certified))
        assert (found.status, found.what) == (Status.DOWN, "does not offer STARTTLS")

    async def test_a_certificate_of_another_is_down(self, certified: Certified) -> None:
        probe = SmtpProbe("other.example.org", encryption="starttls", limit=QUICK * 5, trust=certified.trust)
        found = await look(Lines(GREETING, self.ANSWERS, tls=certified.server), probe)
        assert found.status is Status.DOWN
        assert "certificate was refused" in found.what

    async def test_what_is_said_before_tls_does_not_count_after_it(self, certified: Certified) -> None:
        """CVE-2011-0411: an attacker in between adds an answer in the clear."""
        answers = self.ANSWERS | {"STARTTLS": b"220 2.0.0 Ready\r\n250 AUTH PLAIN\r\n"}
        found = await look(Lines(GREETING, answers, tls=certified.server), self.probe(certified))
        assert found.status is Status.DOWN

    async def test_a_copy_without_tls_is_spoken_to_without(self) -> None:
        server = Lines(GREETING, GOOD | {"EHLO": b"250-x\r\n250 AUTH PLAIN\r\n"})
        async with serving(server) as address:
            plain = Address(address.host, address.port, is_plain=True)
            found = await SmtpProbe("mail.example.org", encryption="starttls").look(instance({"smtp": plain}))
        assert found.status is Status.OK


class TestDown:
    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (silent, "accepted the connection, but its greeting did not come within 0.4 s"),
            (hanging_up, "hung up instead of sending its greeting"),
            (dripping(GREETING), "accepted the connection, but its greeting did not come within 0.4 s"),
            (endless(b"220-hello\r\n" * 400), "talked without end instead of sending its greeting"),
            (endless(b"x" * 4096), "sent a line of more than 16384 bytes"),
            (Lines(b"SSH-2.0-OpenSSH_9.2\r\n", {}), "did not speak SMTP"),
            (Lines(b"\xff\x00\x1b[31m\r\n", {}), "did not speak SMTP"),
            (Lines(b"421 4.3.2 Service shutting down\r\n", {}), "answered the connection with 421 4.3.2"),
            (Lines(b"554 no SMTP service here\r\n", {}), "answered the connection with 554"),
            (Lines(GREETING, GOOD | {"EHLO": b"502 5.5.1 no\r\n"}), "answered EHLO with 502 5.5.1"),
            (Lines(GREETING, GOOD | {"EHLO": b""}), "the answer to EHLO did not come within 0.4 s"),
            (
                Lines(GREETING, GOOD | {"MAIL FROM:<>": b"452 4.3.1 Insufficient system storage\r\n"}),
                "answered MAIL FROM with 452 4.3.1 (its storage is full)",
            ),
            (
                Lines(GREETING, {"RCPT": b"451 4.3.0 Temporary lookup failure\r\n"} | GOOD),
                "answered RCPT TO with 451 4.3.0 (trouble inside its mail system)",
            ),
            (
                Lines(GREETING, {"RCPT": b"554 5.7.1 <x>: Relay access denied\r\n"} | GOOD),
                "answered RCPT TO with 554 5.7.1 (its rules forbid it)",
            ),
            (
                Lines(GREETING, {"RCPT": b"550 5.1.1 User unknown\r\n"} | GOOD),
                "answered RCPT TO with 550 5.1.1 (there is no such mailbox)",
            ),
            (Lines(GREETING, GOOD | {"MAIL FROM:<>": None}), "hung up instead of sending the answer to MAIL FROM"),
            (Lines(GREETING, GOOD | {"RSET": b"421 4.4.2 gone\r\n"}), "answered RSET with 421 4.4.2"),
        ],
        ids=[
            "silent", "hang-up", "drip", "endless", "long-line", "ssh", "garbage", "421", "554", "no-ehlo",
            "mute-ehlo", "full", "lookup", "relay", "unknown-user", "dies", "rset",
        ],
    )  # fmt: skip
    async def test_says_what_was_wrong(self, answer: Answer, said: str) -> None:
        status, what = await seen(answer)
        assert status is Status.DOWN
        assert said in what
        assert what.isprintable()

    async def test_refused(self) -> None:
        found = await PROBE.look(instance({"smtp": Address("127.0.0.1", unused_port())}))
        assert (found.status, found.what) == (Status.DOWN, "could not be connected to: Connection refused")

    async def test_evidence_survives_a_failure(self) -> None:
        found = await look(Lines(GREETING, GOOD | {"MAIL FROM:<>": b"452 4.3.1 Insufficient system storage\r\n"}))
        assert found.evidence["greeting"] == "mail.example.org ESMTP"
        assert found.evidence["answer"] == "452 4.3.1 Insufficient system storage"


@pytest.mark.parametrize(
    "answers",
    [
        {"RCPT": b"554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using list.example\r\n"},
        {"RCPT": b"504 5.5.2 <[192.0.2.1]>: Helo command rejected: need fully-qualified hostname\r\n"},
        {"MAIL": b"450 4.7.1 Client host rejected: cannot find your hostname\r\n"},
        {"MAIL": b"421 4.7.0 Too many connections from 192.0.2.1\r\n"},
    ],
)
async def test_a_server_that_refuses_this_vantage_is_not_down(answers: dict[str, bytes]) -> None:
    found = await look(Lines(GREETING, answers | GOOD))
    assert found.status is Status.UNKNOWN
    assert "192.0.2.1" not in found.what


@given(
    st.binary(max_size=300)
    | st.lists(st.sampled_from([b"220 x\r\n", b"250-a\r\n", b"250 b\r\n", b"451 \r\n", b"\xff", b"220-", b"\r\n"])).map(
        b"".join
    )
)
def test_any_bytes_end_in_an_observation(data: bytes) -> None:

    net = Saying(data=data)
    try:
        found = run_idle(PROBE.look(instance({"smtp": Address("127.0.0.1", 25)}, net=net)))
    finally:
        net.close()
    assert found.what.isprintable()
    assert all(value.isprintable() for value in found.evidence.values())


@given(st.binary(max_size=200))
def test_a_line_is_a_reply_or_not(data: bytes) -> None:
    parsed = parse_line(data)
    assert parsed is None or 200 <= parsed[0] < 600
