"""The parent namespace of a lab: one process that holds everything, and takes everything with it when it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.errors import CommandError, LabError, NoGroundError
from tests.lab.ground import require_ground

CHECKOUT = Path(__file__).resolve().parents[2]
DEFAULT_STATE = Path("/run/kedge-lab")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def state_folder(name: str) -> Path:
    """The folder with a lab's small files: its processes, its secrets (mode 0700)."""
    return Path(os.environ.get("KEDGE_LAB_STATE", DEFAULT_STATE)) / name


@dataclass(frozen=True)
class Keeper:
    """A running parent namespace: own mounts, network and pids; the machine's real network is not in there."""

    outer: int
    """The process whose end, however it comes, ends the lab."""
    inner: int
    """Process 1 of the namespace, as the machine counts it."""
    state: Path
    process: subprocess.Popen[bytes] | None = None
    """The outer process, where this process started it."""

    @classmethod
    def begin(cls, state: Path, *, lifeline: int | None = None) -> Keeper:
        """Start a parent namespace. It ends with `end`, or when the pipe `lifeline` is closed at its other end."""
        require_ground()
        state.mkdir(parents=True, exist_ok=True)
        state.chmod(0o700)
        for folder in (state / "disks", Path("/run/netns")):
            folder.mkdir(exist_ok=True)
        init = [sys.executable, "-I", "-S", str(Path(__file__).with_name("init.py"))]
        split = [
            "unshare",
            "--mount",
            "--net",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "--propagation=private",
        ]
        outer = subprocess.Popen(
            [*split, *init, *(["--lifeline"] if lifeline is not None else [])],
            stdin=subprocess.DEVNULL if lifeline is None else lifeline,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        keeper = cls(outer.pid, _child_of(outer), state, outer)
        for place in ("/run/netns", f"{state}/disks"):
            keeper.run(["mount", "-t", "tmpfs", "-o", "mode=755,size=16m", "lab", place])
        (state / "keeper.json").write_text(json.dumps({"outer": keeper.outer, "inner": keeper.inner}))
        return keeper

    @classmethod
    def find(cls, state: Path) -> Keeper | None:
        """The parent namespace that runs with this state folder, if one does."""
        try:
            known = json.loads((state / "keeper.json").read_text())
        except FileNotFoundError:
            return None
        keeper = cls(known["outer"], known["inner"], state)
        return keeper if keeper.is_alive() else None

    def is_alive(self) -> bool:
        """Whether process 1 of the namespace runs (a reused pid does not count)."""
        try:
            return b"init.py" in Path(f"/proc/{self.inner}/cmdline").read_bytes()
        except OSError:
            return False

    def end(self) -> None:
        """End the namespace and everything in it, and wait until it is gone."""
        for pid in (self.inner, self.outer):
            _kill(pid)
        if self.process:
            self.process.wait()
        deadline = time.monotonic() + 10
        while self.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)

    def argv(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs a command inside."""
        return ["nsenter", "-t", str(self.inner), "-m", "-n", "-p", "--", *argv]

    def run(self, argv: Sequence[str], *, stdin: str = "", env: Mapping[str, str] | None = None) -> str:
        """A command's output; CommandError if it ends with anything but 0."""
        clean = {"PATH": PATH, "LC_ALL": "C.UTF-8", **(env or {})}
        done = subprocess.run(self.argv(argv), input=stdin, text=True, capture_output=True, env=clean)
        if done.returncode:
            raise CommandError("the lab", list(argv), done.returncode, done.stderr + done.stdout)
        return done.stdout

    def sh(self, script: str) -> str:
        """A shell script's output."""
        return self.run(["sh", "-ec", script])

    def module(self, name: str, *, stdin: str = "") -> str:
        """The output of a module of the lab, run inside."""
        return self.run(
            [sys.executable, "-s", "-m", f"tests.lab.{name}"], stdin=stdin, env={"PYTHONPATH": str(CHECKOUT)}
        )

    def inside(self, path: str | Path) -> Path:
        """A path inside, as this process can open it."""
        return Path(f"/proc/{self.inner}/root") / str(path).lstrip("/")


def _child_of(outer: subprocess.Popen[bytes]) -> int:
    """The child of unshare, once it runs the init program."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if outer.poll() is not None:
            raise NoGroundError(f"unshare ended with {outer.returncode}: no namespaces for us here")
        for pid in Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split():
            if b"init.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return int(pid)
        time.sleep(0.005)
    raise LabError("the parent namespace did not start within 10 s")


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
