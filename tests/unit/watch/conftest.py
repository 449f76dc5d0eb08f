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
    def make(text: str, now: datetime = START) -> Case:
        file = tmp_path / "kedge.yaml"
        file.write_text("organisation: {name: Test Club}\n" + dedent(text), encoding="utf-8")
        inventory = read_inventory(file)
        return open_case(compile_rules(inventory, now), Facts.of(inventory.facts, now))

    return make
