"""Backups of the lab's organisation: saved from outside, drilled in a sandbox, interrupted at every moment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.lab.host import Host
from tests.lab.lab import Lab

pytestmark = pytest.mark.lab
PASSPHRASE = "lichtblau-7-anker-petersilie"
ROW = "kontonummer-4711-0815"
KEDGE = str(Path(sys.executable).with_name("kedge"))
PAGE = "http://wiki.verein.example/mediawiki/index.php/%C3%9Cbersicht_der_Vereine"
REPOSITORY = "sftp:store@backup.verein.example:/srv/store/kedge"
INVENTORY = """\
version: 1
organisation: {{name: Verein}}
hosts:
  hetzner-old: {{login: ssh root@hetzner-old.verein.example}}
  hetzner-new: {{login: ssh root@hetzner-new.verein.example}}
  ns1: {{login: ssh root@ns1.verein.example}}
  backup: {{}}
secrets:
  passphrase: {{from: "file:passphrase", kept: paper}}
stores:
  vault:
    type: restic
    on: backup
    repository: {repository}
    passphrase: passphrase
services:
  db: {{kind: mariadb, host: hetzner-old, databases: [wiki, forum], save: {save}}}
  wiki:
    kind: mediawiki
    host: hetzner-old
    url: {page}
    text: Köln und Zürich
    database: db
    database-name: wiki
    settings: /etc/mediawiki
    uploads: /var/lib/mediawiki/images
    save: {save}
  mailboxes: {{kind: dovecot, host: hetzner-new, hostname: imap.verein.example, mail: /var/vmail, save: {save}}}
  names: {{kind: bind, host: ns1, zones: [verein.example], data: /var/lib/bind, save: {save}}}
domains:
  verein.example: {{}}
"""


@dataclass(frozen=True)
class Desk:
    """Where somebody sits at the vantage with an inventory and calls kedge."""

    lab: Lab
    folder: Path

    def argv(self, *words: str) -> list[str]:
        state = ("env", f"XDG_STATE_HOME={self.folder / 'state'}", KEDGE, *words)
        return self.lab.vantage.argv(state, folder=self.folder)

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.argv(*words), capture_output=True, text=True, check=False)

    def answer(self, *words: str, code: int = 0) -> Any:
        done = self.call(*words, "--json")
        assert done.returncode == code, done.stderr + done.stdout  # with --json, what failed is told in the answer
        return json.loads(done.stdout)

    def state_of(self, *words: str, code: int = 0) -> dict[str, str]:
        return {one["service"]: one["state"] for one in self.answer(*words, code=code)}

    def fact(self, thing: str, what: str) -> str:
        found = {fact["what"]: fact["value"] for fact in self.answer("show", thing)["facts"]}
        return str(found.get(what, ""))

    def findings(self) -> set[tuple[str, str]]:
        return {(one["rule"], one["thing"]) for one in self.answer("check", "--fail-on", "never")["findings"]}


class Asking(Protocol):
    """Somebody who calls kedge and gets JSON."""

    def answer(self, *words: str) -> Any:
        """Return what it said."""
        ...


def drill_folders(desk: Asking) -> list[Path]:
    """What the drills of this inventory have left on this machine's disk."""
    rooms = [Path(f"/var/tmp/kedge-drill.{run['run']}") for run in desk.answer("runs") if run["run"][:6] == "drill-"]
    assert rooms
    return [room for room in rooms if room.exists()]


@pytest.fixture
def desk(lab: Lab, tmp_path: Path) -> Iterator[Desk]:
    root = lab.image
    save = f'{{to: vault, drill: {{root: "folder:{root}"}}}}'
    (tmp_path / "kedge.yaml").write_text(INVENTORY.format(save=save, page=PAGE, repository=REPOSITORY))
    (tmp_path / "passphrase").write_text(f"{PASSPHRASE}\n")
    (tmp_path / "passphrase").chmod(0o600)
    desk = Desk(lab, tmp_path)
    assert desk.call("backup", "--init", "vault").returncode == 0
    yield desk
    lab.host("backup").sh("rm -rf /srv/store/kedge")


def test_the_organisation_is_saved_and_proven(desk: Desk) -> None:
    before = desk.findings()
    saved = desk.state_of("backup")
    middle = desk.findings()
    drilled = desk.answer("drill")
    assert saved == dict.fromkeys(("db", "wiki", "mailboxes", "names"), "saved")
    assert {one["service"]: one["state"] for one in drilled} == dict.fromkeys(saved, "proven"), drilled
    assert desk.fact("wiki", "backup") == desk.answer("snapshots", "wiki")[-1]["snapshot"]
    assert desk.fact("wiki", "drill").startswith("ok rpo=")
    assert "bk-untested" in {rule for rule, _ in before & middle}
    assert "bk-untested" not in {rule for rule, _ in desk.findings()}


