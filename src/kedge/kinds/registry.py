"""Every kind of service kedge knows, by name."""

from __future__ import annotations

from collections.abc import Mapping

from kedge.kinds.bind import Bind, Knot
from kedge.kinds.compose import Compose
from kedge.kinds.dovecot import Dovecot
from kedge.kinds.files import Files
from kedge.kinds.http import Http
from kedge.kinds.mailman import Mailman3
from kedge.kinds.mariadb import MariaDB, MySQL
from kedge.kinds.mediawiki import MediaWiki
from kedge.kinds.named import NAMED
from kedge.kinds.openldap import Openldap
from kedge.kinds.plugin import Plugin
from kedge.kinds.postfix import Postfix
from kedge.kinds.postgresql import Postgresql
from kedge.kinds.powerdns import PowerDNS
from kedge.kinds.request_tracker import RequestTracker
from kedge.kinds.spirit import Spirit
from kedge.kinds.static_site import StaticSite
from kedge.kinds.wordpress import WordPress
from kedge.kinds.xmpp import Ejabberd, Prosody
from kedge.model.service import Service

_ALL: tuple[type[Service], ...] = (
    Http, StaticSite, Files, MediaWiki, MariaDB, MySQL, Postgresql, Postfix, Dovecot, Bind, Knot, Plugin, Mailman3,
    Prosody, Ejabberd, RequestTracker, Spirit, Compose, Openldap, PowerDNS, WordPress, *NAMED,
)  # fmt: skip

KINDS: Mapping[str, type[Service]] = {kind.kind: kind for kind in sorted(_ALL, key=lambda kind: kind.kind)}
"""Name -> class; one module per kind, listed here by hand so that reading it needs no import magic."""
