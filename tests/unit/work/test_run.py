"""Runs: killed at every moment, they are carried on or rolled back, and nothing happens twice."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kedge.errors import OutsideError, Refused
from kedge.evidence.database import Database
from kedge.model.facts import Fact
from kedge.work.lock import hold
from kedge.work.run import Logbook, Plan, read_plan
from kedge.work.step import Done, Unclear

AT = datetime(2007, 1, 5, 20, tzinfo=UTC)
PLAN = Plan("backup", "wiki", {"stores": ["far"]})


class Watch:
    def now(self) -> datetime:
        return AT


@dataclass
class Write:
    """Writes a line into a file; its effect can be seen, and taken away again."""

    folder: Path
    name: str
    dies: str = ""
    is_unclear: bool = False

    async def look(self) -> Done | None:
        if self.is_unclear:
            raise Unclear(f"who knows whether {self.name} was done")
        return Done("found", (self.fact(),)) if (self.folder / self.name).exists() else None

    async def do(self) -> Done:
        self.die("before")
        with (self.folder / self.name).open("a") as file:
            file.write("done\n")
        self.die("after")
        if self.dies == "error":
            raise OutsideError("the disk is full", hint="make room")
        return Done("made", (self.fact(),))

    async def undo(self) -> None:
        self.die("undo")
        (self.folder / self.name).unlink(missing_ok=True)

    def fact(self) -> Fact:
        return Fact("wiki", f"backup/{self.name}", "x", AT, "counted")

    def die(self, moment: str) -> None:
        if self.dies == moment:
            os.kill(os.getpid(), 9)


def logbook(folder: Path) -> Logbook:
    return Logbook(Database(folder / "evidence.sqlite"), Watch(), "1.0")


def deeds(folder: Path, at: str = "", dies: str = "") -> list[Write]:
    return [Write(folder, name, dies if name == at else "") for name in ("a", "b", "c")]


def effects(folder: Path) -> dict[str, int]:
    return {name: (folder / name).read_text().count("done") for name in "abc" if (folder / name).exists()}


KILLED = """
import asyncio, sys
from pathlib import Path
from tests.unit.work.test_run import *
folder, at, dies = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
async def main():
    book, steps = logbook(folder), deeds(folder, at, dies)
    run = await book.begin(PLAN, steps, "backup-wiki-1")
    if dies == "undo":
        steps[2].dies = "error"
    await book.carry_out(run, steps)
