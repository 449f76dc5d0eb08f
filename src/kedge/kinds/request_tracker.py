"""Request Tracker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any, ClassVar

from pydantic import Field

from kedge.kinds.database import DATABASES, MAIL, WebWithDatabase, socket_of
from kedge.model.folder import Folder
from kedge.model.instance import Command, File, Instance, Part, Program, Start
from kedge.model.thing import ServiceRef

LONG = timedelta(hours=1)
CACHED = ("mason_data/obj", "mason_data/cache", "session_data")
# Read last of its folder, so that it has the last word: another database, no mail to anybody.
SETTINGS = """\
Set($DatabaseHost, @HOST);
Set($DatabasePort, @PORT);
Set($DatabaseRequireSSL, undef);
@LOGIN
Set($MailCommand, 'testfile');
Set($LogToSyslog, undef);
Set($LogToSTDERR, 'error');
Set($LogToFile, undef);
1;
"""
MYSQL_LOGIN = """Set($DatabaseUser, 'kedge'); Set($DatabasePassword, '');
Set(%DatabaseExtraDSN, 'mysql_socket' => @SOCKET);"""
# The newest tickets are opened by RT itself, with everything that was said in them.
OPEN = """\
use RT -init;
my $tickets = RT::Tickets->new(RT->SystemUser);
$tickets->FromSQL("id > 0");
$tickets->OrderBy(FIELD => 'id', ORDER => 'DESC');
$tickets->RowsPerPage(100);
while (my $ticket = $tickets->Next) {
    die "ticket has no subject or queue" unless defined $ticket->Subject and $ticket->QueueObj->id;
    my $said = $ticket->Transactions;
    while (my $one = $said->Next) { $one->Content }
}
"""


class RequestTracker(WebWithDatabase):
    """Tickets, with everything that was said in them and attached to them: all of it is in its database."""

    kind: ClassVar[str] = "request-tracker"
    summary: ClassVar[str] = "a Request Tracker (RT) ticket system"
    mark: ClassVar[tuple[str, str] | None] = ("Request Tracker", "RT.CurrentUser")
    requires: ClassVar[Mapping[str, frozenset[str]]] = {"database": DATABASES, "mail": MAIL}
    example: ClassVar[Mapping[str, Any]] = {
        "url": "https://tickets.example.org/",
        "database": "db",
        "database-name": "rt",
    }
    mail: ServiceRef | None = Field(None, description="the mail server that brings and takes its mail")
    settings: Folder = Field("/etc/request-tracker5", description="the folder of `RT_SiteConfig.pm`")
    software: Folder = Field("/usr/share/request-tracker5", description="the folder of RT's own `lib` and `libexec`")

    def parts(self) -> Iterable[Part]:
        """Yield its settings, and its database if that is known by name."""
        from kedge.parts.folder import FolderPart

        yield FolderPart(self.settings, "settings")
        yield from self.database_parts()

    def programs(self) -> Iterable[str]:
        """Yield the programs of a copy."""
        yield from ("perl", f"{self.software}/libexec/rt-server")

    def start(self, at: Instance) -> Iterable[Start]:
        """Yield RT's own server on the restored settings and database; it has to open the newest tickets."""
        web, found = at.dial.get("web"), socket_of(at)
        if at.mode != "sandbox" or web is None or found is None:
            return
        cache = f"/var/cache/{PurePosixPath(self.settings).name}"
        yield Command(("mkdir", "-p", *(str(at.path(f"{cache}/{name}")) for name in CACHED)))
        yield File(at.path(self.settings) / "RT_SiteConfig.d" / "zz-kedge.pm", _settings(*found))
        perl = ("perl", f"-I{self.software}/lib", f"-I/usr/local/share/{PurePosixPath(self.software).name}/lib")
        yield File(at.path("/drill/open.pl"), OPEN)
        yield Command((*perl, str(at.path("/drill/open.pl"))), LONG)
        server = (*perl, f"{self.software}/libexec/rt-server", "--host", web.host, "--port", str(web.port))
        yield Program((*server, "--workers", "2"), next(iter(self.probes(at))))


def _settings(server: str, socket: PurePosixPath) -> str:
    """Return Perl that leads to a database in the sandbox, where nobody needs a password."""
    if server == "mysql":
        words = {"@LOGIN": MYSQL_LOGIN, "@SOCKET": _literal(str(socket)), "@HOST": "'localhost'", "@PORT": "undef"}
    else:
        port = _literal(socket.suffix.removeprefix("."))
        words = {"@LOGIN": "", "@HOST": _literal(str(socket.parent)), "@PORT": port}
    text = SETTINGS
    for place, word in words.items():
        text = text.replace(place, word)
    return text


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
