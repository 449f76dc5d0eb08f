"""The zone probe, shown healthy servers, dead ones, stale ones, and zones that somebody has changed."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import dns.message
import dns.name
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.model.observation import Observation, Status
from kedge.model.ports import Address
from kedge.probes.dns_query import NotDns, parse_answer
from kedge.probes.zone import ZoneProbe, _newest
from tests.unit.probes.fakes import instance
from tests.unit.probes.nameservers import NameServer, name_servers

RESOLVER, PARENT, NS1, NS2, NS1_V6 = "192.0.2.1", "192.0.2.2", "198.51.100.1", "203.0.113.1", "2001:db8::1"
SOA = "ns1.example.org. admin.example.org. {} 3600 600 604800 300"
ZONE = {
    "example.org. SOA": [SOA.format(2007010601)],
    "example.org. NS": ["ns1.example.org.", "ns2.example.org."],
    "example.org. MX": ["10 mail.example.org.", "20 mx2.example.org."],
    "www.example.org. A": ["192.0.2.10"],
    "_dmarc.example.org. TXT": ['"v=DMARC1; p=none"'],
}
DECLARED = {("@", "MX"): ("20 mx2", "10 MAIL.example.org."), ("www", "A"): ("192.0.2.10",)}
PROBE = ZoneProbe("example.org", DECLARED, resolver=(Address(RESOLVER, 53),), limit=timedelta(seconds=6))


def world(**changed: NameServer) -> dict[str, NameServer]:
    """Return a resolver, a parent and two servers; `ns1=`, `ns2=` … replace one."""
    known = {
        "org. NS": ["a.nic.org."],
        "a.nic.org. A": [PARENT],
        "ns1.example.org. A": [NS1],
        "ns2.example.org. A": [NS2],
        "example.org. SOA": ZONE["example.org. SOA"],
    }
    servers = {
        "resolver": NameServer(known, is_authoritative=False),
        "parent": NameServer(referrals={"example.org.": ["ns1.example.org.", "ns2.example.org."]}),
        "ns1": NameServer(ZONE),
        "ns2": NameServer(ZONE),
    } | changed
    addresses = {"resolver": RESOLVER, "parent": PARENT, "ns1": NS1, "ns2": NS2, "ns1_v6": NS1_V6}
    return {addresses[name]: server for name, server in servers.items()}


async def look(servers: dict[str, NameServer], probe: ZoneProbe = PROBE, **net: Any) -> Observation:
    async with name_servers(servers, **net) as made:
        return await probe.look(instance({}, net=made))


def changed(**records: list[str]) -> dict[str, list[str]]:
    return ZONE | {key.replace("__", ".").replace("_", " "): values for key, values in records.items()}


NEW_MX = ZONE | {"example.org. MX": ["10 other.example.net."], "example.org. SOA": [SOA.format(2007010602)]}


class TestHealthy:
    async def test_every_server_says_what_is_declared(self) -> None:
        found = await look(world())
        assert (found.status, found.what) == (Status.OK, "is the same on every name server, and as declared")
        assert found.evidence[f"serial/ns1.example.org ({NS1})"] == "2007010601"
        assert found.evidence["delegation"] == "ns1.example.org ns2.example.org"

    async def test_facts_are_spelt_as_declared(self) -> None:
        """The rule dns-drift compares texts."""
        found = await look(world())
        assert found.evidence["rrset/@ MX"] == "10 MAIL.example.org.; 20 mx2"
        assert found.evidence["ttl/@ MX"] == "3600"

    async def test_the_order_of_records_does_not_matter(self) -> None:
        turned = ZONE | {"example.org. MX": ["20 mx2.example.org.", "10 mail.example.org."]}
        assert (await look(world(ns2=NameServer(turned)))).status is Status.OK

    async def test_cut_answers_are_asked_for_by_tcp(self) -> None:
        assert (await look(world(ns1=NameServer(ZONE, cut_udp=True)))).status is Status.OK

    async def test_a_lost_datagram_is_no_silence(self) -> None:
        assert (await look(world(ns1=NameServer(ZONE, lost=2)))).status is Status.OK

    async def test_datagrams_lost_until_one_comes_through_are_nothing(self) -> None:
        """Each server is asked for SOA, NS and two RRsets; the three datagrams of one question, or of three, get lost."""
        for lost in (3, 9):
            assert (await look(world(ns1=NameServer(ZONE, lost=lost)))).status is Status.OK

    async def test_a_resolver_is_asked_by_tcp_where_datagrams_get_lost(self) -> None:
        servers = world()
        servers[RESOLVER].lost = servers[PARENT].lost = 10**6
        assert (await look(servers)).status is Status.OK

    async def test_an_address_family_without_a_route_says_nothing(self) -> None:
        servers = world()
        resolver = servers[RESOLVER]
        resolver.records = {**resolver.records, "ns1.example.org. AAAA": [NS1_V6]}
        found = await look(servers, unreachable=frozenset({NS1_V6}))
        assert found.status is Status.OK
        assert found.evidence[f"failed/ns1.example.org ({NS1_V6})"] == "could not be asked: Network is unreachable"

    async def test_glue_is_enough_where_the_resolver_knows_no_address(self) -> None:
        servers = world(
            resolver=NameServer({"org. NS": ["a.nic.org."], "a.nic.org. A": [PARENT]}, is_authoritative=False),
            parent=NameServer(
                referrals={"example.org.": ["ns1.example.org.", "ns2.example.org."]},
                glue={"ns1.example.org. A": [NS1], "ns2.example.org. A": [NS2]},
            ),
        )
        assert (await look(servers)).status is Status.OK

    async def test_own_servers_are_asked_where_no_resolver_answers(self) -> None:
        servers = {NS1: NameServer(ZONE), NS2: NameServer(ZONE), RESOLVER: NameServer(is_silent=True)}
        found = await look(servers, replace(PROBE, servers={"dns": (NS1,), "dns-second": (NS2,)}))
        assert found.status is Status.OK


class TestDegraded:
    @pytest.mark.parametrize(
        ("second", "said"),
        [
            (NameServer(is_silent=True, has_tcp=False), "did not answer"),
            (NameServer(rcode=dns.rcode.SERVFAIL), "answered SERVFAIL"),
            (NameServer(rcode=dns.rcode.REFUSED), "answered REFUSED"),
            (NameServer(ZONE, is_authoritative=False), "is not authoritative for it"),
            (NameServer({"x. A": ["192.0.2.9"]}), "has no such zone"),
            (NameServer(garbage=b"\x00\xff" * 9), "did not answer"),
            (NameServer(ZONE | {"example.org. SOA": [SOA.format(2007010501)]}), "has an older zone than the others"),
        ],
        ids=["silent", "servfail", "refused", "lame", "empty", "garbage", "stale"],
    )
    async def test_one_server_that_fails_is_named(self, second: NameServer, said: str) -> None:
        found = await look(world(ns2=second))
        assert (found.status, found.what) == (Status.DEGRADED, f"ns2.example.org ({NS2}) {said}")

    async def test_a_server_without_tcp(self) -> None:
        found = await look(world(ns2=NameServer(ZONE, has_tcp=False)))
        assert (found.status, found.what) == (Status.DEGRADED, f"ns2.example.org ({NS2}) answers by UDP only")

    async def test_a_server_that_no_datagram_reaches(self) -> None:
        found = await look(world(ns2=NameServer(ZONE, lost=10**6)))
        assert (found.status, found.what) == (Status.DEGRADED, f"ns2.example.org ({NS2}) answers by TCP only")

    async def test_a_dead_server_among_lost_datagrams_is_dead(self) -> None:
        found = await look(world(ns1=NameServer(ZONE, lost=3), ns2=NameServer(ZONE, lost=10**6, has_tcp=False)))
        assert (found.status, found.what) == (Status.DEGRADED, f"ns2.example.org ({NS2}) did not answer")

    async def test_a_stale_server_is_told_by_its_serial_even_where_numbers_wrap(self) -> None:
        old = NameServer(ZONE | {"example.org. SOA": [SOA.format(4294967295)]})
        new = NameServer(ZONE | {"example.org. SOA": [SOA.format(5)]})
        assert (await look(world(ns1=old, ns2=new))).what.startswith("ns1.example.org")

    async def test_servers_that_disagree_under_one_serial(self) -> None:
        odd = ZONE | {"www.example.org. A": ["192.0.2.99"]}
        found = await look(world(ns2=NameServer(odd)))
        assert "the servers disagree on A of www" in found.what
        assert found.evidence["drifted/www A"] == f"ns2.example.org ({NS2})"

    async def test_the_parent_names_other_servers(self) -> None:
        found = await look(world(parent=NameServer(referrals={"example.org.": ["ns1.example.org."]})))
        assert (found.status, found.what) == (Status.DEGRADED, "the zone names other servers than its parent")

    async def test_a_server_without_an_address(self) -> None:
        servers = world()
        servers[RESOLVER].records = {k: v for k, v in servers[RESOLVER].records.items() if not k.startswith("ns2")}
        assert (await look(servers)).what == "ns2.example.org has no address"


class TestDrift:
    async def test_before_after_and_where(self) -> None:
        found = await look(world(ns1=NameServer(NEW_MX), ns2=NameServer(NEW_MX)))
        assert (found.status, found.what) == (Status.DEGRADED, "differs from what is declared: MX of @")
        assert found.evidence["rrset/@ MX"] == "10 other.example.net."
        assert found.evidence["drifted/@ MX"] == f"ns1.example.org ({NS1}) and ns2.example.org ({NS2})"

    async def test_a_change_that_only_one_server_has_yet(self) -> None:
        found = await look(world(ns1=NameServer(NEW_MX)))
        assert found.what == (
            f"ns2.example.org ({NS2}) has an older zone than the others; differs from what is declared: MX of @"
        )
        assert found.evidence["drifted/@ MX"] == f"ns1.example.org ({NS1})"

    @pytest.mark.parametrize(
        "mx",
        [["10 mail.example.org."], ["11 mail.example.org.", "20 mx2.example.org."], []],
        ids=["less", "priority", "none"],
    )
    async def test_a_set_is_compared_with_its_priorities(self, mx: list[str]) -> None:
        other = NameServer({k: v for k, v in (ZONE | {"example.org. MX": mx}).items() if v})
        assert "MX of @" in (await look(world(ns1=other, ns2=other))).what

    async def test_an_alias_where_an_address_was_declared(self) -> None:
        records = {k: v for k, v in ZONE.items() if not k.startswith("www")} | {
            "www.example.org. CNAME": ["x.example.net."]
        }
        found = await look(world(ns1=NameServer(records), ns2=NameServer(records)))
        assert found.evidence["rrset/www A"] == "CNAME x.example.net."

    async def test_records_with_semicolons_are_no_facts(self) -> None:
        """The rule that reads the facts splits them at semicolons."""
        declared = {("_dmarc", "TXT"): ('"v=DMARC1; p=none"',)}
        found = await look(world(), replace(PROBE, declared=declared))
        assert found.status is Status.OK
        assert "answer/_dmarc TXT" in found.evidence
        assert "rrset/_dmarc TXT" not in found.evidence


class TestDown:
    async def test_no_server_answers(self) -> None:
        silent = NameServer(is_silent=True)
        found = await look(world(ns1=silent, ns2=silent), replace(PROBE, limit=timedelta(seconds=1.5)))
        assert (found.status, found.what) == (Status.DOWN, "is answered for by none of its name servers")

    @pytest.mark.parametrize(
        "parent", [NameServer({"other.org. NS": ["x."]}), NameServer({"example.org. DS": ["1 8 2 00"]})]
    )
    async def test_not_delegated(self, parent: NameServer) -> None:
        found = await look(world(parent=parent))
        assert (found.status, found.what) == (Status.DOWN, "is not delegated: org. does not know it")


class TestUnknown:
    async def test_no_resolver_and_no_servers_of_ones_own(self) -> None:
        found = await look({RESOLVER: NameServer(is_silent=True)}, replace(PROBE, limit=timedelta(seconds=1)))
        assert (found.status, found.what) == (Status.UNKNOWN, "could not be looked for: no resolver answered")

    async def test_no_route_to_any_server(self) -> None:
        found = await look(world(), unreachable=frozenset({NS1, NS2}))
        assert found.status is Status.UNKNOWN


@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer_or_not(data: bytes) -> None:
    query = dns.message.make_query("example.org", "MX")
    with contextlib.suppress(NotDns):
        assert parse_answer(data, query).id == query.id


@given(st.data())
def test_a_damaged_answer_is_an_answer_or_not(data: st.DataObject) -> None:
    query = dns.message.make_query("example.org", "MX")
    wire = bytearray(NameServer(ZONE).answer(query.to_wire(), over_udp=True))
    for _ in range(data.draw(st.integers(1, 4))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(NotDns):
        parse_answer(bytes(wire[: data.draw(st.integers(0, len(wire)))]), query)


@given(st.integers(0, 2**32 - 1), st.integers(1, 2**31 - 1))
def test_the_newest_serial_is_the_one_ahead(old: int, step: int) -> None:
    new = (old + step) % 2**32
    assert _newest([old, new]) == _newest([new, old]) == new


def test_it_runs_without_datagrams() -> None:
    """A sandbox has none: everything goes by TCP."""
    from kedge.adapters.local import LocalNet

    class StreamsOnly:
        def __init__(self, net: LocalNet) -> None:
            self.connect = net.connect

    async def run() -> Observation:
        async with name_servers(world()) as net:
            at = instance({})
            return await PROBE.look(replace(at, site=replace(at.site, net=StreamsOnly(net))))  # type: ignore[arg-type,type-var]

    assert asyncio.run(run()).status is Status.OK
