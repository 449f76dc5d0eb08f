"""Restoring without kedge: the commands of docs/restore.md, run as they stand there, on what kedge saved."""

from __future__ import annotations

import asyncio
import io
import os
import re
import shutil
import subprocess
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.backups import server
from kedge.adapters.borg import BorgStore
from kedge.adapters.restic import ResticStore
from kedge.adapters.secret import Secret
from kedge.model.census import Census
from tests.integration.conftest import need

PAGE = Path(__file__).parents[3] / "docs" / "restore.md"
SECRET = Secret("env:X", b"ankerkette und petersilie")
AT = datetime(2007, 1, 5, 20, 0, 7, tzinfo=UTC)
DUMP = """CREATE DATABASE wiki; USE wiki; CREATE TABLE page (title VARCHAR(99)) CHARACTER SET utf8mb4;
INSERT INTO page VALUES ('Größe 🎉'), ('Köln');
-- Dump completed on 2007-01-05 20:00:07
"""


def blocks() -> dict[str, str]:
    """Return the commands of each paragraph below `Without kedge`, by its first words."""
    below = PAGE.read_text().partition("## Without kedge")[2]
    found = re.findall(r"\*\*(.+?)\*\*.*?```console\n(.*?)```", below, re.DOTALL)
    return {title: re.sub(r"^\$ ", "", commands, flags=re.MULTILINE) for title, commands in found}


def make_spool(folder: Path) -> Path:
    for name in ("database", "uploads"):
        (folder / name).mkdir(parents=True)
    (folder / "database" / "dump.sql").write_text(DUMP)
    with tarfile.open(folder / "uploads" / "folder.tar", "w") as archive:
        entry = tarfile.TarInfo("wappen.png")
        entry.size = 3
        archive.addfile(entry, io.BytesIO(b"PNG"))
    return folder


@pytest.mark.parametrize("program", ["restic", "borg"])
def test_the_commands_of_the_page_bring_it_back(program: str, tmp_path: Path) -> None:
    need(program, "restic" if program == "restic" else "borgbackup")
    need("mariadbd", "mariadb-server-core")
    if os.geteuid():
        pytest.skip("needs root, as restoring does")
    where = str(tmp_path / "repository")
    store = (
        ResticStore(where, SECRET, tmp_path / "cache")
        if program == "restic"
        else BorgStore(where, SECRET, tmp_path / "cache")
    )
    asyncio.run(store.initialise())
    asyncio.run(store.save("wiki", make_spool(tmp_path / "spool"), [Census("database", AT, {})]))
    titles = [f"From {program}:", "Is it whole?", "Put it back."]
    script = "\n".join(blocks()[title] for title in titles)
    for example, real in {
        "sftp:store@vault.example.net:/srv/store/club": where,
        "ssh://store@vault.example.net/./club": where,
        "/srv/rescue": str(tmp_path / "rescue"),
        "/var/lib/mediawiki/images": str(tmp_path / "images"),
    }.items():
        script = script.replace(example, real)
    short = Path(subprocess.check_output(["mktemp", "-d", "/var/tmp/kedge-by-hand.XXXX"], text=True).strip())
    try:
        with server(short / "data", short / "sock"):
            environ = {"RESTIC_PASSWORD": SECRET.value.decode(), "BORG_PASSPHRASE": SECRET.value.decode()}
            environ |= {"BORG_BASE_DIR": str(short), "HOME": str(short)}
            (short / ".my.cnf").write_text(f"[client]\nsocket={short / 'sock'}\n")
            ended = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script],
                env={**os.environ, **environ},
                capture_output=True,
                text=True,
                check=False,
            )
    finally:
        shutil.rmtree(short)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip().endswith("2")
    assert (tmp_path / "images" / "wappen.png").read_bytes() == b"PNG"
