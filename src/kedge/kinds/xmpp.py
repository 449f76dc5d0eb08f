"""XMPP servers: Prosody, ejabberd."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pydantic import Field

from kedge.kinds.database import WithDatabase, WithOwnDatabase, socket_of
from kedge.kinds.files import Folder
from kedge.kinds.looks import LOOK_AS, LookAs, xmpp_looks
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


class Prosody(XmppServer, WithOwnDatabase):
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
    """Return Lua with texts in their places, none of which can end the string it stands in."""
    for place, word in words.items():
        text = text.replace(place, word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n"))
    return text


class Ejabberd(XmppServer):
    """Jabber (XMPP)."""

    kind: ClassVar[str] = "ejabberd"
    summary: ClassVar[str] = "the ejabberd XMPP (Jabber) server"
