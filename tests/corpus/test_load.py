"""Every outage of the corpus is an inventory that reads without a mistake, with either of its evidence files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kedge.inventory.read import read_inventory
from kedge.model.inventory import Inventory

OUTAGES = sorted(path.parent for path in Path(__file__).parent.glob("*/kedge.yaml"))


@pytest.fixture(params=OUTAGES, ids=lambda folder: folder.name)
def outage(request: pytest.FixtureRequest) -> Path:
    """The folder of one outage."""
    folder: Path = request.param
    return folder


def read_with(outage: Path, evidence: str, folder: Path) -> Inventory:
    """Return the inventory as read with this evidence file beside it."""
    shutil.copy(outage / "kedge.yaml", folder / "kedge.yaml")
    shutil.copy(outage / evidence, folder / "evidence.yaml")
    return read_inventory(folder / "kedge.yaml")


def test_there_are_outages() -> None:
    assert OUTAGES
    assert {each.parent for each in Path(__file__).parent.glob("*/*.yaml")} == set(OUTAGES)


def test_reads_as_people_knew_it(outage: Path) -> None:
    inventory = read_inventory(outage / "kedge.yaml")
    assert inventory.things
    assert bool(inventory.facts) == (outage / "evidence.yaml").exists()


def test_reads_with_what_was_true(outage: Path, tmp_path: Path) -> None:
    if not (outage / "evidence.true.yaml").exists():
        pytest.skip("does not apply: nothing was believed that was otherwise")
    assert read_with(outage, "evidence.true.yaml", tmp_path).facts


def test_begins_with_source_and_date(outage: Path) -> None:
    lines = (outage / "kedge.yaml").read_text().splitlines()
    assert all(line.startswith("#") for line in lines[:3]), "source and date, two or three lines about who it is"
    assert len(lines) <= 60, "short enough to be read"


def test_notes_are_one_line_each(outage: Path) -> None:
    notes = outage / "notes.md"
    if notes.exists():
        lines = notes.read_text().splitlines()
        assert lines
        assert all(line.removeprefix("- ").startswith("cannot say: ") for line in lines)
