"""How this kedge sends: which sender each channel has, as the watching machine's settings say.

`KEDGE_RELAY=smtp://user@relay.example.net:587` names the mail relay (`smtps:` begins with TLS; without a user nobody
logs in), `KEDGE_XMPP=kedge@jabber.example.net` the account to write from; `KEDGE_RELAY_PASSWORD` and
`KEDGE_XMPP_PASSWORD` say where the passwords are, as `from` of a secret does. A mail channel whose `via` names a mail
server of the inventory goes through that one. Without any relay mail goes straight to the servers of its domain.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from kedge.adapters.notify import has_apprise, notify
from kedge.adapters.secret import read_secret
from kedge.app.names import Names, is_literal
from kedge.app.vantage import DirectNet, LiveSite, VantageNet
from kedge.errors import KedgeError, UsageError
from kedge.model.finding import Text
from kedge.model.inventory import Inventory
from kedge.model.observation import Observation, Status
from kedge.model.people import SENDABLE, Channel
from kedge.model.ports import Shell, Site
from kedge.probes.delegation import Asker, NoAnswer, system_resolver
from kedge.probes.smtp import Encryption
from kedge.watch.sender import LIMIT, Copy, Login, MailSender, ProgramSender, Sender, WebSender, XmppSender

RELAY, RELAY_PASSWORD = "KEDGE_RELAY", "KEDGE_RELAY_PASSWORD"
XMPP, XMPP_PASSWORD = "KEDGE_XMPP", "KEDGE_XMPP_PASSWORD"
SENDER = "KEDGE_SENDER"
PORTS = {"smtp": 25, "smtps": 465}
MX_TRIED = 3
ASK_LIMIT = timedelta(seconds=4)


@dataclass
class LastingNames(Names):
    """Looks names up anew each time; while nobody answers, what was last known holds, also after a restart."""

    kept: Path | None = None
    life_s: float = 60.0
    is_lasting: bool = True
    """Whether what was known holds while nobody answers; for probes it must not."""

    def __post_init__(self) -> None:
        self._known: dict[str, tuple[float, tuple[str, ...]]] = {}
        for name, addresses in self._load().items():
            self._known[name] = (float("-inf"), tuple(addresses))

    async def addresses(self, name: str) -> tuple[str, ...]:
        """Return every address of a name; raises gaierror if it has none, or nobody knows and nobody ever did."""
        if is_literal(name):
            return (name,)
        at, known = self._known.get(name, (float("-inf"), ()))
        if time.monotonic() - at < self.life_s:
            return known
        self._asked.pop(name, None)
        try:
            found = await super().addresses(name)
        except (OSError, TimeoutError) as failure:
            if not known or not self.is_lasting or getattr(failure, "errno", None) == socket.EAI_NONAME:
                raise
            return known
        self._known[name] = (time.monotonic(), found)
        if found != known:
            self._save()
        return found

    def _load(self) -> Mapping[str, Sequence[str]]:
        try:
            found = json.loads(self.kept.read_text()) if self.kept else {}
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _save(self) -> None:
        if self.kept:
            with contextlib.suppress(OSError):  # a full disk: then they last as long as this process
                self.kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                half = self.kept.with_suffix(".half")
                half.write_text(json.dumps({name: known for name, (_, known) in self._known.items()}))
                half.replace(self.kept)


@dataclass(frozen=True)
class SendingSettings:
    """What the watching machine says of how to send."""

    environ: Mapping[str, str]
    folder: Path = Path()

    @cached_property
    def relay(self) -> SplitResult | None:
        """The mail relay; raises UsageError if it is no such address."""
        text = self.environ.get(RELAY, "")
        if not text:
            return None
        parts = urlsplit(text)
        if parts.scheme not in PORTS or not parts.hostname or parts.password:
            raise UsageError(
                f"{RELAY} is no relay", hint=f"smtp://user@relay.example.net:587, the password in {RELAY_PASSWORD}"
            )
        return parts

    @cached_property
    def account(self) -> str:
        """The XMPP account, or nothing; raises UsageError if it is none."""
        text = self.environ.get(XMPP, "").removeprefix("xmpp:")
        if text and "@" not in text:
            raise UsageError(f"{XMPP} is no account", hint="kedge@jabber.example.net")
        return text

    @property
    def sender(self) -> str:
        """The address that mail comes from."""
        user = (self.relay.username if self.relay else "") or ""
        user = user.replace("%40", "@")
        return self.environ.get(SENDER) or (user if "@" in user else f"kedge@{socket.getfqdn()}")

    def password(self, variable: str) -> str:
        """Return a password; raises OutsideError if it cannot be had."""
        return self.secret(self.environ.get(variable, ""))

    def secret(self, reference: str) -> str:
        """Return what a reference names; raises OutsideError if it cannot be had."""
        return read_secret(reference, self.environ, self.folder).value.decode(errors="surrogateescape")


@dataclass(frozen=True, slots=True)
class AppriseSender:
    """Hands a message to whatever service a URL of apprise's names; accepted means that apprise says so."""

    url: str = field(repr=False)
    limit: timedelta = LIMIT

    async def send(self, copy: Copy, site: Site) -> Observation:
        """Try once."""
        try:
            is_taken = await notify(self.url, copy.subject, copy.text, severity=copy.letter.severity, limit=self.limit)
        except TimeoutError:
            is_taken = False
        if is_taken:
            return Observation(Status.OK, "apprise says it was taken")
        return Observation(Status.DOWN, "apprise says that the service refused it, or its answer did not come")


