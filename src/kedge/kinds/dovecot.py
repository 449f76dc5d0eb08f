"""Dovecot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from kedge.kinds.looks import LOOK_AS, LookAs, mailbox_looks
from kedge.model.folder import Folder
from kedge.model.instance import Command, Endpoint, File, Instance, Part, Probe, Program, Start
from kedge.model.service import Service
from kedge.model.thing import OneOrMore

PORTS: Mapping[str, tuple[int, Literal["tcp", "tls"]]] = {
    "imap": (143, "tcp"),
    "imaps": (993, "tls"),
    "pop3": (110, "tcp"),
    "pop3s": (995, "tls"),
    "sieve": (4190, "tcp"),
}


LONG = timedelta(hours=2)
COPY = "/drill/dovecot.conf"

# A copy has one user, so it brings its own settings: everybody may log in, and there is nobody but itself to do so.
SETTINGS = """\
protocols = imap
listen = @HOST
base_dir = /tmp/dovecot
state_dir = /tmp/dovecot-state
log_path = /dev/stderr
ssl = no
disable_plaintext_auth = no
default_internal_user = kedge
default_internal_group = kedge
default_login_user = kedge
mail_uid = 1000
mail_gid = 1000
first_valid_uid = 1
passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = static
  args = uid=1000 gid=1000 home=/tmp/home/%u
}
service imap-login {
  chroot =
  inet_listener imap {
    port = @PORT
  }
  inet_listener imaps {
    port = 0
  }
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
"""
# Every Maildir is opened by Dovecot itself, whatever names its owners log in with; a subfolder belongs to its Maildir.
OPEN = """
find "$1" -type d -name cur | while read -r cur; do
  box=${cur%/cur}
  case ${box##*/} in .*) continue ;; esac
  doveadm -c "$2" -o "mail_location=maildir:$box" mailbox status -u copy messages '*' >/dev/null || exit 1
done
"""


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
    look_as: LookAs | None = Field(None, description=LOOK_AS)

    def names(self) -> Iterable[str]:
        """Yield its domains and the name that mail programs connect to."""
        yield from dict.fromkeys((*self.domains, *([self.hostname] if self.hostname else [])))

    @property
    def _name(self) -> str:
        return self.hostname or next(iter(self.domains), "")

    def endpoints(self) -> Iterable[Endpoint]:
        """Yield each port that mail is read on."""
        for name in self.listens:
            port, transport = PORTS[name]
            yield Endpoint(name, self._name, port, transport)

    def probes(self, at: Instance) -> Iterable[Probe]:
        """Yield a look at each port; of a copy in a sandbox, only at the first port of IMAP."""
        if at.mode == "sandbox":
            listens = [name for name in self.listens if name in {"imap", "imaps"}][:1]
            yield from mailbox_looks(self._name, listens, None)
        else:
            yield from mailbox_looks(self._name, self.listens, self.look_as)

    def parts(self) -> Iterable[Part]:
        """Yield its settings and the mailboxes; its settings alone would bring nobody's mail back."""
        from kedge.parts.folder import FolderPart

        if self.mail:
            yield FolderPart(self.settings, "settings")
            yield FolderPart(self.mail, "mail")

    def programs(self) -> Iterable[str]:
        """Yield the programs of a copy."""
        yield "dovecot"

    def start(self, at: Instance) -> Iterable[Start]:
        """Yield Dovecot itself on the restored mailboxes, each of which it has to open."""
        probes = list(self.probes(at))
        imap = at.dial.get("imap") or at.dial.get("imaps")
        if at.mode != "sandbox" or imap is None or not self.mail or not probes:
            return
        copy = str(at.path(COPY))
        yield Command(("mkdir", "-p", "/tmp/dovecot", "/tmp/home"))
        yield File(at.path(COPY), SETTINGS.replace("@HOST", imap.host).replace("@PORT", str(imap.port)))
        yield Program(("dovecot", "-F", "-c", copy), probes[0])
        yield Command(("sh", "-c", OPEN, "sh", str(at.path(self.mail)), copy), LONG)
