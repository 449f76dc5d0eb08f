"""Reading an inventory: what it becomes, and every mistake at its place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kedge.errors import InventoryError
from kedge.inventory.read import read_inventory
from kedge.model.inventory import Inventory, Mark, Unknown
from kedge.model.need import AtLeast

CLUB = """\
version: 1
organisation:
  name: Example Club
places:
  dc1: {kind: site}
providers:
  hoster:
    sells: [web1, dc1]
    notices-to: mail office@example.org
    support-hours: mon-fri 8-18 Europe/Berlin
hosts:
  web1:
    place: dc1
    provider: hoster
    volumes:
      root: {size: 20 GB, growth: 300 MB/d}
services:
  wiki:
    kind: mediawiki
    host: web1
    database: db
    people: [anna, admins]
    save: none
  db:
    kind: mariadb
    host: web1
    save: {to: nas, every: 6h}
  mail: {kind: postfix, host: web1, needs: [{any: [web1, db]}, dc1]}
domains:
  example.org:
    zone:
      wiki mail: A 192.0.2.10
      "@": [MX 10 mail, 'TXT "v=spf1 mx -all"']
people:
  anna: {channels: [mail anna@example.net, phone-of-anna]}
  bert: {away: 2007-01-05..2007-02-01}
teams:
  admins: {members: [anna, bert]}
channels:
  phone-of-anna: sms +49 170 0000000
stores:
  nas: {on: dc1, type: restic, passphrase: restic-key}
secrets:
  restic-key: {from: "env:RESTIC_PASSWORD", kept: paper}
"""


def read(folder: Path, text: str, name: str = "club.yaml") -> Inventory:
    path = folder / name
    path.write_text(text)
    return read_inventory(path)


def mistakes(folder: Path, text: str, name: str = "club.yaml") -> list[str]:
    """Return each mistake as `line:column: sentence`."""
    with pytest.raises(InventoryError) as caught:
        read(folder, text, name)
    return [str(each).removeprefix(f"{folder / name}:") for each in caught.value.mistakes]


def only(folder: Path, text: str) -> str:
    found = mistakes(folder, text)
    assert len(found) == 1, found
    return found[0]


def test_a_club_becomes_things_with_types(tmp_path: Path) -> None:
    club = read(tmp_path, CLUB)
    root = club.sections.hosts["web1"].volumes["root"]
    assert (root.size, root.growth) == (20 * 10**9, 3e8)
    assert club.sections.services["wiki"].kind == "mediawiki"
    assert club.sections.services["wiki"].people == ("anna", "admins")
    assert club.sections.services["wiki"].save is not None
    assert club.sections.services["wiki"].save.to == ()
    assert club.sections.services["db"].save.every == timedelta(hours=6)
    assert club.sections.services["mail"].needs.run == (AtLeast(at_least=1, of=("web1", "db")), "dc1")
    assert club.sections.domains["example.org"].zone["wiki mail"] == ("A 192.0.2.10",)
    assert club.sections.people["bert"].away.since == datetime(2007, 1, 5, tzinfo=UTC)
    assert club.marks["wiki"] == Mark(str(tmp_path / "club.yaml"), 18, 3)


def test_channels_written_in_place_are_things(tmp_path: Path) -> None:
    club = read(tmp_path, CLUB)
    assert club.sections.channels["mail anna@example.net"].address == "anna@example.net"
    assert club.sections.channels["phone-of-anna"].type == "sms"
    assert club.marks["mail office@example.org"].line == 9


def test_unknown_is_recorded_and_absent(tmp_path: Path) -> None:
    text = "organisation: {name: X}\nhosts:\n  web1: {provider: unknown, console: {tried: unknown}}\nteams: unknown\n"
    club = read(tmp_path, text)
    file = str(tmp_path / "club.yaml")
    assert club.sections.hosts["web1"].provider is None
    assert club.unknowns == (
        Unknown("", "teams", Mark(file, 4, 8)),
        Unknown("web1", "provider", Mark(file, 3, 20)),
        Unknown("web1", "console.tried", Mark(file, 3, 46)),
    )


def test_ten_mistakes_are_ten_messages(tmp_path: Path) -> None:
    text = CLUB.replace("name: Example Club", "name: Example Club\n  langauge: de")
    text = text.replace("place: dc1\n", "plaec: dc1\n")
    text = text.replace("provider: hoster", "provider: hostr")
    text = text.replace("20 GB", "20 GX")
    text = text.replace("kind: mediawiki", "kind: mediawki")
    text = text.replace("people: [anna, admins]", "people: [ana, admins]")
    text = text.replace("every: 6h", "every: often")
    text = text.replace("A 192.0.2.10", "A 192.0.2.300")
    text = text.replace("sms +49", "smss +49")
    text = text.replace('"env:RESTIC_PASSWORD"', "hunter2")
    found = mistakes(tmp_path, text)
    assert [each.split(": ", 1)[0] for each in found] == [
        "4:3", "14:5", "15:15", "17:20", "20:11", "23:14", "28:28", "33:18", "41:18", "45:22",
    ]  # fmt: skip
    assert not any("hunter2" in each for each in found)
    for each, hint in zip(
        found, ["language", "place", "hoster", "20 GB", "mediawiki", "anna", "12h", "", "sms", "env:"], strict=True
    ):
        assert hint in each


def test_empty_list_is_a_statement_and_a_list_of_unknowns_is_not(tmp_path: Path) -> None:
    text = "organisation: {name: X}\nteams:\n  a: {members: []}\n  b: {members: [unknown]}\n  c: {members: }\n"
    teams = read(tmp_path, text).sections.teams
    assert (teams["a"].members, teams["b"].members, teams["c"].members) == ((), None, None)
