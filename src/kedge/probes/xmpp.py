"""XMPP servers (RFC 6120), for clients and for other servers: stream, features, encryption, login."""

from __future__ import annotations

import base64
import ssl
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from xml.sax.saxutils import quoteattr

from kedge.model.instance import Instance, Scope
from kedge.model.observation import Observation, Status
from kedge.probes.dialogue import Broken, Call, Dialogue, converse, not_spoken
from kedge.probes.login import Login, open_login
from kedge.probes.stanza import Element, NotXmpp, Stanzas
from kedge.probes.trust import default_trust, no_trust
from kedge.probes.wording import quote

STREAM = "http://etherx.jabber.org/streams"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
OURS = frozenset({"not-authorized", "account-disabled", "credentials-expired", "invalid-mechanism"})
"""Failures (RFC 6120 §6.5) that speak of the login that was tried, not of the server."""


@dataclass(frozen=True, slots=True)
class XmppProbe:
    """Opens a stream, reads its features, encrypts and reads them again; given a login, logs in."""

    domain: str
    side: Literal["client", "server"] = "client"
    login: Login | None = None
    is_tls: bool = False
    endpoint: str = "xmpp-client"
    limit: timedelta = timedelta(seconds=15)
    name: str = "xmpp"
    scope: Scope = "instance"
    trust: ssl.SSLContext | None = None

    async def look(self, at: Instance) -> Observation:
        """Look once. Between servers certificates are not checked: strangers fall back to dialback (XEP-0220)."""
        is_plain = bool((dial := at.dial.get(self.endpoint)) and dial.is_plain)
        has_tls = self.is_tls and not is_plain

        async def talk(line: Dialogue) -> Observation:
            line.parting = b"</stream:stream>"
            features = await self._features(line, is_plain, has_tls)
            if self.side == "server":
                return Observation(Status.OK, "opened a stream for other servers", line.evidence)
            if not _logins(features):
                raise Broken("offers no way to log in", evidence=line.evidence)
            if self.login:
                await log_in(line, *await open_login(at, self.login), features)
                return Observation(Status.OK, "let kedge log in", line.evidence)
            return Observation(Status.OK, "opened a stream, and offers to log in", line.evidence)

        return await converse(at, Call(self.endpoint, self.limit, self._trust(is_plain) if has_tls else None), talk)

    async def _features(self, line: Dialogue, is_plain: bool, has_tls: bool) -> Features:
        """Return the features of the stream, encrypted where the server can."""
        features = await open_stream(line, self.domain, self.side)
        if has_tls:
            return features
        if features.element.find("starttls"):
            await encrypt(line, features, self.domain, self._trust(is_plain))
            return await open_stream(line, self.domain, self.side)
        if not is_plain:
            raise Broken("answered, but offers no encryption", Status.DEGRADED, line.evidence)
        return features

    def _trust(self, is_plain: bool) -> ssl.SSLContext:
        checks = self.side == "client" and not is_plain
        return (self.trust or default_trust()) if checks else no_trust()


class Stream:
    """One stream: what the server sends, element by element."""

    def __init__(self, line: Dialogue, domain: str) -> None:
        self._line, self._domain = line, domain
        self._stanzas = Stanzas()

    async def read(self) -> Element:
        """Return the next element; raises Broken if it is an error, or nothing of the kind."""
        while not self._stanzas.ready:
            if self._stanzas.is_over:
                raise Broken(f"closed the stream instead of sending {self._line.awaited}", evidence=self._line.evidence)
            data = await self._line.read_some()
            try:
                self._stanzas.feed(data)
            except NotXmpp:
                raise not_spoken("XMPP", data, self._line) from None
            header = self._stanzas.header
            if header and (header.namespace, header.name) != (STREAM, "stream"):
                raise not_spoken("XMPP", data, self._line)
        element = self._stanzas.ready.popleft()
        if (element.namespace, element.name) == (STREAM, "error"):
            raise self._error(element)
        return element

    def _error(self, element: Element) -> Broken:
        condition = quote(element.children[0].name, 40) if element.children else "no condition"
        text = element.find("text")
        evidence = {**self._line.evidence, "answer": condition + (f": {quote(text.text)}" if text else "")}
        if condition == "host-unknown":
            return Broken(f"does not serve {self._domain}", evidence=evidence)
        return Broken(f"broke off with the stream error '{condition}'", evidence=evidence)


@dataclass(frozen=True, slots=True)
class Features:
    """The features a stream was opened with."""

    stream: Stream
    element: Element


async def open_stream(line: Dialogue, domain: str, side: str) -> Features:
    """Return a new stream with its features."""
    header = (
        f"<?xml version='1.0'?><stream:stream to={quoteattr(domain)} version='1.0' xml:lang='en' "
        f"xmlns='jabber:{side}' xmlns:stream='{STREAM}'>"
    )
    await line.say(header.encode(), "the features of its stream")
    stream = Stream(line, domain)
    element = await stream.read()
    if (element.namespace, element.name) != (STREAM, "features"):
        raise not_spoken("XMPP", f"<{element.name}/>".encode(), line)
    line.evidence["features"] = quote(" ".join(sorted(child.name for child in element.children)))
    return Features(stream, element)


async def encrypt(line: Dialogue, features: Features, domain: str, trust: ssl.SSLContext) -> None:
    """Go on encrypted (RFC 6120 §5); the stream begins anew after it. Raises Broken if the server will not."""
    await line.say(f"<starttls xmlns='{TLS}'/>".encode(), "its agreement to TLS")
    if (await features.stream.read()).name != "proceed":
        raise Broken("offered TLS and then refused it", evidence=line.evidence)
    await line.start_tls(trust, domain)


async def log_in(line: Dialogue, user: str, password: str, features: Features) -> None:
    """Log in (RFC 4616); raises Broken: unknown if the login itself was refused, down if logging in is broken."""
    if "PLAIN" not in _logins(features):
        raise Broken("offers no way to log in that kedge knows (PLAIN)", Status.UNKNOWN, line.evidence)
    secret = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    await line.say(f"<auth xmlns='{SASL}' mechanism='PLAIN'>{secret}</auth>".encode(), "the result of the login")
    answer = await features.stream.read()
    if answer.name == "success":
        return
    condition = quote(answer.children[0].name, 40) if answer.children else answer.name
    if condition in OURS:
        raise Broken("refused kedge's login; its password may have changed", Status.UNKNOWN, line.evidence)
    raise Broken(f"answered the login with '{condition}'", evidence=line.evidence)


def _logins(features: Features) -> frozenset[str]:
    """Return the ways to log in: SASL (RFC 6120 §6) or SASL2 (XEP-0388)."""
    offers = [child for name in ("mechanisms", "authentication") if (child := features.element.find(name))]
    return frozenset(one.text.strip() for offer in offers for one in offer.children if one.name == "mechanism")
