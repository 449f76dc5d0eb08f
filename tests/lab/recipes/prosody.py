"""Prosody: XMPP for one domain."""

from __future__ import annotations

from dataclasses import dataclass

from tests.lab.component import Component, ended
from tests.lab.host import Host

SETTINGS = """\
admins = {{ "{admin}@{domain}" }}
modules_enabled = {{
    "roster"; "saslauth"; "tls"; "dialback"; "disco"; "ping"; "posix"; "private"; "vcard"; "version"; "uptime"; "time";
    "offline";
}}
allow_registration = false
c2s_require_encryption = true
s2s_secure_auth = false
authentication = "internal_hashed"
pidfile = "/run/prosody/prosody.pid"
log = {{ info = "/var/log/prosody/prosody.log"; error = "/var/log/prosody/prosody.err"; }}
ssl = {{ key = "/etc/ssl/lab/privkey.pem"; certificate = "/etc/ssl/lab/fullchain.pem"; }}
VirtualHost "{domain}"
Component "conference.{domain}" "muc"
"""
HELLO = (
    "<?xml version='1.0'?><stream:stream to='{domain}' xmlns='jabber:client' "
    "xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
)


@dataclass(frozen=True)
class Prosody(Component):
    """Clients on 5222, servers on 5269."""

    domain: str
    users: tuple[str, ...]
    name = "prosody"
    # Without lua-unbound every prosodyctl call prints a warning banner.
    packages = frozenset({"prosody", "lua-unbound"})
    process = r"^lua\S* /usr/bin/prosody|^prosody|/usr/bin/prosody "

    def prepare(self, host: Host) -> None:
        """Write the configuration."""
        text = SETTINGS.format(admin=self.users[0], domain=self.domain)
        host.write("/etc/prosody/prosody.cfg.lua", text)
        host.sh("usermod -a -G ssl-cert prosody")

    def personalise(self, host: Host) -> None:
        """Register the users with this lab's passwords; anna@verein.example's secret is `xmpp-anna@verein.example`."""
        for user in self.users:
            password = host.secrets[f"xmpp-{user}@{self.domain}"]
            host.run(["prosodyctl", "register", user, self.domain, password])

    def start(self) -> str:
        """Start it in the foreground of its own session (as a daemon it did not always come up)."""
        return (
            "install -d -o prosody -g prosody /run/prosody /var/log/prosody; cd /; "
            "setsid setpriv --reuid=prosody --regid=prosody --init-groups env HOME=/var/lib/prosody prosody -F &"
        )

    def ready(self) -> str:
        """It offers stream features."""
        hello = HELLO.format(domain=self.domain)
        tags = "for i in 1 2 3; do read -r -t 5 -d '>' said <&3; done"
        return f'exec 3<>/dev/tcp/127.0.0.1/5222; printf %s "{hello}" >&3; {tags}; [[ $said == *stream:features* ]]'

    def stop(self) -> str:
        """Stop it (the init script says yes and does not)."""
        return ended("bin/prosody")
