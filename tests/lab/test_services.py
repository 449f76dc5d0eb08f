"""Every service of the organisation answers from outside, in its own protocol, with its own content."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.lab.errors import DialogueError
from tests.lab.host import Host
from tests.lab.lab import Lab

pytestmark = pytest.mark.lab

MAIL, FOREIGN = "mail.verein.example", "elsewhere.example"
WIKI_PAGE = "http://wiki.verein.example/mediawiki/index.php/%C3%9Cbersicht_der_Vereine"


def inbox(lab: Lab, address: str) -> list[str]:
    """Where a person's inbox is and how to open it."""
    server = FOREIGN if address.endswith(f"@{FOREIGN}") else MAIL
    return [server, address, lab.secrets[f"mail-{address}"], lab.authority]


@pytest.mark.parametrize("host", ["hetzner-old.verein.example", "hetzner-new.verein.example", "backup.verein.example"])
def test_ssh_greets_on_both_families(lab: Lab, host: str) -> None:
    found = lab.ask("addresses", host)
    assert len(found) == 2
    for address in found:
        assert lab.ask("greeting", address, 22).startswith("SSH-2.0-OpenSSH")


@pytest.mark.parametrize("server", ["mail.verein.example", "mx2.verein.example", "elsewhere.example"])
def test_smtp_takes_mail_for_its_domain(lab: Lab, server: str) -> None:
    recipient = "carl@elsewhere.example" if server == FOREIGN else "anna@verein.example"
    assert lab.ask("smtp", server, recipient, lab.authority) == [220, 250, 250, 250]


@pytest.mark.parametrize("server", ["mail.verein.example", "mx2.verein.example"])
def test_smtp_refuses_what_nobody_reads(lab: Lab, server: str) -> None:
    assert lab.ask("smtp", server, "nobody@verein.example", lab.authority)[2] == 550
    assert lab.ask("smtp", server, "anna@somewhere.example", lab.authority)[2] == 554


def test_imap_lets_in_with_the_labs_password_only(lab: Lab) -> None:
    server, user, password, authority = inbox(lab, "anna@verein.example")
    assert lab.ask("imap", server, user, password, authority) >= 0
    with pytest.raises(DialogueError):
        lab.ask("imap", server, user, "wrong", authority)


@pytest.mark.parametrize(
    ("sender", "entry", "recipient"),
    [
        ("carl@elsewhere.example", FOREIGN, "anna@verein.example"),
        ("anna@verein.example", MAIL, "bert@verein.example"),
        ("carl@elsewhere.example", MAIL, "bert@verein.example"),
    ],
)
def test_mail_arrives(lab: Lab, sender: str, entry: str, recipient: str) -> None:
    subject = f"Rundlauf {time.time_ns()}"
    host = lab.host("elsewhere" if entry == FOREIGN else "hetzner-new")
    host.run(
        ["sendmail", "-f", sender, recipient], stdin=f"From: {sender}\nTo: {recipient}\nSubject: {subject}\n\nGrüße\n"
    )
    lab.ask("wait_for_mail", *inbox(lab, recipient), subject)


def test_mail_from_outside_comes_in_by_smtp(lab: Lab) -> None:
    subject = f"von aussen {time.time_ns()}"
    lab.ask("send", MAIL, "carl@elsewhere.example", "vorstand@verein.example", subject)
    for person in ("anna", "bert"):
        lab.ask("wait_for_mail", *inbox(lab, f"{person}@verein.example"), subject)


def test_list_post_reaches_members_here_and_elsewhere(lab: Lab) -> None:
    subject = f"an alle {time.time_ns()}"
    lab.ask("send", MAIL, "anna@verein.example", "mitglieder@lists.verein.example", subject)
    for member in ("bert@verein.example", "carl@elsewhere.example"):
        lab.ask("wait_for_mail", *inbox(lab, member), subject, 60)


@pytest.mark.parametrize(("server", "domain"), [("xmpp.verein.example", "verein.example"), (FOREIGN, FOREIGN)])
def test_xmpp_offers_features_to_clients_and_servers(lab: Lab, server: str, domain: str) -> None:
    assert "urn:ietf:params:xml:ns:xmpp-tls" in lab.ask("xmpp", server, domain)
    assert "urn:ietf:params:xml:ns:xmpp-tls" in lab.ask("xmpp", server, domain, 5269)


def test_wiki_shows_a_page_with_an_umlaut(lab: Lab) -> None:
    page = lab.ask("http", WIKI_PAGE)
    assert page["status"] == 200
    assert page["title"].startswith("Übersicht der Vereine")


