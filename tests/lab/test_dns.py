"""DNS of the lab: a world above, two servers at two operators, names for addresses."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.lab.errors import DialogueError
from tests.lab.host import Host
from tests.lab.lab import Lab

pytestmark = pytest.mark.lab

MX_CHANGED = """\
server 127.0.0.1
update delete verein.example MX
update add verein.example 60 MX 5 mx2.verein.example.
send
"""
PRIMARY, SECONDARY = "198.51.100.53", "203.0.113.53"


def test_both_servers_have_the_same_zone(lab: Lab) -> None:
    serials = [lab.ask("dns", server, "verein.example", "SOA") for server in (PRIMARY, SECONDARY)]
    assert serials[0] == serials[1] != []
    records = [lab.ask("dns", server, "verein.example", "MX") for server in (PRIMARY, SECONDARY)]
    assert records[0] == records[1] == ["10 mail.verein.example", "20 mx2.verein.example"]


def test_both_servers_answer_over_ipv6(lab: Lab) -> None:
    assert lab.ask("dns", "2001:db8:51::53", "verein.example", "NS") == lab.ask(
        "dns", "2001:db8:113::53", "verein.example", "NS"
    )


def test_the_world_delegates_to_both(lab: Lab) -> None:
    assert lab.ask("addresses", "wiki.verein.example") == ["192.0.2.11", "2001:db8:2::11"]
    assert lab.ask("addresses", "elsewhere.example") == ["2001:db8:113::40", "203.0.113.40"]


def test_names_resolve_while_one_operator_is_dead(lab: Lab) -> None:
    lab.host("ns1").cable()
    with pytest.raises(DialogueError) as caught:
        lab.ask("dns", PRIMARY, "verein.example", "SOA")
    assert caught.value.kind == "TimeoutError"
    assert lab.ask("addresses", "forum.verein.example") == ["192.0.2.12", "2001:db8:2::12"]


def test_a_change_reaches_both_servers(lab: Lab, fresh_host: Callable[[str], Host]) -> None:
    primary, secondary = fresh_host("ns1"), fresh_host("ns2")
    before = lab.ask("dns", SECONDARY, "verein.example", "SOA")
    primary.run(["nsupdate", "-k", "/etc/bind/kedge.key"], stdin=MX_CHANGED)
    secondary.wait_until("dig +short @127.0.0.1 verein.example MX | grep -qx '5 mx2.verein.example.'", limit_s=10)
    assert lab.ask("dns", PRIMARY, "verein.example", "MX") == ["5 mx2.verein.example"]
    assert lab.ask("dns", SECONDARY, "verein.example", "SOA") > before


def test_a_fresh_primary_gets_a_fresh_secondary(lab: Lab) -> None:
    """A secondary never takes an older zone; the one of the test before would stay for good."""
    lab.host("ns1").run(["nsupdate", "-k", "/etc/bind/kedge.key"], stdin=MX_CHANGED)
    lab.host("ns2").wait_until("dig +short @127.0.0.1 verein.example MX | grep -qx '5 mx2.verein.example.'", limit_s=10)
    lab.reset("ns1")
    records = [lab.ask("dns", server, "verein.example", "MX") for server in (PRIMARY, SECONDARY)]
    assert records == [["10 mail.verein.example", "20 mx2.verein.example"]] * 2
