"""Backups made by others: read as they are, judged, drilled — a restic and a borg repository, and plain files."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import subprocess
import sys
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kedge.adapters.adopted import AdoptedStore, FileReader, find_wanted
from kedge.adapters.bubblewrap import Bubblewrap
from kedge.adapters.local import LocalShell
from kedge.app.jobs import Jobs
from kedge.app.opening import open_inventory
from kedge.app.workshop import Workshop
from kedge.errors import UsageError
from kedge.kinds.mariadb import MariaDB
from kedge.model.saving import Save
from tests.integration.begin import say
from tests.integration.conftest import need
from tests.integration.kinds.test_mariadb import SOCKET, Now, live_server
from tests.integration.kinds.test_openldap import directory
from tests.integration.rehearsing import Subject, drill

KEDGE = str(Path(sys.executable).with_name("kedge"))
PASSPHRASE = "petersilie-anker-7"
INVENTORY = """\
version: 1
organisation: {{name: Verein}}
hosts: {{web1: {{login: local}}, vault: {{}}}}
secrets: {{passphrase: {{from: "file:passphrase", kept: paper}}}}
stores: {{theirs: {{type: {type}, on: {on}, repository: "{repository}"{passphrase}}}}}
services:
  share: {{kind: files, host: web1, paths: [{paths}], save: {{to: theirs, made-by: other{finds}}}}}
"""


class Desk:
    """A folder with an inventory, in which somebody calls kedge."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "passphrase").write_text(PASSPHRASE)
        (folder / "share").mkdir()
        (folder / "share" / "brief.txt").write_text("Liebe Mitglieder, " * 100)
        self.environ = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}

    def declare(self, type_: str, repository: str, finds: str = "", *more: str, on: str = "vault") -> None:
        secret = ", passphrase: passphrase" if type_ != "newest-file" else ""
        paths = ", ".join([f"{self.folder}/share", *more])
        words = {"type": type_, "repository": repository, "passphrase": secret, "paths": paths, "finds": finds}
        (self.folder / "kedge.yaml").write_text(INVENTORY.format(**words, on=on))

    def by_hand(self, *argv: str, **environ: str) -> None:
        subprocess.run(argv, check=True, cwd=self.folder, env={**self.environ, **environ}, capture_output=True)

    def answer(self, *words: str, code: int = 0) -> Any:
        argv = [KEDGE, *words, "--json"]
        ended = subprocess.run(argv, cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False)
        assert ended.returncode == code, ended.stderr + ended.stdout
        assert PASSPHRASE not in ended.stdout + ended.stderr
        return json.loads(ended.stdout)

    def rules(self, at: str = "") -> dict[str, str]:
        words = ("check", "--fail-on", "never", *(["--now", at] if at else []))
        return {one["rule"]: str(one) for one in self.answer(*words)["findings"]}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    need("bwrap", "bubblewrap")
    return Desk(tmp_path)


def back_up_by_restic(desk: Desk, *paths: Path) -> None:
    environ = {"RESTIC_REPOSITORY": f"{desk.folder}/theirs", "RESTIC_PASSWORD": PASSPHRASE}
    if not (desk.folder / "theirs").exists():
        desk.by_hand("restic", "init", **environ)
    desk.by_hand("restic", "backup", "--host", "web1", *map(str, paths), **environ)


def test_a_restic_repository_is_seen_drilled_and_restored(desk: Desk) -> None:
    need("restic", "restic")
    back_up_by_restic(desk, desk.folder / "share")
    desk.declare("restic", f"{desk.folder}/theirs")
    assert "bk-untested" in desk.rules()
    (seen,) = desk.answer("backup")
    (drilled,) = desk.answer("drill")
    (listed,) = desk.answer("snapshots", "share")
    desk.answer("restore", "share", "--to", f"{desk.folder}/look")
    assert (seen["state"], drilled["state"]) == ("seen", "proven"), drilled
    assert seen["snapshots"] == {"theirs": listed["snapshot"]}
    assert not {"bk-untested", "bk-stale", "bk-doubtful"} & set(desk.rules())
    assert "bk-stale" in desk.rules(at="2036-01-01T00:00:00Z")
    assert (desk.folder / "look" / str(desk.folder)[1:] / "share" / "brief.txt").exists()


