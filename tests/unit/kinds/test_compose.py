"""What the engine says of a project's containers, and what of it can be saved."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.errors import Refused
from kedge.kinds.compose import Compose, UndumpedDatabase, judge_containers
from kedge.kinds.pages import example_of, instance_of
from kedge.model.observation import Status


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


def test_a_project_with_a_database_is_not_saved_as_if_it_were_whole() -> None:
    service = example_of(Compose)
    parts = {part.name: part for part in service.parts()}
    assert set(parts) == {"srv-cloud-data", "database-db"}
    database = parts["database-db"]
    assert isinstance(database, UndumpedDatabase)
    at = instance_of(service)
    assert asyncio.run(database.preflight(at))
    with pytest.raises(Refused):
        asyncio.run(database.census(at))


@pytest.mark.parametrize("volume", ["${UPLOADS}", "../other", "~/data"])
def test_a_volume_whose_place_nobody_knows_is_no_part(volume: str) -> None:
    assert list(Compose(folder="/srv/x", volumes={volume: "web"}).parts()) == []
