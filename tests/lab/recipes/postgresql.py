"""PostgreSQL 15: Debian's own cluster `main`, one database per application."""

from __future__ import annotations

from dataclasses import dataclass

from tests.lab.component import Component, ended
from tests.lab.host import Host

SETTINGS = """\
listen_addresses = '{address}'
shared_buffers = 32MB
"""
PASSWORDS = "/etc/postgresql/passwords.sql"
DATA = "/var/lib/postgresql/15/main"
AS_POSTGRES = "setpriv --reuid=postgres --regid=postgres --init-groups env -C /"
# Not pg_ctlcluster, which sleeps two seconds to be sure.
CONTROL = (
    f"{AS_POSTGRES} /usr/lib/postgresql/15/bin/pg_ctl -s -w -D {DATA} -l /var/log/postgresql/postgresql-15-main.log "
    "-o '-c config_file=/etc/postgresql/15/main/postgresql.conf'"
)


@dataclass(frozen=True)
class PostgreSQL(Component):
    """One cluster; each database belongs to a role with its name."""

    databases: tuple[str, ...]
    listens_on: str = "localhost"
    allowed_from: tuple[str, ...] = ()
    """Networks whose clients may come in with a password, beside localhost."""
    name = "postgresql"
    packages = frozenset({"postgresql"})
    process = r"^/usr/lib/postgresql/|^postgres: "

    def prepare(self, host: Host) -> None:
        """Make the roles and databases."""
        host.write("/etc/postgresql/15/main/conf.d/lab.conf", SETTINGS.format(address=self.listens_on))
        rules = [f"host all all {network} scram-sha-256\n" for network in self.allowed_from]
        host.append("/etc/postgresql/15/main/pg_hba.conf", "".join(rules))
        host.start(self.name)
        for database in self.databases:
            made = f"CREATE ROLE {database} LOGIN PASSWORD '{host.secrets[f'{database}-database']}'"
            host.run([*AS_POSTGRES.split(), "psql", "-qc", made])
            owned = ["createdb", "-O", database, "-T", "template0", "-E", "UTF8", "--locale=C.UTF-8", database]
            host.run([*AS_POSTGRES.split(), *owned])

    def personalise(self, host: Host) -> None:
        """Write this lab's passwords where the next start reads them."""
        secrets = host.secrets
        lines = [f"ALTER ROLE {one} PASSWORD '{secrets[f'{one}-database']}';\n" for one in self.databases]
        host.write(PASSWORDS, "".join(lines), mode=0o600, owner="postgres")

    def start(self) -> str:
        """Start it; /run is empty after every boot, and a power cut leaves the pid file behind."""
        return (
            "install -d -o postgres -g postgres -m 2775 /run/postgresql; "
            f"pgrep -f ^/usr/lib/postgresql/ || rm -f {DATA}/postmaster.pid; {CONTROL} start; "
            f"if [ -e {PASSWORDS} ]; then {AS_POSTGRES} psql -qf {PASSWORDS} && rm {PASSWORDS}; fi"
        )

    def ready(self) -> str:
        """It answers a query."""
        return f"[ ! -e {PASSWORDS} ] && {AS_POSTGRES} psql -qAtc 'SELECT 1'"

    def stop(self) -> str:
        """Stop it cleanly."""
        return ended("^/usr/lib/postgresql/", f"{CONTROL} -m fast stop")
