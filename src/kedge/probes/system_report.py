"""What a host says of itself, as text: one command for everything, and how its output is read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

SCRIPT = """
LC_ALL=C; export LC_ALL
part() { echo "== $1"; shift; "$@" 2>/dev/null; }
part time date +%s
part uptime cat /proc/uptime
part memory cat /proc/meminfo
part load cat /proc/loadavg
part processors grep -c ^processor /proc/cpuinfo
part space sh -c 'df -P -k -l || df -P -k'
part inodes sh -c 'df -P -i -l || df -P -i'
part mounts cat /proc/mounts
part fstab cat /etc/fstab
part raid cat /proc/mdstat
part errors grep . /sys/fs/ext4/*/errors_count
part reboot ls /run/reboot-required /var/run/reboot-required
part units systemctl list-units --failed --no-legend --plain
part groups vgs --noheadings --nosuffix --units b -o vg_name,vg_free
part disks lsblk -b -P -o NAME,TYPE,SIZE,PKNAME
echo "== end"
"""
"""Read-only, POSIX sh; what a host does not have is an empty part. A dead NFS server hangs df, so local first."""

PSEUDO = frozenset(
    {
        "proc", "sysfs", "devtmpfs", "devpts", "cgroup", "cgroup2", "securityfs", "debugfs", "tracefs", "mqueue",
        "hugetlbfs", "pstore", "bpf", "configfs", "fusectl", "autofs", "binfmt_misc", "efivarfs", "squashfs", "nsfs",
        "ramfs", "rpc_pipefs", "iso9660", "overlay",
    }
)  # fmt: skip
"""File systems that nobody writes to, or that show another one; the root is always looked at."""
KERNELS = ("/run", "/dev", "/sys", "/proc")


class NoReport(ValueError):  # noqa: N818 - caught where a probe says so
    """The output is not that of the script."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A file system: where, of what type, how big and how full in bytes and inodes (0: it counts none)."""

    mount: str
    kind: str
    size: int
    used: int
    free: int
    inodes: int = 0
    inodes_free: int = 0

    @property
    def share(self) -> float:
        """How full it is for those who are not root: 0 to 1."""
        return self.used / (self.used + self.free) if self.used + self.free else 0.0

    @property
    def inode_share(self) -> float:
        """How many of its inodes are taken: 0 to 1; 0 where they are not counted."""
        return 1 - self.inodes_free / self.inodes if self.inodes else 0.0


@dataclass(frozen=True)
class Report:
    """What a host said. Sizes in bytes; what it did not say is absent or empty."""

    at: datetime | None = None
    booted: datetime | None = None
    volumes: tuple[Filled, ...] = ()
    read_only: tuple[str, ...] = ()
    broken_raids: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    needs_reboot: bool = False
    failed_units: tuple[str, ...] = ()
    memory: int = 0
    memory_free: int = 0
    load: float = 0.0
    processors: int = 0
    unallocated: Mapping[str, int] = field(default_factory=dict)


def read_report(text: str) -> Report:
    """Return the report in the script's output; raises NoReport if it was cut off or is none."""
    parts = _parts(text)
    if "end" not in parts or not parts.get("space"):
        raise NoReport("the output is not complete")
    at, up = _number(parts.get("time", "")), _number(parts.get("uptime", ""))
    memory = dict(re.findall(r"^(\w+): +(\d+) kB$", parts.get("memory", ""), re.MULTILINE))
    mounts = list(_mounts(parts.get("mounts", "")))
    return Report(
        at=_moment(at),
        booted=_moment(at - up) if up else None,
        volumes=tuple(_volumes(parts, mounts)),
        read_only=tuple(_turned_read_only(parts.get("fstab", ""), mounts)),
        broken_raids=tuple(_broken_raids(parts.get("raid", ""))),
        damaged=tuple(_damaged(parts.get("errors", ""))),
        needs_reboot=bool(parts.get("reboot", "").strip()),
        failed_units=tuple(line.split()[0] for line in parts.get("units", "").splitlines() if line.split()),
        memory=int(memory.get("MemTotal", 0)) * 1024,
        memory_free=int(memory.get("MemAvailable", 0)) * 1024,
        load=_number(parts.get("load", "")),
        processors=int(_number(parts.get("processors", ""))),
        unallocated=dict(_unallocated(parts)),
    )


def _parts(text: str) -> Mapping[str, str]:
    found: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("== "):
            name = line[3:].strip()
            found.setdefault(name, [])
        elif name:
            found[name].append(line)
    return {name: "\n".join(lines) for name, lines in found.items()}


def _number(text: str) -> float:
    found = re.match(r"\s*(\d{1,15}(?:\.\d{1,9})?)", text)
    return float(found[1]) if found else 0.0


def _moment(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (OverflowError, ValueError, OSError):
        return None


def _mounts(text: str) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Yield where, of what type, with which options (proc(5): spaces are written as octal numbers)."""
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 4:
            yield _plain(words[1]), words[2], frozenset(words[3].split(","))


def _plain(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), path)


def _volumes(parts: Mapping[str, str], mounts: list[tuple[str, str, frozenset[str]]]) -> Iterator[Filled]:
    """Yield the file systems that people write to, each once however often it is mounted."""
    kinds = {mount: kind for mount, kind, _ in mounts}
    inodes = {mount: (total, free) for mount, total, _, free in _table(parts.get("inodes", ""))}
    seen: set[tuple[int, int, int]] = set()
    for mount, size, used, free in _table(parts["space"]):
        kind = kinds.get(mount, "")
        same = (size, used, free)
        if not size or (
            mount != "/" and (kind in PSEUDO or same in seen or mount.startswith(("/run", "/dev", "/sys", "/proc")))
        ):
            continue
        seen.add(same)
        yield Filled(mount, kind, size * 1024, used * 1024, free * 1024, *inodes.get(mount, (0, 0)))


def _table(text: str) -> Iterator[tuple[str, int, int, int]]:
    """Yield mount, total, used and free of each line of df -P (POSIX): device, numbers, share, mount."""
    for line in text.splitlines():
        found = re.match(r".*?\s(\d{1,18})\s+(\d{1,18})\s+(\d{1,18})\s+(?:\d+%|-)\s+(/.*)$", line)
        if found:
            yield found[4].strip(), int(found[1]), int(found[2]), int(found[3])


def _turned_read_only(fstab: str, mounts: list[tuple[str, str, frozenset[str]]]) -> Iterator[str]:
    """Yield what fstab(5) wants writable and the kernel has mounted read-only: so it goes after an error."""
    options = {mount: options for mount, _, options in mounts}
    for line in fstab.splitlines():
        words = line.partition("#")[0].split()
        if len(words) >= 4 and "ro" not in words[3].split(",") and "ro" in options.get(_plain(words[1]), ()):
            yield _plain(words[1])


def _broken_raids(mdstat: str) -> Iterator[str]:
    """Yield the arrays that miss a disk: `[U_]` in the line below the name."""
    name = ""
    for line in mdstat.splitlines():
        if found := re.match(r"(md\S+) :", line):
            name = found[1]
        elif name and re.search(r"\[U*_[U_]*\]", line):
            yield name


def _damaged(errors: str) -> Iterator[str]:
    """Yield the ext4 devices on which the kernel has met errors since the last check."""
    for path, count in re.findall(r"^/sys/fs/ext4/([^/\s]+)/errors_count:(\d+)$", errors, re.MULTILINE):
        if int(count[:18]):
            yield path


def _unallocated(parts: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """Yield the room that no volume uses: in volume groups, and on disks that have partitions."""
    for name, free in re.findall(r"^\s*(\S+)\s+(\d{1,18})$", parts.get("groups", ""), re.MULTILINE):
        yield name, int(free)
    disks: dict[str, int] = {}
    taken: dict[str, int] = {}
    for line in parts.get("disks", "").splitlines():
        words = dict(re.findall(r'(\w+)="([^"]*)"', line))
        size = int(_number(words.get("SIZE", "")))
        if words.get("TYPE") == "disk":
            disks[words.get("NAME", "")] = size
        elif words.get("TYPE") == "part":
            taken[words.get("PKNAME", "")] = taken.get(words.get("PKNAME", ""), 0) + size
    for name, used in taken.items():
        if name in disks:
            yield name, max(0, disks[name] - used)
