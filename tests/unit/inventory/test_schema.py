"""The JSON Schema says what the reader says, as far as an editor can see it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from kedge.errors import InventoryError
from kedge.inventory.read import read_inventory
from kedge.inventory.reference import reference_page
from kedge.inventory.schema import ABOUT, json_schema
from kedge.inventory.shapes import fields_of
from kedge.inventory.text import Composer, Map, Seq
from kedge.kinds.registry import KINDS
from kedge.model.inventory import Sections
from tests.generated import generate
from tests.unit.inventory.test_read import CLUB

EXAMPLES = sorted(
    path
    for path in (Path(__file__).parents[3] / "examples").rglob("*.yaml")
    if path.name != "evidence.yaml" and not path.name.startswith(".")
)
NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")


def data(text: str, is_native: bool) -> Any:
    """Return a text as plain data: every scalar a string, or what YAML 1.2 makes of it (10.3.2, core schema)."""
    return plain(Composer("", []).compose(text), is_native)


def plain(node: Any, is_native: bool) -> Any:
    if isinstance(node, Map):
        return {str(key): plain(value, is_native) for key, value in node.items()}
    if isinstance(node, Seq):
        return [plain(each, is_native) for each in node]
    return native(str(node)) if is_native else str(node) or None


def native(text: str) -> Any:
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    return json.loads(text.lstrip("+").lstrip("0") or "0") if NUMBER.fullmatch(text) and "." not in text else text


def faults(text: str, is_native: bool = False) -> list[str]:
    validator = Draft202012Validator(json_schema())
    return [error.json_path for error in validator.iter_errors(data(text, is_native))]


def test_is_a_schema() -> None:
    Draft202012Validator.check_schema(json_schema())
    assert json.loads(json.dumps(json_schema())) == json_schema()


@pytest.mark.parametrize("is_native", [False, True])
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(path.parents[3])))
def test_accepts_every_example(path: Path, is_native: bool) -> None:
    try:
        read_inventory(path)
    except InventoryError as error:
        pytest.skip(f"does not apply: the reader refuses it as well: {error}")
    assert faults(path.read_text("utf-8"), is_native) == []


@pytest.mark.parametrize("is_native", [False, True])
@pytest.mark.parametrize("text", [CLUB, generate(40, 400, 3)], ids=["club", "generated"])
def test_accepts_valid_inventories(text: str, is_native: bool) -> None:
    assert faults(text, is_native) == []


@pytest.mark.parametrize(
    "text",
    [
        "version: 2",
        "hots: {}",
        "hosts: {web1: {plaec: dc1}}",
        "hosts: {web1: text}",
        "hosts: {a b: {}}",
        "hosts: {web1: {volumes: {root: {siez: 20 GB}}}}",
        "services: {wiki: {kind: mediawki}}",
        "services: {wiki: {host: web1}}",
        "services: {db: {kind: mariadb, database: db}}",
        "services: {db: {kind: mariadb, starts: sometimes}}",
        "services: {db: {kind: mariadb, at-least: two}}",
        "services: {db: {kind: mariadb, needs: {runs: [x]}}}",
        "stores: {nas: {offline: maybe}}",
        "accepted: [{rule: bus-1}]",
    ],
)
def test_refuses_what_the_reader_refuses(text: str) -> None:
    assert faults(text)
    assert faults(text, is_native=True)


@pytest.mark.parametrize(
    "text",
    [
        "hosts: unknown\nservices:",
        "hosts: {web1: unknown, web2: }",
        "hosts: {web1: {console: unknown, volumes: {root: {size: unknown}}, needs: [unknown, {any: [unknown]}]}}",
        "services: {wiki: {kind: unknown, host: [unknown], at-least: unknown, public: unknown, save: unknown}}",
        "services: {wiki: {kind: other, needs: {run: dc1, use: [{at-least: 1, of: dc1}]}, save: {to: none}}}",
        "people: {anna: {away: until 2007-02-01, public: yes, channels: sms anna}}",
        "organisation: {name: 2007, language: unknown}",
    ],
)
def test_accepts_unknown_and_short_forms_everywhere(text: str) -> None:
    assert faults(text) == []
    assert faults(text, is_native=True) == []


def test_every_section_and_kind_is_described() -> None:
    schema = json_schema()
    assert set(ABOUT) == set(schema["properties"]) == set(Sections.model_fields)
    assert {*KINDS, "unknown"} == set(schema["$defs"]["Service"]["properties"]["kind"]["enum"])


def test_reference_page_says_of_every_key_what_it_is() -> None:
    page = reference_page()
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]
    assert [row for row in rows if not all(cell.strip(" |") for cell in row) or len(row) != 4] == []
    for section in Sections.model_fields:
        assert f"\n## {section}\n" in page
    for key in fields_of(Sections.model_fields["hosts"].annotation.__args__[1]):
        assert f"| `{key}` |" in page
    links = re.findall(r"\]\(#([\w-]+)\)", page)
    anchors = {line.lstrip("# ").replace(" ", "-") for line in page.splitlines() if line.startswith("##")}
    assert set(links) <= anchors
