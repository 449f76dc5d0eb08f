"""Postfix: a domain's mail server, and the second way in that stores and forwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tests.lab.component import Component, ended, greets
from tests.lab.host import Host

TLS = {
    "smtpd_tls_cert_file": "/etc/ssl/lab/fullchain.pem",
    "smtpd_tls_key_file": "/etc/ssl/lab/privkey.pem",
    "smtpd_tls_security_level": "may",
    "smtp_tls_security_level": "may",
    "smtp_tls_CAfile": "/etc/ssl/lab/authority.pem",
}
EVERYWHERE = {
    "compatibility_level": "3.6",
    "maillog_file": "/var/log/postfix.log",
    "inet_interfaces": "all",
    "inet_protocols": "all",
    "mynetworks": "127.0.0.0/8 [::1]/128",
    "alias_maps": "",
    "alias_database": "",
    "smtpd_relay_restrictions": "permit_mynetworks permit_sasl_authenticated reject_unauth_destination",
    # Impatient, so that a test need not wait an hour for the next try.
    "minimal_backoff_time": "2s",
    "maximal_backoff_time": "10s",
    "queue_run_delay": "2s",
    "smtp_connect_timeout": "5s",
    **TLS,
}


class Postfix(Component):
    """What every Postfix of the lab has in common."""

    name = "postfix"
    packages: ClassVar[frozenset[str]] = frozenset({"postfix"})
    process = (
        r"^/usr/lib/postfix/sbin/master|^[a-z]+ -[a-z] .*-t |^(pickup|qmgr|tlsmgr|smtpd|smtp|lmtp|cleanup|anvil) -"
    )

    def configure(self, host: Host, settings: dict[str, str]) -> None:
        """Write main.cf; no service in a chroot, which would need copies of resolv.conf, hosts and libraries."""
        host.sh("touch /etc/postfix/main.cf; postconf -F '*/*/chroot=n'")
        # postsuper writes it as postfix, when queue files came from another disk and need other names.
        host.write("/var/log/postfix.log", "", mode=0o640, owner="postfix")
        host.run(["postconf", "-e", *(f"{key}={value}" for key, value in {**EVERYWHERE, **settings}.items())])

    def start(self) -> str:
        """Start it; a power cut leaves its pid file behind."""
        return "rm -f /var/spool/postfix/pid/master.pid; postfix start"

    def ready(self) -> str:
        """It greets."""
        return greets(25, "220 ")

    def stop(self) -> str:
        """Stop it."""
        return ended("^/usr/lib/postfix/sbin/master", "postfix stop")


@dataclass(frozen=True)
class MailServer(Postfix):
    """A domain's mail server; Dovecot keeps the mailboxes."""

    domain: str
    greets_as: str
    mailboxes: tuple[str, ...]
    aliases: tuple[tuple[str, str], ...] = ()
    """Local part, and the addresses it goes to."""
    lists_domain: str = ""
    """The domain of Mailman's lists, if there is one."""
    tickets: str = ""
    """The local part whose mail becomes tickets, if there is one."""

    def prepare(self, host: Host) -> None:
        """Write tables and configuration."""
        boxes = "".join(f"{user}@{self.domain} x\n" for user in self.mailboxes)
        aliases = "".join(f"{name}@{self.domain} {target}\n" for name, target in self._aliases())
        host.write("/etc/postfix/vmailbox", boxes)
        host.write("/etc/postfix/virtual", aliases)
        self.configure(host, {**self._settings(), **(MAILMAN if self.lists_domain else {})})
        host.sh("postmap /etc/postfix/vmailbox /etc/postfix/virtual")
        self._submission(host)
        if self.tickets:
            gate = "/usr/bin/rt-mailgate --queue General --action correspond --url http://127.0.0.1:8080/"
            host.write("/etc/aliases", f'{self.tickets}: "|{gate}"\n')
            host.sh("postalias /etc/aliases; postconf -e alias_maps=hash:/etc/aliases")

    def _aliases(self) -> list[tuple[str, str]]:
        own = [("postmaster", f"{self.mailboxes[0]}@{self.domain}"), *self.aliases]
        return [*own, (self.tickets, f"{self.tickets}@localhost")] if self.tickets else own

    def _settings(self) -> dict[str, str]:
        return {
            "myhostname": self.greets_as,
            "mydomain": self.domain,
            "myorigin": self.domain,
            "mydestination": "localhost",
            "virtual_mailbox_domains": self.domain,
            "virtual_mailbox_maps": "hash:/etc/postfix/vmailbox",
            "virtual_alias_maps": "hash:/etc/postfix/virtual",
            "virtual_transport": "lmtp:unix:private/dovecot-lmtp",
            "smtpd_sasl_type": "dovecot",
            "smtpd_sasl_path": "private/auth",
            "recipient_delimiter": "+",
        }

    def _submission(self, host: Host) -> None:
        options = {"smtpd_sasl_auth_enable": "yes", "smtpd_tls_security_level": "encrypt"}
        host.run(["postconf", "-M", "submission/inet=submission inet n - n - - smtpd"])
        host.run(["postconf", "-P", *(f"submission/inet/{key}={value}" for key, value in options.items())])


MAILMAN = {
    "owner_request_special": "no",
    "transport_maps": "hash:/var/lib/mailman3/data/postfix_lmtp",
    "relay_domains": "hash:/var/lib/mailman3/data/postfix_domains",
    "local_recipient_maps": "$alias_maps hash:/var/lib/mailman3/data/postfix_lmtp",
    "relay_recipient_maps": "hash:/var/lib/mailman3/data/postfix_lmtp",
}


@dataclass(frozen=True)
class SecondMx(Postfix):
    """The second way in: takes mail for these domains while the first is dead, keeps it for up to ten days."""

    domains: tuple[str, ...]
    greets_as: str
    recipients: tuple[str, ...]
    """Addresses it takes mail for, or `@domain`: what the first server would refuse must be refused here."""

    def prepare(self, host: Host) -> None:
        """Write tables and configuration."""
        host.write("/etc/postfix/recipients", "".join(f"{address} x\n" for address in self.recipients))
        own = {
            "myhostname": self.greets_as,
            "mydestination": "localhost",
            "relay_domains": " ".join(self.domains),
            "relay_recipient_maps": "hash:/etc/postfix/recipients",
            "maximal_queue_lifetime": "10d",
        }
        self.configure(host, own)
        host.sh("postmap /etc/postfix/recipients")
