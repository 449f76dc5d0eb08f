"""`kedge probe` at the vantage: nothing wrong is told of what works, and each failure by its cause."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from kedge.kinds.grades import Grade
from tests.integration.conftest import prove as prove  # a fixture
from tests.lab.host import Host
from tests.lab.keeper import CHECKOUT
from tests.lab.lab import Lab
from tests.lab.test_dns import MX_CHANGED

pytestmark = pytest.mark.lab
KEDGE = str(Path(sys.executable).with_name("kedge"))
ON_NEW = {"lists", "lists-db", "mail", "mailboxes", "tickets", "tickets-database", "tickets-db", "xmpp"}
"""What runs on hetzner-new, its guest included."""
MOVED = """\
version: 1
organisation: {name: Verein}
services:
  mail: {kind: postfix, hostname: neu.verein.example, domains: verein.example}
"""


@dataclass(frozen=True)
class Sweep:
    """One answer of `kedge probe --json`."""

    code: int
    answer: dict[str, Any]

    @cached_property
    def seen(self) -> dict[str, tuple[str, str]]:
        """`thing probe` -> status and what was seen."""
        return {f"{one['thing']} {one['probe']}": (one["status"], one["what"]) for one in self.answer["observations"]}

    @cached_property
    def findings(self) -> dict[str, dict[str, Any]]:
        """Title -> finding."""
        return {finding["title"]: finding for finding in self.answer["findings"]}

    def beneath(self, title: str) -> set[str]:
        """The things beneath a finding."""
        return {symptom["thing"] for symptom in self.findings[title]["symptoms"]}

    def bad(self, *but: str) -> dict[str, tuple[str, str]]:
        """What is not ok, except of these things."""
        return {key: said for key, said in self.seen.items() if said[0] != "ok" and key.split()[0] not in but}


@dataclass(frozen=True)
class Desk:
    """Where somebody sits outside and calls kedge."""

    lab: Lab
    folder: Path
    inventory: str = "examples/lab"

    def argv(self, *words: str) -> list[str]:
        own = (f"KEDGE_EVIDENCE={self.folder / 'evidence.sqlite'}", "KEDGE_LANGUAGE=en", "COLUMNS=80")
        return self.lab.vantage.argv(("env", *own, KEDGE, *words, "-i", self.inventory), folder=CHECKOUT)

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.argv(*words), capture_output=True, text=True, check=False)

    def sweep(self, *words: str) -> Sweep:
        done = self.call("probe", *words, "--json")
        assert done.returncode in (0, 1), done.stderr
        return Sweep(done.returncode, json.loads(done.stdout))


@pytest.fixture
def desk(lab: Lab, tmp_path: Path) -> Desk:
    return Desk(lab, tmp_path)


def test_all_is_well(desk: Desk) -> None:
    """Every service as deep as a login of kedge's own goes, every host from within, and nothing left unsaid."""
    sweep = desk.sweep()
    assert sweep.bad() == {}
    assert (sweep.code, sweep.answer["findings"]) == (0, [])
    said = {key: what for key, (_, what) in sweep.seen.items()}
    assert said["wiki siteinfo"] == "answered from its database, and takes edits"
    assert said["mail smtp"] == said["mail submission"] == said["second-mx smtp"] == "accepted the recipient"
    assert said["mail round trip"] == "brought a mail to its mailbox"
    assert said["mailboxes imap"] == said["mailboxes imaps"] == "let kedge log in and open the inbox"
    assert said["lists mailman"] == "answered, and works off its mail"
    assert said["xmpp clients"] == "let kedge log in"
    assert said["xmpp servers"] == "opened a stream for other servers"
    assert said["verein.example zone"] == "is the same on every name server, and as declared"
    for database in ("web-db", "lists-db", "tickets-database", "evidence"):
        assert said[f"{database} sql"] == "answered a query"
    evidence = {f"{one['thing']} {one['probe']}": one["evidence"] for one in sweep.answer["observations"]}
    assert (evidence["web-db sql"]["tables/forum"], evidence["lists-db sql"]["tables/mailman"]) > ("1", "1")
    for host in ("hetzner-old", "hetzner-new", "tickets-db", "ns1", "ns2", "backup"):
        assert said[f"{host} system"] == "has room and runs as it should"
        assert {"used/root", "boot", "memory"} <= set(evidence[f"{host} system"])
    assert "used//var/vmail" in evidence["hetzner-new system"]


