"""Edits change one value; every other character of the file stays."""

from __future__ import annotations

import os
from difflib import ndiff
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.errors import InventoryError, OutsideError, Refused, UsageError
from kedge.inventory.edit import Edits, Value, add_entry, flow, set_value
from kedge.inventory.read import read_inventory
from kedge.inventory.replacement import replace_file
from kedge.inventory.text import UNPRINTABLE, Composer

TEXT = """\
# Our machines.   Trailing spaces:   
organisation:   {name:   'Example Club'}   # quoted

hosts:
    web1:          # four spaces here
        system:   Debian 12     # odd spacing
        provider: unknown   # ask anna
        address:
        - 192.0.2.10     # v4

        - 2001:db8::10
        volumes: {root: {size: "20 GB"},
                  "/srv": {}}
    web2:
    # a comment in between
    web3: {}
    web4: unknown
    last: {system: x}

people:
  anna: {channels: [ mail anna@example.org ,sms anna ]}
channels:
  desk: phone +49 30 1234   # shorthand
providers:
  hoster:
    url: https://example.org
# the end
"""  # noqa: W291


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    path = tmp_path / "kedge.yaml"
    path.write_text(TEXT)
    return path


def changed(path: Path) -> list[str]:
    """Return the lines that were taken out and put in."""
    found = ndiff(TEXT.splitlines(keepends=True), path.read_text().splitlines(keepends=True))
    return [line.rstrip("\n") for line in found if line[0] in "+-"]


@pytest.mark.parametrize(
    ("thing", "field", "value", "lines"),
    [
        ("web1", "provider", "hoster", [
            "-         provider: unknown   # ask anna",
            "+         provider: hoster   # ask anna",
        ]),
        ("web1", "last-boot", "2007-01-05", ["+         last-boot: 2007-01-05"]),
        ("web1", "address", ["192.0.2.11"], [
            "-         address:",
            "-         - 192.0.2.10     # v4",
            "- ",
            "-         - 2001:db8::10",
            "+         address: [192.0.2.11]",
        ]),
        ("web1", "console.tried", "2007-01-05", ["+         console: {tried: 2007-01-05}"]),
        ("web1", "volumes.root.used", "3 GB", [
            '-         volumes: {root: {size: "20 GB"},',
            '+         volumes: {root: {size: "20 GB", used: 3 GB},',
        ]),
        ("web1", "volumes./srv.used", "3 GB", [
            '-                   "/srv": {}}',
            '+                   "/srv": {used: 3 GB}}',
        ]),
        ("web2", "system", "a: b", ['+       system: "a: b"']),
        ("web3", "system", "Debian", ["-     web3: {}", "+     web3: {system: Debian}"]),
        ("web4", "system", "Debian", ["-     web4: unknown", "+     web4: {system: Debian}"]),
        ("last", "login", "no", ["-     last: {system: x}", "+     last: {system: x, login: no}"]),
        ("anna", "public", True, [
            "-   anna: {channels: [ mail anna@example.org ,sms anna ]}",
            "+   anna: {channels: [ mail anna@example.org ,sms anna ], public: yes}",
        ]),
        ("desk", "read-every", "1d", [
            "-   desk: phone +49 30 1234   # shorthand",
            "+   desk: {to: phone +49 30 1234, read-every: 1d}   # shorthand",
        ]),
        ("hoster", "sells", ["web1", "web2"], ["+     sells: [web1, web2]"]),
        ("", "organisation.language", "de", [
            "- organisation:   {name:   'Example Club'}   # quoted",
            "+ organisation:   {name:   'Example Club', language: de}   # quoted",
        ]),
    ],
)  # fmt: skip
def test_set_value_touches_one_value(inventory: Path, thing: str, field: str, value: Value, lines: list[str]) -> None:
    set_value(inventory, thing, field, value)
    assert sorted(changed(inventory)) == sorted(lines)


def test_what_was_set_reads_back(inventory: Path) -> None:
    set_value(inventory, "web1", "provider", "hoster")
    set_value(inventory, "web1", "provider", "unknown")
    assert inventory.read_text() == TEXT


