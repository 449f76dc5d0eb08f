"""Every single loss of the lab's organisation is told within two rounds of the watch, however the dead behave.

The lookout is the real one; its world is played, and so is its time: looks take as long as real ones do.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Collection, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kedge.app.lookout import Lookout, Rhythm
from kedge.app.opening import open_inventory
from kedge.app.probing import Look, Sweep
from kedge.app.targets import Target
from kedge.app.watch_scene import Scene, set_scene
from kedge.app.workshop import Workshop
from kedge.inventory import nodes
from kedge.model.finding import Loss
from kedge.model.observation import Observation, Status
from kedge.rules.case import Case
from kedge.watch.machine import advance
from kedge.watch.state import Notice, State
from kedge.watch.verdict import Seen

LAB = Path(__file__).parents[3] / "examples/lab/kedge.yaml"
START = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECTIONS = ("places", "providers", "hosts", "services", "domains")
BEAT_S, EVERY_S, ROUNDS = 2.0, 60.0, 3
SILENT_S, QUICK_S = 10.0, 0.05
"""How long a look takes at something that says nothing, and at anything else."""


class PlayedLoop(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to whatever is due next; nothing in it waits for anything but time."""

    def __init__(self) -> None:
        self.passed = 0.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self.passed


class _Jumping(selectors.DefaultSelector):  # type: ignore[misc,valid-type]
    def __init__(self, loop: PlayedLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        self._loop.passed += timeout or 0.0
        return super().select(0)


def now() -> datetime:
    return START + timedelta(seconds=asyncio.get_running_loop().time())


@dataclass(frozen=True)
class PlayedSweep(Sweep):
    down: set[str] = field(default_factory=set)
    takes_s: float = QUICK_S

    async def run(self, targets: Sequence[Target]) -> list[Look]:
        (target,) = targets
        at, is_down = now(), target.thing in self.down
        await asyncio.sleep(self.takes_s if is_down else QUICK_S)
        bad = Status.UNKNOWN if target.name == "system" else Status.DOWN  # a dead host says nothing of itself
        return [Look(target.thing, target.name, "here", at, Observation(bad if is_down else Status.OK, "said so"))]


@dataclass
class Player:
    """The watch without its machine: no database, no letters."""

    scene: Scene
    sweep: PlayedSweep
    rhythm: Rhythm = field(default_factory=Rhythm)
    state: State = field(default_factory=State)
    seen: list[Seen] = field(default_factory=list)
    newest: dict[tuple[str, str], Status] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(2007))

    def __post_init__(self) -> None:
        self.lookout = Lookout(self.sweep, self.rhythm, self.see, self.is_settled, self.chance)

    def see(self, target: Target, look: Look) -> None:
        self.newest[look.thing, look.probe] = look.seen.status
        self.seen.append(Seen(look.thing, look.probe, look.at, look.seen, target.is_shallow))

    def is_settled(self, key: tuple[str, str]) -> bool:
        known = self.state.standings.get(key)
        return known is not None and known.status is self.newest[key]

    def advance(self) -> None:
        taken, self.seen = self.seen, []
        world = replace(self.scene.world, rounds_within=self.lookout.rounds.within)
        step = advance(self.state, taken, now(), world)
        self.state = step.state
        self.notices += step.notices
        self.lookout.want(step.wanted)

    async def turn(self, rounds: int) -> None:
        """Take to heart what is seen until so many rounds are over."""
        since = now()
        while self.lookout.rounds.within(since) <= rounds:
            self.advance()
            await asyncio.sleep(BEAT_S)

    async def play(self, down: Collection[str]) -> list[Notice]:
        """Return what is told of a loss that begins amid a round, within the rounds after it."""
        self.lookout.watch(self.scene.targets)
        looking = asyncio.create_task(self.lookout.run())
        await self.turn(1)
        await asyncio.sleep(self.lookout.chance.random() * EVERY_S)
        self.sweep.down.update(down)
        await self.turn(ROUNDS)
        looking.cancel()
        return self.notices


def played(work: Coroutine[Any, Any, list[Notice]]) -> list[Notice]:
    with asyncio.Runner(loop_factory=PlayedLoop) as runner:
        return runner.run(work)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scene, Case]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEDGE_EVIDENCE", str(tmp_path_factory.mktemp("rounds") / "evidence.sqlite"))
        opened = open_inventory(str(LAB))
        scene = set_scene(opened, Workshop.open(opened), Rhythm())
        return scene, scene.case_at(START)


def find_losses(scene: Scene, case: Case) -> dict[str, set[str]]:
    """Return each loss that takes something down that is looked at, with all of that."""
    watched = {thing for thing, _ in scene.targets}
    found = {}
    for section in SECTIONS:
        for loss, _ in case.inventory.in_section(section):
            left = case.solve([Loss(loss)])
            found[loss] = {thing for thing in watched if not left.least[case.compiled.node(nodes.UP, thing)]}
    return {loss: down for loss, down in found.items() if down}


@pytest.mark.parametrize("takes_s", [QUICK_S, SILENT_S], ids=["refusing", "silent"])
def test_every_single_loss_is_told_within_two_rounds(lab: tuple[Scene, Case], takes_s: float) -> None:
    scene, case = lab
    losses = find_losses(scene, case)
    assert len(losses) >= 15
    chance, rounds = random.Random(2007), {}
    for loss, down in losses.items():
        player = Player(scene, PlayedSweep("here", now=now, takes_s=takes_s), chance=chance)
        notices = played(player.play(down))
        assert notices, f"nobody was told of {loss}"  # what is told to nobody is test_losses.py's matter
        rounds[loss] = max(one.incident.rounds for one in notices)
    assert {loss: late for loss, late in rounds.items() if late > 2} == {}


class Leisurely(Rhythm):
    """Confirms nothing sooner than in the next round."""

    @property
    def retry(self) -> timedelta:
        return self.every


def test_a_watch_that_confirms_nothing_at_once_would_be_late(lab: tuple[Scene, Case]) -> None:
    scene, _ = lab
    player = Player(scene, PlayedSweep("here", now=now), Leisurely())
    assert max(one.incident.rounds for one in played(player.play({"wiki"}))) == 3
