"""Mail all the way: what arrives, what does not, and what is never touched."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from kedge.model.observation import Observation, Status
from kedge.probes.dialogue import HEARD_LIMIT_BYTES
from kedge.probes.imap import ImapProbe
from kedge.probes.login import Login
from kedge.probes.round_trip import MARK, RoundTripProbe
from kedge.probes.smtp import SmtpProbe
from tests.unit.probes.fakes import instance, serving

PROBE = RoundTripProbe(
    SmtpProbe("mail.example.org", "kedge@example.org", encryption="never"),
    ImapProbe("mail.example.org", needs_tls=False),
    Login("kedge@example.org", "pw-name"),
    limit=timedelta(seconds=2),
)


@dataclass
class MailServer:
    """SMTP and IMAP over one list of mails. `delivers` False: taken, never delivered, as with a full partition.

    `deletes` False: nothing goes, however often it is marked. It says so many bytes more in answer to each search.
    """

    delivers: bool = True
    deletes: bool = True
    talks: int = 0
    data_reply: bytes = b"250 2.0.0 queued as 4ABC\r\n"
    has_uidplus: bool = True
    mails: dict[int, bytes] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)
    heard: list[str] = field(default_factory=list)

    async def smtp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail ESMTP\r\n")
        while line := (await reader.readline()).decode().upper():
            if line.startswith("DATA"):
                writer.write(b"354 go on\r\n")
                mail = await reader.readuntil(b"\r\n.\r\n")
                if self.delivers and self.data_reply.startswith(b"250"):
                    self.mails[max(self.mails, default=0) + 1] = mail
                writer.write(self.data_reply)
            else:
                writer.write(b"250 2.1.0 ok\r\n" if line.strip() != "QUIT" else b"221 bye\r\n")

    async def imap(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n")
        while line := (await reader.readline()).decode():
            command = line.partition(" ")[2].strip()
            self.heard.append(command)
            writer.write(self._answer(command))

    def _answer(self, command: str) -> bytes:
        marked = [uid for uid, mail in self.mails.items() if MARK.encode() in mail]
        done = b"k OK done\r\n"
        if command == "CAPABILITY":
            return b"* CAPABILITY IMAP4rev1" + (b" UIDPLUS" if self.has_uidplus else b"") + b"\r\n" + done
        if command == "AUTHENTICATE PLAIN":
            return b"+ \r\n"
        if command.startswith("UID SEARCH"):
            more = b"* 1 EXISTS\r\n" * (self.talks // 12)
            return more + b"* SEARCH" + b"".join(b" %d" % uid for uid in marked) + b"\r\n" + done
        if command.startswith("UID FETCH"):
            asked = [uid for uid in marked if str(uid) in command.split()[2].split(",")]
            heads = [next(line for line in self.mails[uid].splitlines() if MARK.encode() in line) for uid in asked]
            return (
                b"".join(b"* 1 FETCH (UID 1 BODY[H] {%d}\r\n%s)\r\n" % (len(h) + 4, h + b"\r\n\r\n") for h in heads)
                + done
            )
        if command.startswith("UID STORE"):
            self.deleted |= set(map(int, command.split()[2].split(",")))
        if command.startswith("UID EXPUNGE") and self.deletes:
            self.mails = {
                uid: mail for uid, mail in self.mails.items() if str(uid) not in command.split()[2].split(",")
            }
        return done


async def look(server: MailServer, probe: RoundTripProbe = PROBE) -> Observation:
    async with serving(server.smtp) as smtp, serving(server.imap) as imap:
        at = instance({"smtp": smtp}, **{"pw-name": "pw"})
        return await probe.look(replace(at, uses={"mailboxes": replace(at, dial={"imap": imap})}))


async def test_a_mail_that_arrives_is_found_and_taken_out() -> None:
    server = MailServer(mails={1: b"From: somebody\r\n\r\nhello\r\n"})
    found = await look(server)
    assert (found.status, found.what) == (Status.OK, "brought a mail to its mailbox")
    assert list(server.mails) == [1]
    assert found.evidence["accepted"] == "2.0.0 queued as 4ABC"


async def test_those_of_earlier_looks_go_as_well_and_nothing_else() -> None:
    server = MailServer(mails={1: b"From: x\r\n\r\n", 2: f"{MARK}: {'0' * 32}\r\n\r\n".encode()})
    await look(server)
    assert list(server.mails) == [1]


async def test_without_uidplus_they_are_only_marked() -> None:
    server = MailServer(has_uidplus=False)
    assert (await look(server)).status is Status.OK
    assert server.deleted == {1}
    assert not any("EXPUNGE" in command for command in server.heard)


async def test_a_mail_that_is_taken_and_never_delivered_is_down() -> None:
    found = await look(MailServer(delivers=False))
    what = "accepted recipient and mail, but did not bring it to its mailbox within 2 s"
    assert (found.status, found.what) == (Status.DOWN, what)


def left_behind(count: int) -> dict[int, bytes]:
    return {uid: f"{MARK}: {uid:032}\r\n\r\n".encode() for uid in range(1, count + 1)}


async def test_however_many_are_left_of_earlier_looks_the_new_one_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kedge.probes.round_trip.EVERY_S", 0.01)
    found = await look(MailServer(delivers=False, deletes=False, mails=left_behind(400)))
    assert found.what.startswith("accepted recipient and mail, but did not bring it to its mailbox")
    server = MailServer(mails=left_behind(1500))
    assert (await look(server)).status is Status.OK
    assert len(server.mails) == 1300 + 1, "the oldest wait for the next look"


async def test_a_mailbox_that_talks_without_end_is_heard_no_longer() -> None:
    found = await look(MailServer(delivers=False, talks=HEARD_LIMIT_BYTES + 100))
    assert (found.status, found.what) == (Status.DOWN, "talked without end instead of sending the result of a search")


@pytest.mark.parametrize(
    "reply", [b"452 4.3.1 Insufficient system storage\r\n", b"451 4.3.0 queue file write error\r\n"]
)
async def test_a_refused_mail_is_down(reply: bytes) -> None:
    found = await look(MailServer(data_reply=reply))
    assert found.status is Status.DOWN
    assert found.what.startswith("answered a mail with 45")


async def test_its_mail_says_what_it_is() -> None:
    server = MailServer(has_uidplus=False)
    await look(server)
    mail = server.mails[1].decode()
    assert "Auto-Submitted: auto-generated" in mail
    assert not any(line.startswith(".") for line in mail.splitlines()[:-1])