@dataclass
class PostOffice:
    """Sends copies through the channels of an inventory."""

    inventory: Inventory
    settings: SendingSettings
    shell: Shell
    names: Names = field(default_factory=lambda: LastingNames(DirectNet()))
    limit: timedelta = LIMIT
    """How long one try may take."""

    def obstacle(self, channel: str) -> Text | None:
        """Return why nothing can be sent through a channel, whatever works; None if it can be tried."""
        kind = self.inventory.sections.channels[channel].type
        if kind not in SENDABLE:
            return Text(
                f"kedge itself cannot send {kind or 'there'}", f"kedge selbst kann {kind or 'dort'} nicht senden"
            )
        if kind == "apprise" and not has_apprise():
            return Text("kedge[apprise] is not installed", "kedge[apprise] ist nicht installiert")
        if kind == "xmpp" and not self.settings.account:
            return Text(f"{XMPP} names no account to write from", f"{XMPP} nennt kein Konto zum Schreiben")
        return None

    async def send(self, channel: str, copy: Copy) -> Observation:
        """Try once; never raises for what the world does."""
        site = LiveSite(VantageNet(names=self.names), self.shell, self.shell)
        try:
            seen = Observation(Status.UNKNOWN, "there is no way to send this")
            for sender in await self.senders(channel, copy.address):
                seen = await sender.send(copy, site)
                if seen.status is Status.OK:
                    break
        except (KedgeError, OSError, TimeoutError) as failure:
            return Observation(Status.UNKNOWN, f"could not be sent: {failure}")
        return seen

    async def senders(self, channel: str, address: str) -> Sequence[Sender]:
        """Return what can send through a channel, in order of preference; raises KedgeError or OSError."""
        declared = self.inventory.sections.channels[channel]
        match declared.type:
            case "mail":
                return await self._mail(declared, address)
            case "xmpp":
                return await self._xmpp()
            case "webhook" | "ntfy":
                return [WebSender(is_ntfy=declared.type == "ntfy", limit=self.limit)]
            case "exec":
                return [ProgramSender(self.limit)]
            case "apprise":
                return [AppriseSender(self.settings.secret(address), self.limit)]
        return []

    async def _mail(self, channel: Channel, address: str) -> Sequence[Sender]:
        named = [MailSender(host, port, self.settings.sender, limit=self.limit) for host, port in self._relays(channel)]
        if named:
            return named
        if relay := self.settings.relay:
            user = (relay.username or "").replace("%40", "@")
            login = Login(user, self.settings.password(RELAY_PASSWORD)) if user else None
            port = relay.port or (587 if user and relay.scheme == "smtp" else PORTS[relay.scheme])
            encryption: Encryption = "tls" if relay.scheme == "smtps" else "starttls" if user else "opportunistic"
            return [MailSender(relay.hostname or "", port, self.settings.sender, login, encryption, self.limit)]
        return [MailSender(host, 25, self.settings.sender, limit=self.limit) for host in await self._exchanges(address)]

    def _relays(self, channel: Channel) -> Sequence[tuple[str, int]]:
        """Return the mail servers of the inventory that a channel goes through."""
        services = self.inventory.sections.services
        found = [one for name in channel.via if name in services for one in services[name].endpoints()]
        return [(one.host, one.port) for one in found if one.name in {"smtp", "submission"} and one.host]

    async def _exchanges(self, address: str) -> Sequence[str]:
        """Return the mail servers of an address's domain, best first (RFC 5321 §5.1); the last known ones of ours."""
        import dns.name

        domain = address.rpartition("@")[2]
        try:
            asker = Asker(DirectNet(), self.names.resolver or system_resolver(), ASK_LIMIT)
            answer = await asker.resolve(dns.name.from_text(domain), "MX")
        except NoAnswer:
            return self._last_exchanges.get(domain, [domain])
        found = sorted(
            (data.preference, str(data.exchange)) for rrset in answer.answer for data in rrset if rrset.rdtype == 15
        )
        hosts = [host.rstrip(".") for _, host in found][:MX_TRIED] or [domain]
        self._last_exchanges[domain] = hosts
        return hosts

    @cached_property
    def _last_exchanges(self) -> dict[str, list[str]]:
        return {}

    async def _xmpp(self) -> Sequence[Sender]:
        account, _, host = self.settings.account.partition("/")
        user, _, domain = account.partition("@")
        login = Login(user, self.settings.password(XMPP_PASSWORD))
        if host:
            name, _, port = host.partition(":")
            return [XmppSender(account, login, name, int(port or 5222), limit=self.limit)]
        with contextlib.suppress(OSError):
            if places := await self.names.services(f"_xmpp-client._tcp.{domain}"):
                return [XmppSender(account, login, place.host, place.port, limit=self.limit) for place in places]
        return [XmppSender(account, login, domain, limit=self.limit)]


def open_office(inventory: Inventory, folder: Path, shell: Shell, kept: Path | None = None) -> PostOffice:
    """Return the post office of an inventory that lies in a folder."""
    return PostOffice(inventory, SendingSettings(dict(os.environ), folder), shell, LastingNames(DirectNet(), kept=kept))
