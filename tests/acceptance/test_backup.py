"""`kedge backup` and `kedge drill` as a user calls them, on folders of this machine; killed, and called again."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.command import Kedge
from tests.integration.work.disks import small_disk

KEDGE = str(Path(sys.executable).with_name("kedge"))
PASSPHRASE = "petersilie-anker-7"
INVENTORY = """\
version: 1
organisation: {{name: Verein}}
hosts: {{here: {{login: local}}, vault: {{}}}}
secrets: {{passphrase: {{from: "file:passphrase", kept: paper}}}}
stores: {{disk: {{type: restic, on: vault, repository: {folder}/repository, passphrase: passphrase}}}}
services:
  share: {{kind: files, host: here, paths: {folder}/share, save: disk}}
  other: {{kind: files, host: here, paths: {folder}/nowhere, save: disk}}
  mine: {{kind: files, host: here, paths: {folder}/share, save: {{to: disk, made-by: other}}}}
"""


class Desk:
    """A folder with an inventory, in which somebody calls kedge."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "kedge.yaml").write_text(INVENTORY.format(folder=folder))
        (folder / "passphrase").write_text(PASSPHRASE)
        (folder / "share").mkdir()
        (folder / "share" / "brief.txt").write_text("Liebe Mitglieder")
        self.environ = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
        self.environ.pop("PYTHONUNBUFFERED", None)  # as users run it

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [KEDGE, *words],
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def call(self, *words: str, code: int = 0) -> str:
        process = self.start(*words)
        out, err = process.communicate()
        assert process.returncode == code, err + out
        assert PASSPHRASE not in out + err
        return out

    def answer(self, *words: str, code: int = 0) -> Any:
        return json.loads(self.call(*words, "--json", code=code))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    for program, package in {"restic": "restic", "bwrap": "bubblewrap"}.items():
        if not shutil.which(program):
            pytest.skip(f"needs {program} (Debian package {package})")
    desk = Desk(tmp_path)
    desk.call("backup", "--init", "disk")
    return desk


def test_a_terminal_shows_how_far_it_is_and_what_is_left(desk: Desk, kedge: Kedge) -> None:
    desk.call("backup", "share")
    at = kedge.on_terminal("backup", "share", cwd=desk.folder, XDG_STATE_HOME=desk.environ["XDG_STATE_HOME"])
    shown = at.end()
    assert shown.code == 0
    assert re.search(r"save to disk · \S.* · about \d+ s left", shown.out)
    lines = [line for line in shown.out.splitlines() if re.search(r"\] (dump|save to disk)[^·]*$", line)]
    assert len(lines) == 4  # each step's beginning and its end, as elsewhere
    assert "left" not in desk.start("backup", "share").communicate()[1]


def test_a_plan_makes_no_store(kedge: Kedge, tmp_path: Path) -> None:
    (tmp_path / "kedge.yaml").write_text(INVENTORY.format(folder=tmp_path))
    (tmp_path / "passphrase").write_text(PASSPHRASE)
    assert "would make store disk" in kedge("backup", "--init", "disk", "--plan", cwd=tmp_path).err
    assert not (tmp_path / "repository").exists()
    made = kedge("backup", "--init", "disk", cwd=tmp_path)
    assert "nothing is saved yet; next: kedge backup" in made.err
    assert (tmp_path / "repository" / "config").is_file()


def test_a_secret_of_which_nobody_says_where_it_is_is_named(kedge: Kedge, tmp_path: Path) -> None:
    text = INVENTORY.format(folder=tmp_path).replace('from: "file:passphrase", ', "")
    (tmp_path / "kedge.yaml").write_text(text)
    done = kedge("backup", "--init", "disk", cwd=tmp_path)
    assert done.code == 2
    assert "does not say where kedge gets the secret 'passphrase'" in done.err


def test_save_drill_change_restore(desk: Desk) -> None:
    (saved,) = desk.answer("backup", "share")
    (drilled,) = desk.answer("drill", "share")
    (desk.folder / "share" / "brief.txt").write_text("überschrieben")
    assert desk.answer("restore", "share", "--to", "here", "--plan")["put_aside"] == [f"{desk.folder}/share"]
    desk.call("restore", "share", "--to", "here", code=1)
    said = desk.call("restore", "share", "--to", "here", "--yes-replace", "share").splitlines()
    assert (saved["state"], drilled["state"]) == ("saved", "proven")
    assert (desk.folder / "share" / "brief.txt").read_text() == "Liebe Mitglieder"
    (aside,) = desk.folder.glob("share.before-restore-share-*")
    assert (aside / "brief.txt").read_text() == "überschrieben"
    assert said[-2:] == [f"  {aside}", "Next: start it on here; then: kedge probe share"]
    assert [run["state"] for run in desk.answer("runs")] == ["done"] * 3


