"""`kedge prune` as a user calls it, on a real repository: planned, refused, killed, and done."""

from __future__ import annotations

import shutil
import signal
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kedge.app.pruning import PrunePlan
from kedge.errors import Refused
from kedge.model.ports import Snapshot
from tests.acceptance.test_backup import Desk

AT = datetime(2007, 1, 5, 20, tzinfo=UTC)


@pytest.fixture(params=["restic", "borg"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Desk:
    for program, package in {"restic": "restic", "borg": "borgbackup", "bwrap": "bubblewrap"}.items():
        if not shutil.which(program):
            pytest.skip(f"needs {program} (Debian package {package})")
    desk = Desk(tmp_path)
    file = tmp_path / "kedge.yaml"
    file.write_text(file.read_text().replace("type: restic", f"type: {request.param}"))
    desk.call("backup", "--init", "disk")
    return desk


def test_old_ones_go_and_what_is_proven_stays(desk: Desk) -> None:
    for text in ("eins", "zwei", "drei"):
        (desk.folder / "share" / "brief.txt").write_text(text)
        desk.call("backup", "share")
        if text == "eins":
            desk.call("drill", "share")
    first, second, third = [one["snapshot"] for one in desk.answer("snapshots", "share")]
    keep = ("prune", "disk", "--keep", "daily 1")
    planned = desk.answer(*keep, "--plan")
    assert ([one["snapshot"] for one in planned["goes"]], planned["stays"]) == ([second], 2)
    assert len(desk.answer("snapshots", "share")) == 3
    process = desk.start(*keep)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    desk.call(*keep)
    assert [one["snapshot"] for one in desk.answer("snapshots", "share")] == [first, third]
    out, err = desk.start(*keep).communicate()
    assert out == "0 went, 2 stay.\n"
    assert err.endswith("free the room in disk of what was forgotten before\n")
    assert desk.answer("drill", "share")[0]["state"] == "proven"


def test_more_than_half_needs_the_number() -> None:
    plan = PrunePlan("disk", (Snapshot("a", "wiki", AT), Snapshot("b", "wiki", AT)), 1)
    for number in (0, 1, 3):
        with pytest.raises(Refused, match="2 of 3 snapshots") as refusal:
            plan.require(number)
        assert "--yes-forget 2" in refusal.value.hint
    plan.require(2)
    replace(plan, stays=2).require(0)
