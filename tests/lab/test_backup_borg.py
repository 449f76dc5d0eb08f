"""borg by ssh, with two keys: one that saves and may only add, one that prunes."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab.host import Host
from tests.lab.lab import Lab
from tests.lab.test_backup import INVENTORY, PAGE, PASSPHRASE, Desk
from tests.lab.test_backup_faults import lose_at

pytestmark = pytest.mark.lab
FOLDER = "/srv/store/borg"
ADDS, PRUNES = "vault-adds", "vault-prunes"
SERVES = {
    ADDS: f"borg serve --append-only --restrict-to-path {FOLDER}",
    PRUNES: f"borg serve --restrict-to-path {FOLDER}",
}
"""Each way in, and all that its key may do."""
SSH = """\
Host {name}
    HostName backup.verein.example
    HostKeyAlias backup.verein.example
    User store
    IdentityFile {key}
"""
SILENCE_S = 150
"""How long kedge may take to notice that a host says nothing any more: ssh asks four times, fifteen seconds apart."""


@pytest.fixture
def desk(lab: Lab, tmp_path: Path) -> Iterator[Desk]:
    """Somebody with both keys; to the store itself these two open nothing but borg."""
    backup, settings = lab.host("backup"), lab.keeper.state / "ssh" / "borg.conf"
    known = backup.read("/srv/store/.ssh/authorized_keys")
    lines = []
    for name, serves in SERVES.items():
        key = tmp_path / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        lines.append(f'command="{serves}",restrict {key.with_suffix(".pub").read_text()}')
    allow(backup, "".join(lines))
    settings.write_text("".join(SSH.format(name=name, key=tmp_path / name) for name in SERVES))
    root = lab.image
    save = f'{{to: vault, drill: {{root: "folder:{root}"}}}}'
    inventory = INVENTORY.format(save=save, page=PAGE, repository=f"ssh://{ADDS}{FOLDER}")
    (tmp_path / "kedge.yaml").write_text(inventory.replace("type: restic", "type: borg\n    append-only: true"))
    (tmp_path / "passphrase").write_text(f"{PASSPHRASE}\n")
    desk = Desk(lab, tmp_path)
    made = desk.call("backup", "--init", "vault")
    assert made.returncode == 0, made.stderr
    yield desk
    settings.unlink()
    allow(backup, known)
    backup.sh(f"rm -rf {FOLDER}")


def allow(backup: Host, keys: str) -> None:
    backup.write("/srv/store/.ssh/authorized_keys", keys, mode=0o600, owner="store")


def save_thrice(desk: Desk, ns1: Host) -> list[str]:
    """Return three snapshots of the name server, oldest first."""
    for _ in range(3):
        ns1.sh("head -c 4M /dev/urandom > /var/lib/bind/filler")
        assert desk.state_of("backup", "names") == {"names": "saved"}
    return snapshots(desk)


def snapshots(desk: Desk) -> list[str]:
    return [str(one["snapshot"]) for one in desk.answer("snapshots", "names")]


PRUNE = ("prune", "vault", "--keep", "daily 1")
THROUGH = ("--through", f"ssh://{PRUNES}{FOLDER}")


def test_one_key_saves_and_another_prunes(desk: Desk, lab: Lab, fresh_host: Callable[[str], Host]) -> None:
    first, second, third = save_thrice(desk, fresh_host("ns1"))
    assert size_mb(lab.host("backup")) >= 12
    refused = desk.call(*PRUNE, "--yes-forget", "2")
    assert refused.returncode == 2
    assert "lets nobody delete" in refused.stderr
    assert snapshots(desk) == [first, second, third]
    assert desk.state_of("drill", "names") == {"names": "proven"}  # by the key that may only add
    pruned = desk.answer(*PRUNE, *THROUGH, "--yes-forget", "2")
    assert [one["snapshot"] for one in pruned["goes"]] == [first, second]
    assert snapshots(desk) == [third]
    assert size_mb(lab.host("backup")) < 8  # of three fillers one is left
    assert desk.state_of("backup", "names") == {"names": "saved"}  # the other address asks no question now
    lab.host("backup").run(CHECK, stdin="", env={"BORG_PASSPHRASE": PASSPHRASE, **OPENS})


def size_mb(backup: Host) -> int:
    return int(backup.sh(f"du -sm {FOLDER}").split()[0])


CHECK = ("borg", "check", "--verify-data", FOLDER)
OPENS = {"BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes", "BORG_BASE_DIR": "/tmp/borg"}


def test_what_a_thief_deletes_comes_back(desk: Desk, lab: Lab, fresh_host: Callable[[str], Host]) -> None:
    """Somebody on the machine that saves has its key and the passphrase; borg tells him that he has deleted."""
    saved, backup = save_thrice(desk, fresh_host("ns1")), lab.host("backup")
    last = transactions(backup)[-1]
    thief = {"BORG_PASSPHRASE": PASSPHRASE, "BORG_BASE_DIR": str(desk.folder / "thief")}
    for words in (("delete", "--glob-archives", "*"), ("compact",)):
        desk.lab.vantage.run(["borg", words[0], f"ssh://{ADDS}{FOLDER}", *words[1:]], env=thief)
    assert snapshots(desk) == []
    pruned = desk.call(*PRUNE, *THROUGH)
    assert pruned.returncode == 1
    assert f"{saved[-1][:8]} of names, the last one saved to vault" in pruned.stderr
    backup.sh(BRING_BACK.format(folder=FOLDER, last=last))
    assert snapshots(desk) == saved
    assert desk.state_of("drill", "names") == {"names": "proven"}
    assert "is older than it was" in desk.call(*PRUNE, *THROUGH).stderr  # who prunes has seen the newer one
    (remembered,) = (desk.folder / "state").rglob("borg-through/security")
    shutil.rmtree(remembered)
    assert desk.answer(*PRUNE, *THROUGH, "--yes-forget", "2")["stays"] == 1


def transactions(backup: Host) -> list[int]:
    """Return the transactions of a repository to which something was only added, oldest first."""
    return [int(one) for one in re.findall(r"transaction (\d+),", backup.read(f"{FOLDER}/transactions"))]


BRING_BACK = """\
cd {folder}
for file in data/*/* index.* hints.* integrity.*; do [ "${{file##*[/.]}}" -le {last} ] || rm "$file"; done
"""
"""What docs/backups.md says: forget all that came after the last transaction that was all right."""


@pytest.mark.parametrize("moment", ["preflight", "save to vault"])
def test_a_silent_host_of_the_store_is_an_error_in_time(
    desk: Desk, lab: Lab, fresh_host: Callable[[str], Host], moment: str
) -> None:
    fresh_host("ns1").sh("head -c 30M /dev/urandom > /var/lib/bind/filler")
    backup, begun = lab.host("backup"), time.monotonic()
    state = lose_at(desk, moment, lambda pid: backup.kill(), "backup", "names")
    assert state == "failed"
    assert time.monotonic() - begun < SILENCE_S
    assert "cannot be reached" in desk.fact("names", "saving")
    lab.start("backup")
    assert desk.state_of("backup", "names") == {"names": "saved"}
    assert len(snapshots(desk)) == 1
