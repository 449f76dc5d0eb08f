"""Boots one host; a program of its own, run inside the lab's parent namespace with a JSON order on standard input.

Prints the pid of the host's process 1, as the parent namespace counts it, when the host is up.
A machine gets its own root (an overlay); a vantage only its own network and name resolution.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.lab import namespace as ns

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
HOST_OPTIONS = "xino=off"


@dataclass(frozen=True)
class Order:
    """What to boot."""

    name: str
    net: str
    """The network namespace's file."""
    disk: str
    """The folder with the host's own disk; survives a power cut, gone with the lab."""
    lower: list[str] = field(default_factory=list)
    """Lower layers, topmost first; empty for a vantage."""
    size_mb: int = 2048
    volumes: dict[str, int] = field(default_factory=dict)
    """Own partitions: mount point -> size in MB."""
    inside: int | None = None
    """Process 1 of the machine this host is a guest of."""
    files: dict[str, str] = field(default_factory=dict)
    hide: list[str] = field(default_factory=list)
    """Folders a vantage shall not see."""

    def json(self) -> str:
        """The order as text."""
        return json.dumps(asdict(self))


def main() -> None:
    """Boot what standard input orders."""
    order = Order(**json.load(sys.stdin))
    ready, tell = os.pipe()
    fresh = make_disk(order) if order.lower else []
    if os.fork() == 0:
        _in_a_child(lambda: split_off(order, fresh, tell), tell)
    os.close(tell)
    with os.fdopen(ready) as said:
        answer = said.read()
    pid, _, trouble = answer.partition("\n")
    if trouble or not pid:
        sys.exit(f"{order.name} did not boot: {trouble or answer}")
    sys.stdout.write(pid)


def _in_a_child(work: object, tell: int) -> None:
    try:
        work()  # type: ignore[operator]
    except BaseException:
        os.write(tell, b"\n" + traceback.format_exc().encode())
    finally:
        os._exit(1)


def make_disk(order: Order) -> list[str]:
    """Make the disk and the partitions that are not there yet; the partitions made now, still empty."""
    disk = Path(order.disk)
    if not disk.is_dir():
        disk.mkdir(parents=True)
        ns.mount("disk", disk, "tmpfs", 0, f"size={order.size_mb}m,mode=755")
        for name in ("upper", "work", "root", "volumes"):
            (disk / name).mkdir()
    fresh = []
    for path, size_mb in order.volumes.items():
        volume = volume_folder(disk, path)
        if not volume.is_dir():
            volume.mkdir()
            ns.mount("disk", volume, "tmpfs", 0, f"size={size_mb}m")
            fresh.append(path)
    return fresh


def volume_folder(disk: Path, path: str) -> Path:
    """Where the partition for this mount point is kept."""
    return disk / "volumes" / path.strip("/").replace("/", "-")


def split_off(order: Order, fresh: list[str], tell: int) -> None:
    """Leave the parent's namespaces; the first process of the new pid namespace goes on."""
    os.setsid()
    if order.inside:
        ns.enter(f"/proc/{order.inside}/ns/pid", ns.NEW_PIDS)
        if os.fork():
            os._exit(0)
    ns.enter(order.net, ns.NEW_NET)
    own = ns.NEW_MOUNTS | ns.NEW_NAMES | ns.NEW_IPC
    ns.unshare(own | ns.NEW_PIDS if order.lower else own)
    if os.fork():
        os._exit(0)
    os.write(tell, os.readlink("/proc/self").encode())
    ns.mount("none", "/", flags=ns.RECURSIVE | ns.PRIVATE)
    ns.set_hostname(order.name)
    if order.lower:
        become_machine(order, fresh)
    else:
        become_vantage(order)


def become_machine(order: Order, fresh: list[str]) -> None:
    """Give this process the host's root and turn it into its process 1."""
    disk = Path(order.disk)
    root = disk / "root"
    options = f"lowerdir={':'.join(order.lower)},upperdir={disk / 'upper'},workdir={disk / 'work'},{HOST_OPTIONS}"
    ns.mount("overlay", root, "overlay", 0, options)
    for path in order.volumes:
        attach_volume(root, volume_folder(disk, path), path, copy=path in fresh)
    mount_system(root)
    write_files(root, order.files)
    ns.change_root(root)
    become_init(["/usr/bin/python3", "-I", "-S", "/usr/sbin/labinit"])


def attach_volume(root: Path, volume: Path, path: str, *, copy: bool) -> None:
    """Mount a partition in the root; a new one first gets what the layers hold at that place, every byte allocated."""
    place = root / path.strip("/")
    place.mkdir(parents=True, exist_ok=True)
    if copy:
        subprocess.run(["cp", "-a", "--sparse=never", f"{place}/.", volume], check=True)
        shutil.copystat(place, volume)
        os.chown(volume, place.stat().st_uid, place.stat().st_gid)
    ns.mount(volume, place, flags=ns.BIND)


def mount_system(root: Path) -> None:
    """/proc, /sys, /dev, /run and /tmp of a host."""
    ns.mount("proc", root / "proc", "proc")
    ns.mount("sysfs", root / "sys", "sysfs", ns.READ_ONLY)
    dev = root / "dev"
    ns.mount("dev", dev, "tmpfs", 0, "mode=755,size=1m")
    for name in DEVICES:
        (dev / name).touch()
        ns.mount(f"/dev/{name}", dev / name, flags=ns.BIND)
    for name, target in {
        "ptmx": "pts/ptmx",
        "fd": "/proc/self/fd",
        "stdin": "fd/0",
        "stdout": "fd/1",
        "stderr": "fd/2",
    }.items():
        (dev / name).symlink_to(target)
    (dev / "pts").mkdir()
    ns.mount("devpts", dev / "pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=620,gid=5")
    (dev / "shm").mkdir()
    ns.mount("shm", dev / "shm", "tmpfs", 0, "mode=1777,size=256m")
    ns.mount("run", root / "run", "tmpfs", 0, "mode=755,size=64m")
    ns.mount("tmp", root / "tmp", "tmpfs", 0, "mode=1777,size=256m")
    (root / "run/lock").mkdir(mode=0o1777)
    (root / "run/lock").chmod(0o1777)


def write_files(root: Path, files: dict[str, str]) -> None:
    """Write the files a host must have before anything runs: its name, hosts, resolv.conf."""
    for path, text in files.items():
        place = root / path.strip("/")
        place.unlink(missing_ok=True)
        place.write_text(text)


def become_vantage(order: Order) -> None:
    """Keep the machine's file system, but see other names: resolv.conf and the like by bind mount."""
    for folder in order.hide:
        ns.unmount(folder)
    own = Path(order.disk)
    own.mkdir(parents=True, exist_ok=True)
    for path, text in order.files.items():
        file = own / path.strip("/").replace("/", "-")
        file.write_text(text)
        ns.mount(file, Path(path).resolve(), flags=ns.BIND)
    become_init([sys.executable, "-I", "-S", str(Path(__file__).with_name("init.py"))])


def become_init(argv: list[str]) -> None:
    """Let go of everything inherited and wait as process 1; closing the pipe tells the parent that all is done."""
    nothing = os.open("/dev/null", os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.umask(0o022)
    os.execve(argv[0], argv, {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})


if __name__ == "__main__":
    main()