@pytest.mark.parametrize(
    ("url", "title"),
    [
        ("https://wiki.verein.example/", "Vereinswiki"),
        ("https://forum.verein.example/", "Spirit"),
        ("https://tickets.verein.example/", "Login"),
    ],
)
def test_web_pages_answer_with_a_certificate(lab: Lab, url: str, title: str) -> None:
    page = lab.ask("http", url, lab.authority)
    assert (page["status"], title in page["title"]) == (200, True), page["title"]


def test_forum_lists_topics_with_umlauts(lab: Lab) -> None:
    assert "Größere Räume gesucht" in lab.ask("http", "http://forum.verein.example/")["body_text"]


def test_tickets_come_from_the_guests_database(lab: Lab) -> None:
    password = lab.secrets["rt-root"]
    ticket = lab.ask("http", "http://tickets.verein.example/REST/2.0/ticket/1", "", "root", password)
    assert "Schlüssel fürs Büro" in ticket["body_text"]
    subjects = "SELECT Subject FROM Tickets"
    assert "Schlüssel fürs Büro" in lab.host("tickets-db").run(["mariadb", "rt", "-Ne", subjects])


def test_mail_becomes_a_ticket(lab: Lab, fresh_host: Callable[[str], Host]) -> None:
    fresh_host("hetzner-new")
    subject = f"Drucker {time.time_ns()}"
    lab.ask("send", MAIL, "carl@elsewhere.example", "tickets@verein.example", subject)
    lab.host("tickets-db").wait_until(
        f"mariadb rt -Ne 'SELECT Subject FROM Tickets' | grep -qx '{subject}'", limit_s=30
    )


def test_mariadb_answers_queries_with_the_applications_password(lab: Lab) -> None:
    old = lab.host("hetzner-old")
    login = ["mariadb", "-uwiki", f"-p{lab.secrets['wiki-database']}", "wiki", "-Ne"]
    titles = old.run([*login, "SELECT CONVERT(page_title USING utf8mb4) FROM page"])
    assert "Übersicht_der_Vereine" in titles
    assert old.try_run(["mariadb", "-uwiki", "-pwrong", "wiki", "-Ne", "SELECT 1"]).returncode == 1


def test_postgresql_answers_queries_with_the_applications_password(lab: Lab) -> None:
    url = f"postgresql://mailman:{lab.secrets['mailman-database']}@localhost/mailman"
    lists = lab.host("hetzner-new").run(["psql", "-At", url, "-c", "SELECT list_name FROM mailinglist"])
    assert lists == "mitglieder\n"
    evidence = f"postgresql://kedge:{lab.secrets['kedge-database']}@backup.verein.example/kedge"
    assert lab.host("hetzner-new").run(["psql", "-At", evidence, "-c", "SHOW server_encoding"]) == "UTF8\n"


def test_webhook_receiver_keeps_what_is_posted(lab: Lab) -> None:
    text = f"posted {time.time_ns()}"
    assert lab.ask("post", "http://elsewhere.example:8080/alert", text) == 200
    assert text in lab.ask("http", "http://elsewhere.example:8080/received")["body_text"]


def test_restic_and_borg_can_save_to_the_store(lab: Lab, fresh_host: Callable[[str], Host]) -> None:
    fresh_host("backup")
    source = fresh_host("hetzner-old")
    source.write("/root/.ssh/id_ed25519", lab.secrets["ssh-key"], mode=0o600)
    source.write("/root/.ssh/known_hosts", lab.known_hosts, mode=0o600)
    at = "store@backup.verein.example"
    env = {"RESTIC_PASSWORD": "x", "BORG_PASSPHRASE": "x"}
    source.sh(f"restic -q -r sftp:{at}:restic init; restic -q -r sftp:{at}:restic backup /etc/mediawiki", env=env)
    source.sh(f"borg init -e repokey {at}:borg; borg create {at}:borg::first /etc/mediawiki", env=env)
    assert "first" in source.sh(f"borg list {at}:borg", env=env)
    assert "/etc/mediawiki" in source.sh(f"restic -r sftp:{at}:restic ls latest", env=env)


def test_the_vantage_trusts_the_labs_authority(lab: Lab) -> None:
    assert lab.ask("http", "https://wiki.verein.example/")["status"] == 200


def test_kedge_could_log_in_from_the_vantage(lab: Lab) -> None:
    for name in ("hetzner-old", "hetzner-new", "backup"):
        done = lab.at_vantage(["ssh", f"root@{name}.verein.example", "hostname"])
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{name}\n", "")
