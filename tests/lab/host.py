"""One host of the lab, as the person at its console and the hand at its power button have it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab import network
from tests.lab.boot import Order, volume_folder
from tests.lab.component import Component
from tests.lab.errors import CommandError, LabError
from tests.lab.keeper import CHECKOUT, PATH, Keeper
from tests.lab.keys import TRUSTED, credentials_folder

if TYPE_CHECKING:
    from tests.lab.organisation import Machine
    from tests.lab.secrets import Secrets

ENVIRONMENT = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TERM": "dumb"}
READY_LIMIT_S = 60
START_LOG = "/var/log/lab-start.log"
FILLING = ".filled-by-the-lab"


class Host:
    """A running or dead host; its disk lives until `wipe` or the end of the lab."""

    def __init__(self, keeper: Keeper, machine: Machine, plug: network.Plug, secrets: Secrets) -> None:
        self.keeper = keeper
        self.machine = machine
        self.plug = plug
        self.secrets = secrets
        self.name = machine.name
        self.disk = keeper.state / "disks" / machine.name
        self.broken: list[tuple[str, str]] = []
        """What was broken on purpose, (how, what), and is not repaired yet; known to this process only."""
        self._pid_file = keeper.state / f"{machine.name}.pid"

    # -- power ---------------------------------------------------------------------------------

    def boot(self, lower: Sequence[Path], files: Mapping[str, str], inside: Host | None = None) -> None:
        """Switch the host on: its root from these layers (topmost first) and its own disk; no service runs yet."""
        order = Order(
            name=self.name,
            net=f"/run/netns/{self.name}",
            disk=str(self.disk),
            lower=[str(layer) for layer in lower],
            size_mb=self.machine.size_mb,
            volumes=dict(self.machine.volumes),
            inside=inside.pid if inside else None,
            files=dict(files),
        )
        self._pid_file.write_text(self.keeper.module("boot", stdin=order.json()))
        self.plug_in()

    @property
    def pid(self) -> int:
        """The host's process 1, as the lab counts it."""
        if not self._pid_file.exists():
            raise LabError(f"{self.name} is switched off; 'start {self.name}' switches it on")
        return int(self._pid_file.read_text())

    def is_alive(self) -> bool:
        """Whether the host's process 1 runs."""
        if not self._pid_file.exists():
            return False
        return b"labinit" in _read(self.keeper.inside(f"/proc/{self._pid_file.read_text().strip()}/cmdline"))

    def has_disk(self) -> bool:
        """Whether the host has a disk, from an earlier boot."""
        return (self.keeper.inside(self.disk) / "upper").is_dir()

    def kill(self) -> None:
        """Cut the power: the host is silent at once, every process of it and its guests gone, its disk as it is."""
        network.set_cable(self.keeper, self.plug, plugged=False)
        self.halt()

    def halt(self) -> None:
        """End every process of the host and its guests; it answers pings and refuses all else, as a crashed one may."""
        self.broken.append(("kill", ""))
        if self.is_alive():
            self.keeper.sh(f"kill -9 {self.pid}; while kill -0 {self.pid} 2>/dev/null; do sleep 0.01; done")
        self._pid_file.unlink(missing_ok=True)

    def wipe(self) -> None:
        """Throw the disk away; the host must be off."""
        volumes = [str(volume_folder(self.disk, path)) for path, _ in self.machine.volumes]
        places = " ".join(shlex.quote(place) for place in [*volumes, str(self.disk)])
        self.keeper.sh(f"for p in {places}; do umount -l $p 2>/dev/null || true; done; rm -rf {self.disk}")

    # -- commands ------------------------------------------------------------------------------

    def argv(self, argv: Sequence[str], env: Mapping[str, str] | None = None) -> list[str]:
        """The command line that runs a command on the host."""
        variables = [f"{key}={value}" for key, value in {**ENVIRONMENT, **(env or {})}.items()]
        enter = ["nsenter", "-t", str(self.pid), "-m", "-u", "-i", "-n", "-p", "-r", "-w", "--"]
        return self.keeper.argv([*enter, "env", "-i", *variables, *argv])

    def try_run(
        self, argv: Sequence[str], stdin: str | bytes = "", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The finished command, whatever its exit code."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(self.argv(argv, env), input=data, capture_output=True)
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        )

    def run(self, argv: Sequence[str], stdin: str | bytes = "", env: Mapping[str, str] | None = None) -> str:
        """The command's output; CommandError if it ends with anything but 0."""
        done = self.try_run(argv, stdin, env)
        if done.returncode:
            raise CommandError(self.name, list(argv), done.returncode, done.stderr + done.stdout)
        return done.stdout

    def sh(self, script: str, stdin: str | bytes = "", env: Mapping[str, str] | None = None) -> str:
        """A bash script's output; it ends at its first failing command."""
        return self.run(["bash", "-ec", script], stdin, env)

    def wait_until(self, script: str, limit_s: int = READY_LIMIT_S) -> None:
        """Wait until the script ends with 0; LabError with its last words after the limit."""
        loop = (
            f"end=$((SECONDS+{limit_s})) pause=05; until said=$(timeout 10 bash -c {shlex.quote(script)} 2>&1); do "
            f'if [ $SECONDS -ge $end ]; then echo "$said"; exit 1; fi; sleep 0.$pause; pause=2; done'
        )
        done = self.try_run(["bash", "-c", loop])
        if done.returncode:
            raise LabError(f"{self.name}: not true within {limit_s} s: {script}\n{done.stdout}{done.stderr}")

    # -- files ---------------------------------------------------------------------------------

    def path(self, path: str) -> Path:
        """A file of the running host, as this process can open it (no symlink to an absolute path on the way)."""
        return self.keeper.inside(f"/proc/{self.pid}/root") / path.lstrip("/")

    def read(self, path: str) -> str:
        """A file's text."""
        return self.path(path).read_text()

    def write(self, path: str, text: str, *, mode: int = 0o644, owner: str = "root") -> None:
        """Write a file whole: beside it, then renamed over it."""
        place = self.path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        half = place.with_name(place.name + ".half")
        opened = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(opened, "w") as file:
            file.write(text)
        os.chown(half, *self._ids(owner))
        half.chmod(mode)
        half.rename(place)

    def append(self, path: str, text: str) -> None:
        """Add text at a file's end."""
        with self.path(path).open("a") as file:
            file.write(text)

    def _ids(self, owner: str) -> tuple[int, int]:
        for line in self.read("/etc/passwd").splitlines():
            name, _, uid, gid, *_ = line.split(":")
            if name == owner:
                return int(uid), int(gid)
        raise LabError(f"{self.name}: no user {owner}")

    # -- services ------------------------------------------------------------------------------

    def services(self) -> list[str]:
        """The names of the host's services."""
        return [component.name for component in self.machine.components]

    def component(self, service: str) -> Component:
        """The host's component of this name."""
        for component in self.machine.components:
            if component.name == service:
                return component
        raise LabError(f"{self.name} has no service {service!r}; it has: {', '.join(self.services())}")

    def start(self, service: str) -> None:
        """Start a service and wait until it answers."""
        component = self.component(service)
        started = self.try_run(["bash", "-c", detached(component.start())])
        if started.returncode:
            said = self.run(["tail", "-n", "30", START_LOG])
            raise CommandError(self.name, ["start", service], started.returncode, said)
        self.wait_until(component.ready())

    def answers(self, service: str) -> bool:
        """Whether the service answers in its own protocol, asked once on the host itself."""
        return self.try_run(["timeout", "5", "bash", "-c", self.component(service).ready()]).returncode == 0

    def stop(self, service: str) -> None:
        """Stop a service as an admin would."""
        self.broken.append(("stop", service))
        self.run(["bash", "-c", self.component(service).stop()])

    def pids(self, service: str) -> list[int]:
        """The service's processes, as the host counts them."""
        wanted = re.compile(self.component(service).process)
        found = []
        for line in self.run(["ps", "-e", "-o", "pid=,args="]).splitlines():
            pid, _, command = line.strip().partition(" ")
            if wanted.search(command):
                found.append(int(pid))
        return found

    def signal(self, service: str, name: str) -> None:
        """Send a signal to every process of the service; LabError if it has none."""
        pids = self.pids(service)
        if not pids:
            raise LabError(f"{self.name}: no process of {service} runs")
        self.run(["kill", f"-{name}", *(str(pid) for pid in pids)])

    # -- failures ------------------------------------------------------------------------------

    def cable(self) -> None:
        """Pull the network cable: packets to the host and its guests vanish."""
        self.broken.append(("cable", ""))
        network.set_cable(self.keeper, self.plug, plugged=False)

    def plug_in(self) -> None:
        """Plug the network cable in again."""
        network.set_cable(self.keeper, self.plug, plugged=True)

    def fill(self, path: str) -> None:
        """Fill the partition that holds this folder, to the last byte."""
        self.broken.append(("fill", path))
        file = shlex.quote(f"{path.rstrip('/')}/{FILLING}")
        available = f"$(df --output=avail -B1 {shlex.quote(path)} | tail -n1)"
        self.sh(f"fallocate -l {available} {file} || true; cat /dev/zero >> {file} || true")

    def leave_free(self, size_mb: int) -> None:
        """Leave an old dump on the root's partition that takes all but this much, as nobody ever cleans up."""
        script = "install -d /var/backups; fallocate -l $(($(df --output=avail -BM / | tail -n1 | tr -d M) - {0}))M {1}"
        self.sh(script.format(size_mb, "/var/backups/wiki-2006.sql"))

    def free(self, path: str) -> None:
        """Free what `fill` took."""
        self.sh(f"rm -f {shlex.quote(path.rstrip('/') + '/' + FILLING)}")

    def freeze(self, service: str) -> None:
        """Let a service hang: its processes stop in their tracks, its ports still accept."""
        self.broken.append(("freeze", service))
        self.signal(service, "STOP")

    def thaw(self, service: str) -> None:
        """Let a frozen service go on."""
        self.signal(service, "CONT")

    def filter(self, port: int, verdict: str) -> None:
        """Let a firewall `drop` or `reject` what comes in on a TCP port."""
        self.broken.append(("filter", str(port)))
        network.set_filter(self.keeper, self.plug, port, verdict)

    def unfilter(self) -> None:
        """Take the firewall's rules away."""
        network.clear_filter(self.keeper, self.plug)


