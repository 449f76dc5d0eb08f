"""Mistakes in the user's files: all at once, each at its place, each with what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.acceptance.command import Kedge

TEN = """\
version: 1
organisation: {name: Club, contakt: mail it@club.example}
people:
  anna: {channels: [sms anna, mail anna@private.example]}
  ben: {chanels: sms ben}
hosts:
  web1: {adress: 192.0.2.10, volumes: {root: {size: 40 Gigs}}}
  web2: {guest-of: web11}
services:
  wiki: {kind: mediawki, host: web1, people: anna}
  mail: {kind: postfix, host: web1, people: anna}
  chat: {kind: prosody, host: web1, people: bne, password: hunter2}
  anna: {kind: files, host: web1}
  mail: {kind: dovecot, host: web1}
domains:
  club.example: {expiry: 31.12.2027, zone: {"@": MX mail.club.example.}}
"""
EXPECTED = (
    (2, 28, "contakt", "contact"),
    (5, 9, "chanels", "channels"),
    (7, 10, "adress", "address"),
    (7, 53, "40 Gigs", "20 GB"),
    (8, 20, "web11", "web1"),
    (10, 16, "mediawki", "mediawiki"),
    (12, 45, "bne", "ben"),
    (12, 60, "password", "env:"),
    (13, 3, "anna", "4:3"),
    (14, 3, "mail", "line 11"),
    (16, 26, "31.12.2027", "2007-01-05"),
    (16, 50, "MX mail.club.example.", "MX record"),
)
"""Line, column, what was found, and a word of what should stand there."""


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    path = tmp_path / "kedge.yaml"
    path.write_text(TEN)
    return path


@pytest.mark.parametrize("command", ["check", "whatif", "ask", "publish"])
def test_every_mistake_is_told_at_once(kedge: Kedge, ten: Path, command: str) -> None:
    argv = {"check": [], "whatif": ["web1"], "ask": [], "publish": ["--out", "site"]}[command]
    done = kedge(command, *argv, "--inventory", ten)
    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err
    told = dict(re.findall(rf"^{re.escape(str(ten))}:(\d+:\d+): (.+)$", done.err, re.MULTILINE))
    for line, column, found, expected in EXPECTED:
        message = told.get(f"{line}:{column}", "")
        assert found in message, done.err
        assert expected in message, message
    assert f"{len(told)} mistakes; nothing was done." in done.err
    assert not (kedge.home / "site").exists()
    assert "hunter2" not in done.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "whose inventory is this?"),
        (b"# nothing yet\n", "whose inventory is this?"),
        (b"\x00\xffPNG\r\n\x1a\n", "UTF-8"),
        ("organisation: {name: Müller}\n".encode("latin-1"), "not UTF-8"),
        ("organisation: {name: X}\n".encode("utf-16"), "UTF-16"),
        (b"organisation: {name: X\n", "kedge.yaml:"),
        (b"organisation:\n\tname: X\n", "kedge.yaml:2:1"),
        (b"- a\n- b\n", "expected sections"),
        (b"organisation: &a {name: X}\nhosts: *a\n", "anchor"),
        (b"organisation: !!python/object:os.system {name: X}\n", "tag"),
    ],
)
def test_what_is_no_inventory_is_told_in_a_sentence(kedge: Kedge, tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "kedge.yaml").write_bytes(content)
    done = kedge("check", cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "Traceback" not in done.err


def test_no_inventory(kedge: Kedge, tmp_path: Path) -> None:
    nothing = kedge("check", cwd=tmp_path)
    assert nothing.code == 2
    assert "there is no inventory here" in nothing.err
    assert "KEDGE_INVENTORY" in nothing.err
    missing = kedge("check", "nosuch.yaml", cwd=tmp_path)
    assert (missing.code, missing.err.splitlines()[0]) == (2, "there is no file or folder 'nosuch.yaml'")
    named = kedge("check", cwd=tmp_path, KEDGE_INVENTORY="elsewhere")
    assert "it is named by KEDGE_INVENTORY" in named.err
    (tmp_path / "empty").mkdir()
    assert "holds no *.yaml file" in kedge("check", "empty", cwd=tmp_path).err


def test_file_that_cannot_be_read(kedge: Kedge, tmp_path: Path) -> None:
    path = tmp_path / "kedge.yaml"
    path.write_text(TEN)
    path.chmod(0)
    try:
        path.read_bytes()
    except PermissionError:
        done = kedge("check", path)
        assert done.code == 2
        assert "cannot be read" in done.err
    else:
        pytest.skip("does not apply to root")


def test_evidence_has_mistakes_too(kedge: Kedge, small: Path) -> None:
    (small / "evidence.yaml").write_text(
        "version: 1\nfacts:\n"
        "  - {thing: wikki, what: drill, value: ok, at: 2026-11-01}\n"
        "  - {thing: wiki, what: drill, value: ok, at: 2026-13-01}\n"
    )
    done = kedge("check", small)
    assert done.code == 2
    assert "evidence.yaml:3:13: no thing is called 'wikki'; did you mean 'wiki'" in done.err
    assert "evidence.yaml:4:47: expected a date such as" in done.err


def test_misspelt_section_hides_no_other_mistake(kedge: Kedge, ten: Path) -> None:
    ten.write_text(f"{TEN}plaecs: {{cellar: {{kind: building}}}}\n")
    assert "did you mean 'web1'" in kedge("check", ten).err
