"""Request Tracker 5, the nearest packaged ticket system (OTRS, Znuny and OTOBO have the same shape)."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import ClassVar

from tests.lab.component import Component, ended
from tests.lab.host import Host

SETTINGS = """\
Set($rtname, '{name}');
Set($Organization, '{name}');
Set($CorrespondAddress, 'tickets@{domain}');
Set($CommentAddress, 'tickets@{domain}');
Set($WebDomain, '{name}');
Set($WebPort, 80);
Set($WebBaseURL, 'http://{name}');
Set($WebPath, '');
Set($DatabaseType, 'mysql');
Set($DatabaseHost, '{database}');
Set($DatabaseName, 'rt');
Set($DatabaseUser, 'rt');
Set($DatabasePassword, '{password}');
Set($LogToSyslog, undef);
Set($LogToSTDERR, 'warning');
Set($MailCommand, 'sendmailpipe');
1;
"""
FIRST_TICKET = """\
use utf8;
use RT -init;
my $queue = RT::Queue->new(RT->SystemUser); $queue->Load('General');
my $everyone = RT::Group->new(RT->SystemUser); $everyone->LoadSystemInternalGroup('Everyone');
$everyone->PrincipalObj->GrantRight(Right => $_, Object => $queue) for qw(CreateTicket ReplyToTicket);
my $ticket = RT::Ticket->new(RT->SystemUser);
my %ticket = (Queue => 'General', Subject => 'Schlüssel fürs Büro', Requestor => 'carl@elsewhere.example');
my ($id, undef, $said) = $ticket->Create(%ticket);
die $said unless $id;
"""


@dataclass(frozen=True)
class RequestTracker(Component):
    """The ticket system's web half; its database is on a guest host of its own."""

    site: str
    domain: str
    database_host: str
    name = "request-tracker"
    packages = frozenset({"request-tracker5", "rt5-db-sqlite", "rt5-standalone", "libdbd-mysql-perl", "mariadb-client"})
    process = r"rt-server"
    settings: ClassVar[str] = "/etc/request-tracker5/RT_SiteConfig.d/90-lab.pm"
    library: ClassVar[str] = "/usr/share/request-tracker5/lib"

    def prepare(self, host: Host) -> None:
        """Fill the database, open one ticket."""
        host.sh("rm -f /etc/request-tracker5/RT_SiteConfig.d/5[01]-*.pm")
        self.personalise(host)
        login = ["--dba", "rt", "--dba-password", host.secrets["rt-database"]]
        host.run(["rt-setup-database-5", "--action", "init", "--skip-create", *login])
        host.run(["perl", f"-I{self.library}", "-"], stdin=FIRST_TICKET)
        host.sh("rm -f /var/spool/postfix/maildrop/*")  # the acknowledgement to the requestor

    def personalise(self, host: Host) -> None:
        """Write this lab's database password."""
        password = host.secrets["rt-database"]
        text = SETTINGS.format(name=self.site, domain=self.domain, database=self.database_host, password=password)
        host.write(self.settings, text)
        host.sh(f"chmod 640 {self.settings}; chgrp www-data {self.settings}")

    def start(self) -> str:
        """Start it once its database lets it in."""
        password = f"$(sed -n \"s/^Set(.DatabasePassword, '\\(.*\\)');/\\1/p\" {self.settings})"
        enter = f"mariadb -h {self.database_host} -u rt -p{password} rt -e 'SELECT 1' >/dev/null 2>&1"
        return (
            "install -d -o www-data -g www-data /var/cache/request-tracker5/mason_data /var/log/request-tracker5; "
            f"until {enter}; do sleep 0.2; done; "
            f"setsid setpriv --reuid=www-data --regid=www-data --init-groups env -C / PERL5LIB={self.library} "
            "/usr/share/request-tracker5/libexec/rt-server --host 127.0.0.1 --port 8080 --workers 2 "
            ">/var/log/rt.log 2>&1 &"
        )

    def ready(self) -> str:
        """It shows its login page."""
        return "curl -sf -m 10 http://127.0.0.1:8080/ | grep -q 'name=\"pass\"'"

    def settle(self, host: Host) -> None:
        """Give root this lab's password, in one of RT's own formats (RT::User, _GeneratePassword_sha512)."""
        salt, password = host.secrets["rt-salt"][:16], host.secrets["rt-root"]
        digest = base64.b64encode(hashlib.sha512((salt + password).encode()).digest()).decode().rstrip("=")
        change = f"UPDATE Users SET Password='!sha512!{salt}!{digest}' WHERE Name='root'"
        login = ["-h", self.database_host, "-u", "rt", f"-p{host.secrets['rt-database']}"]
        host.run(["mariadb", *login, "rt"], stdin=change)

    def stop(self) -> str:
        """Stop it."""
        return ended("rt-server")
