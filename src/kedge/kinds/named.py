"""Kinds that are described and looked at so far: what they need and whether they keep data. Saving comes later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from pydantic import Field

from kedge.kinds.database import DATABASES, MAIL, POSTGRESQL, WebWithDatabase, WithDatabase
from kedge.kinds.looks import mail_looks
from kedge.kinds.mailman import Lists
from kedge.kinds.web import Web
from kedge.model.instance import Endpoint, Instance, Probe
from kedge.model.service import Service
from kedge.model.thing import ServiceRef

Roles = Mapping[str, frozenset[str]]
CACHES = frozenset({"redis"})


class Other(Web):
    """A service of a kind that kedge does not know: treated as one that keeps data."""

    kind: ClassVar[str] = "other"
    summary: ClassVar[str] = "anything kedge has no kind for yet"


# Mail and lists


class Exim(Service):
    """A mail server."""

    kind: ClassVar[str] = "exim"
    summary: ClassVar[str] = "the Exim mail server"
    receives: ClassVar[str] = "mail"
    hostname: str = Field("", description="its name as a mail server: what the MX records point to")

    def names(self) -> Iterable[str]:
        """Yield the domains whose mail it takes, and its own name."""
        yield from dict.fromkeys((*self.domains, *([self.hostname] if self.hostname else [])))

    def endpoints(self) -> Iterable[Endpoint]:
        """Yield the port where other servers bring mail."""
        yield Endpoint("smtp", self.hostname, 25)

    def probes(self, at: Instance) -> Iterable[Probe]:
        """Yield a look that goes as far as a recipient."""
        yield from mail_looks(self.hostname, self.domains, ["smtp"], None, at)


class Mailcow(Web):
    """A mail server with its mailboxes and web mail, in containers of its own."""

    kind: ClassVar[str] = "mailcow"
    summary: ClassVar[str] = "a mailcow mail server with mailboxes"
    receives: ClassVar[str] = "mail"


class Sympa(Lists):
    """Mailing lists."""

    kind: ClassVar[str] = "sympa"
    summary: ClassVar[str] = "Sympa mailing lists"


class Roundcube(WebWithDatabase):
    """Web mail."""

    kind: ClassVar[str] = "roundcube"
    summary: ClassVar[str] = "Roundcube web mail"
    requires: ClassVar[Roles] = {"database": DATABASES, "mailboxes": frozenset({"dovecot"})}
    mailboxes: ServiceRef | None = Field(None, description="the service that holds the mailboxes")


# Talking


class MatrixSynapse(WebWithDatabase):
    """Matrix."""

    kind: ClassVar[str] = "matrix-synapse"
    summary: ClassVar[str] = "the Synapse Matrix server"
    receives: ClassVar[str] = "matrix"
    requires: ClassVar[Roles] = {"database": POSTGRESQL}


class Mastodon(WebWithDatabase):
    """Mastodon."""

    kind: ClassVar[str] = "mastodon"
    summary: ClassVar[str] = "a Mastodon server"
    requires: ClassVar[Roles] = {"database": POSTGRESQL, "cache": CACHES}
    cache: ServiceRef | None = Field(None, description="the Redis it queues its work in")


class Jitsi(Web):
    """Video meetings."""

    kind: ClassVar[str] = "jitsi"
    summary: ClassVar[str] = "Jitsi Meet video meetings"
    is_stateless: ClassVar[bool] = True


class BigBlueButton(Web):
    """Video meetings with recordings."""

    kind: ClassVar[str] = "bigbluebutton"
    summary: ClassVar[str] = "BigBlueButton video meetings"


class Mumble(WithDatabase):
    """Voice meetings."""

    kind: ClassVar[str] = "mumble"
    summary: ClassVar[str] = "the Mumble voice server"


# Pages, forums, tickets


class Drupal(WebWithDatabase):
    """A web site."""

    kind: ClassVar[str] = "drupal"
    summary: ClassVar[str] = "a Drupal site"


class Typo3(WebWithDatabase):
    """A web site."""

    kind: ClassVar[str] = "typo3"
    summary: ClassVar[str] = "a TYPO3 site"


class DokuWiki(Web):
    """A wiki of plain files."""

    kind: ClassVar[str] = "dokuwiki"
    summary: ClassVar[str] = "a DokuWiki"


class PhpBB(WebWithDatabase):
    """A forum."""

    kind: ClassVar[str] = "phpbb"
    summary: ClassVar[str] = "a phpBB forum"


class Discourse(WebWithDatabase):
    """A forum."""

    kind: ClassVar[str] = "discourse"
    summary: ClassVar[str] = "a Discourse forum"
    requires: ClassVar[Roles] = {"database": POSTGRESQL, "cache": CACHES}
    cache: ServiceRef | None = Field(None, description="the Redis it queues its work in")


class Otrs(WebWithDatabase):
    """Tickets."""

    kind: ClassVar[str] = "otrs"
    summary: ClassVar[str] = "an OTRS, Znuny or OTOBO ticket system"
    requires: ClassVar[Roles] = {"database": DATABASES, "mail": MAIL}
    mail: ServiceRef | None = Field(None, description="the mail server that brings and takes its mail")


# Working together


class Nextcloud(WebWithDatabase):
    """Files, calendars, contacts."""

    kind: ClassVar[str] = "nextcloud"
    summary: ClassVar[str] = "a Nextcloud"
    requires: ClassVar[Roles] = {"database": DATABASES, "cache": CACHES}
    cache: ServiceRef | None = Field(None, description="the Redis that locks its files")


class Forgejo(WebWithDatabase):
    """Repositories and issues."""

    kind: ClassVar[str] = "forgejo"
    summary: ClassVar[str] = "a Forgejo or Gitea"


class Gitlab(WebWithDatabase):
    """Repositories and issues."""

    kind: ClassVar[str] = "gitlab"
    summary: ClassVar[str] = "a GitLab"
    requires: ClassVar[Roles] = {"database": POSTGRESQL}


class Etherpad(WebWithDatabase):
    """Texts written together."""

    kind: ClassVar[str] = "etherpad"
    summary: ClassVar[str] = "an Etherpad"


class HedgeDoc(WebWithDatabase):
    """Texts written together."""

    kind: ClassVar[str] = "hedgedoc"
    summary: ClassVar[str] = "a HedgeDoc"


class Samba(Service):
    """Shared folders."""

    kind: ClassVar[str] = "samba"
    summary: ClassVar[str] = "Samba shared folders"


class Minecraft(Service):
    """A world to play in."""

    kind: ClassVar[str] = "minecraft"
    summary: ClassVar[str] = "a Minecraft server and its world"


# Who is who


class Keycloak(WebWithDatabase):
    """One login for everything."""

    kind: ClassVar[str] = "keycloak"
    summary: ClassVar[str] = "Keycloak single sign-on"


class Vaultwarden(WebWithDatabase):
    """Passwords."""

    kind: ClassVar[str] = "vaultwarden"
    summary: ClassVar[str] = "a Vaultwarden password vault"


# Names and networks


class Unbound(Service):
    """A resolver for one's own network."""

    kind: ClassVar[str] = "unbound"
    summary: ClassVar[str] = "the Unbound resolver"
    is_stateless: ClassVar[bool] = True


