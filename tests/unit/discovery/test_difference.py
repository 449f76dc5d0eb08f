"""What changed in the world, put beside what people wrote: their words stay, measured values are proposed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from kedge.app.opening import Opened
from kedge.app.updating import apply_changes
from kedge.discovery.composing import compose
from kedge.discovery.difference import Comparison, Difference
from kedge.discovery.inside import HostView, read_inside
from kedge.discovery.world import AddressView, DomainView, World
from kedge.inventory.read import read_inventory
from tests.unit.discovery.test_hostile import REPORT

MINE = """\
version: 1
organisation: {name: Club}
people: {anna: {channels: sms anna}}   # the only one
hosts:
  machine:            # in the cellar
    address: 192.0.2.1
    login: ssh root@web1
    system: Debian 11
services:
  our-wiki: {kind: mediawiki, host: machine, people: anna, save: none}   # do not touch
  old-list: {kind: mailman3, host: machine, people: anna}
domains:
  example.org:
    expiry: 2026-12-31
    zone: {wiki www: A 192.0.2.1, "@": MX 10 mail.example.org.}
"""
WORDS = ["web1", "debian", "12", "3306", "mariadbd", "/usr/sbin/mariadbd", "x", "x", "x", "wiki", "x", "x", "/", "wiki",
         "localhost", "http://wiki.example.org", "/x", "x", "x", "/x", "x", "x", "x", "0"]  # fmt: skip


def found(tmp_path: Path, text: str = MINE) -> tuple[Path, Difference]:
    file = tmp_path / "kedge.yaml"
    file.write_text(text)
    view: HostView = read_inside(
        "ssh root@web1", REPORT.format(*WORDS).replace("7\t/\t", "6\t/\t/usr/sbin/nginx\n 7\t/\t")
    )
    domain = DomainView(
        "example.org", servers=("ns.elsewhere.example",), mail_hosts=("mail.example.org",),
        names={"mail.example.org": ("192.0.2.1",)}, has_spf=True,
        records={"@": ("MX 10 mail2.example.org.",), "wiki": ("A 192.0.2.7",), "mail": ("A 192.0.2.1",)},
    )  # fmt: skip
    world = World((domain,), {"192.0.2.1": AddressView("192.0.2.1")})
    composer = compose("Club", date(2026, 11, 22), world, [view])
    drawn = tmp_path / "drawn.yaml"
    drawn.write_text(composer.sketch.to_text())
    opened = Opened(file, read_inventory(file))
    comparison = Comparison(composer.sketch, read_inventory(drawn), opened.inventory, frozenset(composer.asked))
    return file, comparison.difference()


def test_what_people_called_otherwise_is_recognised(tmp_path: Path) -> None:
    _, difference = found(tmp_path)
    things = {(change.section, change.thing, change.field) for change in difference.changes}
    assert ("hosts", "machine", "system") in things
    assert not any(thing in ("web1", "wiki") for _, thing, _ in things)
    assert ("services", "web1-db", "") in things


def test_what_was_not_seen_is_told_and_stays(tmp_path: Path) -> None:
    file, difference = found(tmp_path)
    assert "services.old-list was not seen on machine" in difference.unseen
    assert apply_changes(file, difference.changes) == []
    assert "old-list" in read_inventory(file).sections.services


def test_a_line_that_names_share_is_changed_by_hand(tmp_path: Path) -> None:
    _, difference = found(tmp_path)
    assert any("wiki shares a line" in told for told in difference.unseen)
    assert not any(change.field == "zone.wiki" for change in difference.changes)


def test_applied_it_is_gone_and_every_comment_is_there(tmp_path: Path) -> None:
    file, difference = found(tmp_path)
    assert apply_changes(file, difference.changes) == []
    text = file.read_text()
    assert [line.partition("#")[2] for line in MINE.splitlines() if "#" in line] == [
        line.partition("#")[2] for line in text.splitlines() if "#" in line
    ]
    inventory = read_inventory(file)
    assert inventory.sections.hosts["machine"].system == "Debian 12"
    assert inventory.sections.services["web1-db"].host == ("machine",)
    assert inventory.sections.domains["example.org"].zone["@"] == ("MX 10 mail2.example.org.",)
    assert found(tmp_path, text)[1].changes == []
