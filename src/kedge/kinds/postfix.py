"""Postfix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from kedge.kinds.looks import LookAs, mail_looks
from kedge.model.folder import Folder
from kedge.model.instance import Command, Endpoint, File, Instance, Part, Probe, Program, Start
from kedge.model.service import Service
from kedge.model.thing import OneOrMore, ServiceRef

PORTS: Mapping[str, tuple[int, Literal["tcp", "tls"]]] = {
    "smtp": (25, "tcp"),
    "submission": (587, "tcp"),
    "submissions": (465, "tls"),
}
"""Where mail comes in: from other servers (RFC 5321), from one's own users by STARTTLS (RFC 6409) or TLS (RFC 8314)."""

COPY = "/drill/postfix"
# Restored settings first, then what must differ in a copy: its port, no certificate, no mail to anybody. Tables that
# other services keep (lists, tickets) are not part of it: here they are empty, and not in those services' folders.
SCRIPT = r"""
set -e
umask 022
source=$1 copy=$2 port=$3
chmod 755 / /etc /var 2>/dev/null || true
rm -rf "$copy"; mkdir -p "${copy%/*}" /etc/postfix
cp -r "$source" "$copy"; chown -R root:root "$copy"; chmod -R go+rX "$copy"
set_to() { postconf -c "$copy" -e "$@"; }
set_to "queue_directory=/var/spool/postfix" "data_directory=/var/lib/postfix" "maillog_file=" \
  "inet_interfaces=127.0.0.1" "inet_protocols=ipv4" "smtpd_tls_security_level=none" "smtp_tls_security_level=none" \
  "smtpd_tls_cert_file=" "smtpd_tls_key_file=" "smtpd_tls_chain_files=" "smtpd_sasl_auth_enable=no" \
  "smtpd_milters=" "non_smtpd_milters=" "default_transport=retry:nothing leaves a copy" "relayhost=" \
  "defer_transports=smtp,relay,lmtp,local,virtual,pipe" "compatibility_level=3.6" "alternate_config_directories=$copy"
[ ! -e "$copy/postfix-files" ] || set_to "meta_directory=$copy"
postconf -c "$copy" -F '*/*/chroot=n'
for service in $(postconf -c "$copy" -M | awk '$2 == "inet" { print $1 "/inet" }'); do
  postconf -c "$copy" -MX "$service"
done
postconf -c "$copy" -M "$port/inet=$port inet n - n - - smtpd"
postconf -c "$copy" -n | grep -o '\(hash\|btree\|lmdb\|cdb\|texthash\):/[^ ,]*' | sort -u | while read -r table; do
  file=${table#*:} empty=$copy/empty-${table%%:*}
  [ ! -e "$file" ] || continue
  : > "$empty"
  sed -i "s|$table|${table%%:*}:$empty|g" "$copy/main.cf"
  case $table in texthash:*) ;; *) postmap -c "$copy" "${table%%:*}:$empty" ;; esac
done
mkdir -p /var/spool/postfix /var/lib/postfix && chmod 755 /var/spool /var/lib && chown postfix /var/lib/postfix
postfix -c "$copy" post-install create-missing
"""
# Not `postfix start`, which complains about every file of the programs, whose owner nobody is in a sandbox.
MASTER = 'exec "$(postconf -c "$1" -h daemon_directory)/master" -c "$1" -d'


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
        if at.mode == "sandbox":
            yield from mail_looks(self.hostname, self.domains, self._started, None, at)
        else:
            yield from mail_looks(self.hostname, self.domains, self.listens, self.look_as, at)

    @property
    def _started(self) -> list[str]:
        """The port on which a copy takes mail: as from other servers, if it does that at all."""
        return [name for name in self.listens if name == "smtp"]

    def parts(self) -> Iterable[Part]:
        """Yield its settings. Its queue is not saved: mail in it is on its way, and restored it would be sent twice."""
        from kedge.parts.folder import FolderPart

        yield FolderPart(self.settings, "settings")

    def programs(self) -> Iterable[str]:
        """Yield the programs of a copy."""
        yield "postfix"

    def start(self, at: Instance) -> Iterable[Start]:
        """Yield Postfix itself on the restored settings; it takes recipients' names, and no mail leaves it."""
        smtp, probes = at.dial.get("smtp"), list(self.probes(at))
        if at.mode != "sandbox" or smtp is None or not probes:
            return
        script = at.path("/drill/postfix.sh")
        yield File(script, SCRIPT)
        yield Command(("sh", str(script), str(at.path(self.settings)), COPY, str(smtp.port)), as_root=True)
        yield Program(("sh", "-c", MASTER, "sh", COPY), probes[0], as_root=True)
