"""The organisation as it was in January 2007: each fault of that night is there to be found."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.lab.errors import DialogueError
from tests.lab.lab import Lab
from tests.lab.test_services import MAIL, WIKI_PAGE, inbox

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def story(new_lab: Callable[..., Lab]) -> Lab:
    """The lab as it was."""
    return new_lab("story", "2007")


@pytest.fixture
def faulty(story: Lab) -> Lab:
    """The lab as it was; a test that breaks it repairs it."""
    return story


def test_everything_ran_the_day_before(faulty: Lab) -> None:
    silent = [(host.name, one) for host in faulty.hosts() for one in host.services() if not host.answers(one)]
    assert silent == []


def test_there_is_one_way_in_for_mail(faulty: Lab) -> None:
    assert faulty.ask("dns", "198.51.100.53", "verein.example", "MX") == ["10 mail.verein.example"]
    assert "postfix" not in faulty.host("hetzner-old").services()


def test_everything_is_on_one_address(faulty: Lab) -> None:
    found = {name: faulty.ask("addresses", f"{name}.verein.example") for name in ("mail", "lists", "xmpp", "tickets")}
    assert len({tuple(addresses) for addresses in found.values()}) == 1


def test_both_name_servers_are_at_one_operator(faulty: Lab) -> None:
    assert {host.plug.network.name for host in faulty.hosts() if host.name in ("ns1", "ns2")} == {"operator"}
    serials = [faulty.ask("dns", server, "verein.example", "SOA") for server in ("198.51.100.53", "198.51.100.54")]
    assert serials[0] == serials[1]


def test_the_zone_is_changed_by_hand(faulty: Lab) -> None:
    primary = faulty.host("ns1")
    update = "server 127.0.0.1\nupdate add verein.example 60 MX 5 ns1.verein.example.\nsend\n"
    refused = primary.try_run(["nsupdate", "-k", "/etc/bind/kedge.key"], stdin=update)
    assert refused.returncode
    assert "REFUSED" in refused.stdout + refused.stderr
    zone = (
        primary.read("/var/lib/bind/zone")
        .replace("2007010601", "2007010602")
        .replace("MX 10 mail", "MX 10 hetzner-old")
    )
    primary.write("/var/lib/bind/zone", zone, owner="bind")
    primary.sh("rndc reload verein.example")
    faulty.host("ns2").wait_until("dig +short @127.0.0.1 verein.example MX | grep -q hetzner-old", limit_s=20)
    faulty.reset("ns1", "ns2")


def test_the_providers_notices_go_to_the_server_they_are_about(faulty: Lab) -> None:
    faulty.ask("send", MAIL, "noreply@elsewhere.example", "hetzner@verein.example", "Ihr Server")
    faulty.ask("wait_for_mail", *inbox(faulty, "anna@verein.example"), "Ihr Server")
    faulty.host("hetzner-new").cable()
    with pytest.raises(DialogueError):
        faulty.ask("send", MAIL, "noreply@elsewhere.example", "hetzner@verein.example", "Ihr Server antwortet nicht")
    faulty.repair()


def test_there_is_one_small_partition(faulty: Lab) -> None:
    size_mb, mount_point = faulty.host("hetzner-new").sh("df -BM --output=size,target /var/vmail | tail -n1").split()
    assert (int(size_mb.rstrip("M")), mount_point) == (256, "/")
    free_mb = faulty.host("hetzner-new").sh("df -BM --output=avail / | tail -n1").strip().rstrip("M")
    assert 0 < int(free_mb) < 40


def test_the_wiki_looks_right_and_is_stored_wrong(faulty: Lab) -> None:
    assert faulty.ask("http", WIKI_PAGE)["status"] == 200
    titles = faulty.host("hetzner-old").run(
        ["mariadb", "--default-character-set=utf8mb4", "wiki", "-Ne", "SELECT page_title FROM page"]
    )
    assert "Übersicht" not in titles
    assert "Ãœbersicht_der_Vereine" in titles