class Openvpn(Service):
    """A private network; its keys are its data."""

    kind: ClassVar[str] = "openvpn"
    summary: ClassVar[str] = "an OpenVPN server"


class Wireguard(Service):
    """A private network; its keys are its data."""

    kind: ClassVar[str] = "wireguard"
    summary: ClassVar[str] = "a WireGuard tunnel"


# What others stand on; their configuration is their data


class Nginx(Web):
    """A web server."""

    kind: ClassVar[str] = "nginx"
    summary: ClassVar[str] = "the nginx web server"


class Apache(Web):
    """A web server."""

    kind: ClassVar[str] = "apache"
    summary: ClassVar[str] = "the Apache web server"


class Caddy(Web):
    """A web server."""

    kind: ClassVar[str] = "caddy"
    summary: ClassVar[str] = "the Caddy web server"


class Redis(Service):
    """A store of keys in memory, with or without a copy on disk."""

    kind: ClassVar[str] = "redis"
    summary: ClassVar[str] = "a Redis or Valkey server"


NAMED: tuple[type[Service], ...] = (
    Other, Exim, Mailcow, Sympa, Roundcube, MatrixSynapse, Mastodon, Jitsi,
    BigBlueButton, Mumble, Drupal, Typo3, DokuWiki, PhpBB, Discourse, Otrs, Nextcloud,
    Forgejo, Gitlab, Etherpad, HedgeDoc, Samba, Minecraft, Keycloak, Vaultwarden, Unbound,
    Openvpn, Wireguard, Nginx, Apache, Caddy, Redis,
)  # fmt: skip