async def test_what_a_job_of_ones_own_dumped_is_drilled_by_the_commands_of_its_kind(desk: Desk) -> None:
    need("restic", "restic")
    need("slapd", "slapd")
    async with directory() as live:
        texts = [await say(live, "slapcat", "-n", number) for number in ("0", "1")]
    (desk.folder / "config.ldif").write_text(texts[0])
    (desk.folder / "data.ldif.gz").write_bytes(gzip.compress(texts[1].encode()))
    back_up_by_restic(desk, desk.folder / "config.ldif", desk.folder / "data.ldif.gz")
    finds = {"settings": "config.ldif", "database-1": "data.ldif.gz"}
    assert drill_of_theirs(desk, "{kind: openldap, host: web1, suffixes: 'dc=verein,dc=example'", finds) == "proven"


def drill_of_theirs(desk: Desk, fields: str, finds: dict[str, str]) -> str:
    desk.declare("restic", f"{desk.folder}/theirs")
    found = ", ".join(f"{part}: {desk.folder}/{file}" for part, file in finds.items())
    with (desk.folder / "kedge.yaml").open("a") as inventory:
        inventory.write(f"  it: {fields}, save: {{to: theirs, made-by: other, finds: {{{found}}}}}}}\n")
    (drilled,) = desk.answer("drill", "it")
    return str(drilled["state"])


RELATIVE = """\
$TTL 300
@ SOA ns1 hostmaster 2007010601 3600 600 604800 300
@ NS ns1
ns1 A 192.0.2.53
"""


def test_a_zone_file_as_people_write_it_is_served_in_a_drill(desk: Desk) -> None:
    need("restic", "restic")
    need("pdns_server", "pdns-server")
    (desk.folder / "pdns").mkdir()
    (desk.folder / "pdns" / "pdns.conf").write_text("launch=gmysql\n")
    (desk.folder / "verein.zone").write_text(RELATIVE)
    back_up_by_restic(desk, desk.folder / "pdns", desk.folder / "verein.zone")
    finds = {"settings": "pdns", "zone-verein-example": "verein.zone"}
    assert drill_of_theirs(desk, "{kind: powerdns, host: web1, domains: [verein.example]", finds) == "proven"


def test_what_it_lacks_and_what_shrank_are_doubts(desk: Desk) -> None:
    need("restic", "restic")
    (desk.folder / "share" / "big").write_bytes(os.urandom(50_000))
    back_up_by_restic(desk, desk.folder / "share")
    desk.declare("restic", f"{desk.folder}/theirs", "", f"{desk.folder}/not-saved")
    (seen,) = desk.answer("backup", "share")
    assert "not-saved: not in the backup" in seen["why"]
    (desk.folder / "share" / "big").unlink()
    back_up_by_restic(desk, desk.folder / "share")
    (seen,) = desk.answer("backup", "share")
    assert "51800 -> 1800 bytes since it was last looked at" in seen["why"]
    assert "bk-doubtful" in desk.rules()


def test_a_borg_repository_is_seen_and_drilled(desk: Desk) -> None:
    need("borg", "borgbackup")
    environ = {"BORG_REPO": f"{desk.folder}/theirs", "BORG_PASSPHRASE": PASSPHRASE, "BORG_BASE_DIR": f"{desk.folder}/b"}
    desk.by_hand("borg", "init", "--encryption", "repokey", **environ)
    desk.by_hand("borg", "create", "::web1-monday", str(desk.folder / "share"), **environ)
    desk.by_hand("borg", "create", "::other-monday", str(desk.folder / "passphrase"), **environ)
    desk.declare("borg", f"{desk.folder}/theirs::web1-*")
    (seen,) = desk.answer("backup")
    (drilled,) = desk.answer("drill")
    assert seen["snapshots"] == {"theirs": "web1-monday"}
    assert drilled["state"] == "proven", drilled


def write_archive(desk: Desk, name: str) -> Path:
    path = desk.folder / "dumps" / name
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        archive.add(desk.folder / "share", ".")
    return path


def test_the_newest_of_some_files_is_seen_and_drilled(desk: Desk) -> None:
    old = write_archive(desk, "share-1.tar.gz")
    os.utime(old, (1_000_000_000, 1_000_000_000))
    write_archive(desk, "share-2.tar.gz")
    desk.declare("newest-file", f"{desk.folder}/dumps/share-*.tar.gz", finds(desk, "share-*"), on="web1")
    (seen,) = desk.answer("backup")
    listed = desk.answer("snapshots")
    (drilled,) = desk.answer("drill")
    assert seen["snapshots"] == {"theirs": f"{desk.folder}/dumps/share-2.tar.gz"}
    assert [one["at"][:4] for one in listed] == ["2001", str(datetime.now(UTC).year)]
    assert drilled["state"] == "proven", drilled


