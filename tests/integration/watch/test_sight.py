"""What the watch had lost sight of when it ended, it has not forgotten when it begins again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from kedge.app.watch_keeping import Keeper
from kedge.evidence.database import Database
from kedge.evidence.span import Look
from kedge.model.observation import Observation, Status
from kedge.watch.state import State, Step
from kedge.watch.verdict import Seen, Standing, Thresholds, fold
from tests.unit.watch.play import START


def test_a_restart_tells_what_was_seen_once_from_what_never_was(tmp_path: Path) -> None:
    keeper, standings, at = Keeper(Database(tmp_path / "evidence.sqlite"), "here"), {}, START
    for round_ in range(6):
        at += timedelta(minutes=1)
        wiki = Observation(Status.OK if round_ < 2 else Status.UNKNOWN, "said so")
        seen = [Seen("wiki", "ssh", at, wiki), Seen("mail", "ssh", at, Observation(Status.UNKNOWN, "no login"))]
        before = State(standings)
        standings = {(one.thing, one.probe): _fold(standings, one) for one in seen}
        looks = [Look(one.thing, one.probe, "here", one.at, one.what) for one in seen]
        keeper.keep(before, Step(State(standings)), (), looks)
    again = Keeper(Database(tmp_path / "evidence.sqlite"), "here").load().standings
    assert {key: one.lost for key, one in again.items()} == {key: one.lost for key, one in standings.items()}
    assert again["wiki", "ssh"].lost == START + timedelta(minutes=5)


def _fold(standings: dict[tuple[str, str], Standing], seen: Seen) -> Standing:
    return fold(standings.get((seen.thing, seen.probe)), seen, Thresholds())
