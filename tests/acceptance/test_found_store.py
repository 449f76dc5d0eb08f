"""Nothing is left but a store and its passphrase: no inventory, no evidence, an empty home."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.command import Done, Kedge

PASSPHRASE = "petersilie-anker-7"
INVENTORY = """\
version: 1
organisation: {{name: Verein}}
hosts: {{web1: {{login: local}}, vault: {{}}}}
people: {{anna: {{}}}}
accounts: {{root-login: {{opens: web1, held-by: anna, factors: [ssh-key, token]}}}}
secrets:
  passphrase: {{from: "file:passphrase", kept: paper}}
  ssh-key: {{kept: [web1, vault]}}
  token: {{kept: [anna, web1]}}
documents: {{runbook: {{covers: share, kept: binder}}}}
stores: {{offsite: {{type: {type}, on: vault, repository: {folder}/repository, passphrase: passphrase}}}}
services:
  share: {{kind: files, host: web1, paths: {folder}/share, needs: db, save: offsite}}
  papers: {{kind: files, host: web1, paths: {folder}/papers, save: offsite}}
  db: {{kind: mariadb, host: web1}}
"""


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lose_all_but_store("restic", tmp_path_factory)


@pytest.fixture(scope="module")
def left_in_borg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lose_all_but_store("borg", tmp_path_factory)


def lose_all_but_store(program: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which a repository and its passphrase are all that is left of an organisation."""
    for needed, package in {program: {"borg": "borgbackup"}.get(program, program), "bwrap": "bubblewrap"}.items():
        if not shutil.which(needed):
            pytest.skip(f"needs {needed} (Debian package {package})")
    lost, left = tmp_path_factory.mktemp("lost"), tmp_path_factory.mktemp("left")
    for name in ("home", "share", "papers"):
        (lost / name).mkdir()
    (lost / "verein.yaml").write_text(INVENTORY.format(folder=lost, type=program))
    (lost / "passphrase").write_text(PASSPHRASE)
    (lost / "share" / "brief.txt").write_text("Liebe Mitglieder")
    (lost / "papers" / "satzung.txt").write_text("§ 1 Der Verein führt den Namen …")
    for words in (("--init", "offsite"), ()):
        done = Kedge(lost / "home")("backup", *words, "-i", "verein.yaml", cwd=lost)
        assert done.code == 0, done.err
    shutil.move(lost / "repository", left / "repository")
    shutil.move(lost / "passphrase", left / "passphrase")
    shutil.rmtree(lost)
    (left / "home").mkdir()
    return left


def call(left: Path, *words: str, code: int = 0) -> Done:
    store = ("--from", "repository", "--passphrase-file", "passphrase")
    done = Kedge(left / "home")(*words, *store, cwd=left)
    assert done.code == code, done.err + done.out
    assert PASSPHRASE not in done.out + done.err
    return done


def answer(left: Path, *words: str, code: int = 0) -> Any:
    return json.loads(call(left, *words, "--json", code=code).out)


def test_all_that_was_saved_is_found_and_proven(left: Path) -> None:
    found = answer(left, "snapshots")
    drilled = call(left, "drill").out
    assert {(one["service"], one["store"]) for one in found} == {("share", "offsite"), ("papers", "offsite")}
    assert len(re.findall(r"^(share|papers) +proven +rpo=\d+\w+ rto=\d", drilled, re.MULTILINE)) == 2
    assert {" ".join(line.split()) for line in drilled.splitlines() if line.startswith("not in the store")} == {
        "not in the store service db: not saved here",
        "not in the store document runbook: with binder",
        "not in the store secret ssh-key: only on web1, vault, which may be lost too",
        "not in the store secret token: with anna, web1",
    }
    assert [path for path in (left / "home").rglob("*") if PASSPHRASE.encode() in _content(path)] == []


def test_all_is_proven_from_borg_as_well(left_in_borg: Path) -> None:
    (drilled,) = answer(left_in_borg, "drill", "share")
    assert drilled["state"] == "proven"
    assert "secret token: with anna, web1" in drilled["elsewhere"]


def test_it_is_restored(left: Path) -> None:
    answer(left, "restore", "share", "--to", str(left / "back"))
    (letter,) = (left / "back").rglob("brief.txt")
    assert letter.read_text() == "Liebe Mitglieder"


def test_a_wrong_passphrase_or_place_is_one_sentence(left: Path) -> None:
    (left / "wrong").write_text("anker")
    kedge = Kedge(left / "home")
    wrong = kedge("drill", "--from", "repository", "--passphrase-file", "wrong", cwd=left)
    nowhere = kedge("drill", "--from", "elsewhere", "--passphrase-file", "passphrase", cwd=left)
    unasked = kedge("drill", "--from", "repository", cwd=left)
    assert (wrong.code, nowhere.code, unasked.code) == (2, 2, 2)
    assert "does not open with its passphrase" in wrong.err
    assert "is not there" in nowhere.err
    assert "--passphrase-file" in unasked.err


def test_somebody_at_a_terminal_is_asked(left: Path) -> None:
    terminal = Kedge(left / "home").on_terminal("snapshots", "--from", "repository", cwd=left)
    terminal.wait_for("Passphrase of the store")
    terminal.type(f"{PASSPHRASE}\n")
    done = terminal.end()
    assert done.code == 0
    assert "share" in done.out
    assert PASSPHRASE not in done.out


def test_how_to_do_it_without_kedge_lies_beside_the_data(left: Path) -> None:
    back = left / "by-hand"
    environ = {"RESTIC_REPOSITORY": str(left / "repository"), "RESTIC_PASSWORD": PASSPHRASE}
    _run(["restic", "restore", "latest", "--tag", "service=share", "--target", str(back)], left, environ)
    recipe = (back / "_kedge" / "RESTORE.txt").read_text()
    place = next(line.split()[-1] for line in recipe.splitlines() if "mkdir -p" in line)
    commands = [line.strip() for line in recipe.splitlines() if line.startswith(("    mkdir", "    tar"))]
    _run(["sh", "-ec", "\n".join(commands)], back, {})
    assert (Path(place) / "brief.txt").read_text() == "Liebe Mitglieder"
    assert "kind: files" in (back / "_kedge" / "inventory" / "kedge.yaml").read_text()


def _run(argv: list[str], folder: Path, environ: dict[str, str]) -> str:
    more = {"HOME": str(folder), **environ, "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes"}
    return subprocess.run(
        argv, cwd=folder, env={**os.environ, **more}, capture_output=True, text=True, check=True
    ).stdout


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""
