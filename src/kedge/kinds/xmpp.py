"""XMPP servers: Prosody, ejabberd."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pydantic import Field

from kedge.kinds.database import WithDatabase, socket_of
from kedge.kinds.looks import LOOK_AS, LookAs, xmpp_looks
from kedge.model.folder import Folder
from kedge.model.instance import Command, Endpoint, File, Instance, Part, Probe, Program, Start

COPY = "/drill/prosody.cfg.lua"
# Restored settings first, then what must differ in a copy: its ports, no certificate, its database.
SETTINGS = """\
Include "@SETTINGS/prosody.cfg.lua"
VirtualHost "*"
interfaces = { "127.0.0.1" }
c2s_ports = { @CLIENTS }
s2s_ports = { @SERVERS }
c2s_direct_tls_ports = { }
s2s_direct_tls_ports = { }
legacy_ssl_ports = { }
http_ports = { }
https_ports = { }
component_ports = { }
c2s_require_encryption = false
s2s_require_encryption = false
allow_unencrypted_plain_auth = true
pidfile = "/tmp/kedge-prosody.pid"
log = "*console"
daemonize = false
"""
SQL = """\
sql = { driver = "@DRIVER", database = "@DATABASE", host = "@HOST", username = "@USER", password = "" }
"""
EJABBERD_COPY = "/drill/ejabberd.yml"
# Restored settings without what a copy must do otherwise: where it listens, its certificate, who it talks to.
EJABBERD_SETTINGS = """\
include_config_file:
  "@SETTINGS/ejabberd.yml":
    disallow: [listen, certfiles, ca_file, acme, s2s_use_starttls, s2s_cafile]
s2s_use_starttls: false
listen:
  - {port: @CLIENTS, ip: "127.0.0.1", module: ejabberd_c2s}
  - {port: @SERVERS, ip: "127.0.0.1", module: ejabberd_s2s_in}
"""
# Its control program insists on being root or a user of its own, of whom there is none in a sandbox.
EJABBERD_FREED = """
program=$(command -v ejabberdctl) && mkdir -p -- "$1" /drill/ejabberd.log &&
sed 's/^INSTALLUSER=.*/INSTALLUSER=/' "$program" > "$2.freed" && chmod 755 "$2.freed"
"""
EJABBERD_CONTROL = """\
#!/bin/sh
exec "$0.freed" --node kedge@localhost --spool "@DATA" --logs /drill/ejabberd.log --config-dir "@SETTINGS" \\
  --config "@COPY" --ctl-config /nonexistent "$@"
"""
# Every file of its store is read by Lua, as Prosody would: one that was cut off is no Lua any more. What Lua says of it
# would repeat what is in it.
OPEN = """
lua=$(command -v lua5.4 || command -v lua5.3 || command -v lua5.2 || command -v lua) || exit 0
find "$1" -name '*.dat' -o -name '*.list' | while read -r file; do
  FILE=$file "$lua" -e 'assert(loadfile(os.getenv("FILE"), "t"))' 2>/dev/null && continue
  echo "unreadable: $file" >&2 && exit 1
