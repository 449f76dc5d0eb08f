"""The figures of a bench can be trusted: its inventory is what it says, its medians are medians."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bench.__main__ import find_benches
from bench.generator import write_inventory
from bench.timing import find_median, measure
from kedge.kinds.registry import KINDS
from kedge.model.inventory import THING_SECTIONS


@pytest.fixture(scope="module")
def generated() -> dict[str, Any]:
    return yaml.load(write_inventory(120), Loader=yaml.CBaseLoader)


def test_inventory_has_ten_things_for_every_service(generated: dict[str, Any]) -> None:
    names = Counter(name for section in THING_SECTIONS for name in generated[section])
    assert len(generated["services"]) == 120
    assert sum(names.values()) == 1200
    assert max(names.values()) == 1


def test_inventory_is_accepted_by_the_model(generated: dict[str, Any]) -> None:
    for value in generated["services"].values():
        KINDS[value["kind"]].model_validate({key: value[key] for key in value if key != "kind"})


def test_inventory_is_always_the_same() -> None:
    assert write_inventory(50) == write_inventory(50)


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_median_has_as_many_below_as_above(values: list[float]) -> None:
    median = find_median(values)
    assert sum(value < median for value in values) <= len(values) / 2
    assert sum(value > median for value in values) <= len(values) / 2


def test_measure_counts_work_and_keeps_the_exit_code() -> None:
    idle = measure(["sh", "-c", "exit 3"])
    busy = measure(["sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"])
    assert (idle.code, busy.code) == (3, 0)
    assert busy.user_s > idle.user_s


def test_every_bench_is_found() -> None:
    assert {"startup", "size"} <= set(find_benches())
