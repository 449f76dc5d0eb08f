"""Kinds that are only named so far: what they need and whether they keep data, as far as the engine asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from kedge.model.service import Service
from kedge.model.thing import AnyRef, OneOrMore, ServiceRef

DATABASES = frozenset({"mariadb", "postgresql"})


class Other(Service):
    """A service of a kind that kedge does not know: treated as one that keeps data."""

    kind: ClassVar[str] = "other"
    summary: ClassVar[str] = "anything kedge has no kind for yet"


class WithDatabase(Service):
    """A kind that keeps part of its data in a database service."""

    requires: ClassVar[Mapping[str, frozenset[str]]] = {"database": DATABASES}
    database: ServiceRef | None = None


class Mailman3(WithDatabase):
    """Mailing lists."""

    kind: ClassVar[str] = "mailman3"
    summary: ClassVar[str] = "Mailman 3 mailing lists"
    requires: ClassVar[Mapping[str, frozenset[str]]] = {"database": DATABASES, "mail": frozenset({"postfix"})}
    mail: ServiceRef | None = None


class Prosody(WithDatabase):
    """Jabber (XMPP)."""

    kind: ClassVar[str] = "prosody"
    summary: ClassVar[str] = "the Prosody XMPP (Jabber) server"
    receives: ClassVar[str] = "xmpp"


class PhpBB(WithDatabase):
    """A forum."""

    kind: ClassVar[str] = "phpbb"
    summary: ClassVar[str] = "a phpBB forum"


class Otrs(WithDatabase):
    """Tickets."""

    kind: ClassVar[str] = "otrs"
    summary: ClassVar[str] = "an OTRS, Znuny or OTOBO ticket system"


class Postgresql(Service):
    """A database server."""

    kind: ClassVar[str] = "postgresql"
    summary: ClassVar[str] = "a PostgreSQL server"


class Http(Service):
    """A web page; a stand-in until its own module exists."""

    kind: ClassVar[str] = "http"
    summary: ClassVar[str] = "anything that answers HTTP"
    is_stateless: ClassVar[bool] = True
    url: str = ""


class Files(Service):
    """Folders."""

    kind: ClassVar[str] = "files"
    summary: ClassVar[str] = "folders of files"
    paths: Annotated[tuple[str, ...], OneOrMore] = ()


class MediaWiki(WithDatabase):
    """A wiki."""

    kind: ClassVar[str] = "mediawiki"
    summary: ClassVar[str] = "a MediaWiki"
    url: str = ""


class MariaDB(Service):
    """A database server."""

    kind: ClassVar[str] = "mariadb"
    summary: ClassVar[str] = "a MariaDB or MySQL server"


class Postfix(Service):
    """Mail in and out."""

    kind: ClassVar[str] = "postfix"
    summary: ClassVar[str] = "the Postfix mail server"
    receives: ClassVar[str] = "mail"


class Dovecot(Service):
    """Mailboxes."""

    kind: ClassVar[str] = "dovecot"
    summary: ClassVar[str] = "the Dovecot IMAP server and its mailboxes"


class Bind(Service):
    """A name server."""

    kind: ClassVar[str] = "bind"
    summary: ClassVar[str] = "the BIND name server and its zones"
    zones: Annotated[tuple[AnyRef, ...], OneOrMore] = ()


NAMED: tuple[type[Service], ...] = (
    Other, Mailman3, Prosody, PhpBB, Otrs, Postgresql, Http, Files, MediaWiki, MariaDB, Postfix, Dovecot, Bind,
)  # fmt: skip
