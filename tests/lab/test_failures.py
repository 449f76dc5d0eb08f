"""Each kind of failure shows what it shows in the world: no more, no less."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.lab.errors import DialogueError
from tests.lab.host import Host
from tests.lab.lab import Lab
from tests.lab.test_services import MAIL, WIKI_PAGE, inbox

pytestmark = pytest.mark.lab

XMPP = "xmpp.verein.example"


def failure(lab: Lab, dialogue: str, *arguments: object) -> DialogueError:
    """How a dialogue fails."""
    with pytest.raises(DialogueError) as caught:
        lab.ask(dialogue, *arguments)
    return caught.value


def test_a_halted_host_pings_and_refuses(lab: Lab) -> None:
    """Its network still answers while its system is dead."""
    lab.host("hetzner-old").halt()
    assert lab.ask("ping", "hetzner-old.verein.example")
    for port in (22, 80, 443):
        refused = failure(lab, "tcp", "wiki.verein.example", port)
        assert refused.kind == "ConnectionRefusedError"
        assert refused.took_s < 1
    assert lab.ask("smtp", MAIL, "anna@verein.example", lab.authority)[2] == 250


def test_a_killed_host_is_silent(lab: Lab) -> None:
    lab.host("hetzner-old").kill()
    assert not lab.ask("ping", "192.0.2.10")
    assert failure(lab, "tcp", "192.0.2.11", 80).kind == "TimeoutError"
    lab.start("hetzner-old")
    assert lab.ask("http", WIKI_PAGE)["status"] == 200


def test_a_guest_dies_with_its_machine(lab: Lab) -> None:
    lab.host("hetzner-new").kill()
    assert not lab.host("tickets-db").is_alive()
    for address, port in (("192.0.2.21", 25), ("192.0.2.29", 22)):
        assert failure(lab, "tcp", address, port).kind == "TimeoutError"
    assert lab.ask("http", WIKI_PAGE)["status"] == 200
    lab.start("hetzner-new")
    assert "Schlüssel fürs Büro" in lab.host("tickets-db").run(["mariadb", "rt", "-Ne", "SELECT Subject FROM Tickets"])
    assert lab.ask("http", "http://tickets.verein.example/")["status"] == 200


def test_behind_a_pulled_cable_packets_vanish(lab: Lab) -> None:
    lab.host("hetzner-new").cable()
    assert not lab.ask("ping", "192.0.2.20")
    assert not lab.ask("ping", "192.0.2.29")
    assert failure(lab, "tcp", "192.0.2.21", 25).kind == "TimeoutError"
    by_name = failure(lab, "tcp", MAIL, 25)
    assert by_name.took_s > 9  # the limit counts once per address, and the name has two
    assert lab.host("hetzner-new").run(["ping", "-c1", "-W1", "192.0.2.29"])
    lab.host("hetzner-new").plug_in()
    assert lab.ask("smtp", MAIL, "anna@verein.example", lab.authority)[2] == 250


@pytest.mark.parametrize(("verdict", "kind"), [("drop", "TimeoutError"), ("reject", "OSError")])
def test_a_filtered_port_leaves_the_rest_alone(lab: Lab, verdict: str, kind: str) -> None:
    lab.host("hetzner-old").filter(80, verdict)
    seen = failure(lab, "tcp", "192.0.2.11", 80)
    assert seen.kind == kind
    assert (seen.took_s < 1) is (verdict == "reject")
    assert lab.ask("ping", "192.0.2.11")
    assert lab.ask("tcp", "192.0.2.11", 443) == "connected"


def test_a_frozen_prosody_accepts_and_says_nothing(lab: Lab) -> None:
    host = lab.host("hetzner-new")
    host.freeze("prosody")
    assert lab.ask("ping", XMPP)
    assert lab.ask("tcp", XMPP, 5222) == "connected"
    assert failure(lab, "xmpp", XMPP, "verein.example").kind == "TimeoutError"
    host.thaw("prosody")
    assert "starttls" in lab.ask("xmpp", XMPP, "verein.example")


@pytest.mark.parametrize(
    ("host", "service", "port"),
    [
        ("hetzner-new", "postfix", 25),
        ("hetzner-new", "dovecot", 143),
        ("hetzner-old", "apache", 80),
        ("hetzner-old", "sshd", 22),
    ],
)
def test_a_frozen_service_accepts_and_says_nothing(lab: Lab, host: str, service: str, port: int) -> None:
    lab.host(host).freeze(service)
    address = lab.host(host).plug.address()
    assert lab.ask("tcp", address, port) == "connected"
    if service == "apache":
        assert failure(lab, "http", "http://wiki.verein.example/").kind in ("TimeoutError", "URLError")
    else:
        assert failure(lab, "greeting", address, port).kind == "TimeoutError"


def test_a_stopped_service_refuses_while_its_host_pings(lab: Lab) -> None:
    lab.host("hetzner-new").stop("prosody")
    assert lab.ask("ping", XMPP)
    assert failure(lab, "tcp", XMPP, 5222).kind == "ConnectionRefusedError"


def test_tickets_without_their_database(lab: Lab) -> None:
    lab.host("tickets-db").stop("mariadb")
    page = lab.ask("http", "http://tickets.verein.example/")
    assert page["status"] >= 500 or "database" in page["body_text"].lower()


def test_wiki_without_its_database_says_so(lab: Lab) -> None:
    lab.host("hetzner-old").stop("mariadb")
    page = lab.ask("http", WIKI_PAGE)
    assert page["status"] >= 500
    assert "database" in page["body_text"].lower() or "datenbank" in page["body_text"].lower()


def test_a_full_mail_partition_is_not_seen_at_rcpt(lab: Lab, fresh_host: Callable[[str], Host]) -> None:
    host = fresh_host("hetzner-new")
    before = f"noch Platz {time.time_ns()}"  # Dovecot makes an inbox with its first mail, and needs room for that
    lab.ask("send", MAIL, "carl@elsewhere.example", "anna@verein.example", before)
    lab.ask("wait_for_mail", *inbox(lab, "anna@verein.example"), before, 30)
    host.fill("/var/vmail")
    assert host.run(["df", "--output=avail", "/var/vmail"]).split()[1] == "0"
    assert lab.ask("smtp", MAIL, "anna@verein.example", lab.authority) == [220, 250, 250, 250]
    assert lab.ask("imap", *inbox(lab, "anna@verein.example")) >= 0
    assert lab.ask("imap_append", *inbox(lab, "anna@verein.example")).startswith("NO ")
    subject = f"zu voll {time.time_ns()}"
    assert lab.ask("send", MAIL, "carl@elsewhere.example", "anna@verein.example", subject) == "accepted"
    assert failure(lab, "wait_for_mail", *inbox(lab, "anna@verein.example"), subject, 4).kind == "TimeoutError"
    host.free("/var/vmail")
    lab.ask("wait_for_mail", *inbox(lab, "anna@verein.example"), subject, 30)


def test_a_full_database_partition_breaks_the_wiki(lab: Lab, fresh_host: Callable[[str], Host]) -> None:
    host = fresh_host("hetzner-old")
    host.fill("/var/lib/mysql")
    edit = ["php", "/usr/share/mediawiki/maintenance/edit.php", "-u", "Admin", "-s", "voll", "Voll"]
    edits = [host.try_run(edit, stdin="x" * 2_000_000) for _ in range(3)]
    assert any(done.returncode for done in edits)
    host.free("/var/lib/mysql")


def test_mail_waits_at_the_second_mx_while_the_first_is_dead(lab: Lab, fresh_host: Callable[[str], Host]) -> None:
    fresh_host("hetzner-old")
    lab.host("hetzner-new").cable()
    subject = f"trotzdem {time.time_ns()}"
    sender = lab.host("elsewhere")
    message = f"From: carl@elsewhere.example\nTo: anna@verein.example\nSubject: {subject}\n\nGrüße\n"
    sender.run(["sendmail", "-f", "carl@elsewhere.example", "anna@verein.example"], stdin=message)
    lab.host("hetzner-old").wait_until("postqueue -p | grep -q anna@verein.example", limit_s=30)
    lab.host("hetzner-new").plug_in()
    lab.ask("wait_for_mail", *inbox(lab, "anna@verein.example"), subject, 60)


def test_notices_from_outside_arrive_outside_while_the_organisation_is_dead(lab: Lab) -> None:
    for name in ("hetzner-new", "hetzner-old"):
        lab.host(name).cable()
    subject = f"Ihr Server antwortet nicht {time.time_ns()}"
    lab.ask("send", "elsewhere.example", "noreply@elsewhere.example", "anna.privat@elsewhere.example", subject)
    lab.ask("wait_for_mail", *inbox(lab, "anna.privat@elsewhere.example"), subject)


def test_a_power_cut_loses_no_committed_edit(lab: Lab, fresh_host: Callable[[str], Host]) -> None:
    host = fresh_host("hetzner-old")
    edit = ["php", "/usr/share/mediawiki/maintenance/edit.php", "-u", "Admin", "-s", "kurz davor", "Kurz davor"]
    host.run(edit, stdin="Grüße von kurz vor dem Stromausfall")
    host.kill()
    lab.start("hetzner-old")
    raw = lab.ask("http", "http://wiki.verein.example/mediawiki/index.php/Kurz_davor?action=raw")
    assert raw["body_text"] == "Grüße von kurz vor dem Stromausfall"


def test_a_dead_hosts_disk_can_be_read_as_from_a_rescue_system(lab: Lab, fresh_host: Callable[[str], Host]) -> None:
    host = fresh_host("hetzner-old")
    host.write("/srv/mark", "written before the power cut\n")
    host.kill()
    with lab.rescue("hetzner-old") as disk:
        assert (disk / "srv/mark").read_text() == "written before the power cut\n"
        assert (disk / "var/lib/mysql/wiki/page.ibd").stat().st_size > 0
        assert "wgDBpassword" in (disk / "etc/mediawiki/LocalSettings.php").read_text()
