"""The looks that several kinds share, and the login they may use. Probes are imported when one is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from kedge.model.instance import Instance, Probe
from kedge.model.thing import Declared, SecretRef

if TYPE_CHECKING:
    from kedge.probes.login import Login


class LookAs(Declared):
    """Who kedge logs in as when it looks: an account of its own, with a mailbox or a database it may read."""

    user: str = Field(description="the account's name, as one types it")
    secret: SecretRef = Field(description="the secret that holds its password; says `from` where kedge finds it")

    def login(self) -> Login:
        """Return it as probes take it."""
        from kedge.probes.login import Login

        return Login(self.user, self.secret)


LOOK_AS = "an account of kedge's own to log in with; without one it looks up to the door"


def mail_looks(
    hostname: str, domains: Iterable[str], listens: Iterable[str], look_as: LookAs | None, at: Instance
) -> Iterator[Probe]:
    """Yield a look at each port where mail comes in, and one all the way to a mailbox if there is a login.

    Every domain must take mail for its postmaster (RFC 5321 §4.5.1): the address that is always known.
    """
    from kedge.probes.imap import ImapProbe
    from kedge.probes.round_trip import ROLE, RoundTripProbe
    from kedge.probes.smtp import Encryption, SmtpProbe

    recipient = next((f"postmaster@{domain}" for domain in domains), "")
    encryption: dict[str, Encryption] = {"smtp": "opportunistic", "submission": "starttls", "submissions": "tls"}
    for name in listens:
        login = look_as.login() if look_as and name != "smtp" else None
        yield SmtpProbe(hostname, recipient, login, encryption[name], endpoint=name, name=name)
    mailboxes = at.uses.get(ROLE)
    if look_as and mailboxes and (reading := next((one for one in ("imap", "imaps") if one in mailboxes.dial), "")):
        sending = next((name for name in ("submission", "submissions", "smtp") if name in listens), "smtp")
        login = look_as.login() if sending != "smtp" else None
        submit = SmtpProbe(hostname, look_as.user, login, encryption[sending], endpoint=sending)
        read = ImapProbe(mailboxes.dial[reading].host, is_tls=reading == "imaps", endpoint=reading)
        yield RoundTripProbe(submit, read, look_as.login())


def mailbox_looks(hostname: str, listens: Iterable[str], look_as: LookAs | None) -> Iterator[Probe]:
    """Yield a look at each port where mail is read."""
    from kedge.probes.greeting import GreetingProbe
    from kedge.probes.imap import ImapProbe

    login = look_as.login() if look_as else None
    for name in listens:
        match name:
            case "imap" | "imaps":
                yield ImapProbe(hostname, login, is_tls=name == "imaps", endpoint=name, name=name)
            case "pop3" | "pop3s":
                is_tls = name == "pop3s"
                yield GreetingProbe("POP3", "+OK", name, "QUIT\r\n", hostname, is_tls=is_tls, name=name)
            case "sieve":
                yield GreetingProbe("ManageSieve", '"IMPLEMENTATION"', name, "LOGOUT\r\n", name=name)


def xmpp_looks(domains: Iterable[str], look_as: LookAs | None) -> Iterator[Probe]:
    """Yield a look from a client's side and one from another server's, for the first domain."""
    from kedge.probes.xmpp import XmppProbe

    for domain in list(domains)[:1]:
        yield XmppProbe(domain, "client", look_as.login() if look_as else None, endpoint="xmpp-client", name="clients")
        yield XmppProbe(domain, "server", endpoint="xmpp-server", name="servers")


def sql_looks(
    server: Literal["mysql", "postgresql"], databases: tuple[str, ...], look_as: LookAs | None, *, is_dialled: bool,
    is_replica: bool = False, socket: str = "",
) -> Iterator[Probe]:  # fmt: skip
    """Yield a query: over the network where it listens there, else by its own client on its host."""
    from kedge.probes.client_program import MysqlClientProbe, PostgresClientProbe
    from kedge.probes.mysql import MysqlProbe
    from kedge.probes.postgres import PostgresProbe

    login = look_as.login() if look_as else None
    if server == "mysql" and is_dialled:
        yield MysqlProbe(login, databases, is_replica)
    elif server == "mysql":
        yield MysqlClientProbe(databases, socket, is_replica)
    elif is_dialled:
        yield PostgresProbe(login, databases, is_replica)
    else:
        yield PostgresClientProbe(databases, may_be_read_only=is_replica)
