"""MariaDB 10.11 with one database per application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tests.lab.component import Component, ended
from tests.lab.host import Host

SETTINGS = """\
[mariadbd]
bind-address = {address}
skip-name-resolve
innodb_buffer_pool_size = 64M
innodb_log_file_size = 16M
innodb_flush_log_at_trx_commit = 2
log_error = /var/log/mysql/error.log
"""
PASSWORDS = "/etc/mysql/passwords.sql"


@dataclass(frozen=True)
class Database:
    """A database and its only user, with the same name."""

    name: str
    used_from: str = "localhost"
    """The host part of the user's account, as MariaDB writes it."""

    @property
    def account(self) -> str:
        """The account in SQL."""
        return f"'{self.name}'@'{self.used_from}'"

    @property
    def secret(self) -> str:
        """The name of its password among the lab's secrets."""
        return f"{self.name}-database"


@dataclass(frozen=True)
class MariaDB(Component):
    """`mariadbd`; root comes in by the socket, applications by password."""

    databases: tuple[Database, ...]
    listens_on: str = "127.0.0.1"
    name = "mariadb"
    packages = frozenset({"mariadb-server", "mariadb-client"})
    process = r"^(/usr/sbin/)?mariadbd "
    client: ClassVar[str] = "mariadb --protocol=socket -uroot"

    def prepare(self, host: Host) -> None:
        """Make the databases and their users."""
        host.write("/etc/mysql/mariadb.conf.d/90-lab.cnf", SETTINGS.format(address=self.listens_on))
        # The installation's redo log is 96 MB; with 16 MB a copy of the data directory takes no time.
        host.start(self.name)
        statements = [self._created(one, host.secrets[one.secret]) for one in self.databases]
        host.run(self.client.split(), stdin="\n".join(statements))

    def _created(self, database: Database, password: str) -> str:
        return (
            f"CREATE DATABASE `{database.name}` CHARACTER SET utf8mb4; "
            f"GRANT ALL ON `{database.name}`.* TO {database.account} IDENTIFIED BY '{password}';"
        )

    def personalise(self, host: Host) -> None:
        """Write this lab's passwords where the first start reads them, before it lets anybody in."""
        lines = [f"ALTER USER {one.account} IDENTIFIED BY '{host.secrets[one.secret]}';\n" for one in self.databases]
        host.write(PASSWORDS, "".join(lines), mode=0o600, owner="mysql")

    def start(self) -> str:
        """Start it; /run is empty after every boot."""
        return (
            "install -d -o mysql -g mysql /run/mysqld /var/log/mysql; "
            f"[ -e {PASSWORDS} ] && with=--init-file={PASSWORDS}; "
            "setsid mariadbd --user=mysql $with &"
        )

    def ready(self) -> str:
        """It answers a query."""
        return f"{self.client} -Ne 'SELECT 1'"

    def settle(self, host: Host) -> None:
        """Remove the passwords' file."""
        host.path(PASSWORDS).unlink()

    def stop(self) -> str:
        """Stop it cleanly."""
        return ended("^(/usr/sbin/)?mariadbd ", "mariadb-admin --protocol=socket -uroot shutdown")