def test_one_that_cannot_be_saved_hinders_no_other(desk: Desk) -> None:
    answer = {one["service"]: one for one in desk.answer("backup", "share", "other", code=1)}
    assert {name: one["state"] for name, one in answer.items()} == {"share": "saved", "other": "failed"}
    assert "nowhere is not there" in answer["other"]["why"]
    (foreign,) = desk.answer("backup", "mine", code=1)
    assert "there is no backup of mine" in foreign["why"]


def test_a_second_one_waits_its_turn_or_is_refused(desk: Desk) -> None:
    (desk.folder / "share" / "big").write_bytes(os.urandom(80_000_000))
    both = [desk.start("backup", "share"), desk.start("backup", "share")]
    said = [process.communicate() for process in both]
    assert sum(process.returncode for process in both) <= 1, said
    assert len(desk.answer("snapshots", "share")) == sum(process.returncode == 0 for process in both)


@pytest.mark.parametrize("moment", ["preflight", "dump", "save to disk"])
def test_killed_it_leaves_no_lock_and_is_carried_on(desk: Desk, moment: str) -> None:
    (desk.folder / "share" / "big").write_bytes(os.urandom(80_000_000))
    process = desk.start("backup", "share")
    assert process.stderr
    assert any(moment in line for line in process.stderr)
    time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (saved,) = desk.answer("backup", "share")
    assert saved["state"] == "saved"
    assert len(desk.answer("snapshots", "share")) == 1
    assert [run["state"] for run in desk.answer("runs")] == ["done"]
    assert not list((desk.folder / "state").rglob("spool/*"))
    assert not list((desk.folder / "repository" / "locks").iterdir())


def test_nobody_listening_hides_no_result(desk: Desk) -> None:
    process = desk.start("backup", "share")
    assert process.stderr
    process.stderr.close()
    process.communicate()
    assert process.returncode == 0
    assert len(desk.answer("snapshots", "share")) == 1


def test_backups_and_drills_that_stop_are_noticed(desk: Desk) -> None:
    def rules(days: int) -> set[str]:
        at = (datetime.now(UTC) + timedelta(days=days, minutes=1)).isoformat()
        found = desk.answer("check", "--fail-on", "never", "--now", at)["findings"]
        return {one["rule"] for one in found if "share" in str(one)}

    desk.call("backup", "share")
    desk.call("drill", "share")
    assert not {"bk-stale", "bk-untested"} & rules(0)
    assert "bk-stale" in rules(2)
    assert "bk-untested" in rules(91)


def test_what_vanished_is_doubted_at_the_next_backup(desk: Desk) -> None:
    for number in range(40):
        (desk.folder / "share" / f"brief-{number}.txt").write_text("Liebe Mitglieder")
    desk.call("backup", "share")
    for number in range(35):
        (desk.folder / "share" / f"brief-{number}.txt").unlink()
    (saved,) = desk.answer("backup", "share")
    found = {one["rule"]: one for one in desk.answer("check", "--fail-on", "never")["findings"]}
    assert saved["state"] == "saved"
    assert "41 -> 6 entries since the last backup" in str(found["bk-doubtful"])


def test_interrupted_by_hand_it_cleans_up_at_once(desk: Desk) -> None:
    (desk.folder / "share" / "big").write_bytes(os.urandom(80_000_000))
    process = desk.start("backup", "share")
    assert process.stderr
    assert any("save to disk" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    assert [run["state"] for run in desk.answer("runs")] == ["rolled-back"]
    assert not list((desk.folder / "state").rglob("spool/*"))


def test_the_plan_tells_sizes_and_too_little_room_is_refused(desk: Desk) -> None:
    (desk.folder / "share" / "big").write_bytes(os.urandom(30_000_000))
    (planned,) = desk.answer("backup", "share", "--plan")
    (size,) = planned["sizes"].values()
    assert planned["state"] == "planned"
    assert 30_000_000 < size["least_bytes"] <= size["most_bytes"] < 31_000_000
    assert "30 MB" in desk.call("backup", "share", "--plan")
    with small_disk(desk.folder / "state", "20m"):
        (refused,) = desk.answer("backup", "share", code=1)
        assert "not enough room in" in refused["why"]
        assert "30 MB needed" in refused["why"]
        assert not list((desk.folder / "state").rglob("spool/*"))
    assert desk.answer("snapshots", "share") == []
