"""OpenSSH's server; root logs in with the lab's key."""

from __future__ import annotations

from tests.lab.component import Component, ended, greets
from tests.lab.host import Host

SETTINGS = """\
PermitRootLogin prohibit-password
PasswordAuthentication no
UseDNS no
"""


class Sshd(Component):
    """`sshd` on port 22, every host with a host key of its own."""

    name = "sshd"
    packages = frozenset({"openssh-server", "openssh-client"})
    process = r"^sshd: /usr/sbin/sshd|^/usr/sbin/sshd"

    def prepare(self, host: Host) -> None:
        """Allow keys only."""
        host.write("/etc/ssh/sshd_config.d/lab.conf", SETTINGS)

    def personalise(self, host: Host) -> None:
        """Make the host key, let the lab's key in."""
        host.sh(
            "rm -f /etc/ssh/ssh_host_*; ssh-keygen -q -t ed25519 -N '' -C $(hostname) -f /etc/ssh/ssh_host_ed25519_key"
        )
        host.sh("install -d -m 700 /root/.ssh")
        host.write("/root/.ssh/authorized_keys", host.secrets["ssh-public-key"] + "\n", mode=0o600)

    def start(self) -> str:
        """Start it; /run is empty after every boot."""
        return "install -d -m 755 /run/sshd; /usr/sbin/sshd"

    def ready(self) -> str:
        """It greets."""
        return greets(22, "SSH-2.0")

    def stop(self) -> str:
        """Stop the listener; sessions live on."""
        return ended("^sshd: /usr/sbin/sshd")