done
"""


class XmppServer(WithDatabase):
    """What every XMPP server shares. Its `domains` are what addresses end with; SRV records lead to the server."""

    receives: ClassVar[str] = "xmpp"
    example: ClassVar[Mapping[str, Any]] = {"domains": ["example.org"]}
    look_as: LookAs | None = Field(None, description=LOOK_AS)

    def endpoints(self) -> Iterable[Endpoint]:
        """Yield the ports for clients and for other servers (RFC 6120), found under the first domain."""
        for domain in self.domains[:1]:
            yield Endpoint("xmpp-client", domain, 5222)
            yield Endpoint("xmpp-server", domain, 5269)

    def probes(self, at: Instance) -> Iterable[Probe]:
        """Yield a look from a client's side, and one from another server's."""
        yield from xmpp_looks(self.domains, self.look_as if at.mode == "live" else None)


class Prosody(XmppServer):
    """Jabber (XMPP): accounts, rosters and messages in a folder, or in its database."""

    kind: ClassVar[str] = "prosody"
    summary: ClassVar[str] = "the Prosody XMPP (Jabber) server"

    settings: Folder = Field("/etc/prosody", description="the folder of `prosody.cfg.lua`, as it is called on its host")
    data: Folder = Field("/var/lib/prosody", description="the folder of its accounts and messages")

    def parts(self) -> Iterable[Part]:
        """Yield its settings, its folder, and its database if that is known by name."""
        from kedge.parts.folder import FolderPart

        yield FolderPart(self.settings, "settings")
        yield FolderPart(self.data, "data")
        yield from self.database_parts()

    def programs(self) -> Iterable[str]:
        """Yield the programs of a copy."""
        yield from ("prosody", "-lua5.4")

    def start(self, at: Instance) -> Iterable[Start]:
        """Yield Prosody itself on the restored settings and accounts, in the clear, at other ports."""
        dial = [at.dial[name] for name in ("xmpp-client", "xmpp-server") if name in at.dial]
        if at.mode != "sandbox" or len(dial) < 2 or (self.database and "database" not in at.uses):
            return
        words = {
            "@SETTINGS": str(at.path(self.settings)),
            "@CLIENTS": str(dial[0].port),
            "@SERVERS": str(dial[1].port),
        }
        copy = at.path(COPY)
        yield File(copy, _filled(SETTINGS + self._sql(at), words))
        yield Command(("sh", "-c", OPEN, "sh", str(at.path(self.data))))
        yield Program(("prosody", "-F", "--config", str(copy)), next(iter(self.probes(at))))

    def _sql(self, at: Instance) -> str:
        found = socket_of(at)
        if not found or not self.database_name:
            return ""
        server, socket = found
        is_postgresql = server == "postgresql"
        words = {
            "@DRIVER": "PostgreSQL" if is_postgresql else "MySQL",
            "@HOST": str(socket.parent) if is_postgresql else "localhost",
            "@USER": "kedge_drill" if is_postgresql else "kedge",
            "@DATABASE": self.database_name,
        }
        return _filled(SQL, words)


def _filled(text: str, words: Mapping[str, str]) -> str:
    """Return a configuration with texts in their places, none of which can end the string it stands in."""
    for place, word in words.items():
        text = text.replace(place, word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n"))
    return text


class Ejabberd(XmppServer):
    """Jabber (XMPP): accounts, rosters, messages and rooms in a database of its own, or partly in another one."""

    kind: ClassVar[str] = "ejabberd"
    summary: ClassVar[str] = "the ejabberd XMPP (Jabber) server"

    settings: Folder = Field("/etc/ejabberd", description="the folder of `ejabberd.yml`, as it is called on its host")
    data: Folder = Field("/var/lib/ejabberd", description="the folder of its own database (Mnesia)")
    uploads: Folder | None = Field(None, description="the folder of files that people sent (`mod_http_upload`)")

    def parts(self) -> Iterable[Part]:
        """Yield its settings, uploads, its own database, and that in another server if it is known by name."""
        from kedge.parts.ejabberd import EjabberdPart
        from kedge.parts.folder import FolderPart

        yield FolderPart(self.settings, "settings")
        if self.uploads:
            yield FolderPart(self.uploads, "uploads")
        yield EjabberdPart(self.data)
        yield from self.database_parts()

    def programs(self) -> Iterable[str]:
        """Yield the programs of a copy."""
        yield from ("ejabberdctl", "erl")

    def start(self, at: Instance) -> Iterable[Start]:
        """Yield ejabberd itself on the restored settings, in the clear, at other ports; its accounts come then."""
        from kedge.parts.ejabberd import CONTROL

        dial = [at.dial[name] for name in ("xmpp-client", "xmpp-server") if name in at.dial]
        if at.mode != "sandbox" or len(dial) < 2:
            return
        control, copy = at.path(CONTROL), at.path(EJABBERD_COPY)
        words = {
            "@SETTINGS": str(at.path(self.settings)),
            "@DATA": str(at.path(self.data)),
            "@COPY": str(copy),
            "@CLIENTS": str(dial[0].port),
            "@SERVERS": str(dial[1].port),
        }
        yield File(copy, _filled(EJABBERD_SETTINGS, words))
        yield File(control, _filled(EJABBERD_CONTROL, words), 0o755)
        yield Command(("sh", "-c", EJABBERD_FREED, "sh", str(at.path(self.data)), str(control)))
        yield Program((str(control), "foreground"), next(iter(self.probes(at))))
