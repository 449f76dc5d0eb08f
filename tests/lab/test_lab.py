"""The lab itself: whole, alone, and gone without a trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.host import Host
from tests.lab.keeper import CHECKOUT, Keeper, state_folder
from tests.lab.lab import Lab, sweep

pytestmark = pytest.mark.lab


def test_every_service_answers_on_its_host(lab: Lab) -> None:
    silent = [(host.name, service) for host in lab.hosts() for service in host.services() if not host.answers(service)]
    assert silent == []


def test_a_host_is_a_debian_12_of_its_own(lab: Lab) -> None:
    host = lab.host("ns1")
    assert "VERSION_CODENAME=bookworm" in host.read("/etc/os-release")
    assert host.run(["hostname"]).strip() == "ns1"
    assert host.run(["sh", "-c", "ls -d /proc/[0-9]*"]).split()[0] == "/proc/1"
    assert not Path("/etc/bind/kedge.key").exists()


def test_hosts_share_no_host_key(lab: Lab) -> None:
    keys = [host.read("/etc/ssh/ssh_host_ed25519_key.pub") for host in lab.hosts() if "sshd" in host.services()]
    assert len(set(keys)) == len(keys) >= 3


def test_secrets_are_for_root_only(lab: Lab) -> None:
    file = lab.keeper.state / "secrets.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert lab.keeper.state.stat().st_mode & 0o777 == 0o700


def test_the_real_network_is_out_of_reach(lab: Lab) -> None:
    own = subprocess.run(["ip", "-o", "-4", "addr", "show", "scope", "global"], capture_output=True, text=True).stdout
    addresses = [line.split()[3].split("/")[0] for line in own.splitlines()]
    for address in addresses:
        assert lab.ask("ping", address) is False
    assert "br-hetzner" not in subprocess.run(["ip", "link"], capture_output=True, text=True).stdout


def test_reset_gives_a_fresh_disk(lab: Lab, fresh_host: Callable[[str], Host]) -> None:
    host = fresh_host("backup")
    host.write("/srv/mark", "written by a test\n")
    key = host.read("/etc/ssh/ssh_host_ed25519_key.pub")
    lab.reset("backup")
    assert not host.path("/srv/mark").exists()
    assert host.read("/etc/ssh/ssh_host_ed25519_key.pub") != key
    assert host.answers("sshd")


def test_the_disk_survives_a_power_cut(lab: Lab, fresh_host: Callable[[str], Host]) -> None:
    host = fresh_host("backup")
    host.write("/srv/mark", "written by a test\n")
    host.kill()
    lab.start("backup")
    assert host.read("/srv/mark") == "written by a test\n"


def test_two_labs_do_not_meet(lab: Lab, new_lab: Callable[..., Lab]) -> None:
    other = new_lab("other")
    lab.host("backup").cable()
    assert other.ask("ping", "198.51.100.30")
    assert not lab.ask("ping", "198.51.100.30")
    assert lab.secrets["dns-update-key"] != other.secrets["dns-update-key"]
    other.down()
    assert lab.ask("ping", "198.51.100.53")


STARTER = """
import os, time
from tests.lab.lab import Lab, sweep
from tests.lab.progress import Progress
reader, writer = os.pipe()
lab = Lab.up(os.environ["LAB_NAME"], progress=Progress(), lifeline=reader)
print("up", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("victim", ["the process that holds the lifeline", "the outer process of the namespace"])
def test_nothing_is_left_after_kill_9(shared_lab: Lab, victim: str) -> None:
    name = f"test-{os.getpid()}-killed"
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "LAB_NAME": name}
    starter = subprocess.Popen([sys.executable, "-c", STARTER], env=environment, stdout=subprocess.PIPE, text=True)
    assert starter.stdout
    assert starter.stdout.readline() == "up\n"
    keeper = Keeper.find(state_folder(name))
    assert keeper
    assert len(traces(name, keeper)) > 10
    os.kill(starter.pid if "lifeline" in victim else keeper.outer, signal.SIGKILL)
    wait_until(lambda: traces(name, keeper) == [])
    starter.kill()
    starter.wait()
    starter.stdout.close()
    sweep(state_folder(name).parent)
    assert not state_folder(name).exists()


def traces(name: str, keeper: Keeper) -> list[str]:
    """Processes and mounts of a lab, as the machine sees them; a network namespace lives only by one of the two."""
    own = Path("/proc/self/mountinfo").read_text().splitlines()
    found = [line for line in own if f"/{name}/" in line or "/run/netns/" in line]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            inside = f"/{name}/" in (process / "mountinfo").read_text()
            command = (process / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:
            continue
        if inside or process.name in (str(keeper.inner), str(keeper.outer)):
            found.append(f"{process.name} {command}")
    return found


def wait_until(is_true: Callable[[], bool], limit_s: float = 10) -> None:
    deadline = time.monotonic() + limit_s
    while not is_true():
        assert time.monotonic() < deadline, "not true in time"
        time.sleep(0.02)
