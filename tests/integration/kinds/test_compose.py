"""A compose project whose databases run in real containers: dumped through the engine, and loaded in a drill."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import pytest

from kedge.adapters.bubblewrap import Bubblewrap
from kedge.adapters.folder_store import FolderStore
from kedge.adapters.local import LocalShell
from kedge.adapters.login import enter
from kedge.errors import OutsideError, Refused
from kedge.evidence.database import Database
from kedge.kinds.compose import Compose
from kedge.kinds.grades import Grade
from kedge.kinds.mariadb import MariaDB
from kedge.model.instance import ROOT, Instance
from kedge.model.observation import Status
from kedge.parts.command import INSTEAD, CommandPart
from kedge.parts.project import ProjectPart
from kedge.work.fetching import Copy
from kedge.work.restoring import Restoration
from kedge.work.run import Logbook, Plan
from kedge.work.subject import dial_sockets, instance_of, live
from tests.integration.installed import find_root
from tests.integration.kinds.podman import Engine, labels, open_engine
from tests.integration.rehearsing import Subject, drill, save

LONG = timedelta(minutes=2)
SECRET = "Geheim-im-Container-7"
MARIADB = """
set -e; mkdir -p /run/mysqld /data/db
mariadb-install-db --no-defaults --user=root --datadir=/data/db --skip-test-db >/dev/null
printf "ALTER USER root@localhost IDENTIFIED BY '%s';\n" "$MARIADB_ROOT_PASSWORD" > /data/init.sql
exec mariadbd --no-defaults --user=root --datadir=/data/db --socket=/run/mysqld/mysqld.sock --skip-networking \
  --init-file=/data/init.sql
