"""Postfix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from kedge.kinds.files import Folder
from kedge.kinds.looks import LookAs, mail_looks
from kedge.model.instance import Endpoint, Instance, Part, Probe
from kedge.model.service import Service
from kedge.model.thing import OneOrMore, ServiceRef

PORTS: Mapping[str, tuple[int, Literal["tcp", "tls"]]] = {
    "smtp": (25, "tcp"),
    "submission": (587, "tcp"),
    "submissions": (465, "tls"),
}
"""Where mail comes in: from other servers (RFC 5321), from one's own users by STARTTLS (RFC 6409) or TLS (RFC 8314)."""


class Postfix(Service):
    """A mail server: what arrives for its `domains`, and what leaves."""

    kind: ClassVar[str] = "postfix"
    summary: ClassVar[str] = "the Postfix mail server"
    receives: ClassVar[str] = "mail"
    requires: ClassVar[Mapping[str, frozenset[str]]] = {"mailboxes": frozenset({"dovecot"})}
    example: ClassVar[Mapping[str, Any]] = {
        "domains": ["example.org"],
        "hostname": "mail.example.org",
        "mailboxes": "imap",
        "listens": ["smtp", "submission"],
    }

    hostname: str = Field("", description="its name as a mail server: what the MX records point to")
    mailboxes: ServiceRef | None = Field(None, description="the service that takes the mail into mailboxes")
    settings: Folder = Field("/etc/postfix", description="the folder of `main.cf`, as it is called on its host")
    listens: Annotated[tuple[Literal["smtp", "submission", "submissions"], ...], OneOrMore] = Field(
        ("smtp",), description="where it takes mail: from other servers, from its own users"
    )
    look_as: LookAs | None = Field(
        None, description="an account of kedge's own with a mailbox: mail is sent to it, found there and deleted"
    )

    def names(self) -> Iterable[str]:
        """Yield the domains whose mail it takes, and its own name."""
        yield from dict.fromkeys((*self.domains, *([self.hostname] if self.hostname else [])))

    def endpoints(self) -> Iterable[Endpoint]:
        """Yield each port it takes mail on."""
        for name in self.listens:
            port, transport = PORTS[name]
            yield Endpoint(name, self.hostname, port, transport)

    def probes(self, at: Instance) -> Iterable[Probe]:
        """Yield a look at each port as far as a recipient, and one all the way to a mailbox if there is a login."""
        yield from mail_looks(self.hostname, self.domains, self.listens, self.look_as, at)

    def parts(self) -> Iterable[Part]:
        """Yield its settings. Its queue is not saved: mail in it is on its way, and restored it would be sent twice."""
        from kedge.parts.folder import FolderPart

        yield FolderPart(self.settings, "settings")