def test_a_dead_host_is_one_cause(desk: Desk) -> None:
    """It still answers pings, then it does not: both times it is the host, and all that ran there beneath."""
    host = desk.lab.host("hetzner-new")
    host.halt()
    halted = desk.sweep()
    assert list(halted.findings) == ["hetzner-new is probably down"]
    assert halted.beneath("hetzner-new is probably down") == ON_NEW
    assert halted.seen["hetzner-new reach"] == ("ok", "is there")

    host.kill()
    dark = desk.sweep()
    assert list(dark.findings) == ["hetzner-new is down"]
    assert dark.beneath("hetzner-new is down") == ON_NEW
    assert dark.findings["hetzner-new is down"]["why"][0].startswith("hetzner-new, reach: gave no sign of life")
    for sweep in (halted, dark):
        assert sweep.code == 1
        assert sweep.bad("hetzner-new", *ON_NEW) == {}


def test_a_frozen_prosody_is_down_though_everything_below_it_answers(desk: Desk) -> None:
    desk.lab.host("hetzner-new").freeze("prosody")
    assert desk.lab.ask("ping", "xmpp.verein.example")
    assert desk.lab.ask("tcp", "xmpp.verein.example", 5222) == "connected"
    sweep = desk.sweep()
    silence = "accepted the connection, but the features of its stream did not come within 15 s"
    assert sweep.bad() == {"xmpp clients": ("down", silence), "xmpp servers": ("down", silence)}
    assert list(sweep.findings) == ["xmpp is down"]
    assert sweep.beneath("xmpp is down") == set()


def test_tickets_name_their_database(desk: Desk) -> None:
    """The ticket system is up, and cannot reach its database, as in 2007. Asked for the tickets only, it is found."""
    desk.lab.host("tickets-db").stop("mariadb")
    for sweep in (desk.sweep(), desk.sweep("tickets")):
        assert sweep.seen["tickets http"] == ("down", "answered with status 503: it cannot reach its database")
        assert sweep.seen["tickets-database sql"][0] == "down"
        assert list(sweep.findings) == ["tickets-database is down"]
        assert sweep.beneath("tickets-database is down") == {"tickets"}
        assert sweep.bad("tickets", "tickets-database") == {}


def test_each_service_that_was_stopped_is_down(desk: Desk, prove: Callable[[str, Grade], None]) -> None:
    """What makes the grade `seen`: test_all_is_well has shown the same probes green."""
    stopped = {
        "hetzner-old": ("spirit",),
        "hetzner-new": ("mailman3", "postgresql", "postfix", "prosody", "request-tracker"),
        "ns2": ("knot",),
    }
    for host, services in stopped.items():
        for service in services:
            desk.lab.host(host).stop(service)
    sweep = desk.sweep()
    looks = {
        "spirit": "forum http", "mailman3": "lists mailman", "postgresql": "lists-db sql", "postfix": "mail smtp",
        "prosody": "xmpp clients", "request-tracker": "tickets http", "knot": "dns-second soa-verein.example",
    }  # fmt: skip
    assert {kind: sweep.seen[look] for kind, look in looks.items() if sweep.seen[look][0] != "down"} == {}
    assert {title.removesuffix(" is down") for title in sweep.findings} >= {
        "forum",
        "lists-db",
        "mail",
        "xmpp",
        "tickets",
    }
    assert "lists" in sweep.beneath("lists-db is down")
    for kind in looks:
        prove(kind, "seen")


