"""Hosts, kedge and its programs lost at each moment of a backup and a restoration: the next run begins clean.

Whether a loss comes in time to spoil the run is a matter of milliseconds; what must hold afterwards does not depend on
it: as many snapshots as runs that said `saved`, each of them whole, no lock and no spool anywhere, and the live side
writable.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.host import Host
from tests.lab.lab import Lab
from tests.lab.test_backup import KEDGE, PASSPHRASE, Desk, children, cmdline, desk, spools

__all__ = ["desk"]
pytestmark = pytest.mark.lab
Loss = Callable[[int], None]


def lose_at(desk: Desk, moment: str, loss: Loss, *words: str) -> str:
    """Call kedge, lose something when it says that this moment has come, and return what became of the service."""
    process = subprocess.Popen(desk.argv(*words, "--json"), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stderr
    for line in process.stderr:
        if moment in line:
            loss(process.pid)
            break
    out, _ = process.communicate()
    return str(json.loads(out)[0]["state"]) if out.startswith("[") else ""


def crash_of(host: Host) -> Loss:
    """Crash its system: its network still refuses. Of a silent one restic's own ssh would learn only when TCP gives up."""
    return lambda pid: host.halt()


def kedge_itself(pid: int) -> None:
    for one in [pid, *children(pid)]:
        if KEDGE.encode() in cmdline(one):
            os.kill(one, signal.SIGKILL)


def program(name: str) -> Loss:
    """Kill a program of kedge's as soon as it runs; give up after some seconds: it may have been too quick."""

    def lose(pid: int) -> None:
        for _ in range(200):
            for one in children(pid):
                if (Path(f"/proc/{one}/comm").read_text().strip() if Path(f"/proc/{one}").exists() else "") == name:
                    os.kill(one, signal.SIGKILL)
                    return
            time.sleep(0.02)

    return lose


def far_program(host: Host, name: str) -> Loss:
    tries = f"for i in $(seq 100); do pkill -9 -x {name} && break; sleep 0.02; done; true"
    return lambda pid: host.sh(tries) and None


def check_clean(desk: Desk, lab: Lab, host: str, service: str, saved: int) -> None:
    """Save once more, and find everything as if nothing had happened."""
    assert desk.state_of("backup", service) == {service: "saved"}
    assert len(desk.answer("snapshots", service)) in {saved, saved + 1}  # carried on, the same snapshot counts once
    assert {run["state"] for run in desk.answer("runs")} <= {"done", "failed", "rolled-back"}
    assert spools(lab.host(host)) == ""
    assert not list((desk.folder / "state").rglob("spool/*"))
    # A save removes the locks of those that are gone, should they be in its way; nobody else holds one.
    assert lab.host("backup").sh("ls /srv/store/kedge/locks").strip() == ""


# At preflight they are lost before anything began: test_a_host_that_is_off_is_an_error_in_time.
BACKUPS = [
    ("names", "ns1", "dump", "ns1"),
    ("names", "backup", "save to vault", "ns1"),
    ("db", "hetzner-old", "dump databases", "hetzner-old"),
]


@pytest.mark.parametrize(("service", "lost", "moment", "host"), BACKUPS)
def test_a_host_that_is_lost_during_a_backup(
    desk: Desk, lab: Lab, fresh_host: Callable[[str], Host], service: str, lost: str, moment: str, host: str
) -> None:
    state = lose_at(desk, moment, crash_of(fresh_host(lost) if lost != "backup" else lab.host(lost)), "backup", service)
    assert state in {"saved", "failed"}
    lab.start(lost)
    check_clean(desk, lab, host, service, 1 + (state == "saved"))
    if lost == "backup":
        assert desk.state_of("drill", service) == {service: "proven"}


PROGRAMS = [("restic", "save to vault"), ("ssh", "dump databases"), ("mariadb-dump", "dump databases")]


@pytest.mark.parametrize(("name", "moment"), PROGRAMS)
def test_a_program_that_is_killed_during_a_backup(desk: Desk, lab: Lab, name: str, moment: str) -> None:
    old = lab.host("hetzner-old")
    loss = far_program(old, name) if name == "mariadb-dump" else program(name)
    state = lose_at(desk, moment, loss, "backup", "db")
    assert state in {"saved", "failed"}
    old.sh("mariadb forum -e 'CREATE TABLE kedge_probe (a INT); DROP TABLE kedge_probe'")  # nothing is locked
    check_clean(desk, lab, "hetzner-old", "db", 1 + (state == "saved"))


