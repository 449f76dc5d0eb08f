"""Secrets by reference: found where they are said to be, and never shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kedge.adapters.secret import read_secret, without_secrets
from kedge.errors import OutsideError

ENVIRON = {"PASS": "anker", "EMPTY": "", "PATH": os.environ["PATH"]}


@pytest.mark.parametrize(
    ("reference", "value"),
    [("env:PASS", b"anker"), ("file:pass", b"kette \xc3\xa4 "), ("command:printf 'tau\\nwerk'", b"tau")],
)
def test_it_is_read(reference: str, value: bytes, tmp_path: Path) -> None:
    (tmp_path / "pass").write_text("kette ä \r\nsecond line\n", encoding="utf-8")
    secret = read_secret(reference, ENVIRON, tmp_path)
    assert secret.value == value
    assert value.decode() not in repr(secret)
    assert value.decode() not in secret.hide(f"x {value.decode()} y")


@pytest.mark.parametrize(
    "reference", ["", "anker", "env:", "env:NONE", "env:EMPTY", "file:none", "file:/dev/zero", "command:false anker"]
)
def test_what_cannot_be_read_is_refused_without_a_value(reference: str, tmp_path: Path) -> None:
    with pytest.raises(OutsideError) as failure:
        read_secret(reference, ENVIRON, tmp_path)
    assert "anker" not in f"{failure.value} {failure.value.hint}"


def test_it_can_be_read_from_the_pipe_once() -> None:
    with read_secret("env:PASS", ENVIRON).piped() as number:
        assert Path(f"/dev/fd/{number}").read_bytes() == b"anker"
        assert Path(f"/dev/fd/{number}").read_bytes() == b""


def test_children_get_no_variable_that_holds_one() -> None:
    assert without_secrets(ENVIRON, ["env:PASS", "file:PATH"]) == {"EMPTY": "", "PATH": ENVIRON["PATH"]}