def test_a_service_is_proven_with_nothing_but_the_passphrase(desk: Desk, tmp_path: Path) -> None:
    """Somebody at a machine that has nothing of kedge's: no inventory, no evidence, no state."""
    assert desk.state_of("backup", "wiki") == {"wiki": "saved"}
    alone = Desk(desk.lab, tmp_path / "alone")
    alone.folder.mkdir()
    (tmp_path / "passphrase").rename(alone.folder / "passphrase")
    (tmp_path / "kedge.yaml").unlink()
    (drilled,) = alone.answer("drill", "--from", REPOSITORY, "--passphrase-file", "passphrase")
    assert (drilled["service"], drilled["state"]) == ("wiki", "proven"), drilled
    assert "elsewhere" not in drilled


def test_a_plan_touches_nothing(desk: Desk) -> None:
    (planned,) = desk.answer("backup", "wiki", "--plan")
    assert planned["steps"] == [
        "preflight",
        "dump settings",
        "dump uploads",
        "dump database",
        "save to vault",
        "tidy up",
    ]
    assert set(planned["sizes"]) == {"settings", "uploads", "database"}
    assert all(0 < size["least_bytes"] <= size["most_bytes"] for size in planned["sizes"].values())
    assert desk.answer("snapshots") == []
    assert desk.answer("runs") == []


def test_what_cannot_be_saved_is_named_and_nothing_is_saved(desk: Desk, fresh_host: Callable[[str], Host]) -> None:
    old = fresh_host("hetzner-old")
    old.sh("mariadb forum -e 'CREATE TABLE t (a INT); CREATE VIEW v AS SELECT a FROM t; DROP TABLE t'")
    (failed,) = desk.answer("backup", "db", code=1)
    assert "the view forum.v is broken" in failed["why"]
    old.sh("mariadb forum -e 'DROP VIEW v'")
    old.stop("mariadb")
    assert desk.state_of("backup", "wiki", "mailboxes", code=1) == {"wiki": "failed", "mailboxes": "saved"}
    assert desk.answer("snapshots", "db", "wiki") == []


def test_a_full_spool_is_an_error_and_leaves_nothing(desk: Desk, lab: Lab) -> None:
    lab.host("hetzner-new").fill("/var/tmp")
    (failed,) = desk.answer("backup", "mailboxes", code=1)
    assert "not enough room in /var/tmp of its host" in failed["why"], failed
    lab.host("hetzner-new").free("/var/tmp")
    assert spools(lab.host("hetzner-new")) == ""
    assert desk.state_of("backup", "mailboxes") == {"mailboxes": "saved"}


def test_a_full_store_keeps_what_it_had(desk: Desk, lab: Lab) -> None:
    assert desk.state_of("backup", "mailboxes") == {"mailboxes": "saved"}
    lab.host("hetzner-new").sh("head -c 3000000 /dev/urandom > /var/vmail/big")
    lab.host("backup").fill("/srv/store")
    (failed,) = desk.answer("backup", "mailboxes", code=1)
    assert f"not enough room in the store {REPOSITORY}" in failed["why"]  # asked by sftp
    lab.host("backup").free("/srv/store")
    lab.host("hetzner-new").sh("rm /var/vmail/big")
    assert len(desk.answer("snapshots", "mailboxes")) == 1
    assert desk.state_of("drill", "mailboxes") == {"mailboxes": "proven"}


@pytest.mark.parametrize("host", ["hetzner-old", "backup"])
def test_a_host_that_is_off_is_an_error_in_time(desk: Desk, lab: Lab, host: str) -> None:
    lab.host(host).kill()
    assert desk.state_of("backup", "wiki", code=1) == {"wiki": "failed"}
    lab.start(host)
    assert desk.state_of("backup", "wiki") == {"wiki": "saved"}
    assert len(desk.answer("snapshots", "wiki")) == 1


KILLED = ("preflight", "dump settings", "dump database", "save to vault")


