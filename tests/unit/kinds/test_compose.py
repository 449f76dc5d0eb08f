"""What the engine says of a project's containers, and what of it can be saved."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.kinds.compose import Compose, judge_containers
from kedge.kinds.pages import Nowhere, example_of
from kedge.model.instance import Instance
from kedge.model.observation import Status
from kedge.model.ports import Address
from kedge.parts.contained import ContainedDatabases
from kedge.parts.folder import FolderPart
from kedge.parts.project import ProjectPart
from kedge.parts.volume import VOLUMES, VolumePart


def state(name: str, state: str = "running", health: str = "", code: int = 0) -> dict[str, object]:
    return {"Service": name, "State": state, "Health": health, "ExitCode": code}


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([state("web"), state("db", health="healthy")], Status.OK),
        ([state("web"), state("db", health="unhealthy")], Status.DEGRADED),
        ([state("web")], Status.DEGRADED),
        ([state("web"), state("db", "exited", code=1)], Status.DOWN),
        ([state("web"), state("db", "restarting")], Status.DOWN),
        ([state("web"), state("db"), state("migrate", "exited")], Status.OK),
        ([], Status.DOWN),
    ],
)
def test_containers_are_judged_by_state_and_health(states: list[dict[str, object]], expected: Status) -> None:
    lines = "\n".join(map(json.dumps, states))
    assert judge_containers(lines, ("web", "db")).status is expected
    assert judge_containers(json.dumps(states), ("web", "db")).status is expected


@given(st.text(max_size=80))
def test_any_other_answer_is_unknown_or_nothing(text: str) -> None:
    assert judge_containers(text, ("web",)).status is not Status.OK


def test_a_database_is_dumped_and_its_volume_is_no_folder() -> None:
    service = example_of(Compose)
    parts = {part.name: part for part in service.parts()}
    assert list(parts) == ["project", "srv-cloud-data", "database-db"]
    assert getattr(parts["project"], "without", None) == ("data",)
    database = parts["database-db"]
    assert isinstance(database, ContainedDatabases)
    assert (database.server, database.databases, database.volumes) == ("mariadb", ("nextcloud",), ("db",))
    assert database.of in service.inner()


def test_the_files_of_a_server_that_kedge_cannot_dump_are_copied_and_said_to_be_in_use() -> None:
    service = Compose(
        folder="/srv/Chat 2",
        containers={"db": "mongo:7", "sql": "mysql:8", "old": "postgres:9", "app": "chat"},
        volumes={"db": "db", "sql": "sql, app", "old": "old", "./data": "app"},
        databases={"db": "mongo all", "sql": "mysql chat"},
    )
    parts = [part for part in service.parts() if isinstance(part, FolderPart | VolumePart)]
    assert {part.folder: part.writer for part in parts} == {
        f"{VOLUMES}/chat2_db/_data": "the database server db",
        f"{VOLUMES}/chat2_sql/_data": "the database server sql",
        f"{VOLUMES}/chat2_old/_data": "the database server old",
        "/srv/Chat 2/data": "",
    }
    assert service.inner() == {}


@pytest.mark.parametrize(
    ("text", "names"),
    [("all", ()), ("", ()), ("postgres", ()), ("cloud", ("cloud",)), ("cloud, wiki", ("cloud", "wiki"))],
)
def test_all_databases_are_dumped_and_those_named_must_be_there(text: str, names: tuple[str, ...]) -> None:
    (part,) = Compose(project="x", databases={"pg": f"postgresql {text}"}).parts()
    assert isinstance(part, ContainedDatabases)
    assert part.databases == names


def test_servers_of_one_project_lie_apart_in_a_sandbox() -> None:
    service = Compose(project="x", databases={"one": "mariadb a", "two": "mariadb b"})
    at = Instance("sandbox", Nowhere(), {"sql": Address("127.0.0.1", 21000)})
    words = {role: [str(step) for step in inner.start(at)] for role, inner in service.inner().items()}
    assert all("/containers/container-one/" in word for word in words["container-one"])
    assert all("/containers/container-two/" in word for word in words["container-two"])


@pytest.mark.parametrize("volume", ["${UPLOADS}", "../other", "~/data"])
def test_a_volume_whose_place_nobody_knows_is_no_part(volume: str) -> None:
    assert [part.name for part in Compose(folder="/srv/x", volumes={volume: "web"}).parts()] == ["project"]


@pytest.mark.parametrize(
    ("volumes", "own", "folders"),
    [
        ({}, (), []),
        ({"./data": "app", "./.state": "app", "/srv/x/logs": "app"}, ("data", ".state", "logs"),
         ["/srv/x/data", "/srv/x/.state", "/srv/x/logs"]),
        ({"./db": "db", "./data/files": "app", "cache": "app"}, ("db", "data/files"), ["/srv/x/data/files"]),
        ({".": "app"}, (), []),
        ({"/srv/x": "app", "/srv/other": "app"}, (), ["/srv/other"]),
        ({"/srv": "app"}, None, ["/srv"]),
    ],
)  # fmt: skip
def test_its_own_files_are_saved_once_and_without_what_its_volumes_hold(
    volumes: dict[str, str], own: tuple[str, ...] | None, folders: list[str]
) -> None:
    parts = list(Compose(folder="/srv/x", volumes=volumes, databases={"db": "mariadb all"}).parts())
    assert [part.without for part in parts if isinstance(part, ProjectPart)] == ([] if own is None else [own])
    assert [part.folder for part in parts if isinstance(part, FolderPart)] == folders


def test_parts_of_like_names_differ() -> None:
    service = Compose(folder="/srv/x", volumes={"/project": "a", "/volume/a": "a", "a": "a", "A": "a"})
    assert [part.name for part in service.parts()] == ["project", "project-2", "volume-a", "volume-a-2", "volume-a-3"]
