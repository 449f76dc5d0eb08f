"""Cases made from the text of an inventory, as a user would write it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent

import pytest

from kedge.inventory.compile import compile_rules
from kedge.inventory.read import read_inventory
from kedge.model.facts import Fact, Facts
from kedge.rules.case import Case, open_case

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CaseOf = Callable[..., Case]


@pytest.fixture
def case_of(tmp_path: Path) -> CaseOf:
    """Returns a function: text of an inventory (without its organisation), facts and a moment -> case."""

    def make(text: str, *, facts: tuple[Fact, ...] = (), now: datetime = NOW) -> Case:
        file = tmp_path / "kedge.yaml"
        file.write_text("organisation: {name: Test Club}\n" + dedent(text), encoding="utf-8")
        inventory = read_inventory(file)
        return open_case(compile_rules(inventory, now), Facts.of([*inventory.facts, *facts], now))

    return make