def finds(desk: Desk, pattern: str) -> str:
    part = f"{desk.folder}/share".strip("/").replace("/", "-").replace("_", "-").lower()
    return f", finds: {{{part}: '{pattern}'}}"


@pytest.mark.parametrize(("fault", "doubt"), [("empty", "only 20 bytes"), ("cut", "")])
def test_a_file_that_is_no_backup_is_doubted_and_never_proven(desk: Desk, fault: str, doubt: str) -> None:
    path = write_archive(desk, "share-1.tar.gz")
    nothing = gzip.compress(b"", mtime=0)
    path.write_bytes(nothing if fault == "empty" else path.read_bytes()[:-40])
    desk.declare("newest-file", f"{desk.folder}/dumps/*.tar.gz", finds(desk, "*"), on="web1")
    (seen,) = desk.answer("backup")
    (drilled,) = desk.answer("drill", code=1)
    assert doubt in seen.get("why", "")
    assert drilled["state"] == "failed"
    assert "bk-untested" in desk.rules()


def test_a_job_that_never_ran_is_an_error(desk: Desk) -> None:
    (desk.folder / "dumps").mkdir()
    desk.declare("newest-file", f"{desk.folder}/dumps/*.tar.gz", on="web1")
    (seen,) = desk.answer("backup", code=1)
    assert "there is no backup of share" in seen["why"]
    (desk.folder / "dumps").rmdir()
    (seen,) = desk.answer("backup", code=1)
    assert "cannot be looked into" in seen["why"]


async def test_a_dump_of_one_database_made_by_others_is_proven(tmp_path: Path) -> None:
    """`mariadb-dump wiki | gzip` neither makes nor enters the database: kedge says so for it."""
    need("mariadbd", "mariadb-server-core")
    async with live_server() as live:
        argv = ("mariadb-dump", f"--socket={live.path(SOCKET)}", "--routines", "wiki")
        dumped = await live.site.shell.run(argv, limit=timedelta(minutes=2))
    (tmp_path / "wiki.sql.gz").write_bytes(gzip.compress(dumped.stdout))
    finds = {"databases": "wiki*"}
    service = MariaDB(databases=("wiki",), save=Save(to=("theirs",), made_by="other", finds=finds))
    store = AdoptedStore(FileReader(LocalShell(), f"{tmp_path}/*.sql.gz"), find_wanted(list(service.parts()), finds))
    (snapshot,) = await store.list("db")
    proof = await drill(Subject("db", service), {"db": snapshot}, store, Bubblewrap(), Now())
    assert proof.is_proven, proof.faults
    with pytest.raises(UsageError, match="a job of your own"):
        await store.save("db", tmp_path, [])


def test_it_is_never_written_to(desk: Desk) -> None:
    write_archive(desk, "share-1.tar.gz")
    before = {path: path.read_bytes() for path in (desk.folder / "dumps").rglob("*")}
    desk.declare("newest-file", f"{desk.folder}/dumps/*.tar.gz", finds(desk, "*"), on="web1")
    for words in (("backup",), ("snapshots",), ("drill",)):
        desk.answer(*words)
    assert {path: path.read_bytes() for path in (desk.folder / "dumps").rglob("*")} == before


def test_a_watch_that_works_sees_it_and_drills_it(desk: Desk) -> None:
    write_archive(desk, "share-1.tar.gz")
    drill_too = f"{finds(desk, '*')}, drill: {{}}"
    desk.declare("newest-file", f"{desk.folder}/dumps/*.tar.gz", drill_too, on="web1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", desk.environ["XDG_STATE_HOME"])
        opened = open_inventory(str(desk.folder / "kedge.yaml"))
        jobs = Jobs(Workshop.open(opened), lambda: datetime.now(UTC))
        case, facts = opened.case(jobs.now()), jobs.workshop.database.facts
        assert list(jobs.due(case, facts(jobs.now()))) == [("look", "share"), ("drill", "share")]
        asyncio.run(jobs.work(case))
    found = facts(datetime.now(UTC))
    assert found.get("share", "backup/theirs")
    assert found.get("share", "drill")
    assert not {"bk-untested", "bk-stale"} & set(desk.rules())