"""
# As in the official image: the superuser's name and password come from the environment. Here even local ones need it.
POSTGRES = """
set -e; mkdir -p /run/postgresql /run/secrets /data/db; chown postgres: /run/postgresql /data/db
printf %s "$KENNWORT" > /run/secrets/pg; chown root /run/secrets/pg; chmod 400 /run/secrets/pg
printf %s "$KENNWORT" > /data/pw; chown postgres /data/pw; unset KENNWORT
as="setpriv --reuid=postgres --regid=postgres --init-groups --"; bin=$(ls -dv /usr/lib/postgresql/*/bin | tail -n 1)
$as $bin/initdb --no-sync -D /data/db --username=club --pwfile=/data/pw --auth=scram-sha-256 >/dev/null
exec $as $bin/postgres -D /data/db -c unix_socket_directories=/run/postgresql -c listen_addresses= -c fsync=off
"""
SQL = """
CREATE DATABASE cloud CHARACTER SET utf8mb4; USE cloud;
CREATE TABLE file (id INT PRIMARY KEY AUTO_INCREMENT, name TEXT); INSERT INTO file (name) VALUES ('Größe 🎉'), ('x');
CREATE TRIGGER stamp BEFORE INSERT ON file FOR EACH ROW SET NEW.name = CONCAT(NEW.name, '!');
"""
FORGE = "CREATE ROLE forge LOGIN; CREATE DATABASE forge OWNER forge;"
COUNT = "grep -o '^([0-9]*)' | awk 'END { print \"rows\", NR }'"
PROJECT = Compose(
    project="club",
    containers={"db": "mariadb:11", "wiki-db": "mariadb:11", "pg": "postgres:17"},
    databases={"db": "mariadb cloud", "wiki-db": "mariadb all", "pg": "postgresql forge"},
    volumes={"db": "db", "wiki-db": "wiki-db", "pg": "pg"},
)


class Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    root = find_root("MariaDB and PostgreSQL", "usr/sbin/mariadbd", "usr/lib/postgresql", "usr/bin/setpriv")
    with open_engine(tmp_path_factory.mktemp("engine")) as engine:
        told = {"MARIADB_ROOT_PASSWORD": SECRET}
        engine.run(root, labels("club", "db"), told, "sh", "-c", MARIADB)
        engine.run(root, labels("club", "wiki-db"), told, "sh", "-c", MARIADB)
        # Another project's, by whose name a hasty look would find it.
        engine.run(root, labels("other", "db"), told, "sleep", "infinity", name="db")
        told = {"POSTGRES_USER": "club", "POSTGRES_PASSWORD_FILE": "/run/secrets/pg", "KENNWORT": SECRET}
        engine.run(root, labels("club", "pg"), told, "sh", "-c", POSTGRES)
        yield engine


def subject_of(service: Compose) -> Subject:
    return Subject("club", service, {role: Subject(f"club/{role}", one) for role, one in service.inner().items()})


def at(engine: Engine, service: Compose = PROJECT) -> Instance:
    return live(subject_of(service), lambda subject: enter("local", engine.shell, subject.service.entry()))


async def answer(at: Instance, role: str, *argv: str, text: str = "") -> str:
    """Return what a client in a container says, once its server answers."""
    async with asyncio.timeout(120):
        while True:
            ended = await at.uses[role].site.shell.run(argv, stdin=text.encode(), limit=LONG)
            if ended.code == 0:
                return ended.stdout.decode()
            assert "connect" in ended.stderr.decode(), ended.stderr
            await asyncio.sleep(0.2)


async def fill(at: Instance) -> None:
    """Bring the servers up and put something in, unless it is there."""
    if "cloud" not in await answer(at, "container-db", "mariadb", "-e", "SHOW DATABASES"):
        await answer(at, "container-db", "mariadb", "--default-character-set=utf8mb4", text=SQL)
        wiki = "CREATE DATABASE wiki; CREATE TABLE wiki.page (id INT); INSERT INTO wiki.page VALUES (1), (2), (3)"
        await answer(at, "container-wiki-db", "mariadb", text=wiki)
    if "forge" not in await answer(at, "container-pg", "psql", "-Atc", "SELECT datname FROM pg_database", "postgres"):
        for line in FORGE.split("; "):
            await answer(at, "container-pg", "psql", "-c", line, "postgres")
        issues = "CREATE TABLE issue (title text); INSERT INTO issue VALUES ('Straße'), (NULL)"
        await answer(at, "container-pg", "psql", "-c", issues, "forge")
        await answer(at, "container-pg", "psql", "-c", "CREATE TABLE stray AS SELECT 1 AS one", "postgres")


async def watch_processes(found: set[str]) -> None:
    """Collect the command lines of all processes of the machine, those in containers included."""
    while True:
        found |= await asyncio.to_thread(command_lines)
        await asyncio.sleep(0.01)


def command_lines() -> set[str]:
    found = set()
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.add(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return found


async def test_databases_are_dumped_in_their_containers_and_loaded_in_a_drill(
    tmp_path: Path, engine: Engine, prove: Callable[[str, Grade], None]
) -> None:
    here, store, seen = at(engine), FolderStore(tmp_path / "store", Now()), set[str]()
    await fill(here)
    watching = asyncio.create_task(watch_processes(seen))
    snapshot = await save(subject_of(PROJECT), here, store)
    watching.cancel()
    counted = {name: tally.count for census in snapshot.censuses for name, tally in census.tallies.items()}
    assert {name: count for name, count in counted.items() if "(" not in name} == {
        "cloud.file": 2, "wiki.page": 3, "forge.public.issue": 2, "postgres.public.stray": 1,
    }  # fmt: skip
    assert {census.part: census.remarks[INSTEAD] for census in snapshot.censuses} == {
        "database-db": "db", "database-wiki-db": "wiki-db", "database-pg": "pg",
    }  # fmt: skip
    assert any("mariadb-dump" in line for line in seen)
    assert [line for line in seen if SECRET in line] == []
    left = await here.uses["container-db"].site.shell.run(("ls", "-A", "/var/tmp", "/dev/shm"), limit=LONG)
    assert b"kedge-spool" not in left.stdout
    proof = await drill(subject_of(PROJECT), {"club": snapshot}, store, Bubblewrap(), Now())
    assert (proof.obstacles, proof.differences) == ((), ())
    assert proof.compared == len(counted)
    assert proof.is_proven
    prove("compose", "saved")


async def test_dump_and_census_are_of_one_moment_while_others_write(tmp_path: Path, engine: Engine) -> None:
    await fill(at(engine))
    service = PROJECT.model_copy(update={"databases": {"db": "mariadb cloud"}, "volumes": {}})
    here, store, subject = at(engine, service), FolderStore(tmp_path / "store", Now()), subject_of(service)
    write = "while sleep 0.01; do echo 'INSERT INTO cloud.file (name) VALUES (UUID()), (UUID());'; done | mariadb"
    container = here.uses["container-db"].site.shell
    writing = asyncio.create_task(container.run(("sh", "-c", write), limit=LONG))
    try:
        snapshot = await save(subject, here, store)
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
    later = await answer(here, "container-db", "mariadb", "-NBe", "SELECT COUNT(*) FROM cloud.file")
    assert int(later) > snapshot.censuses[0].tallies["cloud.file"].count  # they did write
    proof = await drill(subject, {"club": snapshot}, store, Bubblewrap(), Now())
    assert proof.is_proven, proof


async def test_it_comes_back_into_fresh_containers_of_the_same_images(tmp_path: Path, engine: Engine) -> None:
    here = at(engine)
    await fill(here)
    root = find_root("MariaDB and PostgreSQL", "usr/sbin/mariadbd", "usr/lib/postgresql", "usr/bin/setpriv")
    fresh = engine.run(root, labels("new", "db"), {"MARIADB_ROOT_PASSWORD": SECRET}, "sh", "-c", MARIADB)
    service = PROJECT.model_copy(update={"project": "new"})
    (part, *_) = service.parts()
    there = Instance("target", enter("local", engine.shell), {}, uses=at(engine, service).uses)
    to = Instance("target", instance_of(part, there).site, {})
    await answer(there, "container-db", "mariadb", text="CREATE DATABASE cloud")  # as an image does at first
    spool = Path("/var/tmp/kedge-test")
    (saved, *_) = PROJECT.parts()
    shell = instance_of(saved, here).site.shell
    assert (await shell.run(("mkdir", "-p", str(spool)), limit=LONG)).code == 0
    census = await saved.save(instance_of(saved, here), spool)
    packed = await shell.run(("tar", "-C", str(spool), "-c", "."), limit=LONG)
    for argv, data in ((("mkdir", "-p", str(spool)), b""), (("tar", "-x", "-C", str(spool)), packed.stdout)):
        assert (await to.site.shell.run(argv, stdin=data, limit=LONG)).code == 0
    await part.restore(to, spool)
    assert census.difference(await part.census(to)) == []
    with pytest.raises(Refused, match="already a database"):
        await part.restore(to, spool)
    engine.ask("rm", "--force", "--time=0", fresh)


INVENTORY = """
version: 1
organisation: {name: Club}
hosts:
  rack1: {login: local}
stores:
  shelf: {on: rack1, type: folder, repository: @FOLDER/shelf}
services:
  club:
    {kind: compose, host: rack1, project: club, folder: @FOLDER/srv, databases: {pg: postgresql forge},
     volumes: {pg: pg, ./files: app}, save: shelf}
  wiki-db: {kind: mariadb, host: rack1, container: wiki-db, project: club, databases: wiki, save: shelf}
"""


async def test_the_commands_save_drill_and_probe_what_is_in_containers(tmp_path: Path, engine: Engine) -> None:
    await fill(at(engine))
    (tmp_path / "srv" / "files").mkdir(parents=True)
    (tmp_path / "srv" / "compose.yaml").write_text("services: {pg: {image: postgres}}")
    (tmp_path / "kedge.yaml").write_text(INVENTORY.replace("@FOLDER", str(tmp_path)))
    env = {**engine.shell.env, "KEDGE_INVENTORY": str(tmp_path / "kedge.yaml"), "HOME": str(tmp_path)}

    async def kedge(*argv: str) -> str:
        program = Path(sys.executable).with_name("kedge")
        ended = await LocalShell(env=env).run((str(program), *argv), limit=LONG * 5)
        assert ended.code == 0, (ended.stdout.decode(), ended.stderr.decode())
        return ended.stdout.decode()

    assert "database-pg" in await kedge("backup", "--plan")
    sizes = json.loads(await kedge("backup", "--plan", "--json"))[0]["sizes"]
    (files_part,) = (part for part in sizes if part.endswith("-files"))
    assert all(sizes.values())
    await kedge("backup")
    said = await kedge("drill")
    assert re.findall(r"(?m)^(\S+) +proven", said) == ["club", "wiki-db"]
    looked = json.loads(await kedge("probe", "wiki-db", "--json"))
    assert "ok" in json.dumps(looked), looked
    planned = json.loads(await kedge("restore", "club", "--to", str(tmp_path / "look"), "--plan", "--json"))
    assert [step for step in planned["steps"] if step.startswith("load")] == ["load project", f"load {files_part}"]
    await kedge("restore", "club", "--to", str(tmp_path / "look"))
    assert (tmp_path / "look" / str(tmp_path)[1:] / "srv" / "compose.yaml").read_text().startswith("services:")


async def test_a_dump_by_a_command_in_a_container(tmp_path: Path, engine: Engine) -> None:
    # As of a server that kedge has no words for: its own program, its own password, and no file of it copied.
    command = "exec mariadb-dump --all-databases --single-transaction"
    index = {"in": "db", "save": command, "load": "mariadb", "ends-with": "-- Dump completed"}
    told = {"project": "club", "databases": {"db": "mongo all"}, "volumes": {"db": "db"}, "dumps": {"index": index}}
    service, store, seen = Compose.model_validate(told), FolderStore(tmp_path / "store", Now()), set[str]()
    await fill(at(engine))
    subject = Subject("club", service)
    here = Instance("live", enter("local", engine.shell), {})
    watching = asyncio.create_task(watch_processes(seen))
    snapshot = await save(subject, here, store)
    watching.cancel()
    assert not any(SECRET in line for line in seen)
    (census,) = snapshot.censuses
    assert census.remarks == {INSTEAD: "db"}
    (tmp_path / "fetched").mkdir()
    await store.fetch(snapshot, tmp_path / "fetched")
    assert "Größe 🎉" in (tmp_path / "fetched" / "index" / "dump").read_text()
    proof = await drill(subject, {"club": snapshot}, store, Bubblewrap(), Now())
    assert (proof.is_proven, proof.unloaded, proof.compared) == (True, ("index",), 1)
    for name, why in (("gone", "does not run"), ("wiki-db", "password")):
        broken = {
            **index,
            "in": name,
            "save": command if name == "gone" else "MYSQL_PWD=$HOME exec mariadb -e 'SHOW x'",
        }
        part = Subject("club", Compose.model_validate({"project": "club", "dumps": {"index": broken}}))
        with pytest.raises((OutsideError, Refused), match=why if name == "gone" else "exit code 1"):
            await save(part, here, store)


async def test_a_dump_is_loaded_into_a_container_that_runs(tmp_path: Path, engine: Engine) -> None:
    index = {"in": "wiki-db", "save": "exec mariadb-dump wiki page", "load": "exec mariadb wiki", "count": COUNT}
    service = Compose.model_validate({"project": "club", "dumps": {"index": index}})
    await fill(at(engine))
    (part,) = Subject("club", service).parts()
    assert isinstance(part, CommandPart)
    here, spool = Instance("live", enter("local", engine.shell), {}), PurePosixPath(tmp_path)
    census = await part.save(here, spool)
    assert census.tallies["rows"].count == 3
    await answer(at(engine), "container-wiki-db", "mariadb", "-e", "DROP TABLE wiki.page")
    there = replace(here, mode="target")
    await part.restore(there, spool)
    assert census.difference(await part.recount(there, spool)) == []


class TestRefusals:
    async def obstacles(self, engine: Engine, service: Compose) -> list[str]:
        here = at(engine, service)
        return [o.what for part in service.parts() for o in await part.preflight(instance_of(part, here))]

    async def test_a_container_that_does_not_run_and_one_of_another_project(self, engine: Engine) -> None:
        service = Compose(project="club", databases={"gone": "mariadb all"})
        (what,) = await self.obstacles(engine, service)
        assert "the container gone of the project club does not run" in what
        service = Compose(project="third", databases={"db": "mariadb all"})
        (what,) = await self.obstacles(engine, service)
        assert "the container db of the project third does not run" in what
        gone = MariaDB(container="gone", project="club")
        here = Instance("live", enter("local", engine.shell, gone.entry()), dial_sockets(gone, ROOT))
        (obstacle,) = [o for part in gone.parts() for o in await part.preflight(here)]
        assert "does not run" in obstacle.what
        (seen,) = [await probe.look(here) for probe in gone.probes(here)]
        assert (seen.status, seen.what) == (Status.DOWN, "its container does not run")

    async def test_a_host_without_an_engine(self) -> None:
        service = Compose(project="club", databases={"db": "mariadb all"})
        bare = LocalShell(env={"PATH": "/nonexistent"}, hop=lambda argv: ("/bin/sh", *argv[1:]))
        shell = enter("local", bare, next(iter(service.inner().values())).entry()).shell
        ended = await shell.run(("true",), limit=LONG)
        assert (ended.code, b"no docker and no podman" in ended.stderr) == (None, True)

    async def test_a_database_that_is_not_there(self, engine: Engine) -> None:
        await fill(at(engine))
        service = PROJECT.model_copy(
            update={"databases": {"db": "mariadb clowd", "pg": "postgresql forged"}, "volumes": {}}
        )
        assert await self.obstacles(engine, service) == [
            "there is no database 'clowd'",
            "there is no database 'forged'",
        ]

    async def test_a_password_that_is_not_the_servers_any_more(self, engine: Engine) -> None:
        here = at(engine)
        await fill(here)
        change = "ALTER USER root@localhost IDENTIFIED BY '{}'"
        await answer(here, "container-wiki-db", "mariadb", text=change.format("another"))
        service = PROJECT.model_copy(update={"databases": {"wiki-db": "mariadb all"}, "volumes": {}})
        (what,) = await self.obstacles(engine, service)
        assert "refused the login" in what
        assert SECRET not in what
        again = f'MYSQL_PWD=another mariadb -e "{change.format("$MARIADB_ROOT_PASSWORD")}"'
        await answer(here, "container-wiki-db", "sh", "-c", again)

    async def test_a_container_that_is_stopped_while_it_is_saved(self, tmp_path: Path, engine: Engine) -> None:
        root = find_root("MariaDB and PostgreSQL", "usr/sbin/mariadbd", "usr/lib/postgresql", "usr/bin/setpriv")
        made = engine.run(root, labels("third", "db"), {"MARIADB_ROOT_PASSWORD": SECRET}, "sh", "-c", MARIADB)
        service = Compose(project="third", databases={"db": "mariadb all"})
        here, store = at(engine, service), FolderStore(tmp_path / "store", Now())
        rows = "INSERT INTO big.t SELECT REPEAT('x', 100000) FROM big.seq_1_to_1000"
        sql = f"CREATE DATABASE big; CREATE TABLE big.t (x LONGTEXT); {rows}"
        await answer(here, "container-db", "mariadb", text=sql)
        saving = asyncio.create_task(save(subject_of(service), here, store))
        begun = "until ls /var/tmp/kedge-spool*/dump.sql; do sleep 0.01; done"
        await here.uses["container-db"].site.shell.run(("sh", "-c", begun), limit=LONG)
        engine.ask("kill", made)
        with pytest.raises(OutsideError):
            await saving
        assert await store.list("club") == []


class TestFiles:
    """The project's own files and its named volumes, wherever the engine keeps them."""

    @pytest.fixture
    def project(self, engine: Engine, tmp_path: Path) -> Iterator[Compose]:
        folder = tmp_path / "srv" / "files"
        (folder / "nginx").mkdir(parents=True)
        (folder / "compose.yaml").write_text("services: {app: {image: app, env_file: secret.env}}")
        (folder / ".env").write_text(f"KENNWORT={SECRET}\n")
        (folder / "secret.env").write_text(f"TOKEN={SECRET}\n")
        (folder / "nginx" / "site.conf").write_text("server {}")
        (folder / "data").mkdir()
        (folder / "data" / "big").write_bytes(bytes(3_000_000))
        told = ("--label=com.docker.compose.project=files", "--label=com.docker.compose.volume=state")
        names = ["files_state", "files_by-name", "outer", "other_outer"]
        for name, words in zip(names, (told, (), (), ("--label=com.docker.compose.project=other",)), strict=True):
            engine.ask("volume", "create", *words, name)
            Path(engine.ask("volume", "inspect", "--format", "{{.Mountpoint}}", name), "brief").write_text(name)
        yield Compose(
            folder=str(folder),
            volumes={"./data": "app", "state": "app", "by-name": "app", "outer": "app"},
            containers={"app": "app"},
        )
        engine.ask("volume", "rm", "--all", "--force")

    def at(self, engine: Engine) -> Instance:
        return Instance("live", enter("local", engine.shell), {})

    async def test_they_are_saved_and_come_back_in_a_drill(
        self, engine: Engine, project: Compose, tmp_path: Path
    ) -> None:
        store, subject = FolderStore(tmp_path / "store", Now()), Subject("files", project)
        snapshot = await save(subject, self.at(engine), store)
        held = {census.part: set(census.tallies) for census in snapshot.censuses}
        assert held["project"] == {".", "nginx", "data"}
        assert {part for part, names in held.items() if names == {"."}} >= {
            "volume-state", "volume-by-name", "volume-outer",
        }  # fmt: skip
        (archive,) = store.root.rglob("project/folder.tar")
        assert archive.stat().st_size < 100_000  # what volumes hold is saved once
        assert SECRET in archive.read_text(errors="replace")
        assert SECRET not in repr(snapshot)
        proof = await drill(subject, {"files": snapshot}, store, Bubblewrap(), Now())
        assert (proof.obstacles, proof.differences) == ((), ())
        assert proof.is_proven

    async def test_they_come_back_on_a_host_that_has_none_of_it(
        self, engine: Engine, project: Compose, tmp_path: Path
    ) -> None:
        store, subject = FolderStore(tmp_path / "store", Now()), Subject("files", project)
        snapshot = await save(subject, self.at(engine), store)
        folder, target = Path(str(project.folder)), Instance("target", enter("local", engine.shell), {})
        of = Restoration("r1", subject, Copy(store, snapshot), target, tmp_path / "fetched")
        with pytest.raises(Refused, match=r"volume-state: the volume state is not empty"):
            await of.deeds()[0].do()
        (folder / ".env").write_text("KENNWORT=another\n")
        with pytest.raises(Refused, match=r"project: the project's own files in .* are not those"):
            await of.deeds()[0].do()
        assert (folder / "data" / "big").exists()
        engine.ask("volume", "rm", "--all", "--force")
        engine.ask("volume", "create", "by-name")  # nobody's, and empty
        os.rename(folder, tmp_path / "gone")
        book = Logbook(Database(tmp_path / "evidence.sqlite"), Now(), "1")
        run = await book.carry_out(await book.begin(Plan("restore", "files"), of.deeds(), "r1"), of.deeds())
        assert run.state == "done"
        assert (folder / ".env").read_text() == f"KENNWORT={SECRET}\n"
        assert (folder / "data" / "big").stat().st_size == 3_000_000
        asked = engine.ask("volume", "ls", "--filter", "label=com.docker.compose.volume=state", "-q")
        assert asked == "files_state"
        where = Path(engine.ask("volume", "inspect", "--format", "{{.Mountpoint}}", asked))
        assert (where / "brief").read_text() == "files_state"

    async def test_a_volume_of_another_project_is_not_taken_for_its_own(self, engine: Engine, project: Compose) -> None:
        service = project.model_copy(update={"volumes": {"other_outer": "app", "gone": "app"}})
        what = {part.name: [o.what for o in await part.preflight(self.at(engine))] for part in service.parts()}
        assert what == {
            "project": [],
            "volume-other-outer": ["there is no volume other_outer of the project files"],
            "volume-gone": ["there is no volume gone of the project files"],
        }

    async def test_a_folder_without_a_compose_file_is_a_word(self, engine: Engine, project: Compose) -> None:
        part = next(part for part in project.parts() if isinstance(part, ProjectPart))
        assert (await part.survey(self.at(engine))).words == ()
        os.rename(f"{part.folder}/compose.yaml", f"{part.folder}/prod.yaml")
        (word,) = (await part.survey(self.at(engine))).words
        assert word.startswith("no compose file lies in ")
