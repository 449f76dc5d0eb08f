"""`--json` of every command prints exactly the keys that docs/json.md promises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.command import CLUB_12, ROOT, STATE_5, Kedge

PAGE = (ROOT / "docs" / "json.md").read_text("utf-8")
FREE = {"levels", "values", "named_by", "takes_down"}
"""Keys below which stand names of the inventory."""
ON = ("-i", CLUB_12)


def keys_of(answer: Any) -> Iterator[str]:
    """Every key at any depth, but names of things."""
    if isinstance(answer, list):
        for each in answer:
            yield from keys_of(each)
    elif isinstance(answer, dict):
        for key, value in answer.items():
            yield key
            yield from () if key in FREE else keys_of(value)


def promised(command: str) -> set[str]:
    """The words in code of a command's section or row."""
    section = re.search(rf"^## kedge {command}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    row = re.search(rf"^\| `kedge {command}` \|(.*)$", PAGE, re.MULTILINE)
    found = section or row
    assert found, f"docs/json.md does not speak of {command}"
    return set(re.findall(r"`([a-z_]+)`", found[1]))


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        ("check", ["check", STATE_5]),
        ("whatif", ["whatif", "rack1", *ON]),
        ("suggest", ["suggest", "--count", "3", *ON]),
        ("before", ["before", "move", "wiki", *ON]),
        ("show", ["show", "wiki", *ON]),
        ("ask", ["ask", *ON]),
        ("explain", ["explain"]),
        ("kinds", ["kinds"]),
        ("publish", ["publish", "--out", "site", *ON]),
        ("completion", ["completion", "fish"]),
    ],
)
def test_keys_are_those_of_the_page(kedge: Kedge, command: str, argv: list[str | Path]) -> None:
    printed = set(keys_of(kedge(*argv, "--json").json))
    assert printed - promised(command) == set(), "printed, but not documented"
    values = {"critical", "warning", "note", "ok", "red", "unknown", "measured", "declared"}
    accepted = {"accepted", "by", "until"} if command == "check" else set()
    assert promised(command) - printed - values - accepted == set(), "documented, but not printed"


def test_keys_of_what_is_written(kedge: Kedge, club: Path) -> None:
    noted = kedge("note", "x", "-i", club, "--json").json
    assert set(noted) == promised("note")
    assert set(kedge("ask", "--answer", "website.save=none", "-i", club, "--json").json) == promised("ask --answer")