PRUNINGS = ("kedge", "restic", "backup")


@pytest.mark.parametrize("lost", PRUNINGS)
def test_a_pruning_that_is_interrupted(desk: Desk, lab: Lab, lost: str) -> None:
    """What was to stay is whole, the live side never knew, and the next pruning finishes the work."""
    for _ in range(3):
        lab.host("ns1").sh("head -c 8M /dev/urandom > /var/lib/bind/filler")
        assert desk.state_of("backup", "names") == {"names": "saved"}
    lab.host("ns1").sh("rm /var/lib/bind/filler")
    newest = max(desk.answer("snapshots", "names"), key=lambda one: str(one["at"]))["snapshot"]
    gone = "test $(ls /srv/store/kedge/snapshots | wc -l) = 1"  # it has forgotten, but not freed, and has its lock
    losses = {
        "kedge": once(lab.host("backup"), LOCKED, kedge_itself),
        "restic": once(lab.host("backup"), gone, program("restic")),
        "backup": once(lab.host("backup"), LOCKED, crash_of(lab.host("backup"))),
    }
    words = ("prune", "vault", "--keep", "daily 1", "--yes-forget", "2")
    lose_at(desk, "forget 2 snapshots", losses[lost], *words)
    lab.start("backup")
    assert newest in {one["snapshot"] for one in desk.answer("snapshots", "names")}
    left = len(desk.answer("snapshots", "names")) - 1
    assert len(desk.answer("prune", "vault", "--keep", "daily 1", "--yes-forget", str(left))["goes"]) == left
    assert [one["snapshot"] for one in desk.answer("snapshots", "names")] == [newest]
    assert desk.state_of("drill", "names") == {"names": "proven"}
    check_clean(desk, lab, "ns1", "names", 1)
    lab.host("backup").run(CHECK, stdin=PASSPHRASE)


CHECK = ("restic", "--repo", "/srv/store/kedge", "check", "--read-data", "--no-lock", "--no-cache")
"""Whether what is in the store is whole, as its own program sees it; asks for the passphrase."""


LOCKED = "ls /srv/store/kedge/locks | grep -qxE '[0-9a-f]{64}'"
"""The store is locked for somebody: the work has begun."""


def once(store: Host, reached: str, loss: Loss) -> Loss:
    """Lose something once the store is in some state, as a shell there can tell."""

    def lose(pid: int) -> None:
        store.wait_until(reached)
        loss(pid)

    return lose


RESTORATIONS = [("fetch", "backup"), ("load", "kedge"), ("load", "ns1"), ("settle", "kedge")]


@pytest.mark.parametrize(("moment", "lost"), RESTORATIONS)
def test_a_restoration_that_is_interrupted(
    desk: Desk, lab: Lab, fresh_host: Callable[[str], Host], moment: str, lost: str
) -> None:
    """What was there is never lost: it lies in its place, or beside it, and comes back before the next try."""
    ns1 = fresh_host("ns1")
    assert desk.state_of("backup", "names") == {"names": "saved"}
    ns1.sh("echo later > /var/lib/bind/later")
    before = ns1.sh("cd /var/lib/bind && find . -type f | sort")
    words = ("restore", "names", "--to", "ns1", "--yes-replace", "names")
    lose_at(desk, moment, kedge_itself if lost == "kedge" else crash_of(lab.host(lost)), *words)
    if lost != "kedge":
        lab.start(lost)
    assert "later" in ns1.sh("ls /var/lib/bind /var/lib/bind.before-* 2>/dev/null || true")
    desk.answer(*words)
    kept = ns1.sh("ls -d /var/lib/bind.before-* | wc -l").strip()
    newest = ns1.sh("ls -dt /var/lib/bind.before-* | tail -n 1").strip()
    assert kept in {"1", "2"}  # two, if the loss came too late to undo anything
    assert ns1.sh(f"cd {newest} && find . -type f | sort") == before
    assert "later" not in ns1.sh("ls /var/lib/bind")
    assert ns1.sh("ls -d /var/tmp/kedge-restore.* 2>/dev/null || true") == ""
