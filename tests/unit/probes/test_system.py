"""What hosts say of themselves, healthy and in every kind of trouble."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.adapters.local import LocalNet, LocalShell, LocalSite
from kedge.model.instance import Instance
from kedge.model.observation import Status
from kedge.model.ports import Exit
from kedge.probes.system import SystemProbe, judge_report
from kedge.probes.system_report import NoReport, Report, read_report

AT = datetime(2007, 1, 6, 20, tzinfo=UTC)
PARTS = {
    "time": f"{AT.timestamp():.0f}",
    "uptime": "864000.12 1700000.00",
    "memory": "MemTotal:        4000000 kB\nMemFree:          100000 kB\nMemAvailable:    2000000 kB",
    "load": "0.52 0.58 0.59 1/467 12345",
    "processors": "2",
    "space": (
        "Filesystem     1024-blocks      Used Available Capacity Mounted on\n"
        "/dev/sda1         20000000   8000000  11000000      43% /\n"
        "udev               2000000         0   2000000       0% /dev\n"
        "/dev/mapper/a-b  100000000  50000000  50000000      50% /srv/a b\n"
        "/dev/sda1         20000000   8000000  11000000      43% /var/bind\n"
        "/dev/loop0          100000    100000         0     100% /snap/core\n"
        "nas:/export      100000000  99990000     10000     100% /mnt/nas"
    ),
    "inodes": (
        "Filesystem       Inodes  IUsed   IFree IUse% Mounted on\n"
        "/dev/sda1       1000000 100000  900000   10% /\n"
        "/dev/mapper/a-b       0      0       0     - /srv/a b"
    ),
    "mounts": (
        "/dev/sda1 / ext4 rw,relatime 0 0\nudev /dev devtmpfs rw 0 0\n/dev/mapper/a-b /srv/a\\040b btrfs rw 0 0\n"
        "/dev/sda1 /var/bind ext4 rw 0 0\n/dev/loop0 /snap/core squashfs ro 0 0\nnas:/export /mnt/nas nfs4 rw 0 0"
    ),
    "fstab": "# a note\nUUID=1 / ext4 errors=remount-ro 0 1\n/dev/mapper/a-b /srv/a\\040b btrfs defaults 0 2\n/dev/cd /cd iso9660 ro 0 0",
    "raid": "Personalities : [raid1]\nmd0 : active raid1 sda1[0] sdb1[1]\n      1000 blocks [2/2] [UU]\nunused devices: <none>",
    "errors": "/sys/fs/ext4/sda1/errors_count:0",
    "reboot": "",
    "units": "",
    "groups": "  vg0  150000000000",
    "disks": (
        'NAME="sda" TYPE="disk" SIZE="500000000000" PKNAME=""\nNAME="sda1" TYPE="part" SIZE="20000000000" PKNAME="sda"\n'
        'NAME="sdb" TYPE="disk" SIZE="100000000000" PKNAME=""'
    ),
    "end": "",
}  # fmt: skip


def report(**changes: str) -> Report:
    return read_report(text(**changes))


def text(**changes: str) -> str:
    return "\n".join(f"== {name}\n{body}" for name, body in (PARTS | changes).items())


def seen(**changes: str) -> tuple[Status, str]:
    found = judge_report(report(**changes), AT)
    return found.status, found.what


def test_a_healthy_host() -> None:
    found = judge_report(report(), AT)
    assert (found.status, found.what) == (Status.OK, "has room and runs as it should")
    assert found.evidence["used/root"] == "8.2 GB"
    assert found.evidence["used//srv/a b"] == "51.2 GB"
    assert found.evidence["boot"] == "2006-12-27T19:59:00+00:00"
    assert found.evidence["unallocated/sda"] == "480 GB"
    assert found.evidence["unallocated/vg0"] == "150 GB"


def test_each_file_system_counts_once_and_only_if_somebody_writes_there() -> None:
    assert [volume.mount for volume in report().volumes] == ["/", "/srv/a b", "/mnt/nas"]


def space(used: int, free: int) -> str:
    return f"head\n/dev/sda1 20000000 {used} {free} 1% /"


@pytest.mark.parametrize(
    ("changes", "status", "what"),
    [
        ({"space": space(20000000, 0)}, Status.DOWN, "/ is full"),
        ({"space": space(19000000, 1000000)}, Status.DEGRADED, "/ is nearly full"),
        ({"space": space(17000000, 3000000)}, Status.OK, "has room and runs as it should"),
        ({"inodes": "/dev/sda1 1000 1000 0 100% /"}, Status.DOWN, "/ has no inodes left"),
        ({"inodes": "/dev/sda1 1000 950 50 95% /"}, Status.DEGRADED, "/ is nearly full"),
        ({"mounts": PARTS["mounts"].replace("/ ext4 rw", "/ ext4 ro")}, Status.DOWN, "/ went read-only"),
        ({"raid": PARTS["raid"].replace("[UU]", "[U_]")}, Status.DEGRADED, "md0 misses a disk"),
        ({"errors": "/sys/fs/ext4/sda1/errors_count:3"}, Status.DEGRADED, "the file system on sda1 has errors"),
        ({"reboot": "/run/reboot-required"}, Status.DEGRADED, "waits for a reboot"),
        ({"units": "mariadb.service loaded failed failed MariaDB\nz.timer loaded failed failed"}, Status.DEGRADED, "failed: mariadb.service and z.timer"),
        ({"memory": "MemTotal: 4000000 kB\nMemAvailable: 1000 kB"}, Status.DEGRADED, "hardly any memory is left"),
        ({"time": str(AT.timestamp() + 600)}, Status.DEGRADED, "its clock is wrong"),
        (
            {"space": space(20000000, 0), "reboot": "/run/reboot-required"},
            Status.DOWN,
            "/ is full; waits for a reboot",
        ),
    ],
    ids=["full", "nearly", "room", "inodes", "few-inodes", "read-only", "raid", "errors", "reboot", "units", "memory", "clock", "two"],
)  # fmt: skip
def test_every_trouble_has_its_words(changes: dict[str, str], status: Status, what: str) -> None:
    assert seen(**changes) == (status, what)


def test_what_a_host_does_not_have_is_no_trouble() -> None:
    bare = {name: "" for name in PARTS if name not in ("space", "mounts", "time", "end")}
    assert seen(**bare)[0] is Status.OK


@pytest.mark.parametrize("cut", ["", "== space\nx", text().rpartition("== end")[0], "bash: command not found"])
def test_what_was_cut_off_is_no_report(cut: str) -> None:
    with pytest.raises(NoReport):
        read_report(cut)


@given(st.dictionaries(st.sampled_from(list(PARTS)), st.text(max_size=80)))
def test_any_text_is_a_report_or_not(changes: dict[str, str]) -> None:
    try:
        found = judge_report(read_report(text(**changes)), AT)
    except NoReport:
        return
    assert found.evidence["load"]


@dataclass(frozen=True)
class Told(LocalShell):
    ended: Exit = field(default_factory=lambda: Exit(0))

    async def run(self, argv: Sequence[str], *, stdin: bytes = b"", limit: timedelta) -> Exit:
        return self.ended


@pytest.mark.parametrize(
    ("ended", "what"),
    [
        (Exit(None, stderr=b"ssh: connect to host: Connection refused"), "could not be entered: ssh was refused"),
        (
            Exit(None, stderr=b"root@web1: Permission denied (publickey)."),
            "could not be entered: it does not take kedge's key",
        ),
        (
            Exit(None, stderr=b"the inventory declares no login for its host"),
            "could not be entered: the inventory declares no login for it",
        ),
        (Exit(None, stderr=b"something new"), "could not be entered"),
        (Exit(0, b"This account is closed."), "did not answer all questions"),
    ],
)
async def test_a_host_that_cannot_be_asked_is_unknown(ended: Exit, what: str) -> None:
    site = replace(LocalSite(LocalShell(), LocalNet()), shell=Told(ended=ended))
    found = await SystemProbe().look(Instance("live", site, {}))
    assert (found.status, found.what) == (Status.UNKNOWN, what)


async def test_this_very_machine_can_be_read() -> None:
    found = await SystemProbe().look(Instance("live", LocalSite(), {}))
    assert found.status is not Status.UNKNOWN
    assert "used/root" in found.evidence
