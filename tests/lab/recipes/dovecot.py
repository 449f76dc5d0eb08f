"""Dovecot: mailboxes, IMAP, and the passwords Postfix asks it about."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from tests.lab.component import Component, ended, greets
from tests.lab.host import Host

SETTINGS = """\
protocols = imap lmtp
listen = *, ::
log_path = /var/log/dovecot.log
mail_location = maildir:/var/vmail/%u/Maildir
mail_uid = vmail
mail_gid = vmail
ssl = yes
ssl_cert = </etc/ssl/lab/fullchain.pem
ssl_key = </etc/ssl/lab/privkey.pem
disable_plaintext_auth = yes
passdb {
  driver = passwd-file
  args = /etc/dovecot/users
}
userdb {
  driver = static
  args = uid=vmail gid=vmail home=/var/vmail/%u
}
service lmtp {
  unix_listener /var/spool/postfix/private/dovecot-lmtp {
    mode = 0600
    user = postfix
    group = postfix
  }
}
# After a wrong password Dovecot lets the whole address wait for up to 15 s; all of the lab's tests have one address.
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0660
    user = postfix
    group = postfix
  }
}
"""


@dataclass(frozen=True)
class Dovecot(Component):
    """IMAP on 143 and 993; the mailboxes lie in /var/vmail."""

    domain: str
    mailboxes: tuple[str, ...]
    name = "dovecot"
    packages = frozenset({"dovecot-imapd", "dovecot-lmtpd"})
    process = r"^(/usr/sbin/)?dovecot|^dovecot/"

    def prepare(self, host: Host) -> None:
        """Write the configuration."""
        host.sh("useradd -r -d /var/vmail vmail; install -d -o vmail -g vmail -m 770 /var/vmail")
        host.write("/etc/dovecot/dovecot.conf", SETTINGS)

    def personalise(self, host: Host) -> None:
        """Write this lab's passwords; the secret of anna@verein.example is named `mail-anna@verein.example`."""
        addresses = [f"{user}@{self.domain}" for user in self.mailboxes]
        lines = [f"{address}:{hashed(host.secrets[f'mail-{address}'])}::::::\n" for address in addresses]
        host.write("/etc/dovecot/users", "".join(lines), mode=0o640, owner="dovecot")

    def start(self) -> str:
        """Start it; /run is empty after every boot."""
        return "dovecot"

    def ready(self) -> str:
        """It greets on IMAP."""
        return greets(143, "OK")

    def stop(self) -> str:
        """Stop it."""
        return ended("^dovecot", "dovecot stop")


def hashed(password: str) -> str:
    """The password in Dovecot's scheme SSHA256."""
    salt = hashlib.sha256(password.encode()).digest()[:8]
    return "{SSHA256}" + base64.b64encode(hashlib.sha256(password.encode() + salt).digest() + salt).decode()
