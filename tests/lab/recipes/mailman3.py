"""Mailman 3's core on PostgreSQL, with one list."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from tests.lab.component import Component, ended
from tests.lab.host import Host

NOT_STARTED = ("nntp", "digest", "archive", "task", "bounces", "command", "retry")
"""Runners without which posts reach members all the same; starting each costs 0.7 s of CPU, and nothing is up later."""
DATABASE = "postgresql://mailman:{password}@localhost/mailman"
REST = "http://127.0.0.1:8001/3.1"


@dataclass(frozen=True)
class Mailman(Component):
    """`mitglieder@LISTS-DOMAIN` with these members."""

    domain: str
    owner: str
    members: tuple[str, ...]
    list_name: str = "mitglieder"
    name = "mailman3"
    packages = frozenset({"mailman3", "python3-psycopg2", "lynx"})
    process = r"/usr/lib/mailman3/bin/"
    settings: ClassVar[str] = "/etc/mailman3/mailman.cfg"

    def prepare(self, host: Host) -> None:
        """Make the domain and the list through the REST interface."""
        self.personalise(host)
        runners = "".join(f"\n[runner.{name}]\nstart: no\n" for name in NOT_STARTED)
        host.append(self.settings, runners)
        host.start(self.name)
        self._post(host, "domains", mail_host=self.domain)
        self._post(host, "lists", fqdn_listname=f"{self.list_name}@{self.domain}")
        for member in self.members:
            known = {"pre_verified": "true", "pre_confirmed": "true", "pre_approved": "true"}
            self._post(host, "members", list_id=f"{self.list_name}.{self.domain}", subscriber=member, **known)

    def _post(self, host: Host, what: str, **fields: str) -> None:
        login = f"restadmin:{host.secrets['mailman-rest']}"
        data = [word for key, value in fields.items() for word in ("-d", f"{key}={value}")]
        host.run(["curl", "-sSf", "-u", login, *data, f"{REST}/{what}"])

    def personalise(self, host: Host) -> None:
        """Write this lab's passwords for the database and for REST."""
        text = host.read(self.settings)
        values = {
            "site_owner": self.owner,
            "admin_pass": host.secrets["mailman-rest"],
            "class": "mailman.database.postgresql.PostgreSQLDatabase",
            "url": DATABASE.format(password=host.secrets["mailman-database"]),
        }
        for key, value in values.items():
            text = re.sub(rf"(?m)^{key}: .*", f"{key}: {value}", text)
        host.write(self.settings, text)
        host.sh(f"chmod 640 {self.settings}; chgrp list {self.settings}")

    def start(self) -> str:
        """Start it once its database lets it in; locks of a dead instance go."""
        database = "$(sed -n 's/^url: //p' /etc/mailman3/mailman.cfg)"
        return (
            "install -d -o list -g list /run/mailman3 /var/lib/mailman3/locks; rm -f /var/lib/mailman3/locks/*; "
            f"until psql -qc 'SELECT 1' {database} >/dev/null 2>&1; do sleep 0.2; done; "
            "setsid setpriv --reuid=list --regid=list --init-groups env -C / "
            f"/usr/lib/mailman3/bin/master -C {self.settings} --force &"
        )

    def ready(self) -> str:
        """LMTP greets, and REST knows the version; the greeting is asked for first, since that needs no program."""
        password = f"$(sed -n 's/^admin_pass: //p' {self.settings})"
        return (
            "exec 3<>/dev/tcp/127.0.0.1/8024 && read -r -t 5 line <&3 && [[ $line == 220* ]] && "
            f"curl -sf -m 5 -u restadmin:{password} {REST}/system/versions"
        )

    def stop(self) -> str:
        """Ask the master, which ends its runners."""
        return ended("/usr/lib/mailman3/bin/", "pkill -f '/usr/lib/mailman3/[b]in/master'")
