"""The watch loses the server that keeps its evidence: alerts leave from memory, and later all is written down."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from kedge.app.watching import Watch
from kedge.evidence.place import Server
from kedge.model.observation import Status
from tests.integration.evidence.places import Postgresql, a_postgresql, start, stop
from tests.integration.watch.pipeline import open_watch, see
from tests.integration.watch.receiver import Received, receiving
from tests.integration.watch.test_trouble import write


@pytest.fixture(scope="module")
def server() -> Iterator[Postgresql]:
    with a_postgresql() as running:
        yield running


@pytest.fixture
def club(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Received]]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("KEDGE_EVIDENCE", "")  # so that it is as before afterwards
    with receiving() as received:
        yield write(tmp_path, f"webhook http://127.0.0.1:{received.port}/alert"), received


def on_server(folder: Path, place: Server) -> Watch:
    return open_watch(folder, place=place.url)


def outcomes(watch: Watch) -> list[tuple[str, bool]]:
    letters, _ = watch.workshop.database.latest_letters(50)
    return [(one.outcome.partition(":")[0], one.done is not None) for one in letters]


async def test_a_server_that_died_and_came_back(
    server: Postgresql, club: tuple[Path, Received], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    folder, received = club
    watch = on_server(folder, server.place())
    await see(watch, Status.OK)
    stop(server)
    try:
        await see(watch, Status.DOWN)
        (post,) = (post for _, post in received.posts)
        assert post["text"].startswith("(Not recorded")
        assert "cannot be reached" in caplog.text
    finally:
        start(server)
    await watch._turn()
    assert outcomes(watch) == [("by webhook http", True)]
    assert "the database can be written again" in caplog.text
    assert [one.status for one in watch.workshop.database.verdicts()] == ["down"]
    await see(watch, Status.OK)
    assert [post["kind"] for _, post in received.posts] == ["down", "resolved"]
    assert [is_done for _, is_done in outcomes(watch)] == [True, True]


@pytest.mark.parametrize("now", [Status.OK, Status.DOWN])
async def test_a_watch_that_begins_without_its_server_goes_on_with_what_was_told(
    server: Postgresql, club: tuple[Path, Received], now: Status
) -> None:
    folder, received = club
    place = server.place()
    before = on_server(folder, place)
    await see(before, Status.OK)
    await see(before, Status.DOWN)
    stop(server)
    try:
        after = on_server(folder, place)
        await see(after, now)
    finally:
        start(server)
    await see(after, now)
    kinds = [post["kind"] for _, post in received.posts]
    assert kinds == ["down", "resolved" if now is Status.OK else "down"]  # nobody could know that it was told before
    assert len(after.workshop.database.incidents(is_open=True)) == (now is Status.DOWN)


@contextmanager
def losing(server: Postgresql, number: int) -> Iterator[list[int]]:
    """Every connection ends before the `number`-th thing happens; yields how many there were so far."""
    count = [0]

    def pass_by(*_: object, **__: object) -> None:
        count[0] += 1
        if count[0] == number:
            server.end_connections()

    for name in ("before_cursor_execute", "commit"):
        event.listen(Engine, name, pass_by)
    try:
        yield count
    finally:
        for name in ("before_cursor_execute", "commit"):
            event.remove(Engine, name, pass_by)


async def test_a_connection_lost_at_any_step_loses_nothing(server: Postgresql, club: tuple[Path, Received]) -> None:
    folder, received = club

    async def alert(number: int) -> int:
        watch = on_server(folder, server.place())
        await see(watch, Status.OK)
        with losing(server, number) as count:
            await see(watch, Status.DOWN)
        steps = count[0]
        await watch._turn()
        assert outcomes(watch) == [("by webhook http", True)], f"connection lost before step {number}"
        assert [one.status for one in watch.workshop.database.verdicts()] == ["down"]
        return steps

    total = await alert(0)
    assert total > 20
    points = range(1, total + 1, max(1, total // 20))
    for number in points:
        await alert(number)
    assert len(received.posts) == len({post["id"] for _, post in received.posts}) == 1 + len(points)


def test_a_watch_that_never_reached_its_server_tells_all_the_same(club: tuple[Path, Received]) -> None:
    folder, received = club
    text = (folder / "kedge.yaml").read_text().replace("http://192.0.2.1/", "http://127.0.0.1:1/")
    (folder / "kedge.yaml").write_text(text)
    environ = os.environ | {"KEDGE_EVIDENCE": "postgresql://kedge@127.0.0.1:1/kedge"}
    argv = [str(Path(sys.executable).with_name("kedge")), "watch", "--once", "--every", "1s"]
    done = subprocess.run(argv, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "alerts are sent from memory" in done.stderr
    assert [post["thing"] for _, post in received.posts] == ["wiki-1"]


async def test_two_watches_of_two_vantages_each_send_their_own(server: Postgresql, club: tuple[Path, Received]) -> None:
    folder, received = club
    place = server.place()
    here, there = on_server(folder, place), on_server(folder, place)
    there.vantage = there.keeper.vantage = "there"
    for watch in (here, there):
        await see(watch, Status.OK)
    await see(here, Status.DOWN)
    await there._turn()
    await there.postman.finish()
    assert len(received.posts) == 1
