"""How far a step is: bytes, their rate, and what is left by the last run that ended well."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from kedge.cli.talk import describe
from kedge.errors import OutsideError
from kedge.model.ports import Run, Step
from kedge.work.pace import Pace, Past, read_past, showing
from kedge.work.run import Plan

AT = datetime(2007, 1, 5, 20, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def run(service: str, *took_s: int, state: str = "done") -> Run:
    steps, at = [], AT
    for number, seconds in enumerate(took_s, 1):
        steps.append(Step(number, f"step {number}", "done", "", at, at + seconds * SECOND))
        at += seconds * SECOND
    plan = Plan("backup", service, {"stores": [str(took_s)]}).frozen()
    return Run(f"backup-{service}", plan, "1", "here", 1, AT, state, at, tuple(steps))  # type: ignore[arg-type]


def test_the_newest_that_ended_well_for_the_same_counts() -> None:
    runs = [run("wiki", 9, 9), run("wiki", 10, 20, 30), run("wiki", 1, state="failed"), run("mail", 2)]
    past = read_past([*runs, replace(runs[0], plan="what another version wrote", state="done")], runs[0].plan)
    assert list(past.steps.values()) == [10 * SECOND, 20 * SECOND, 30 * SECOND]
    assert past.left("step 2", 5 * SECOND) == 45 * SECOND
    assert past.left("step 2", 99 * SECOND) == 30 * SECOND  # it takes longer than last time
    assert past.left("step 3", 99 * SECOND) == timedelta(0)
    assert past.left("another", SECOND) is None
    assert read_past(runs, run("lists", 1).plan).steps == {}


class Screen:
    """Keeps what it is shown; `enough` is set after so many looks."""

    def __init__(self, looks: int = 1) -> None:
        self.seen: list[Pace] = []
        self.ends, self.enough, self._looks = 0, asyncio.Event(), looks

    def show(self, pace: Pace | None) -> None:
        if pace is None:
            self.ends += 1
            return
        self.seen.append(pace)
        if len(self.seen) == self._looks:
            self.enough.set()


@dataclass
class Making:
    size: Callable[[], int | None]

    async def grown(self) -> int | None:
        return self.size()


async def follow(deed: object, looks: int) -> list[Pace]:
    screen = Screen(looks)
    async with showing(screen, deed, "step 1", Past({"step 1": 60 * SECOND}), every_s=0.02):
        await screen.enough.wait()
    assert screen.ends == 1
    return screen.seen


async def test_bytes_and_rate_are_shown_while_it_grows() -> None:
    sizes = iter([None, 0, *range(1000, 2000, 100)])
    unknown, first, *rest = await follow(Making(lambda: next(sizes)), 6)
    assert unknown.size_bytes is None
    assert (first.size_bytes, first.rate_bytes) == (0, None)
    for pace in rest:
        assert pace.size_bytes
        assert 0 < (pace.rate_bytes or 0) < 1e6
        assert 50 * SECOND < (pace.left or SECOND) < 60 * SECOND


async def test_what_cannot_be_measured_is_followed_by_time_alone() -> None:
    def fail() -> int:
        raise OutsideError("nobody answers")

    for deed in (Making(fail), object()):
        assert {pace.size_bytes for pace in await follow(deed, 3)} == {None}


async def fail_shown(screen: Screen) -> None:
    async with showing(screen, object(), "step 1", Past({})):
        await screen.enough.wait()
        raise OutsideError("the disk is full")


async def test_its_end_is_shown_when_it_fails() -> None:
    screen = Screen()
    with pytest.raises(OutsideError):
        await fail_shown(screen)
    assert screen.ends == 1


def test_it_is_described_for_people() -> None:
    pace = Pace("dump database", 11 * SECOND, 412_000_000, 38_100_000, 18 * SECOND)
    assert describe(pace) == "dump database · 412 MB · 38.1 MB/s · 11 s · about 18 s left"
    assert describe(Pace("fetch", timedelta(0))) == "fetch · begun"
    assert describe(Pace("fetch", 90 * SECOND, left=timedelta(0))) == "fetch · 1 min 30 s · longer than last time"
    assert describe(Pace("dump [red]x", SECOND)).startswith(r"dump \[red]x")  # no markup
