"""Mail servers, as deep as is safe (RFC 5321, RFC 3207, RFC 6409): up to RCPT, and back. No mail is ever sent."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from kedge.model.instance import Instance, Scope
from kedge.model.observation import Observation, Status
from kedge.probes.dialogue import Broken, Call, Dialogue, converse
from kedge.probes.login import Login, open_login
from kedge.probes.reply import Reply, read_reply, refusal
from kedge.probes.trust import default_trust, no_trust

Encryption = Literal["never", "opportunistic", "starttls", "tls"]
"""`opportunistic`: taken where offered and not checked, as between mail servers; the last two are checked."""


@dataclass(frozen=True, slots=True)
class SmtpProbe:
    """Greets a mail server, encrypts, names a sender and a known recipient, and takes it all back: nothing is sent."""

    hostname: str
    recipient: str = ""
    login: Login | None = None
    encryption: Encryption = "opportunistic"
    endpoint: str = "smtp"
    limit: timedelta = timedelta(seconds=15)
    name: str = "smtp"
    scope: Scope = "instance"
    trust: ssl.SSLContext | None = None

    async def look(self, at: Instance) -> Observation:
        """Look once. A greylisted recipient is fine: the server has decided so."""

        async def talk(line: Dialogue) -> Observation:
            offers = await open_session(line, at, self)
            if self.login:
                await authenticate(line, offers, *await open_login(at, self.login))
            elif self.encryption in ("starttls", "tls"):
                return _require_login(line, offers)
            seen = await self._name_recipient(line)
            await command(line, "RSET", "RSET", (250,))
            return seen

        return await converse(at, first_call(at, self), talk)

    async def _name_recipient(self, line: Dialogue) -> Observation:
        await command(line, "MAIL FROM", "MAIL FROM:<>", (250,))
        if not self.recipient:
            return Observation(Status.OK, "accepted a sender", line.evidence)
        reply = await ask(line, "RCPT TO", f"RCPT TO:<{self.recipient}>")
        line.evidence["recipient"] = f"{reply.code} {reply.text}"
        if reply.is_greylisting:
            return Observation(Status.OK, "deferred the recipient, as it does with strangers", line.evidence)
        if reply.code not in (250, 251):
            raise refusal(line, "RCPT TO", reply)
        return Observation(Status.OK, "accepted the recipient", line.evidence)


def first_call(at: Instance, probe: SmtpProbe) -> Call:
    """Return how to connect; a copy that speaks without TLS is spoken to without."""
    has_tls = probe.encryption == "tls" and not _is_plain(at, probe.endpoint)
    return Call(probe.endpoint, probe.limit, (probe.trust or default_trust()) if has_tls else None, probe.hostname)


async def open_session(line: Dialogue, at: Instance, probe: SmtpProbe) -> frozenset[str]:
    """Return what the server offers once it has greeted, been greeted and, where wanted, encrypted."""
    greeting = await read_reply(line)
    line.parting = b"QUIT\r\n"
    line.evidence["greeting"] = greeting.text
    if greeting.code != 220:
        raise refusal(line, "the connection", greeting)
    offers = await greet(line)
    if probe.encryption in ("never", "tls") or _is_plain(at, probe.endpoint):
        return offers
    if "STARTTLS" not in offers:
        if probe.encryption == "starttls":
            raise Broken("does not offer STARTTLS", evidence=line.evidence)
        return offers
    await command(line, "STARTTLS", "STARTTLS", (220,))
    checks = probe.encryption == "starttls" or probe.trust is not None
    await line.start_tls((probe.trust or default_trust()) if checks else no_trust(), probe.hostname)
    return await greet(line)


async def greet(line: Dialogue) -> frozenset[str]:
    """Return the words of the extensions a server offers, such as STARTTLS and AUTH."""
    own = line.own_address
    literal = f"[IPv6:{own}]" if ":" in own else f"[{own or '127.0.0.1'}]"  # RFC 5321 §4.1.3
    reply = await command(line, "EHLO", f"EHLO {literal}", (250,))
    return frozenset(_words(reply.lines[1:]))


def _words(lines: Sequence[str]) -> Sequence[str]:
    """Return each extension's keyword, and those of AUTH as `AUTH PLAIN`."""
    found = []
    for text in lines:
        keyword, *rest = text.upper().replace("=", " ").split() or [""]
        found.append(keyword)
        found += [f"AUTH {mechanism}" for mechanism in rest if keyword == "AUTH"]
    return found


async def authenticate(line: Dialogue, offers: frozenset[str], user: str, password: str) -> None:
    """Log in (RFC 4954); raises Broken: unknown if the login itself was refused, down if logging in is broken."""
    if "AUTH PLAIN" not in offers:
        raise Broken("offers no way to log in that kedge knows (AUTH PLAIN)", Status.UNKNOWN, line.evidence)
    secret = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    reply = await ask(line, "the login", f"AUTH PLAIN {secret}")
    if reply.code == 535:
        raise Broken("refused kedge's login; its password may have changed", Status.UNKNOWN, line.evidence)
    if reply.code != 235:
        raise refusal(line, "the login", reply)


async def command(line: Dialogue, step: str, text: str, hoped: tuple[int, ...]) -> Reply:
    """Return the reply to a command; raises Broken if it is none of those hoped for."""
    reply = await ask(line, step, text)
    if reply.code not in hoped:
        raise refusal(line, step, reply)
    return reply


async def ask(line: Dialogue, step: str, text: str) -> Reply:
    """Return the reply to a command, whatever it is."""
    await line.say("".join(letter for letter in text if letter >= " ").encode() + b"\r\n", f"the answer to {step}")
    return await read_reply(line)


def _require_login(line: Dialogue, offers: frozenset[str]) -> Observation:
    """Return that users can begin to log in; raises Broken if nobody can."""
    if not any(word.startswith("AUTH ") for word in offers):
        raise Broken("offers no way to log in", evidence=line.evidence)
    return Observation(Status.OK, "offers to log in", line.evidence)


def _is_plain(at: Instance, endpoint: str) -> bool:
    dial = at.dial.get(endpoint)
    return bool(dial and dial.is_plain)
