"""Every single loss of the lab's organisation: told by a way that survives it, or `kedge check` had said otherwise.

kedge sends through every type of channel that it can send through at all; which ones are set up, `kedge alerts test` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kedge.app.lookout import Rhythm
from kedge.app.opening import Opened, open_inventory
from kedge.app.watch_scene import Scene, set_scene
from kedge.app.workshop import Workshop
from kedge.inventory import nodes
from kedge.model.finding import Loss, Text
from kedge.model.observation import Observation, Status
from kedge.model.people import SENDABLE
from kedge.rules.case import Case
from kedge.rules.judge import judge
from kedge.rules.registry import RULES
from kedge.watch.machine import advance
from kedge.watch.post import things_lost, write_letters
from kedge.watch.route import find_routes, what_is_left
from kedge.watch.state import Notice, State
from kedge.watch.verdict import Seen

LAB = Path(__file__).parents[3] / "examples/lab"
START, TICK = datetime(2026, 11, 22, 12, tzinfo=UTC), timedelta(seconds=10)
SECTIONS = ("places", "providers", "hosts", "services", "domains")


def open_lab(name: str) -> tuple[Opened, Scene, Case]:
    opened = open_inventory(str(LAB / name))
    scene = set_scene(opened, Workshop.open(opened), Rhythm())
    return opened, scene, scene.case_at(START)


@pytest.fixture(scope="module", params=["kedge.yaml", "2007/kedge.yaml"])
def lab(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Opened, Scene, Case]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEDGE_EVIDENCE", str(tmp_path_factory.mktemp("losses") / "evidence.sqlite"))
        yield open_lab(request.param)


def obstacle_in(case: Case) -> Callable[[str], Text | None]:
    def find(channel: str) -> Text | None:
        kind = case.sections.channels[channel].type
        return None if kind in SENDABLE else Text(f"kedge cannot send {kind}", f"kedge kann {kind} nicht senden")

    return find


def watch_loss(scene: Scene, case: Case, loss: str) -> tuple[State, list[Notice], set[str]]:
    """Return what comes of ten rounds in which everything that a loss takes down is seen to be down."""
    left, watched = case.solve([Loss(loss)]), {thing for thing, _ in scene.targets}
    down = {thing for thing in watched if not left.least[case.compiled.node(nodes.UP, thing)]}
    state, notices, now = State(), [], START
    for tick in range(14):
        now += TICK
        looks = []
        for thing, probe in scene.targets:
            is_down = tick >= 3 and thing in down
            seen = Observation(Status.DOWN if is_down else Status.OK, "said so")
            looks.append(Seen(thing, probe, now, seen, scene.targets[thing, probe].is_shallow))
        step = advance(state, looks, now, scene.world)
        state, notices = step.state, [*notices, *step.notices]
    return state, notices, down


def test_every_single_loss_is_told_or_was_announced(lab: tuple[Opened, Scene, Case]) -> None:
    opened, scene, case = lab
    checked = announced = 0
    for section in SECTIONS:
        for loss, _ in opened.inventory.in_section(section):
            state, notices, down = watch_loss(scene, case, loss)
            if not down:
                continue
            checked += 1
            assert notices, f"nobody was told that {', '.join(sorted(down))} is down, with {loss}"
            beneath = {name for one in notices for name in (one.incident.thing, *one.incident.symptoms)}
            titles = " ".join(str(one.incident.finding.title) for one in notices)
            untold = [name for name in down - beneath if name not in titles]
            assert not untold, f"with {loss}, nobody was told of {untold}"
            lost = things_lost(state)
            letters = write_letters(case, notices, lost, obstacle_in(case))
            left = what_is_left(case, lost)
            surviving = [
                one for one in letters if not find_routes(case, left, one.person, obstacle_in(case)).is_desperate
            ]
            if any(one.ways for one in surviving):
                continue
            announced += 1
            doubted = case.toll_of(case.solve([Loss(loss)], also=case.compiled.assumptions()))
            assert doubted.unnoticed, f"{loss}: nobody is told, and nobody had said so"
    assert checked >= 15
    if opened.path.parent.name == "lab":
        assert announced == 0


AT_HOME = {
    "mail anna.privat@elsewhere.example": "mail anna@verein.example",
    "mail bert.privat@elsewhere.example": "mail bert@verein.example",
    '"webhook http://elsewhere.example:8080/alert"': "mail admins@verein.example",
}
"""Whatever can be sent goes to the server itself; the SMS that people have beside it nobody sends for them."""


def test_what_nobody_can_be_told_of_is_said_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEDGE_EVIDENCE", str(tmp_path / "evidence.sqlite"))
    text = (LAB / "kedge.yaml").read_text()
    for before, after in AT_HOME.items():
        assert before in text
        text = text.replace(before, after)
    (tmp_path / "kedge.yaml").write_text(text)
    _, scene, case = open_lab(str(tmp_path / "kedge.yaml"))
    state, notices, _ = watch_loss(scene, case, "hetzner-new")
    letters = write_letters(case, notices, things_lost(state), obstacle_in(case))
    left = what_is_left(case, things_lost(state))
    assert all(find_routes(case, left, one.person, obstacle_in(case)).is_desperate for one in letters)
    assert set(case.toll(Loss("hetzner-new")).unnoticed) >= {"mail", "xmpp"}
    found = [one for one in judge(case, RULES.values()).findings if one.rule in ("alert-loop", "notice-loop")]
    assert any(Loss("hetzner-new") in one.losses for one in found), found


def test_the_loss_of_the_server_names_all_on_it_and_nothing_else(lab: tuple[Opened, Scene, Case]) -> None:
    _, scene, case = lab
    _, notices, _ = watch_loss(scene, case, "hetzner-new")
    assert notices[0].incident.thing in ("hetzner-new", "hetzner")
    beneath = {name for one in notices for name in one.incident.symptoms}
    assert {"mail", "lists", "xmpp", "tickets"} <= beneath
    assert not {"wiki", "forum"} & beneath
