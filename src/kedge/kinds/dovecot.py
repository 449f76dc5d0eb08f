"""Dovecot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from kedge.kinds.files import Folder
from kedge.model.instance import Endpoint, Part
from kedge.model.service import Service
from kedge.model.thing import OneOrMore

PORTS: Mapping[str, tuple[int, Literal["tcp", "tls"]]] = {
    "imap": (143, "tcp"),
    "imaps": (993, "tls"),
    "pop3": (110, "tcp"),
    "pop3s": (995, "tls"),
    "sieve": (4190, "tcp"),
}


class Dovecot(Service):
    """Mailboxes, and how their owners read them."""

    kind: ClassVar[str] = "dovecot"
    summary: ClassVar[str] = "the Dovecot IMAP server and its mailboxes"
    example: ClassVar[Mapping[str, Any]] = {
        "hostname": "imap.example.org",
        "mail": "/var/vmail",
        "listens": ["imap", "imaps"],
    }

    hostname: str = Field("", description="the name that mail programs connect to")
    mail: Folder | None = Field(None, description="the folder of the mailboxes, as it is called on its host")
    settings: Folder = Field("/etc/dovecot", description="the folder of `dovecot.conf`, as it is called on its host")
    listens: Annotated[tuple[Literal["imap", "imaps", "pop3", "pop3s", "sieve"], ...], OneOrMore] = Field(
        ("imap", "imaps"), description="how mail is read"
    )

    def names(self) -> Iterable[str]:
        """Yield its domains and the name that mail programs connect to."""
        yield from dict.fromkeys((*self.domains, *([self.hostname] if self.hostname else [])))

    def endpoints(self) -> Iterable[Endpoint]:
        """Yield each port that mail is read on."""
        for name in self.listens:
            port, transport = PORTS[name]
            yield Endpoint(name, self.hostname, port, transport)

    def parts(self) -> Iterable[Part]:
        """Yield its settings and the mailboxes; its settings alone would bring nobody's mail back."""
        from kedge.parts.folder import FolderPart

        if self.mail:
            yield FolderPart(self.settings, "settings")
            yield FolderPart(self.mail, "mail")
