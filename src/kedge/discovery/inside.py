"""A host from within: what its answers to the script say, as data. Nothing that it says is believed to be harmless."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from kedge.discovery.sketch import clean
from kedge.model.time_zone import local_zone
from kedge.probes.system_report import NoReport, Report, read_report

MOST_LINES = 5000
INTERNAL_DATABASES = frozenset(
    {"information_schema", "performance_schema", "mysql", "sys", "postgres", "template0", "template1", "lost+found"}
)
DATABASE_NAME = re.compile(r"[A-Za-z0-9_$.@ -]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Process:
    """A running program: its words; `space` is the container or guest it runs in, empty for the host itself."""

    pid: int
    argv: tuple[str, ...]
    space: str = ""


@dataclass(frozen=True, slots=True)
class Socket:
    """Where something listens; `pids` are unknown to those who may not see them."""

    transport: str
    address: str
    port: int
    program: str = ""
    pids: tuple[int, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether only programs of the same machine can connect."""
        return self.address.startswith("127.") or self.address in ("::1", "[::1]", "localhost")


@dataclass(frozen=True, slots=True)
class Space:
    """A container or guest that shares the kernel: how it calls itself, its addresses."""

    id: str
    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Container:
    """A container as its engine lists it; `state` is `running`, `exited` …"""

    engine: str
    name: str
    image: str
    state: str
    ports: str = ""
    project: str = ""
    service: str = ""
    mounts: tuple[str, ...] = ()


@dataclass(frozen=True)
class HostView:
    """What a host said from within. `unseen` is what it has and did not show to whoever logged in."""

    login: str
    name: str = ""
    zone: str = ""
    """Its time zone; empty if nobody told it where it is."""
    is_root: bool = False
    system: str = ""
    addresses: tuple[str, ...] = ()
    report: Report = field(default_factory=Report)
    sockets: tuple[Socket, ...] = ()
    processes: tuple[Process, ...] = ()
    spaces: tuple[Space, ...] = ()
    containers: tuple[Container, ...] = ()
    guests: tuple[str, ...] = ()
    databases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """`mysql` and `postgres` -> the databases in that server."""
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Part (`compose`, `vhosts`, `settings`, `cron`, `backups`) -> path -> its text."""
    markers: tuple[str, ...] = ()
    mail: Mapping[str, str] = field(default_factory=dict)
    boxes: str = ""
    timers: tuple[str, ...] = ()
    updates: int | None = None
    unseen: tuple[str, ...] = ()


def read_inside(login: str, text: str) -> HostView:
    """Return what a host said; raises NoReport if its answer was cut off or is none."""
    report = read_report(text)
    parts = _parts(text)
    if "updates" not in parts:
        raise NoReport("the answer about services is missing")
    files = {name: _files(parts.get(name, [])) for name in ("compose", "vhosts", "settings", "cron", "backups")}
    sockets = tuple(_sockets(parts.get("sockets", [])))
    is_root = parts.get("user", [""])[:1] == ["0"]
    return HostView(
        login,
        name=clean(next(iter(parts.get("node", [])), ""))[:60],
        zone=next(filter(None, map(local_zone, parts.get("zone", []))), ""),
        is_root=is_root,
        system=_system(parts.get("release", [])),
        addresses=tuple(_addresses(parts.get("addresses", []))),
        report=report,
        sockets=sockets,
        processes=tuple(_processes(parts.get("processes", []))),
        spaces=tuple(_spaces(parts.get("spaces", []))),
        containers=tuple(_containers(parts)),
        guests=tuple(dict.fromkeys(_guests(parts.get("guests", [])))),
        databases={name: tuple(_databases(parts.get(name, []))) for name in ("mysql", "postgres")},
        files=files,
        markers=tuple(line for line in parts.get("markers", []) if line.startswith("/")),
        mail=dict(_pairs(parts.get("mail", []))),
        boxes=next(iter(parts.get("boxes", [])), "").strip(),
        timers=tuple(clean(line) for line in parts.get("timers", []) if line.strip()),
        updates=_count(parts.get("updates", [])),
        unseen=tuple(dict.fromkeys(_unseen(parts, is_root, {one.program for one in sockets}))),
    )


def _parts(text: str) -> Mapping[str, list[str]]:
    """Return the lines of each part, without the blank that keeps them from passing for a heading."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.split("\n"):
        if line.startswith("== "):
            lines = found.setdefault(line[3:].strip(), [])
        elif line.startswith(" ") and len(lines) < MOST_LINES:
            lines.append(line[1:])
    return found


def _files(lines: list[str]) -> Mapping[str, str]:
    found: dict[str, list[str]] = {}
    here: list[str] = []
    for line in lines:
        if line.startswith("@@ "):
            here = found.setdefault(line[3:], [])
        elif line.startswith(">"):
            here.append(line[1:])
    return {path: "\n".join(text) + "\n" for path, text in found.items()}


