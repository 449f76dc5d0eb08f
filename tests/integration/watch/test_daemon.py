"""`kedge watch` as a process: what it hears, tells, shows; a broken inventory; its end."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.probes.servers import free_port
from tests.integration.watch.receiver import Received, receiving

KEDGE = str(Path(sys.executable).with_name("kedge"))
LIMIT_S = 120
INVENTORY = """\
organisation: {{name: Club, time-zone: Asia/Kolkata}}
people:
  anna: {{channels: "webhook http://127.0.0.1:{port}/anna"}}
  bert: {{channels: "webhook http://127.0.0.1:{port}/bert"}}
services:
  backup: {{kind: other, people: anna}}
  wiki: {{kind: http, url: "http://127.0.0.1:{port}/", people: bert}}
alerts: {{acknowledged: yes}}
"""


@dataclass
class Daemon:
    folder: Path
    port: int
    process: subprocess.Popen[str]

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return run(self.folder, *words)

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=LIMIT_S) as answer:
            return str(answer.read().decode())

    def wait(self, is_so: Callable[[], object]) -> None:
        begun = time.monotonic()
        while not is_so():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() - begun < LIMIT_S, self.log()
            time.sleep(0.1)

    def log(self) -> str:
        return (self.folder / "log").read_text()


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {"KEDGE_EVIDENCE": str(folder / "e.sqlite"), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    return subprocess.run([KEDGE, *words], cwd=folder, env=environ, capture_output=True, text=True, check=False)


@contextmanager
def watching(folder: Path, *words: str) -> Iterator[Daemon]:
    port = free_port()
    environ = {"KEDGE_EVIDENCE": str(folder / "e.sqlite"), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    argv = [KEDGE, "watch", "--every", "1s", "--listen", f"127.0.0.1:{port}", *words]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(argv, cwd=folder, env=environ, stderr=log, text=True)
    daemon = Daemon(folder, port, process)
    try:
        daemon.wait(lambda: "watching from" in daemon.log())
        yield daemon
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_S) == 0, daemon.log()


@pytest.fixture
def club(tmp_path: Path) -> Iterator[tuple[Path, Received]]:
    with receiving() as received:
        (tmp_path / "kedge.yaml").write_text(INVENTORY.format(port=received.port))
        yield tmp_path, received


def things(daemon: Daemon) -> dict[str, Any]:
    return {one["thing"]: one["status"] for one in json.loads(daemon("status", "--json").stdout)["things"]}


def test_a_job_that_failed_is_told_answered_and_over(club: tuple[Path, Received]) -> None:
    folder, received = club
    with watching(folder) as daemon:
        daemon.wait(lambda: "wiki" in things(daemon))
        assert daemon.get("/ping/backup/1") == "OK\n"
        daemon.wait(lambda: received.at("/anna"))
        (post,) = received.at("/anna")
        assert (post["thing"], post["kind"], "ended with 1" in post["text"]) == ("backup", "down", True)
        assert received.at("/bert") == []
        assert daemon("status", "--nagios").returncode == 2
        assert 'kedge_status{thing="backup"} 2' in daemon.get("/metrics")
        assert re.search(r"for \d+ s, since \d{4}-\d\d-\d\d \d\d:\d\d IST; nobody", daemon("status").stdout)
        assert re.search(r"Noticed \d{4}-\d\d-\d\d \d\d:\d\d IST\.", post["text"])
        acked = daemon("alerts", "ack", "backup", "--by", "anna")
        assert (acked.returncode, acked.stdout) == (0, "backup: anna takes care of it\n")
        daemon.wait(lambda: json.loads(daemon.get("/status.json"))["incidents"][0]["acknowledged"] == "anna")
        daemon.get("/ping/backup/0")
        daemon.wait(lambda: len(received.at("/anna")) == 2)
        assert received.at("/anna")[1]["kind"] == "resolved"
        listed = json.loads(daemon("alerts", "list", "--json").stdout)
        assert [one["state"] for one in listed] == ["told", "told"]
        assert all(one["made"].endswith("Z") for one in listed)
        assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d IST  anna", daemon("alerts", "list").stdout)


def test_in_german_nothing_is_left_in_english(club: tuple[Path, Received]) -> None:
    folder, received = club
    text = (folder / "kedge.yaml").read_text()
    (folder / "kedge.yaml").write_text(text.replace("{name: Club", "{name: Verein, language: de"))
    with watching(folder) as daemon:
        daemon.wait(lambda: "wiki" in things(daemon))
        daemon.get("/ping/backup/fail")
        daemon.wait(lambda: received.at("/anna"))
        said = received.at("/anna")[0]["text"]
        assert "Warum: backup, heartbeat: hat sein Scheitern gemeldet\n" in said
        shown = daemon("status").stdout
        assert "niemand hat geantwortet" in shown
        assert re.search(r"backup +ausgefallen +hat sein Scheitern gemeldet", shown)


def test_a_broken_inventory_keeps_the_last_good_one(club: tuple[Path, Received]) -> None:
    folder, received = club
    good = (folder / "kedge.yaml").read_text()
    with watching(folder) as daemon:
        daemon.wait(lambda: "wiki" in things(daemon))
        (folder / "kedge.yaml").write_text(good + "nonsense: {}\n")
        daemon.wait(lambda: "the last good one is watched on" in daemon.log())
        daemon.get("/ping/backup/fail")
        daemon.wait(lambda: received.at("/anna"))
        (folder / "kedge.yaml").write_text(good.replace("backup:", "saving:"))
        daemon.wait(lambda: "was read anew" in daemon.log())
        with pytest.raises(urllib.error.HTTPError):
            daemon.get("/ping/backup")
        assert daemon.get("/ping/saving") == "OK\n"


def test_a_peer_that_dies_is_told(club: tuple[Path, Received], tmp_path: Path) -> None:
    folder, received = club
    other = tmp_path / "other"
    other.mkdir()
    (other / "kedge.yaml").write_text((folder / "kedge.yaml").read_text())
    with watching(other) as peer:
        url = f"http://127.0.0.1:{peer.port}"
        with watching(folder, "--peer", url) as daemon:
            daemon.wait(lambda: things(daemon).get(f"peer 127.0.0.1:{peer.port}") == "ok")
            peer.process.send_signal(signal.SIGTERM)
            daemon.wait(lambda: received.at("/anna") and received.at("/bert"))
            assert received.at("/anna")[0]["thing"] == f"peer 127.0.0.1:{peer.port}"


def test_once(club: tuple[Path, Received]) -> None:
    folder, received = club
    (folder / "kedge.yaml").write_text(INVENTORY.format(port=received.port).replace(f'{received.port}/"', '1/"'))
    done = run(folder, "watch", "--once", "--every", "1s")
    assert done.returncode == 1, done.stderr
    assert [post["thing"] for post in received.at("/bert")] == ["wiki"]


def test_a_second_watch_is_refused(club: tuple[Path, Received]) -> None:
    with watching(club[0]):
        again = run(club[0], "watch", "--once")
        assert again.returncode == 1
        assert "under way already" in again.stderr


def test_test_messages(club: tuple[Path, Received]) -> None:
    folder, received = club
    done = run(folder, "alerts", "test", "anna")
    assert (done.returncode, "sent" in done.stdout) == (0, True)
    assert [post["kind"] for post in received.at("/anna")] == ["test"]
    (folder / "kedge.yaml").write_text("organisation: {name: Club}\npeople: {anna: {channels: sms 1}}\n")
    assert run(folder, "alerts", "test").returncode == 1


def test_the_unit_is_shown(club: tuple[Path, Received]) -> None:
    done = run(club[0], "watch", "--install", "user", "--print-unit", "--peer", "http://watch.example.org")
    assert done.returncode == 0
    assert f"--inventory {club[0] / 'kedge.yaml'} --every 60s --peer http://watch.example.org" in done.stdout