def test_edits_build_upon_each_other_and_are_shown_before_they_are_written(inventory: Path) -> None:
    edits = Edits(inventory)
    edits.add_entry("people", "bert", {"channels": "sms bert"})
    edits.set_value("", "alerts.tell", ["bert"])
    with pytest.raises(InventoryError):
        edits.set_value("bert", "hours", "at night")
    shown = [line for line in edits.difference()[2:] if line[0] in "+-"]
    assert shown == ["+  bert:", "+    channels: sms bert", "+alerts:", "+  tell: [bert]"]
    assert inventory.read_text() == TEXT
    edits.write()
    assert changed(inventory) == ["+   bert:", "+     channels: sms bert", "+ alerts:", "+   tell: [bert]"]


def test_add_entry_goes_to_the_end_of_its_section(inventory: Path) -> None:
    add_entry(inventory, "people", "bert", {"channels": ["sms bert"], "public": True})
    assert changed(inventory) == ["+   bert:", "+     channels: [sms bert]", "+     public: yes"]


def test_add_entry_makes_the_section(inventory: Path) -> None:
    add_entry(
        inventory, "changes", "mx", {"what": "MX → other server: “for now”", "of": ["web1"], "until": "2007-02-01"}
    )
    assert changed(inventory) == [
        "+ changes:",
        "+   mx:",
        "+     what: \"MX → other server: “for now”\"",
        "+     of: [web1]",
        "+     until: 2007-02-01",
    ]  # fmt: skip


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("end", ["\n", "", "\n\n"])
def test_line_ends_are_kept(tmp_path: Path, newline: str, end: str) -> None:
    path = tmp_path / "kedge.yaml"
    before = f"organisation: {{name: X}}\nhosts:\n  web1:\n    system: x{end}".replace("\n", newline).encode()
    path.write_bytes(b"\xef\xbb\xbf" + before)
    set_value(path, "web1", "login", "ssh web1")
    after = path.read_bytes()
    assert after.startswith(b"\xef\xbb\xbf" + before.rstrip())
    assert after.count(b"\r\n") == after.count(b"\n") if newline == "\r\n" else b"\r" not in after
    add_entry(path, "people", "anna", {"public": False})
    assert read_inventory(path).things.keys() == {"web1", "anna"}


def test_a_folder_is_edited_where_the_thing_stands(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("organisation: {name: X}\n")
    (tmp_path / "b.yaml").write_text("hosts:\n  web1:\n")
    set_value(tmp_path, "web1", "system", "Debian")
    add_entry(tmp_path, "hosts", "web2", {})
    add_entry(tmp_path, "people", "anna", {})
    assert (tmp_path / "b.yaml").read_text() == "hosts:\n  web1:\n    system: Debian\n  web2: {}\n"
    assert (tmp_path / "a.yaml").read_text() == "organisation: {name: X}\npeople:\n  anna: {}\n"


def test_a_value_that_does_not_fit_writes_nothing(inventory: Path) -> None:
    with pytest.raises(InventoryError, match="no provider is called 'hostr'; did you mean 'hoster'") as caught:
        set_value(inventory, "web1", "provider", "hostr")
    assert caught.value.hint == "nothing was written"
    assert changed(inventory) == []
    with pytest.raises(UsageError, match="taken at"):
        add_entry(inventory, "people", "web1", {})
    assert os.listdir(inventory.parent) == ["kedge.yaml"]


def test_mode_and_link_stay(inventory: Path) -> None:
    inventory.chmod(0o640)
    link = inventory.parent / "link.yaml"
    link.symlink_to(inventory.name)
    set_value(link, "web3", "system", "Debian")
    assert link.is_symlink()
    assert inventory.stat().st_mode & 0o777 == 0o640
    assert "web3: {system: Debian}" in inventory.read_text()


def test_somebody_elses_change_is_not_overwritten(inventory: Path) -> None:
    with pytest.raises(Refused):
        replace_file(inventory, b"mine", b"what I read")
    assert inventory.read_text() == TEXT


def test_a_disk_that_fails_leaves_the_file(inventory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OutsideError, match="No space left"):
        set_value(inventory, "web3", "system", "Debian")
    assert inventory.read_text() == TEXT
    assert os.listdir(inventory.parent) == ["kedge.yaml"]


@given(st.text(max_size=40))
def test_every_text_is_written_so_that_it_reads_back(text: str) -> None:
    if UNPRINTABLE.search(text):
        with pytest.raises(UsageError):
            flow(text)
        return
    tree = Composer("", []).compose(f"a: {flow(text)}\nb: [{flow(text)}, x]\nc: {{k: {flow(text)}}}\n")
    assert (tree["a"], tree["b"][0], tree["c"]["k"]) == (text, text, text)