def test_three_disasters_are_three_causes(desk: Desk, fresh_host: Callable[[str], Host]) -> None:
    """A full mailbox partition, a web database that was stopped, a changed MX: one sweep tells them apart."""
    primary, secondary = fresh_host("ns1"), fresh_host("ns2")
    assert desk.sweep("mail", "mailboxes").bad() == {}  # a mail came through, so kedge's own inbox exists
    desk.lab.host("hetzner-new").fill("/var/vmail")
    desk.lab.host("hetzner-old").stop("mariadb")
    primary.run(["nsupdate", "-k", "/etc/bind/kedge.key"], stdin=MX_CHANGED)
    secondary.wait_until("dig +short @127.0.0.1 verein.example MX | grep -qx '5 mx2.verein.example.'")
    sweep = desk.sweep()
    full, database, drift = (
        "hetzner-new /var/vmail is full", "web-db is down", "MX of verein.example was changed",
    )  # fmt: skip
    assert set(sweep.findings) == {full, database, drift}

    undelivered = "accepted recipient and mail, but did not bring it to its mailbox within 60 s"
    assert sweep.seen["mail smtp"] == ("ok", "accepted the recipient")
    assert sweep.seen["mail round trip"] == ("down", undelivered)
    assert sweep.seen["mailboxes imap"] == ("ok", "let kedge log in and open the inbox")
    assert sweep.beneath(full) == {"mail"}
    assert sweep.findings[full]["why"] == [f"mail, round trip: {undelivered}"]

    assert sweep.seen["wiki http"] == ("down", "answered with status 500: it cannot reach its database")
    assert sweep.seen["forum http"] == ("down", "answered with status 500")
    assert sweep.beneath(database) == {"wiki", "forum"}

    assert sweep.findings[drift]["rule"] == "dns-drift"
    assert sweep.findings[drift]["why"] == [
        "Declared: 10 mail.verein.example; 20 mx2.verein.example",
        "Seen on every name server: 5 mx2.verein.example",
    ]
    checked = json.loads(desk.call("check", "--json").stdout)
    assert "MX of verein.example was changed" in [finding["title"] for finding in checked["findings"]]


def test_a_change_that_one_name_server_does_not_have_yet(desk: Desk, fresh_host: Callable[[str], Host]) -> None:
    primary, secondary = fresh_host("ns1"), fresh_host("ns2")
    secondary.run(["knotc", "zone-freeze", "verein.example"])
    primary.run(["nsupdate", "-k", "/etc/bind/kedge.key"], stdin=MX_CHANGED)
    sweep = desk.sweep("verein.example")
    (seen,) = (why for why in sweep.findings["MX of verein.example was changed"]["why"] if why.startswith("Seen"))
    assert seen == "Seen on ns1.verein.example (198.51.100.53) and ns1.verein.example (2001:db8:51::53): 5 mx2.verein.example"  # fmt: skip
    assert "ns2.verein.example (203.0.113.53) have an older zone" in sweep.seen["verein.example zone"][1]


def test_a_service_is_looked_at_where_the_dns_does_not_lead_yet(desk: Desk, tmp_path: Path) -> None:
    """Before a move: at the address it will have, whatever the DNS says, and even if it knows no such name."""
    there = desk.sweep("wiki", "forum", "--at", "2001:db8:2::10")
    assert (there.code, there.bad()) == (0, {}), there.seen
    wrong = desk.sweep("wiki", "--at", "192.0.2.20")
    assert (wrong.code, wrong.seen["wiki http"][0]) == (1, "down")
    assert not (tmp_path / "evidence.sqlite").exists()

    (tmp_path / "kedge.yaml").write_text(MOVED)
    moved = Desk(desk.lab, tmp_path, str(tmp_path / "kedge.yaml"))
    assert moved.sweep("mail").seen["mail smtp"] == ("down", "its name was not found: it has no address")
    assert moved.sweep("mail", "--at", "192.0.2.20").seen["mail smtp"] == ("ok", "accepted the recipient")


def test_a_person_at_a_terminal(desk: Desk) -> None:
    """Progress while it looks, then at most 80 columns: a line for each thing that is well, and no more."""
    plain = desk.call("probe")
    assert (plain.returncode, plain.stderr) == (0, "")
    assert re.search(r"^ok +mail +smtp, submission, round trip$", plain.stdout, re.MULTILINE)
    assert re.search(r"^\d+ looks in [\d.]+ s: \d+ ok$", plain.stdout, re.MULTILINE)
    assert max(map(len, plain.stdout.splitlines())) <= 80
    shown = on_a_terminal(desk.argv("probe", "mail", "xmpp"))
    assert "looking" in shown
    assert "\x1b[32mok" in shown
    assert "accepted the recipient" in shown


def on_a_terminal(argv: list[str]) -> str:
    """What a command shows on a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"}):
        os.close(theirs)
        said = b""
        with suppress(OSError):  # a terminal that nobody holds any more
            while data := os.read(ours, 65536):
                said += data
    os.close(ours)
    return said.decode(errors="replace")
