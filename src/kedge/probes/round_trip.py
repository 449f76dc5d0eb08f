"""Mail all the way: submitted, delivered, found in its mailbox, taken out again. RCPT alone sees no full partition."""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from kedge.model.instance import Instance, Scope
from kedge.model.observation import Observation, Status
from kedge.probes import imap, smtp
from kedge.probes.certificate import now
from kedge.probes.dialogue import Dialogue, converse
from kedge.probes.imap import ImapProbe
from kedge.probes.login import Login, open_login
from kedge.probes.reply import read_reply, refusal
from kedge.probes.smtp import SmtpProbe
from kedge.probes.wording import seconds

MARK = "X-Kedge-Round-Trip"
EVERY_S = 1.0
GRACE = timedelta(seconds=10)
"""So much longer a mailbox may take to answer the last question."""
ROLE = "mailboxes"
AT_ONCE = 200
"""So many mails are read and deleted at once, the newest first: what is left of earlier looks may be much."""


@dataclass(frozen=True, slots=True)
class RoundTripProbe:
    """Sends a mail to a mailbox of kedge's own on a server of one's own, and waits until it can be read there.

    Its messages bear a mark; every one found is deleted, and nothing else is touched. `submit` and `read` say how.
    """

    submit: SmtpProbe
    read: ImapProbe
    login: Login
    limit: timedelta = timedelta(seconds=60)
    name: str = "round trip"
    scope: Scope = "world"
    trust: ssl.SSLContext | None = None
    now: Callable[[], datetime] = now

    async def look(self, at: Instance) -> Observation:
        """Send one and wait for it, within the limit."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        token = secrets.token_hex(16)
        sent = await self._send(at, token)
        if sent.status is not Status.OK:
            return sent
        left = self.limit - timedelta(seconds=loop.time() - began)
        mailboxes = at.uses.get(ROLE, at)
        found = await self._wait(mailboxes, token, left)
        evidence = {**found.evidence, **sent.evidence}
        took = timedelta(seconds=loop.time() - began)
        return Observation(found.status, found.what, evidence, took)

    async def _send(self, at: Instance, token: str) -> Observation:
        async def talk(line: Dialogue) -> Observation:
            offers = await smtp.open_session(line, at, self.submit)
            if self.submit.login:
                await smtp.authenticate(line, offers, *await open_login(at, self.submit.login))
            address = self.submit.recipient
            await smtp.command(line, "MAIL FROM", f"MAIL FROM:<{address}>", (250,))
            await smtp.command(line, "RCPT TO", f"RCPT TO:<{address}>", (250, 251))
            await smtp.command(line, "DATA", "DATA", (354,))
            await line.say(message(address, token, self.now()) + b".\r\n", "its answer to a mail")
            reply = await read_reply(line)
            if reply.code != 250:
                raise refusal(line, "a mail", reply)
            return Observation(Status.OK, "accepted a mail", {**line.evidence, "accepted": reply.text})

        return await converse(at, smtp.first_call(at, self.submit), talk)

    async def _wait(self, at: Instance, token: str, left: timedelta) -> Observation:
        async def talk(line: Dialogue) -> Observation:
            offers = await imap.open_session(line, at, self.read)
            await imap.log_in(line, *await open_login(at, self.login))
            loop = asyncio.get_running_loop()
            deadline = loop.time() + left.total_seconds()
            while loop.time() < deadline:
                if token in await take_out(line, offers):
                    return Observation(Status.OK, "brought a mail to its mailbox", line.evidence)
                await asyncio.sleep(EVERY_S)
            what = f"accepted recipient and mail, but did not bring it to its mailbox within {seconds(self.limit)}"
            return Observation(Status.DOWN, what, line.evidence)

        call = imap.first_call(at, self.read)
        return await converse(at, replace(call, limit=left + GRACE), talk)


async def take_out(line: Dialogue, offers: frozenset[str]) -> frozenset[str]:
    """Return the tokens of the newest marked mails in the inbox, and delete these; raises Broken.

    Without UIDPLUS (RFC 4315) they are only marked as deleted: a plain EXPUNGE would take others' along.
    """
    await imap.command(line, "opening the inbox", b"SELECT INBOX")
    found = await imap.command(line, "a search", b"UID SEARCH HEADER " + MARK.encode() + b' ""')
    every = [word for one in found.untagged if one.upper().startswith(b"* SEARCH") for word in one.split()[2:]]
    uids = b",".join(every[-AT_ONCE:])
    if not uids:
        return frozenset()
    fetch = b"UID FETCH " + uids + b" BODY.PEEK[HEADER.FIELDS (" + MARK.encode() + b")]"
    told = await imap.command(line, "reading a mail", fetch)
    tokens = {word.decode(errors="replace") for one in told.untagged for word in one.split() if len(word) == 32}
    await imap.command(line, "deleting a mail", b"UID STORE " + uids + b" +FLAGS.SILENT (\\Deleted)")
    if "UIDPLUS" in offers:
        await imap.command(line, "deleting a mail", b"UID EXPUNGE " + uids)
    return frozenset(tokens)


def message(address: str, token: str, at: datetime) -> bytes:
    """Return a mail that says what it is, ready for DATA: no line of it begins with a dot."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = mail["To"] = address
    mail["Subject"] = "kedge looks whether mail arrives"
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{token}@kedge.invalid>"
    mail[MARK] = token
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer, please
    mail.set_content("Sent by kedge, which deletes it as soon as it has arrived.\n")
    return mail.as_bytes()
