"""Ways a letter leaves: by mail through a named relay, XMPP, a webhook, ntfy, or a program. One try each.

Each is a conversation like a probe's, so that whatever the far side does ends as an Observation: `ok` is accepted.
"""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Protocol
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import escape, quoteattr

from kedge.model.finding import Text
from kedge.model.instance import Instance
from kedge.model.observation import Observation, Status
from kedge.model.ports import Address, Site
from kedge.probes.dialogue import Broken, Call, Dialogue, converse
from kedge.probes.reply import read_reply, refusal
from kedge.probes.smtp import Encryption, SmtpProbe, authenticate, command, first_call, open_session
from kedge.probes.trust import default_trust
from kedge.probes.xmpp import encrypt, log_in, open_stream
from kedge.watch.letter import Letter

LIMIT = timedelta(seconds=20)
HERE = "post"
"""The one endpoint of an instance that is dialled to send something."""
NTFY = "https://ntfy.sh"
AGAIN = Text(
    "(Sent again: it is not certain that the first copy arrived.)\n\n",
    "(Noch einmal gesendet: ob die erste Meldung ankam, ist nicht sicher.)\n\n",
)
PRIORITIES = {"critical": "urgent", "warning": "high", "note": "default"}
"""A letter's severity as a priority of ntfy (docs.ntfy.sh/publish)."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy of a letter on its way: through which channel, and whether it may have been delivered before."""

    letter: Letter
    address: str
    is_repeated: bool = False

    @property
    def message_id(self) -> str:
        """The same for every copy of the letter."""
        return f"<{quote(self.letter.id, safe='').replace('%', '.')}@kedge.invalid>"

    @property
    def subject(self) -> str:
        """What it is about."""
        return f"[kedge] {self.letter.subject}"

    @property
    def text(self) -> str:
        """What it says; a copy that may be the second says so."""
        return (AGAIN.to(self.letter.language) if self.is_repeated else "") + self.letter.body


class Sender(Protocol):
    """Sends copies of one type of channel."""

    async def send(self, copy: Copy, site: Site) -> Observation:
        """Try once; `ok` if the far side took it. Never raises for what the far side does."""
        ...