@pytest.mark.parametrize("moment", KILLED)
def test_a_killed_backup_is_carried_on(desk: Desk, lab: Lab, moment: str) -> None:
    kill_at(desk.argv("backup", "wiki"), moment)
    carried = desk.answer("backup", "wiki")
    assert carried[0]["state"] == "saved"
    assert len(desk.answer("snapshots", "wiki")) == 1
    assert [run["state"] for run in desk.answer("runs")] == ["done"]
    assert spools(lab.host("hetzner-old")) == ""
    assert not list((desk.folder / "state").rglob("spool/*"))
    lab.host("hetzner-old").sh("mariadb -e 'SHOW PROCESSLIST' | grep -c 'Waiting for' && exit 1 || true")


@pytest.mark.parametrize("moment", ["rehearse", "start db", "restore wiki, database", "probe"])
def test_a_killed_drill_leaves_nothing_behind(desk: Desk, moment: str) -> None:
    assert desk.state_of("backup", "wiki") == {"wiki": "saved"}
    kill_at(desk.argv("drill", "wiki"), moment)
    assert desk.state_of("drill", "wiki") == {"wiki": "proven"}
    assert [run["state"] for run in desk.answer("runs")] == ["done", "rolled-back", "done"]
    assert drill_folders(desk) == []


def test_an_interrupted_backup_of_what_is_declared_otherwise_now_is_cleaned_up(desk: Desk, lab: Lab) -> None:
    kill_at(desk.argv("backup", "wiki"), "dump database")
    file = desk.folder / "kedge.yaml"
    file.write_text(file.read_text().replace("    uploads: /var/lib/mediawiki/images\n", ""))
    assert desk.state_of("backup", "wiki") == {"wiki": "saved"}
    assert [run["state"] for run in desk.answer("runs")] == ["rolled-back", "done"]
    assert spools(lab.host("hetzner-old")) == ""


def kill_at(argv: list[str], moment: str) -> None:
    """Kill kedge, and nothing else, as soon as it says that this moment has come."""
    process = subprocess.Popen(argv, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr
    for line in process.stderr:
        if moment in line:
            time.sleep(0.3)
            break
    pids = [pid for pid in [process.pid, *children(process.pid)] if KEDGE.encode() in cmdline(pid)]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    process.stderr.close()
    assert process.wait() != 0


def children(pid: int) -> list[int]:
    found = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*found, *(below for one in found for below in children(one))]


def cmdline(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def spools(host: Host) -> str:
    return host.sh("ls -d /var/tmp/kedge-spool.* /dev/shm/kedge.* 2>/dev/null || true").strip()


def test_the_passphrase_is_nowhere_to_be_seen(desk: Desk, lab: Lab, fresh_host: Callable[[str], Host]) -> None:
    rows = f"CREATE TABLE post_geheim (t TEXT); INSERT INTO post_geheim VALUES ('{ROW}')"
    fresh_host("hetzner-old").sh(f'mariadb forum -e "{rows}"')
    watcher = ProcessList()
    said = [desk.call(*words) for words in (("backup",), ("snapshots",), ("drill",), ("runs",), ("check",))]
    (desk.folder / "passphrase").write_text(f"{PASSPHRASE}-but-wrong\n")
    said += [desk.call("backup", "wiki"), desk.call("--debug", "snapshots")]
    watcher.stop()
    assert "RESTIC_PASSWORD_FILE" in watcher.seen  # it did look
    kept = [path for path in (desk.folder / "state").rglob("*") if path.is_file()]
    assert kept
    for secret in (PASSPHRASE, ROW):
        assert secret not in watcher.seen
        assert not [one.args for one in said if secret in one.stdout + one.stderr]
        assert not [path for path in kept if secret.encode() in path.read_bytes()]
        for name in ("hetzner-old", "hetzner-new", "backup"):
            assert lab.host(name).sh(f"grep -rl {secret} /var/log /var/tmp /tmp /srv /root /dev/shm || true") == ""


LOOKED_AT = (b"restic", b"kedge", b"ssh", b"mariadb", b"sh\0-c")


class ProcessList:
    """What everybody on this machine could see of kedge's and its children's processes."""

    def __init__(self, every_s: float = 0.02, *more: bytes) -> None:
        self._every_s = every_s
        self._words = (*LOOKED_AT, *more)
        self._seen: set[str] = set()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    @property
    def seen(self) -> str:
        return "\n".join(self._seen)

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._is_over.wait(self._every_s):
            for folder in Path("/proc").glob("[0-9]*"):
                try:
                    if any(word in (folder / "cmdline").read_bytes() for word in self._words):
                        self._seen |= {repr((folder / name).read_bytes()) for name in ("cmdline", "environ")}
                except OSError:
                    continue