class Vantage:
    """A place outside: the machine's own programs and files, the lab's network and names."""

    def __init__(self, keeper: Keeper, plug: network.Plug) -> None:
        self.keeper = keeper
        self.plug = plug
        self._pid_file = keeper.state / f"{plug.host}.pid"

    def boot(self, files: Mapping[str, str]) -> None:
        """Open the place."""
        disks = self.keeper.state / "disks"
        order = Order(
            self.plug.host,
            f"/run/netns/{self.plug.host}",
            str(self.keeper.state / self.plug.host),
            files=dict(files),
            hide=[str(disks)],
        )
        self._pid_file.write_text(self.keeper.module("boot", stdin=order.json()))

    def argv(self, argv: Sequence[str], *, folder: Path | None = None) -> list[str]:
        """The command line that runs a command there, in this folder (default: the current one)."""
        pid = self._pid_file.read_text().strip()
        state = self.keeper.state
        own = (f"SSL_CERT_FILE={state / TRUSTED}", f"CREDENTIALS_DIRECTORY={credentials_folder(state)}")
        at = ["env", "-C", str(folder or Path.cwd()), *own]
        return self.keeper.argv(["nsenter", "-t", pid, "-m", "-u", "-n", "--", *at, *argv])

    def try_run(
        self, argv: Sequence[str], *, stdin: str = "", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The finished command, whatever its exit code; it inherits this process's environment."""
        return subprocess.run(
            self.argv(argv), input=stdin, text=True, capture_output=True, env={**os.environ, **(env or {})}
        )

    def run(self, argv: Sequence[str], *, stdin: str = "", env: Mapping[str, str] | None = None) -> str:
        """The command's output; CommandError if it ends with anything but 0."""
        done = self.try_run(argv, stdin=stdin, env=env)
        if done.returncode:
            raise CommandError(self.plug.host, list(argv), done.returncode, done.stderr + done.stdout)
        return done.stdout

    def module(self, name: str, *arguments: str, stdin: str = "") -> str:
        """The output of a module of the lab, run there."""
        return self.run(
            [sys.executable, "-m", f"tests.lab.{name}", *arguments], stdin=stdin, env={"PYTHONPATH": str(CHECKOUT)}
        )


def detached(script: str) -> str:
    """The script, with what it leaves running cut off from our pipes."""
    return f"( :; {script}\n) </dev/null >>{START_LOG} 2>&1"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