@dataclass(frozen=True, slots=True)
class Login:
    """A user and the password, which is never shown."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class MailSender:
    """Hands mail to one relay (RFC 5321, RFC 6409); accepted means the relay has taken it on."""

    host: str
    port: int = 25
    sender: str = "kedge@localhost"
    login: Login | None = None
    encryption: Encryption = "opportunistic"
    limit: timedelta = LIMIT

    async def send(self, copy: Copy, site: Site) -> Observation:
        """Try once."""
        probe = SmtpProbe(self.host, encryption=self.encryption, endpoint=HERE, limit=self.limit)
        at = Instance("live", site, {HERE: Address(self.host, self.port)})

        async def talk(line: Dialogue) -> Observation:
            offers = await open_session(line, at, probe)
            if self.login:
                await authenticate(line, offers, self.login.user, self.login.password)
            await command(line, "MAIL FROM", f"MAIL FROM:<{self.sender}>", (250,))
            await command(line, "RCPT TO", f"RCPT TO:<{copy.address}>", (250, 251))
            await command(line, "DATA", "DATA", (354,))
            await line.say(_dotted(write_mail(copy, self.sender)), "the answer to the message")
            reply = await read_reply(line)
            if reply.code != 250:
                raise refusal(line, "the message", reply)
            return Observation(Status.OK, f"{self.host} took it", {"answer": reply.text})

        return await converse(at, first_call(at, probe), talk)


def write_mail(copy: Copy, sender: str) -> bytes:
    """Return the message as it is sent (RFC 5322), marked as automatic (RFC 3834) and, if so, as repeated."""
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = f"kedge <{sender}>", copy.address
    message["Subject"] = copy.subject.replace("\n", " ")
    message["Date"] = format_datetime(copy.letter.made.astimezone(UTC))
    message["Message-ID"] = copy.message_id
    message["Auto-Submitted"] = "auto-generated"
    message["X-Kedge-Incident"] = copy.letter.incident
    if copy.is_repeated:
        message["X-Kedge-Repeated"] = "yes"
    message.set_content(copy.text)
    return message.as_bytes()


def _dotted(message: bytes) -> bytes:
    lines = message.replace(b"\r\n", b"\n").split(b"\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines).rstrip() + b"\r\n.\r\n"


@dataclass(frozen=True, slots=True)
class XmppSender:
    """Sends a message from one account (RFC 6120, RFC 6121); accepted means its server has read it and not objected.

    Messages and the ping after them (XEP-0199) are handled in order: its answer says that the message was taken.
    """

    account: str
    login: Login
    host: str
    port: int = 5222
    limit: timedelta = LIMIT
    trust: ssl.SSLContext | None = None

    async def send(self, copy: Copy, site: Site) -> Observation:
        """Try once."""
        at = Instance("live", site, {HERE: Address(self.host, self.port)})
        domain = self.account.partition("@")[2]

        async def talk(line: Dialogue) -> Observation:
            line.parting = b"</stream:stream>"
            features = await open_stream(line, domain, "client")
            if not features.element.find("starttls"):
                raise Broken("offers no encryption, so kedge keeps its password", evidence=line.evidence)
            await encrypt(line, features, domain, self.trust or default_trust())
            features = await open_stream(line, domain, "client")
            await log_in(line, self.login.user, self.login.password, features)
            stream = (await open_stream(line, domain, "client")).stream
            bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
            await line.say(f"<iq type='set' id='bind'>{bind}</iq>".encode(), "a resource")
            await stream.read()
            await line.say(_stanza(copy, domain).encode(), "a sign that it read the message")
            while (answer := await stream.read()).name != "iq":
                if answer.name == "message" and answer.attributes.get("type") == "error":
                    raise Broken(f"did not take the message for {copy.address}", evidence=line.evidence)
            return Observation(Status.OK, f"{domain} took it", line.evidence)

        return await converse(at, Call(HERE, self.limit), talk)


def _stanza(copy: Copy, domain: str) -> str:
    body = escape(f"{copy.subject}\n\n{copy.text}")
    to, id = quoteattr(copy.address), quoteattr(copy.message_id)
    ping = f"<iq type='get' id='ping' to={quoteattr(domain)}><ping xmlns='urn:xmpp:ping'/></iq>"
    return f"<message type='chat' to={to} id={id}><body>{body}</body></message>{ping}"


@dataclass(frozen=True, slots=True)
class WebSender:
    """Posts to a URL: JSON to a webhook, plain text to a topic of ntfy. Accepted means any answer of 2xx."""

    is_ntfy: bool = False
    limit: timedelta = LIMIT

    async def send(self, copy: Copy, site: Site) -> Observation:
        """Try once."""
        url = self.url_of(copy.address)
        parts = urlsplit(url)
        has_tls = parts.scheme == "https"
        host = parts.hostname or ""
        at = Instance("live", site, {HERE: Address(host, parts.port or (443 if has_tls else 80))})
        request = self._write(copy, url)

        async def talk(line: Dialogue) -> Observation:
            await line.say(request, "its answer")
            status = (await line.read_line()).decode("latin-1")
            code = status.split(" ")[1] if status.startswith("HTTP/") and " " in status else ""
            if not code.startswith("2"):
                raise Broken(f"answered with {status[:80]!r}", evidence={"answer": status[:200]})
            return Observation(Status.OK, f"{host} answered {code}")

        return await converse(at, Call(HERE, self.limit, default_trust() if has_tls else None, host), talk)

    def url_of(self, address: str) -> str:
        """Return where to post; a bare topic is one of ntfy.sh."""
        return f"{NTFY}/{address}" if self.is_ntfy and "://" not in address else address

    def _write(self, copy: Copy, url: str) -> bytes:
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        body, more = self._write_ntfy(copy) if self.is_ntfy else self._write_json(copy)
        head = {
            "Host": parts.netloc.rpartition("@")[2], "User-Agent": "kedge", "Connection": "close",
            "Content-Length": str(len(body)), "X-Message-ID": copy.message_id, **more,
        }  # fmt: skip
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        return f"POST {target} HTTP/1.1\r\n{lines}\r\n".encode("ascii", "replace") + body

    def _write_ntfy(self, copy: Copy) -> tuple[bytes, dict[str, str]]:
        subject = copy.subject.encode("ascii", "ignore").decode()  # ntfy: headers are ASCII
        return copy.text.encode(), {"Title": subject, "Priority": PRIORITIES.get(copy.letter.severity, "default")}

    def _write_json(self, copy: Copy) -> tuple[bytes, dict[str, str]]:
        letter = copy.letter
        said = {
            "id": copy.message_id, "incident": letter.incident, "thing": letter.thing, "kind": letter.kind,
            "severity": letter.severity, "to": letter.person, "subject": letter.subject, "text": copy.text,
            "made": letter.made.isoformat(), "repeated": copy.is_repeated,
        }  # fmt: skip
        return json.dumps(said).encode(), {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class ProgramSender:
    """Starts a program: subject and incident in its environment, the text on its standard input; accepted means 0."""

    limit: timedelta = LIMIT

    async def send(self, copy: Copy, site: Site) -> Observation:
        """Try once."""
        letter = copy.letter
        said = {
            "SUBJECT": copy.subject, "ID": copy.message_id, "INCIDENT": letter.incident, "KIND": letter.kind,
            "SEVERITY": letter.severity, "TO": letter.person, "REPEATED": "yes" if copy.is_repeated else "",
        }  # fmt: skip
        settings = [f"KEDGE_{name}={value}" for name, value in said.items()]
        argv = ["env", *settings, "/bin/sh", "-c", copy.address]
        ended = await site.shell.run(argv, stdin=copy.text.encode(), limit=self.limit)
        if ended.code == 0:
            return Observation(Status.OK, "it ended with 0")
        why = ended.stderr.decode(errors="replace").strip()[:200]
        return Observation(Status.DOWN, f"it ended with {ended.code}: {why}")
