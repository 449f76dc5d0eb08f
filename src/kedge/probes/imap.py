"""Mailboxes over IMAP (RFC 3501, RFC 9051): greeting, encryption, and the tagged result of a login."""

from __future__ import annotations

import base64
import re
import ssl
from dataclasses import dataclass
from datetime import timedelta

from kedge.model.instance import Instance, Scope
from kedge.model.observation import Observation, Status
from kedge.probes.dialogue import Broken, Call, Dialogue, converse, not_spoken
from kedge.probes.login import Login, open_login
from kedge.probes.trust import default_trust
from kedge.probes.wording import quote

LITERAL = re.compile(rb"\{(\d{1,9})\+?\}$")
_CODE = re.compile(r"\[([A-Z][A-Z0-9-]*)[ \]]", re.IGNORECASE)
_TAGGED = re.compile(r"(OK|NO|BAD)(?: (.*))?$", re.IGNORECASE | re.DOTALL)
OURS = frozenset({"AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "PRIVACYREQUIRED"})
"""Response codes (RFC 5530) that speak of the login that was tried, not of the server."""


@dataclass(frozen=True, slots=True)
class Result:
    """The tagged end of a command, its response code if any, and the untagged responses before it."""

    word: str
    code: str
    text: str
    untagged: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ImapProbe:
    """Greets an IMAP server, encrypts, asks what it can do and, given a login, opens the inbox without a change."""

    hostname: str
    login: Login | None = None
    is_tls: bool = False
    needs_tls: bool = True
    endpoint: str = "imap"
    limit: timedelta = timedelta(seconds=15)
    name: str = "imap"
    scope: Scope = "instance"
    trust: ssl.SSLContext | None = None

    async def look(self, at: Instance) -> Observation:
        """Look once."""

        async def talk(line: Dialogue) -> Observation:
            await open_session(line, at, self)
            if self.login is None:
                return Observation(Status.OK, "greeted, and offers to log in", line.evidence)
            await log_in(line, *await open_login(at, self.login))
            await command(line, "opening the inbox", b"EXAMINE INBOX")
            return Observation(Status.OK, "let kedge log in and open the inbox", line.evidence)

        return await converse(at, first_call(at, self), talk)


def first_call(at: Instance, probe: ImapProbe) -> Call:
    """Return how to connect; a copy that speaks without TLS is spoken to without."""
    has_tls = probe.is_tls and not _is_plain(at, probe)
    return Call(probe.endpoint, probe.limit, (probe.trust or default_trust()) if has_tls else None, probe.hostname)


async def open_session(line: Dialogue, at: Instance, probe: ImapProbe) -> frozenset[str]:
    """Return the server's capabilities once it has greeted and, where it can, encrypted."""
    greeting = await _response(line)
    word, _, text = greeting.removeprefix(b"* ").partition(b" ")
    line.evidence["greeting"] = quote(text)
    if not greeting.startswith(b"* ") or word.upper() not in (b"OK", b"PREAUTH", b"BYE"):
        raise not_spoken("IMAP", greeting, line)
    if word.upper() == b"BYE":
        raise Broken("greeted with BYE: it takes nobody now", evidence=line.evidence)
    line.parting = b"k LOGOUT\r\n"
    offers = await _capabilities(line)
    if probe.is_tls or _is_plain(at, probe):
        return offers
    if "STARTTLS" not in offers:
        if probe.needs_tls:
            raise Broken("does not offer STARTTLS", evidence=line.evidence)
        return offers
    await command(line, "STARTTLS", b"STARTTLS")
    await line.start_tls(probe.trust or default_trust(), probe.hostname)
    return await _capabilities(line)


async def log_in(line: Dialogue, user: str, password: str) -> None:
    """Log in; raises Broken: unknown if the login itself was refused, down if logging in is broken."""
    secret = base64.b64encode(f"\0{user}\0{password}".encode())
    await line.say(b"k AUTHENTICATE PLAIN\r\n", "the answer to the login")
    response = await _response(line)
    while response.startswith(b"* "):
        response = await _response(line)
    is_asked = response.startswith(b"+")
    if is_asked:
        await line.say(secret + b"\r\n", "the result of the login")
    _judge(line, "the login", await _result(line, None if is_asked else response))


async def command(line: Dialogue, step: str, text: bytes) -> Result:
    """Return the good result of a command; raises Broken for any other."""
    await line.say(b"k " + text + b"\r\n", f"the result of {step}")
    return _judge(line, step, await _result(line))


def parse_result(response: bytes) -> tuple[str, str, str] | None:
    """Return word, response code and text of a tagged response to our tag; None if it is something else."""
    if not response.startswith(b"k "):
        return None
    found = _TAGGED.match(response[2:].decode(errors="replace"))
    if not found:
        return None
    text = found[2] or ""
    code = _CODE.match(text)
    return found[1].upper(), code[1].upper() if code else "", quote(text)


async def _result(line: Dialogue, first: bytes | None = None) -> Result:
    untagged: list[bytes] = []
    response = first if first is not None else await _response(line)
    while True:
        if parsed := parse_result(response):
            return Result(*parsed, tuple(untagged))
        if not response.startswith((b"* ", b"+")):
            raise not_spoken("IMAP", response, line)
        if response.upper().startswith(b"* BYE"):
            raise Broken(f"said goodbye instead of sending {line.awaited}", evidence=line.evidence)
        untagged.append(response)
        response = await _response(line)


def _judge(line: Dialogue, step: str, result: Result) -> Result:
    if result.word == "OK":
        return result
    evidence = {**line.evidence, "answer": f"{result.word} {result.text}"}
    if step == "the login" and (result.code in OURS or (result.word == "NO" and not result.code)):
        raise Broken("refused kedge's login; its password may have changed", Status.UNKNOWN, evidence)
    code = f" [{result.code}]" if result.code else ""
    raise Broken(f"answered {step} with {result.word}{code}", Status.DOWN, evidence)


async def _response(line: Dialogue) -> bytes:
    """Return one response with its literals (RFC 9051 §4.3) in place."""
    response = await line.read_line()
    while found := LITERAL.search(response):
        response += b"\r\n" + await line.read_exactly(int(found[1])) + await line.read_line()
    return response


async def _capabilities(line: Dialogue) -> frozenset[str]:
    result = await command(line, "CAPABILITY", b"CAPABILITY")
    words = [words.upper().split() for words in result.untagged if words.upper().startswith(b"* CAPABILITY")]
    found = frozenset(word.decode(errors="replace") for line_words in words for word in line_words[2:])
    if not found & {"IMAP4REV1", "IMAP4REV2"}:
        raise Broken("did not say that it can speak IMAP4", evidence=line.evidence)
    return found


def _is_plain(at: Instance, probe: ImapProbe) -> bool:
    dial = at.dial.get(probe.endpoint)
    return bool(dial and dial.is_plain)
