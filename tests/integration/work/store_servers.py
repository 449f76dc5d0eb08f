"""Real servers that hold stores: restic's REST protocol by rclone(1), S3 by Ceph's gateway radosgw(8)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import re
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

from tests.integration.conftest import need
from tests.integration.probes.servers import end_of, folder, free_port

READY_S = 60
ENDS_TOO = ("setpriv", "--pdeathsig", "KILL", "--")
"""No server outlives the tests, even if they are killed."""


@contextmanager
def rest_server(data: Path, credentials: str, *options: str) -> Iterator[int]:
    """Yield the port of a server that keeps a restic repository in a folder."""
    need("rclone", "rclone")
    user, _, password = credentials.partition(":")
    digest = base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()
    data.mkdir()
    people, log = data.with_name("htpasswd"), data.with_name("rclone.log")
    people.write_text(f"{user}:{{SHA}}{digest}\n")
    argv = ("rclone", "--config=", "serve", "restic", "--addr=127.0.0.1:0", f"--htpasswd={people}", *options, str(data))
    with _started(*argv, log=log) as process:
        _wait(lambda: "Serving restic" in log.read_text(), process, log)
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", log.read_text())
        assert found
        yield int(found[1])


@contextmanager
def s3_gateway() -> Iterator[Gateway]:
    """Yield an S3 server: a monitor, a store in memory and a gateway, the least that a Ceph cluster can be."""
    need("radosgw", "radosgw")
    need("ceph-mon", "ceph-mon")
    need("ceph-osd", "ceph-osd")
    with folder() as home, ExitStack() as daemons:
        gateway, monitor, cluster = Gateway(free_port(), home), free_port(), str(uuid.uuid4())
        gateway.write_settings(monitor, cluster)
        for name in ("mon.", "client.admin", "osd.0"):
            rights = [word for what in ("mon", "osd") for word in ("--cap", what, "allow *")]
            gateway.ask(
                "ceph-authtool",
                str(home / "keyring"),
                "--create-keyring" * (name == "mon."),
                "--gen-key",
                "-n",
                name,
                *rights,
            )
        gateway.ask(
            "monmaptool", "--create", "--fsid", cluster, "--addv", "a", f"[v2:127.0.0.1:{monitor}]", f"{home}/map"
        )
        gateway.ask("ceph-mon", "--id=a", "--mkfs", f"--monmap={home}/map", f"--keyring={home}/keyring")
        mine, log = str(uuid.uuid4()), home / "log"
        daemons.enter_context(_started("ceph-mon", "--id=a", "-f", log=log, env=gateway.env))
        gateway.ask("ceph", "osd", "new", mine)
        gateway.ask("ceph-osd", "--id=0", "--mkfs", f"--osd-uuid={mine}")
        daemons.enter_context(_started("ceph-osd", "--id=0", "-f", log=log, env=gateway.env))
        process = daemons.enter_context(_started("radosgw", "--name=client.admin", "-f", log=log, env=gateway.env))
        _wait(gateway.answers, process, log)
        yield gateway


SETTINGS = """\
[global]
fsid = {cluster}
mon host = [v2:127.0.0.1:{monitor}/0]
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr1 = false
keyring = {home}/keyring
log file = {home}/$name.log
admin socket =
pid file =
paxos propose interval = 0.05
mon data = {home}/mon
mon data avail crit = 0
mon allow pool size one = true
osd data = {home}/osd
osd objectstore = memstore
osd class load list = *
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw thread pool size = 16
"""


@dataclass(frozen=True)
class Gateway:
    """An S3 server and who may administer it."""

    port: int
    home: Path

    @property
    def env(self) -> Mapping[str, str]:
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "CEPH_CONF": str(self.home / "ceph.conf"), "LC_ALL": "C.UTF-8"}

    def write_settings(self, monitor: int, cluster: str) -> None:
        settings = SETTINGS.format(cluster=cluster, home=self.home, monitor=monitor, port=self.port)
        (self.home / "ceph.conf").write_text(settings)
        for name in ("mon", "osd"):
            (self.home / name).mkdir()

    def ask(self, *argv: str) -> str:
        asked = subprocess.run(
            [word for word in argv if word], capture_output=True, text=True, timeout=READY_S, env=self.env
        )
        assert asked.returncode == 0, asked.stderr
        return asked.stdout

    def answers(self) -> bool:
        try:
            return self.request("", "GET", "/")[0] == 200
        except OSError:
            return False

    def add(self, user: str, key: str) -> None:
        """Add a user whose key is `user:key`."""
        named = (f"--uid={user}", f"--display-name={user}", f"--access-key={user}", f"--secret-key={key}")
        self.ask("radosgw-admin", "user", "create", *named)

    def request(self, credentials: str, verb: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Return what the server says to a request, signed in the older of S3's two ways."""
        key, _, secret = credentials.partition(":")
        date = formatdate(usegmt=True)
        signature = hmac.new(secret.encode(), f"{verb}\n\n\n{date}\n{path}".encode(), hashlib.sha1).digest()
        signed = {"Authorization": f"AWS {key}:{base64.b64encode(signature).decode()}"} if key else {}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=READY_S)
        try:
            connection.request(verb, path, body, {"Date": date, **signed})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@contextmanager
def _started(*argv: str, log: Path, env: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as said:
        process = subprocess.Popen([*ENDS_TOO, *argv], stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=env)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _wait(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + READY_S
    while not ready():
        assert process.poll() is None, f"it ended: {end_of(log)}"
        assert time.monotonic() < end, f"not ready in {READY_S} s: {end_of(log)}"
        time.sleep(0.05)
