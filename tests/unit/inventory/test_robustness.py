"""Whatever stands in a file: an inventory, or an InventoryError that says where. Never anything else."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kedge.errors import InventoryError
from kedge.inventory.read import read_inventory
from kedge.inventory.text import mark_of
from kedge.model.inventory import Inventory
from kedge.model.thing import Thing
from tests.generated import generate
from tests.unit.inventory.test_read import CLUB, read

LINES = CLUB.splitlines(keepends=True)
WORDS = sorted(
    {word.strip("{},[]:") for word in CLUB.split()} | {"unknown", "none", "", "null", "<<", "*a", "&a", "!x"}
)
EVIDENCE = "facts:\n  - {thing: wiki, what: backup, value: ok, at: 2007-01-05, by: anna, how: looked}\n"


def try_to_read(content: bytes, evidence: bytes = b"") -> Inventory | InventoryError:
    """Return what comes out, and check that every mistake stands inside a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kedge.yaml"
        path.write_bytes(content)
        if evidence:
            path.with_name("evidence.yaml").write_bytes(evidence)
        try:
            return read_inventory(path)
        except InventoryError as error:
            check_places(error, {str(path): content, str(path.with_name("evidence.yaml")): evidence})
            return error


def check_places(error: InventoryError, contents: dict[str, bytes]) -> None:
    assert error.mistakes
    for mistake in error.mistakes:
        lines = contents[mistake.file].decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        assert 1 <= mistake.line <= max(len(lines), 1), mistake
        assert 1 <= mistake.column <= len(lines[mistake.line - 1]) + 2, mistake
        assert mistake.text
        assert "\n" not in mistake.text
        assert "Input should" not in mistake.text


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_no_bytes_crash_it(content: bytes) -> None:
    try_to_read(content)
    try_to_read(CLUB.encode(), content)


@settings(max_examples=500)
@given(st.text(alphabet=":-[]{}#&*!|>'\"%@`,? \t\n\rab1äß\u2028\x85\ufeff\x00", max_size=60))
def test_no_yaml_crashes_it(text: str) -> None:
    try_to_read(text.encode("utf-8", "replace"))
    try_to_read(b"organisation: {name: X}\nhosts:\n  web1: " + text.encode("utf-8", "replace"))


TREES = st.recursive(
    st.sampled_from(WORDS) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=300)
@given(
    st.dictionaries(
        st.sampled_from(["services", "hosts", "people", "domains", "stores", "accepted", "alerts", "channels"]), TREES
    )
)
def test_no_tree_crashes_it(tree: dict[str, object]) -> None:
    try_to_read(yaml.safe_dump({"organisation": {"name": "X"}, **tree}, allow_unicode=True).encode())


def _delete(lines: list[str], at: int, other: int, word: str) -> list[str]:
    return lines[:at] + lines[at + 1 :]


def _duplicate(lines: list[str], at: int, other: int, word: str) -> list[str]:
    return [*lines[:at], lines[at], *lines[at:]]


def _swap(lines: list[str], at: int, other: int, word: str) -> list[str]:
    lines = [*lines]
    lines[at], lines[other] = lines[other], lines[at]
    return lines


def _indent(lines: list[str], at: int, other: int, word: str) -> list[str]:
    return [*lines[:at], f"{' ' * (other % 5)}{lines[at].lstrip()}", *lines[at + 1 :]]


def _replace(lines: list[str], at: int, other: int, word: str) -> list[str]:
    words = lines[at].split(" ")
    words[other % len(words)] = word
    return [*lines[:at], " ".join(words).rstrip("\n") + "\n", *lines[at + 1 :]]


def _cut(lines: list[str], at: int, other: int, word: str) -> list[str]:
    return [*lines[:at], lines[at][: other % (len(lines[at]) + 1)] + word + "\n", *lines[at + 1 :]]


CHANGES = st.tuples(
    st.sampled_from([_delete, _duplicate, _swap, _indent, _replace, _cut]),
    st.integers(0, len(LINES) - 3),
    st.integers(0, len(LINES) - 3),
    st.sampled_from(WORDS),
)


@settings(max_examples=500)
@given(st.lists(CHANGES, min_size=1, max_size=3))
def test_no_slip_of_the_hand_crashes_it(changes: list[tuple[Callable[..., list[str]], int, int, str]]) -> None:
    lines = LINES
    for change, at, other, word in changes:
        lines = change(lines, at % len(lines), other % len(lines), word)
    try_to_read("".join(lines).encode())


@given(st.data())
def test_unknown_is_legal_for_every_value(data: st.DataObject) -> None:
    values = [
        at for at, line in enumerate(LINES) if ": " in line and not line.startswith(("version", "  name", "    kind"))
    ]
    at = data.draw(st.sampled_from(values))
    key = LINES[at].partition(": ")[0]
    lines = [*LINES[:at], f"{key}: unknown\n", *LINES[at + 1 :]]
    read_back = try_to_read("".join(lines).encode())
    if isinstance(read_back, InventoryError):  # what it declared is missed elsewhere
        assert all(
            "is called" in str(each) or "is no channel" in str(each) or "of this name" in str(each)
            for each in read_back.mistakes
        )
    else:
        assert read_back.unknowns


@pytest.mark.parametrize("seed", range(3))
def test_generated_inventories_are_read(tmp_path: Path, seed: int) -> None:
    inventory = read(tmp_path, generate(30, 320, seed))
    assert len(inventory.sections.services) == 30
    assert sum(not name.startswith("mail ") for name in inventory.things) == 320


def test_style_makes_no_difference(tmp_path: Path) -> None:
    one, other = (read(tmp_path, generate(20, 200, seed)).sections for seed in (1, 2))
    assert one == other


def test_what_is_read_survives_being_written(tmp_path: Path) -> None:
    first = read(tmp_path, CLUB).sections
    tree = yaml.load(CLUB, Loader=yaml.CBaseLoader)
    assert read(tmp_path, yaml.safe_dump(tree, sort_keys=False)).sections == first


def test_every_thing_has_a_mark_where_its_name_stands(tmp_path: Path) -> None:
    inventory = read(tmp_path, CLUB)
    for name, thing in inventory.things.items():
        mark = inventory.marks[name]
        assert isinstance(thing, Thing)
        assert LINES[mark.line - 1][mark.column - 1 :].startswith(name)
    assert mark_of


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "- " * 100_000, "{a: " * 50_000, "? " * 50_000, "a:\n" + " - " * 50_000]
)
def test_no_depth_exhausts_it(text: str) -> None:
    assert isinstance(try_to_read(text.encode()), InventoryError)


@pytest.mark.parametrize("text", CLUB.split("\n\n"))
def test_without_libyaml_the_same_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    with_it = read(tmp_path, text)
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert read(tmp_path, text) == with_it
