"""Dumps by commands of one's own, as a user has them: saved, drilled, restored, by the few words of an inventory."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import need

KEDGE = str(Path(sys.executable).with_name("kedge"))
INVENTORY = """\
version: 1
organisation: {{name: Verein}}
hosts: {{here: {{login: local}}, spare: {{login: local}}}}
stores: {{shelf: {{type: folder, on: spare, repository: {folder}/shelf}}}}
services:
  board:
    kind: other
    host: here
    save: shelf
    dumps:
      short: cat {folder}/data/board
      loaded:
        save: cat {folder}/data/board
        load: cat > {folder}/data/board
        count: awk 'END {{ print "lines", NR }}'
        into: {folder}/data
        needs-running: no
  broken: {{kind: files, host: here, dumps: {{board: "cat {folder}/nowhere | cat"}}, save: shelf}}
"""
TEXT = "Größe\nGeheim-1\n"


class Desk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "data").mkdir()
        (folder / "data" / "board").write_text(TEXT)
        (folder / "kedge.yaml").write_text(INVENTORY.format(folder=folder))

    def call(self, *words: str, code: int = 0) -> str:
        environ = {**os.environ, "XDG_STATE_HOME": str(self.folder / "state")}
        ended = subprocess.run(
            [KEDGE, *words], cwd=self.folder, env=environ, capture_output=True, text=True, check=False
        )
        said = ended.stdout + ended.stderr
        assert ended.returncode == code, said
        assert "Geheim-1" not in said
        return said


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_dump_comes_back_and_nobody_claims_more_than_was_shown(desk: Desk) -> None:
    need("bwrap", "bubblewrap")
    assert "dump short" in desk.call("backup", "board", "--plan")
    desk.call("backup", "board")
    drilled = " ".join(desk.call("drill", "board").split())
    assert "board proven rpo=" in drilled
    assert "(short: counted as a file, loaded nowhere; 3 tallies compared; no probes, so only its data)" in drilled
    (desk.folder / "data" / "board").write_text("of later")
    said = desk.call("restore", "board", "--to", "spare", "--yes-replace", "board")
    assert (desk.folder / "data" / "board").read_text() == TEXT
    (kept,) = desk.folder.glob("data.before-*")
    assert (kept / "board").read_text() == "of later"
    left = Path(re.findall(r"short: its dump is equal and lies in (\S+);", said.replace("\n", " "))[0])
    assert (left / "dump").read_text() == TEXT
    shutil.rmtree(left)
    recipe = next(desk.folder.glob("shelf/**/RESTORE.txt")).read_text()
    assert f"{{ cat > {desk.folder}/data/board\n    }} < loaded/dump" in recipe


def test_a_command_that_fails_saves_nothing(desk: Desk) -> None:
    said = desk.call("backup", "broken", code=1)
    assert "the command that dumps board failed: No such file or directory (exit code 1)" in " ".join(said.split())
    assert desk.call("snapshots", "broken").strip() == "no snapshots"