asyncio.run(main())
"""


def kill_at(folder: Path, at: str, moment: str) -> None:
    argv = [sys.executable, "-c", KILLED, str(folder), at, moment]
    ended = subprocess.run(
        argv, check=False, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": os.getcwd()}
    )
    assert ended.returncode == -9, ended.stderr


async def test_a_run_is_done_step_by_step_and_learns(tmp_path: Path) -> None:
    book, steps = logbook(tmp_path), deeds(tmp_path)
    run = await book.carry_out(await book.begin(PLAN, steps, "backup-wiki-1"), steps)
    assert (run.state, [step.state for step in run.steps]) == ("done", ["done"] * 3)
    assert read_plan(run) == PLAN
    assert Database(tmp_path / "evidence.sqlite").facts(AT).get("wiki", "backup/c") is not None
    assert await book.interrupted("backup", "wiki") == []


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("at", ["a", "b", "c"])
def test_a_killed_run_is_carried_on_and_nothing_happens_twice(tmp_path: Path, at: str, moment: str) -> None:
    kill_at(tmp_path, at, moment)
    book, steps = logbook(tmp_path), deeds(tmp_path)
    (run,) = asyncio.run(book.interrupted("backup", "wiki"))
    ended = asyncio.run(book.carry_out(run, steps))
    assert ended.state == "done"
    assert effects(tmp_path) == {"a": 1, "b": 1, "c": 1}
    facts = Database(tmp_path / "evidence.sqlite").facts(AT)
    assert all(facts.get("wiki", f"backup/{name}") for name in "abc")


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("at", ["a", "b", "c"])
def test_a_killed_run_is_rolled_back(tmp_path: Path, at: str, moment: str) -> None:
    kill_at(tmp_path, at, moment)
    book = logbook(tmp_path)
    (run,) = asyncio.run(book.interrupted("backup", "wiki"))
    ended = asyncio.run(book.roll_back(run, deeds(tmp_path)))
    assert ended.state == "rolled-back"
    assert effects(tmp_path) == {}
    assert asyncio.run(book.interrupted("backup", "wiki")) == []


@pytest.mark.parametrize("at", ["a", "b"])
def test_a_run_killed_while_it_is_undone_is_undone_to_the_end(tmp_path: Path, at: str) -> None:
    kill_at(tmp_path, at, "undo")
    book = logbook(tmp_path)
    (run,) = asyncio.run(book.interrupted("backup", "wiki"))
    assert effects(tmp_path) != {}
    asyncio.run(book.roll_back(run, deeds(tmp_path)))
    assert effects(tmp_path) == {}


async def test_a_failure_undoes_what_was_done_and_says_why(tmp_path: Path) -> None:
    book, steps = logbook(tmp_path), deeds(tmp_path, "b", "error")
    with pytest.raises(OutsideError, match="full"):
        await book.carry_out(await book.begin(PLAN, steps, "backup-wiki-1"), steps)
    run = Database(tmp_path / "evidence.sqlite").load("backup-wiki-1")
    assert run is not None
    assert (run.state, [step.state for step in run.steps]) == ("failed", ["undone", "failed", "waiting"])
    assert run.steps[1].result == "the disk is full"
    assert effects(tmp_path) == {}


def test_what_nobody_can_tell_stops_the_run(tmp_path: Path) -> None:
    kill_at(tmp_path, "b", "after")
    book, steps = logbook(tmp_path), deeds(tmp_path)
    steps[1].is_unclear = True
    (run,) = asyncio.run(book.interrupted("backup", "wiki"))
    with pytest.raises(Unclear):
        asyncio.run(book.carry_out(run, steps))
    (stopped,) = asyncio.run(book.interrupted("backup", "wiki"))
    assert (stopped.state, stopped.steps[1].state) == ("stopped", "unclear")
    assert effects(tmp_path) == {"a": 1, "b": 1}


async def test_other_steps_than_approved_are_refused(tmp_path: Path) -> None:
    book, steps = logbook(tmp_path), deeds(tmp_path)
    run = await book.begin(PLAN, steps, "backup-wiki-1")
    for others in (steps[:2], [*steps[:2], Write(tmp_path, "x")]):
        with pytest.raises(Refused, match="does not know") as refusal:
            await book.carry_out(run, others)
        assert "kedge 1.0" in refusal.value.hint
    assert effects(tmp_path) == {}


class TestLock:
    def test_a_second_holder_is_refused(self, tmp_path: Path) -> None:
        with (
            hold(tmp_path, "backup-wiki"),
            hold(tmp_path, "drill-wiki"),
            pytest.raises(Refused, match=str(os.getpid())),
            hold(tmp_path, "backup-wiki"),
        ):
            pass
        with hold(tmp_path, "backup-wiki"):
            pass

    def test_it_lasts_as_long_as_a_child_that_inherited_it(self, tmp_path: Path) -> None:
        with hold(tmp_path, "backup-wiki") as number:
            child = subprocess.Popen(["sleep", "60"], pass_fds=[number])
        with pytest.raises(Refused), hold(tmp_path, "backup-wiki"):
            pass
        child.kill()
        child.wait()
        with hold(tmp_path, "backup-wiki"):
            pass

    def test_a_killed_holder_leaves_nothing_behind(self, tmp_path: Path) -> None:
        holder = "import sys, time\nfrom pathlib import Path\nfrom kedge.work.lock import hold\nwith hold(Path(sys.argv[1]), 'x'): print(1, flush=True); time.sleep(60)"
        process = subprocess.Popen([sys.executable, "-c", holder, str(tmp_path)], stdout=subprocess.PIPE)
        assert process.stdout
        process.stdout.readline()
        with pytest.raises(Refused), hold(tmp_path, "x"):
            pass
        process.kill()
        process.wait()
        process.stdout.close()
        with hold(tmp_path, "x"):
            pass