def _system(lines: list[str]) -> str:
    """Return the operating system and its release as people say it: `Debian 12`."""
    words = dict(re.findall(r"(?m)^([A-Z_]+)=[\"']?([^\"'\n]*)", "\n".join(lines)))
    if words.get("ID") and words.get("VERSION_ID"):
        name = {"rhel": "RHEL", "almalinux": "AlmaLinux"}.get(words["ID"], words["ID"].replace("-", " ").title())
        return clean(f"{name} {words['VERSION_ID']}")[:60]
    return clean(words.get("PRETTY_NAME", ""))[:60]


def _addresses(lines: list[str]) -> Iterator[str]:
    for line in lines:
        for text in re.findall(r"\binet6? (?:addr:)?([0-9a-fA-F.:]+)", line):
            try:
                address = ipaddress.ip_address(text)
            except ValueError:
                continue
            if not (address.is_loopback or address.is_link_local) and not _is_bridge(line):
                yield str(address)


def _is_bridge(line: str) -> bool:
    """Return whether an address is one that Docker, Podman or libvirt gave the host inside."""
    return bool(re.match(r"\d+: (docker|br-|virbr|lxcbr|lxdbr|veth|podman|cni|incusbr)", line))


def _sockets(lines: list[str]) -> Iterator[Socket]:
    for line in lines:
        found = re.match(r"(tcp|udp)6?\s.*?(\S*?):(\d{1,5})\s", line)
        if not found:
            continue
        users = re.findall(r'"([^"]*)",pid=(\d{1,9})', line) or [
            (name, pid) for pid, name in re.findall(r"\s(\d{1,9})/(\S+)", line)
        ]
        address = found[2].partition("%")[0].strip("[]")
        yield Socket(
            found[1], address, int(found[3]), users[0][0] if users else "", tuple(int(pid) for _, pid in users)
        )


def _processes(lines: list[str]) -> Iterator[Process]:
    for line in lines:
        pid, _, rest = line.partition("\t")
        group, tab, words = rest.partition("\t")
        if tab and pid.isdigit():
            argv = tuple(word for word in words.split("\x1f") if word)
            yield Process(int(pid[:9]), argv, _space(group))


def _space(group: str) -> str:
    """Return what a process runs in: an id of its process namespace, or of its container."""
    if found := re.match(r"contained (pid:\[\d+\])", group):
        inside = re.search(r"(docker|libpod|containerd|kubepods|crio)", group)
        return "container" if inside else found[1]
    return "container" if re.search(r"docker[-/]|libpod-|kubepods", group) else ""


def _spaces(lines: list[str]) -> Iterator[Space]:
    for line in lines:
        words = line.split("\t")
        if len(words) == 3:
            addresses = [text.partition("/")[0] for text in words[2].split()]
            yield Space(words[0], clean(words[1])[:60], tuple(one for one in addresses if is_address(one)))


def is_address(text: str) -> bool:
    """Return whether a text is an IP address by which others may know a host."""
    try:
        return not ipaddress.ip_address(text).is_link_local
    except ValueError:
        return False


def _containers(parts: Mapping[str, list[str]]) -> Iterator[Container]:
    mounts = {}
    for line in parts.get("container-mounts", []):
        name, *each = line.split("\t")
        mounts[name.strip().lstrip("/")] = tuple(each)
    for line in parts.get("containers", []):
        words = line.split("\t")
        if len(words) >= 7:
            engine, name, image, state, ports, project, service = (clean(word) for word in words[:7])
            yield Container(engine, name, image, state, ports, _told(project), _told(service), mounts.get(name, ()))


def _told(label: str) -> str:
    return "" if label == "<no value>" else label


def _guests(lines: list[str]) -> Iterator[str]:
    for line in lines:
        words = line.split()
        if words and words[0] not in ("VMID", "NAME"):
            yield clean(_guest_name(words))[:60]


def _guest_name(words: list[str]) -> str:
    """Return the name in a line of virsh(1) or lxc-ls(1), of qm(1) (`101 name …`) or pct(1) (`101 running … name`)."""
    if not words[0].isdigit() or len(words) < 2:
        return words[0]
    return words[-1] if words[1] in ("running", "stopped") else words[1]


def _databases(lines: list[str]) -> Iterator[str]:
    for line in lines:
        name = line.strip()
        if not name.startswith("!!") and DATABASE_NAME.fullmatch(name) and name not in INTERNAL_DATABASES:
            yield name


def _pairs(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        key, equals, value = line.partition(" = ")
        if equals and value.strip():
            yield key.strip(), value.strip()


def _count(lines: list[str]) -> int | None:
    first = next((line.strip() for line in lines if line.strip()), "")
    return int(first) if first.isdigit() and len(first) < 7 else None


def _unseen(parts: Mapping[str, list[str]], is_root: bool, programs: set[str]) -> Iterator[str]:
    """Yield what was refused; what a database server that does not run would have said is nobody's loss."""
    silent = {"mysql": {"mariadbd", "mysqld", ""}, "postgres": {"postgres", ""}}
    for name, lines in parts.items():
        if name in silent and not silent[name] & programs:
            continue
        yield from (clean(line[3:])[:120] for line in lines if line.startswith("!! "))
    if not is_root:
        yield "the programs of other users behind listening ports, and what only root may read"
