"""A watch without its eyes, in a process of its own: it is told what was seen, and may be killed at any of its steps.

usage: pipeline.py FOLDER ACTION [ARGUMENT…]; FOLDER holds kedge.yaml; answers are JSON lines on stdout.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from kedge.app.lookout import Rhythm
from kedge.app.opening import open_inventory
from kedge.app.probing import Look
from kedge.app.steady_clock import SteadyClock
from kedge.app.watching import Watch
from kedge.app.workshop import Workshop
from kedge.model.observation import Observation, Status
from kedge.watch.sender import Copy


def say(answer: object) -> None:
    print(json.dumps(answer), flush=True)  # noqa: T201


def open_watch(folder: Path, clock: SteadyClock | None = None, place: str = "") -> Watch:
    os.environ["KEDGE_EVIDENCE"] = place or str(folder / "state" / "evidence.sqlite")
    workshop = Workshop.open(open_inventory(str(folder / "kedge.yaml")))
    watch = Watch(workshop, "here", Rhythm(timedelta(seconds=1)), clock=clock or SteadyClock())
    watch.scene.office.limit = timedelta(seconds=float(os.environ.get("LIMIT_S", "20")))
    return watch


async def see(watch: Watch, status: Status, *things: str) -> None:
    """Let everything (or these things) be seen so three times, and what follows be sent."""
    for _ in range(3):
        for key, target in watch.scene.targets.items():
            seen = Observation(status if not things or key[0] in things else Status.OK, "said so")
            watch._see(target, Look(*key, "here", watch.clock.now(), seen))
        await watch._turn()
        await watch.postman.finish()
    await watch._turn()
    await watch.postman.finish()


class Steps:
    """Counts what happens, and kills this process before the `last`-th thing does."""

    def __init__(self, last: int) -> None:
        self.count, self.last = 0, last
        for name in ("before_cursor_execute", "commit"):
            event.listen(Engine, name, lambda *_, **__: self.pass_by())

    def pass_by(self) -> None:
        self.count += 1
        if self.count == self.last:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, send: Callable[[str, Copy], Any]) -> Callable[[str, Copy], Any]:
        async def sending(channel: str, copy: Copy) -> Observation:
            self.pass_by()
            seen: Observation = await send(channel, copy)
            self.pass_by()  # accepted, and not yet written down
            return seen

        return sending


def in_child(act: Callable[[], None]) -> int:
    """Do something in a fork of this process, which has imported everything; how it ended."""
    sys.stdout.flush()
    if (pid := os.fork()) == 0:
        try:
            act()
        finally:
            sys.stdout.flush()
            os._exit(0)
    return os.waitpid(pid, 0)[1]


def crash(folder: Path, points: str) -> None:
    """Kill the watch before each of its last steps to an alert's end, and let another one go on; say how that ended."""
    base = folder / "state"
    in_child(lambda: asyncio.run(_prepare(folder)))
    total = in_child_count(folder, base)
    for number in range(max(1, total - int(points) + 1), total + 1):
        place = _copy(folder, base, number)
        ended = in_child(lambda place=place, number=number: _run(place, number))  # type: ignore[misc]
        in_child(lambda place=place: _run(place, 0))  # type: ignore[misc]
        say([number, ended])


def in_child_count(folder: Path, base: Path) -> int:
    """How many steps there are if nobody is killed."""
    place = _copy(folder, base, 0)
    in_child(lambda: (place / "steps").write_text(str(_run(place, 0))) and None)
    return int((place / "steps").read_text())


def _copy(folder: Path, base: Path, number: int) -> Path:
    place = folder / f"run-{number}"
    shutil.copytree(base, place / "state")
    text = (folder / "kedge.yaml").read_text().replace("/alert", f"/alert-{number}")
    (place / "kedge.yaml").write_text(text)
    return place


async def _prepare(folder: Path) -> None:
    await see(open_watch(folder), Status.OK)


def _run(folder: Path, last: int) -> int:
    steps = Steps(last)

    async def run() -> None:
        watch = open_watch(folder)
        watch.postman.send = steps.around(watch.postman.send)
        await see(watch, Status.DOWN)

    asyncio.run(run())
    return steps.count


def alert(folder: Path, status: str = "down") -> None:
    """See everything so, and say who was told by which way."""

    async def run() -> None:
        watch = open_watch(folder)
        await see(watch, Status.OK)
        await see(watch, Status(status))
        letters, deliveries = watch.workshop.database.latest_letters(50)
        say([[one.person, one.outcome] for one in letters])
        say([[one.channel, one.is_accepted, one.what] for one in deliveries])

    asyncio.run(run())


def jump(folder: Path, hours: str) -> None:
    """See everything down while the clock jumps by so many hours."""
    offset = [0.0]
    import time

    async def run() -> None:
        watch = open_watch(folder, SteadyClock(wall=lambda: time.time() + offset[0]))
        await see(watch, Status.OK)
        await see(watch, Status.OK)
        offset[0] = 3600 * float(hours)
        await see(watch, Status.DOWN)
        letters, _ = watch.workshop.database.latest_letters(50)
        say([one.outcome for one in letters])

    asyncio.run(run())


def fill(folder: Path, when: str) -> None:
    """On a small disk of its own that others fill: ten things go down; what was sent, and what is recorded."""
    state = folder / "state"
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(state)], check=True)

    async def run() -> None:
        if when == "later":
            watch = open_watch(folder)
            watch.keeper.lay_ballast()
            await see(watch, Status.OK)
        _fill(state)
        watch = open_watch(folder)
        await see(watch, Status.DOWN)
        letters, deliveries = watch.workshop.database.latest_letters(50)
        say([len(letters), sum(one.is_accepted for one in deliveries)])
        (state / "rest").unlink()
        await watch._turn()
        letters, deliveries = watch.workshop.database.latest_letters(50)
        say([len(letters), sum(one.done is not None for one in letters)])

    asyncio.run(run())


def _fill(folder: Path) -> None:
    with (folder / "rest").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


def main(folder: str, action: str, *rest: str) -> None:
    actions: dict[str, Callable[..., None]] = {"crash": crash, "alert": alert, "jump": jump, "fill": fill}
    actions[action](Path(folder), *rest)


if __name__ == "__main__":
    main(*sys.argv[1:])
