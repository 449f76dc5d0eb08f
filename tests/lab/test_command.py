"""`script/lab`, as a person at a terminal uses it; and a machine that cannot carry a lab."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.lab.keeper import CHECKOUT
from tests.lab.lab import Lab

pytestmark = pytest.mark.lab


def say(lab: Lab, *words: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    """What `script/lab` answers about this lab."""
    argv = [str(CHECKOUT / "script/lab"), "--name", lab.keeper.state.name, *words]
    env = {**os.environ, "PATH": path}
    return subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=env)


def test_up_does_nothing_twice(lab: Lab) -> None:
    again = say(lab, "up")
    assert (again.returncode, "runs already" in again.stderr) == (0, True)
    other = say(lab, "up", "--story", "2007")
    assert (other.returncode, "another story" in other.stderr) == (1, True)


def test_this_checkouts_kedge_is_found_outside(lab: Lab) -> None:
    others = os.pathsep.join(one for one in os.environ["PATH"].split(os.pathsep) if not one.endswith(".venv/bin"))
    done = say(lab, "vantage", "--", "sh", "-c", "command -v kedge && kedge --version", path=others)
    assert done.stdout.startswith(f"{CHECKOUT}/.venv/bin/kedge\n"), done.stderr


def test_status_tells_the_dead_from_the_living(lab: Lab) -> None:
    assert say(lab, "status").returncode == 0
    assert say(lab, "kill", "backup").returncode == 0
    dead = say(lab, "status")
    assert dead.returncode == 1
    assert [line.split() for line in dead.stdout.splitlines() if line.startswith("backup")] == [
        ["backup", "198.51.100.30", "OFF"]
    ]
    assert say(lab, "start", "backup").returncode == 0
    assert say(lab, "status").returncode == 0


def test_a_reader_that_has_gone_is_no_mistake(lab: Lab) -> None:
    argv = [str(CHECKOUT / "script/lab"), "--name", lab.keeper.state.name, "status"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(argv, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_failures_come_and_go(lab: Lab) -> None:
    steps = [
        (("cable", "ns2"), "203.0.113.53 22", False),
        (("cable", "ns2", "--plug"), "203.0.113.53 22", True),
        (("filter", "ns2", "reject", "22"), "203.0.113.53 22", False),
        (("filter", "ns2", "clear"), "203.0.113.53 22", True),
        (("stop", "elsewhere", "webhook"), "203.0.113.40 8080", False),
        (("start", "elsewhere", "webhook"), "203.0.113.40 8080", True),
    ]
    for words, target, open_ in steps:
        assert say(lab, *words).returncode == 0, words
        look = say(lab, "vantage", "--", "bash", "-c", f"timeout 2 bash -c '</dev/tcp/{target.replace(' ', '/')}'")
        assert (look.returncode == 0) is open_, words


def test_a_partition_is_filled_and_freed(lab: Lab) -> None:
    free = ["run", "backup", "--", "df", "--output=avail", "/srv/store"]
    before = say(lab, *free).stdout
    assert say(lab, "fill", "backup", "/srv/store").returncode == 0
    assert say(lab, *free).stdout.split()[1] == "0"
    assert say(lab, "fill", "backup", "/srv/store", "--free").returncode == 0
    assert say(lab, *free).stdout == before


def test_freeze_and_thaw(lab: Lab) -> None:
    states = ["run", "ns2", "--", "sh", "-c", "ps -o stat= -C knotd"]
    assert say(lab, "freeze", "ns2", "knot").returncode == 0
    assert say(lab, *states).stdout.startswith("T")
    assert say(lab, "thaw", "ns2", "knot").returncode == 0
    assert not say(lab, *states).stdout.startswith("T")


def test_run_passes_output_and_exit_code_on(lab: Lab) -> None:
    done = say(lab, "run", "ns1", "--", "sh", "-c", "hostname; exit 7")
    assert (done.returncode, done.stdout) == (7, "ns1\n")


def test_secrets_are_listed_by_name_and_told_one_by_one(lab: Lab) -> None:
    assert "mail-anna@verein.example" in say(lab, "secret").stdout.splitlines()
    assert say(lab, "secret", "mail-anna@verein.example").stdout.strip() == lab.secrets["mail-anna@verein.example"]


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("kill", "hetzner-nwe"), "no host 'hetzner-nwe'; there are: resolver, root"),
        (("freeze", "ns1", "nsd"), "ns1 has no service 'nsd'; it has: sshd, bind"),
        (("filter", "ns1", "burn", "53"), "filter HOST drop|reject PORT"),
        (("secret", "launch-code"), "no secret 'launch-code'"),
    ],
)
def test_mistakes_are_answered_with_what_there_is(lab: Lab, words: tuple[str, ...], answer: str) -> None:
    done = say(lab, *words)
    assert done.returncode == 1
    assert answer in done.stderr


@pytest.mark.parametrize(("required", "code", "word"), [("", 0, "skipped"), ("1", 1, "required")])
def test_a_machine_without_namespaces(required: str, code: int, word: str) -> None:
    """Root without CAP_SYS_ADMIN, as in many containers."""
    weak = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/lab/test_dns.py"]
    environment = {**os.environ, "KEDGE_REQUIRE_LAB": required, "CI": ""}
    done = subprocess.run([*weak, *tests], cwd=CHECKOUT, env=environment, capture_output=True, text=True)
    assert done.returncode == code, done.stdout
    assert word in done.stdout
    assert "no namespaces for us here" in done.stdout
