"""One file or a folder; what is attested beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kedge.errors import InventoryError
from kedge.inventory.read import read_inventory
from kedge.model.facts import Fact
from tests.unit.inventory.test_read import CLUB, read


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)


def mistakes(path: Path) -> list[str]:
    with pytest.raises(InventoryError) as caught:
        read_inventory(path)
    return [str(each).replace(f"{path}/", "") for each in caught.value.mistakes]


def test_a_folder_is_one_inventory(tmp_path: Path) -> None:
    write(tmp_path, a="organisation: {name: X}\nhosts: {web1: {}}\n", b="hosts:\n  web2: {guest-of: web1}\n")
    (tmp_path / "c.yml").write_text("people: {anna: {}}\n")
    (tmp_path / ".d.yaml").write_text("}")
    (tmp_path / "e.yaml.bak").write_text("}")
    (tmp_path / "f.yaml").mkdir()
    inventory = read_inventory(tmp_path)
    assert list(inventory.things) == ["web1", "web2", "anna"]
    assert inventory.marks["web2"].file == str(tmp_path / "b.yaml")
    assert inventory.source == str(tmp_path)


def test_a_name_in_two_files_names_both_places(tmp_path: Path) -> None:
    write(tmp_path, a="organisation: {name: X}\nhosts: {web1: {}}\n", b="hosts:\n  web1: {}\norganisation: {name: Y}\n")
    taken, twice = mistakes(tmp_path)
    assert taken.startswith("b.yaml:2:3: the name 'web1' is taken in hosts at ")
    assert "at a.yaml:2:9" in taken
    assert twice.startswith("b.yaml:3:1: 'organisation' stands twice, first at ")


def test_mistakes_of_all_files_come_at_once_in_order(tmp_path: Path) -> None:
    write(
        tmp_path,
        a="organisation: {name: X}\nhosts: {w: [}\n",
        b="people: {anna: {x: y}}\n",
        evidence="facts: [{thing: z}]",
    )
    assert [each.split(": ")[0] for each in mistakes(tmp_path)] == [
        "a.yaml:2:13",
        "b.yaml:1:17",
        *["evidence.yaml:1:9"] * 3,
    ]


@pytest.mark.parametrize("path", ["nowhere", "nowhere/deeper.yaml", "a\0b", "x" * 5000])
def test_what_is_not_there_is_said(tmp_path: Path, path: str) -> None:
    with pytest.raises(InventoryError):
        read_inventory(tmp_path / path)


def test_an_empty_folder_is_no_inventory(tmp_path: Path) -> None:
    assert "holds no *.yaml file" in mistakes(tmp_path)[0]


@pytest.mark.parametrize(
    ("content", "at"),
    [
        (b"organisation: {name: X}\nhosts: {w: {about: \xff}}\n", "2:20"),
        ("organisation: {name: ä}\nhosts: {w: {about: 'ä".encode() + b"\xe4'}}\n", "2:22"),
        ("organisation: {name: X}\n".encode("utf-16"), "1:1"),
    ],
)
def test_what_is_not_utf_8_is_said(tmp_path: Path, content: bytes, at: str) -> None:
    (tmp_path / "a.yaml").write_bytes(content)
    found = mistakes(tmp_path)
    assert [each.split(": ")[0] for each in found] == [f"a.yaml:{at}"]
    assert "UTF-8" in found[0]


def test_a_byte_order_mark_and_carriage_returns_are_fine(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbf" + CLUB.replace("\n", "\r\n").encode())
    assert read_inventory(tmp_path).sections == read(tmp_path, CLUB).sections


def test_facts_are_read_from_beside_the_inventory(tmp_path: Path) -> None:
    write(tmp_path, club=CLUB, evidence="""\
version: 1
facts:
  - {thing: web1, what: used/root, value: 17 GB, at: 2007-01-03 18:00, by: anna, how: df}
  - thing: panel-of-nobody-else
    what: works
    value: yes
    at: 2007-01-05
    source: observed
    shelf-life: 30d
""".replace("panel-of-nobody-else", "phone-of-anna"))  # fmt: skip
    for path in (tmp_path, tmp_path / "club.yaml"):
        assert read_inventory(path).facts == (
            Fact("web1", "used/root", "17 GB", datetime(2007, 1, 3, 18, tzinfo=UTC), "attested", "anna", "df"),
            Fact(
                "phone-of-anna", "works", "yes", datetime(2007, 1, 5, tzinfo=UTC), "observed", shelf_life=timedelta(30)
            ),
        )


@pytest.mark.parametrize(
    ("text", "at", "says"),
    [
        ("facts: [{thing: web2, what: x, value: y, at: 2007-01-05}]", "1:17", "no thing is called 'web2'; did you mean 'web1'"),
        ("facts: [{thing: web1, what: x, value: y}]", "1:9", "'at' is missing here"),
        ("facts: [{thing: web1, what: x, value: y, at: now}]", "1:46", "expected a date such as"),
        ("facts: [{thing: web1, wat: x, what: x, value: y, at: 2007-01-05}]", "1:23", "unknown key 'wat' for a fact; did you mean 'what'"),
        ("facts: [{thing: web1, what: x, value: y, at: 2007-01-05, source: rumour}]", "1:66", "expected one of observed"),
        ("facts: web1", "1:8", "expected a list of facts"),
        ("facts: [web1]", "1:9", "expected the fields of a fact"),
        ("fact: []", "1:1", "unknown key 'fact' in the evidence; did you mean 'facts'?"),
        ("version: 3", "1:10", "evidence of version 1, found '3'"),
        ("[]", "1:1", "expected 'facts:'"),
        ("facts: [", "1:8", "this '[' is never closed"),
    ],
)  # fmt: skip
def test_mistakes_in_the_evidence_are_said_as_well(tmp_path: Path, text: str, at: str, says: str) -> None:
    write(tmp_path, club=CLUB, evidence=text)
    found = mistakes(tmp_path)
    assert len(found) == 1, found
    assert found[0].startswith(f"evidence.yaml:{at}: "), found
    assert says in found[0]


@pytest.mark.parametrize("text", ["", "facts:\n", "facts: []\n", "version: 1\n"])
def test_no_facts_are_fine(tmp_path: Path, text: str) -> None:
    write(tmp_path, club=CLUB, evidence=text)
    assert read_inventory(tmp_path).facts == ()
