"""Room for backups, and the programs that use it."""

from __future__ import annotations

from tests.lab.component import Component
from tests.lab.host import Host


class Store(Component):
    """A user `store` who may do nothing but keep backups in its home, by ssh."""

    name = "store"
    packages = frozenset({"restic", "borgbackup", "openssh-server"})
    process = r"^(borg|/usr/lib/openssh/sftp-server)"

    def prepare(self, host: Host) -> None:
        """Make the user."""
        host.sh(
            "useradd -m -d /srv/store -s /bin/sh store; install -d -o store -g store -m 700 /srv/store /srv/store/.ssh"
        )

    def personalise(self, host: Host) -> None:
        """Let the lab's key in."""
        host.write("/srv/store/.ssh/authorized_keys", host.secrets["ssh-public-key"] + "\n", mode=0o600, owner="store")

    def ready(self) -> str:
        """There is room."""
        return "test -w /srv/store"
