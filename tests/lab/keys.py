"""The lab's keys: one for ssh, one for DNS updates, a certificate authority and a certificate per host."""

from __future__ import annotations

import base64
import secrets as randomness
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.lab.host import Host
    from tests.lab.lab import Lab
    from tests.lab.secrets import Secrets

TRUSTED = "trusted.pem"
"""The file, among the lab's own, with the authorities the vantage trusts: the machine's and the lab's."""
STORE = "store-passphrase"
CREDENTIALS = {
    "mail": "mail-kedge@verein.example",
    "xmpp": "xmpp-kedge@verein.example",
    "evidence": "kedge-database",
    "store": STORE,
}
"""What kedge may know at the vantage: file among its credentials -> secret of the lab (examples/lab names them)."""
AUTHORITY_DAYS, CERTIFICATE_DAYS = 3650, 90


def make_keys(lab: Lab) -> None:
    """Make all keys of a new lab and keep them with its secrets."""
    secrets = lab.secrets
    secrets.put("dns-update-key", base64.b64encode(randomness.token_bytes(32)).decode())
    with tempfile.TemporaryDirectory() as folder:
        _ssh_key(secrets, Path(folder))
        _authority(secrets, Path(folder))
        for host in lab.hosts():
            if host.machine.certified:
                _certificate(secrets, Path(folder), host.name, list(host.machine.certified))
    (lab.keeper.state / "authority.pem").write_text(secrets["authority-certificate"])
    own = Path("/etc/ssl/certs/ca-certificates.crt")
    (lab.keeper.state / TRUSTED).write_text(
        (own.read_text() if own.exists() else "") + secrets["authority-certificate"]
    )


def install_keys(host: Host) -> None:
    """Put the host's certificate and the authority's on the host; daemons read the key as members of ssl-cert."""
    host.sh("install -d -m 755 /etc/ssl/lab")
    host.write("/etc/ssl/lab/authority.pem", host.secrets["authority-certificate"])
    host.append("/etc/ssl/certs/ca-certificates.crt", host.secrets["authority-certificate"])
    if host.machine.certified:
        host.write("/etc/ssl/lab/fullchain.pem", host.secrets[f"{host.name}-tls-certificate"])
        host.write("/etc/ssl/lab/privkey.pem", host.secrets[f"{host.name}-tls-key"], mode=0o640)
        host.sh("chgrp ssl-cert /etc/ssl/lab/privkey.pem")


def ssh_settings(state: Path) -> str:
    """An ssh configuration with which the vantage enters every host as root; a test may add `*.conf` before it."""
    folder = state / "ssh"
    known = f"UserKnownHostsFile {folder / 'known_hosts'}"
    settings = ("User root", f"IdentityFile {folder / 'key'}", "IdentitiesOnly yes", "BatchMode yes", known)
    return f"Include {folder}/*.conf\nHost *\n" + "".join(f"    {line}\n" for line in settings)


def write_ssh_keys(lab: Lab) -> None:
    """Write what ssh needs at the vantage: the lab's key, and the key of every host that runs."""
    folder = lab.keeper.state / "ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    key = folder / "key"
    key.touch(mode=0o600)
    key.write_text(lab.secrets["ssh-key"])
    alive = [host for host in lab.hosts() if "sshd" in host.services() and host.is_alive()]
    known = {host.machine.full_name: host.read("/etc/ssh/ssh_host_ed25519_key.pub").split()[:2] for host in alive}
    (folder / "known_hosts").write_text("".join(f"{name} {' '.join(public)}\n" for name, public in known.items()))


def write_credentials(lab: Lab) -> None:
    """Write kedge's own passwords as systemd's LoadCredential= would: a folder that only its user can read."""
    folder = credentials_folder(lab.keeper.state)
    folder.mkdir(mode=0o700, exist_ok=True)
    _ = lab.secrets[STORE]  # which nothing but kedge needs: made here
    for name, secret in CREDENTIALS.items():
        if secret in lab.secrets.names():
            (folder / name).touch(mode=0o600)
            (folder / name).write_text(lab.secrets[secret] + "\n")


def credentials_folder(state: Path) -> Path:
    """The folder of kedge's credentials in a lab's state."""
    return state / "credentials"


def _ssh_key(secrets: Secrets, folder: Path) -> None:
    file = folder / "ssh"
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(file))
    secrets.put("ssh-key", file.read_text())
    secrets.put("ssh-public-key", file.with_suffix(".pub").read_text().strip())


def _authority(secrets: Secrets, folder: Path) -> None:
    made = ["-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.crt")]
    extra = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    lives = ["-days", str(AUTHORITY_DAYS), "-subj", "/CN=Lab authority"]
    _run("openssl", "req", "-x509", *_new_key(), *lives, *extra, *made)
    secrets.put("authority-key", (folder / "ca.key").read_text())
    secrets.put("authority-certificate", (folder / "ca.crt").read_text())


def _certificate(secrets: Secrets, folder: Path, host: str, names: list[str]) -> None:
    key, out = folder / f"{host}.key", folder / f"{host}.crt"
    signed = ["-CA", str(folder / "ca.crt"), "-CAkey", str(folder / "ca.key"), "-days", str(CERTIFICATE_DAYS)]
    named = ["-subj", f"/CN={names[0]}", "-addext", "subjectAltName=" + ",".join(f"DNS:{name}" for name in names)]
    kind = ["-addext", "basicConstraints=critical,CA:FALSE"]
    _run("openssl", "req", "-x509", *_new_key(), *signed, *named, *kind, "-keyout", str(key), "-out", str(out))
    secrets.put(f"{host}-tls-key", key.read_text())
    secrets.put(f"{host}-tls-certificate", out.read_text())


def _new_key() -> list[str]:
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True, text=True)
