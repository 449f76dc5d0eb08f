"""Cases made from the text of an inventory, as a user would write it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from textwrap import dedent

import pytest

from kedge.inventory.compile import compile_rules
from kedge.inventory.read import read_inventory
from kedge.model.facts import Facts
from kedge.rules.case import Case, open_case
from tests.unit.watch.play import START

CaseOf = Callable[..., Case]


@pytest.fixture
def case_of(tmp_path: Path) -> CaseOf:
    def make(text: str, now: datetime = START, time_zone: str = "UTC", language: str = "en") -> Case:
        file = tmp_path / "kedge.yaml"
        organisation = f"organisation: {{name: Test Club, time-zone: {time_zone}, language: {language}}}\n"
        file.write_text(organisation + dedent(text), encoding="utf-8")
        inventory = read_inventory(file)
        return open_case(compile_rules(inventory, now), Facts.of(inventory.facts, now))

    return make
