"""A zone as a part: whole or not at all, whatever the name server does."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from kedge.adapters.local import LocalSite
from kedge.errors import OutsideError
from kedge.kinds.bind import Bind
from kedge.kinds.powerdns import PowerDNS
from kedge.model.instance import Instance
from kedge.model.ports import Address
from kedge.parts.zone import ZonePart, read_zone

PART = ZonePart("verein.example", "zone")
SOA = "verein.example. 60 IN SOA ns1.verein.example. host.verein.example. {} 1 1 1 1"
REST = (
    "verein.example. 60 IN NS ns1.verein.example.",
    "ns1.verein.example. 60 IN A 192.0.2.53",
    "ns1.verein.example. 60 IN A 192.0.2.54",
    'txt.verein.example. 60 IN TXT "a;b" "\\"" "\\000\\255"',
    "new.verein.example. 60 IN TYPE65401 \\# 3 010203",
)
ZONE = (SOA.format(7), *REST, SOA.format(7))


def messages(query: dns.message.Message, lines: Sequence[str], each: int = 2) -> list[bytes]:
    """The records in answers of a few each."""
    found = []
    for begin in range(0, len(lines), each):
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        for line in lines[begin : begin + each]:
            name, ttl, _, kind, data = line.split(" ", 4)
            answer.answer.append(dns.rrset.from_text(name, int(ttl), "IN", kind, data))
        found.append(answer.to_wire())
    return found


@asynccontextmanager
async def server(*transfers: Sequence[str] | dns.rcode.Rcode | bytes) -> AsyncIterator[Instance]:
    """A name server that answers each transfer as told, the last one again and again."""
    waiting = list(transfers)

    def answer(query: dns.message.Message) -> list[bytes]:
        if query.question[0].rdtype == dns.rdatatype.SOA:
            return messages(query, ZONE[:1])
        told = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(told, bytes):
            return [told]
        if isinstance(told, dns.rcode.Rcode):
            refused = dns.message.make_response(query)
            refused.set_rcode(told)
            return [refused.to_wire()]
        return messages(query, told)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        for wire in answer(dns.message.from_wire(await reader.readexactly(length))):
            writer.write(struct.pack("!H", len(wire)) + wire)
        writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        yield Instance("live", LocalSite(), {"dns-tcp": Address("127.0.0.1", port)})


async def test_it_is_written_as_it_came_and_counted(tmp_path: Path) -> None:
    async with server(ZONE) as at:
        assert await PART.preflight(at) == []
        census = await PART.save(at, PurePosixPath(tmp_path))
    assert {name: tally.count for name, tally in census.tallies.items()} == {
        "SOA": 1, "NS": 1, "A": 1, "TXT": 1, "TYPE65401": 1,
    }  # fmt: skip
    assert (tmp_path / "zone").read_text().splitlines() == list(ZONE[:-1])
    assert census.difference(await PART.recount(at, PurePosixPath(tmp_path))) == []
    assert PART.is_loaded(at) is False


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        (REST[:2], "A: same number of entries, different content"),
        (("verein.example. 60 IN NS NS1.Verein.Example.", *REST[1:]), ""),  # a name is a name, RFC 4034 §6.2
        (tuple(reversed(REST)), ""),
        ((*REST, REST[1]), ""),
        ((*REST[:1], "ns1.verein.example. 61 IN A 192.0.2.53", "ns1.verein.example. 61 IN A 192.0.2.54"), "A: same"),
    ],
)
async def test_a_census_sees_what_counts(changed: Sequence[str], difference: str) -> None:
    async with server(ZONE, (ZONE[0], *changed, ZONE[0])) as at:
        one, two = await PART.census(at), await PART.census(at)
    found = one.difference(two)
    assert any(line.startswith(difference) for line in found) if difference else found == []


async def test_one_that_changes_meanwhile_is_asked_for_again(tmp_path: Path) -> None:
    torn = (SOA.format(7), *REST, SOA.format(8))
    async with server(torn, ZONE) as at:
        assert (await PART.save(at, PurePosixPath(tmp_path))).remarks["serial"] == "7"
    async with server(torn) as at:
        with pytest.raises(OutsideError, match="changed each time"):
            await PART.save(at, PurePosixPath(tmp_path))


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (ZONE[:-1], "was cut off after 6 records"),
        ((), "was cut off after 0 records"),
        (ZONE[1:], "does not begin with its SOA"),
        (dns.rcode.REFUSED, "does not transfer verein.example to its own host (REFUSED)"),
        (dns.rcode.NOTAUTH, "does not transfer verein.example to its own host (NOTAUTH)"),
        (b"no DNS", "did not answer in DNS"),
    ],
)
async def test_half_a_zone_is_none(told: Sequence[str] | dns.rcode.Rcode | bytes, said: str, tmp_path: Path) -> None:
    async with server(told) as at:
        with pytest.raises(OutsideError) as refused:
            await PART.save(at, PurePosixPath(tmp_path))
        assert said in refused.value.message
        (obstacle,) = await PART.preflight(at)
        assert said in obstacle.what
    assert not (tmp_path / "zone").exists()


async def test_records_of_a_set_get_its_lowest_ttl(tmp_path: Path) -> None:
    lines = (ZONE[0], "a.verein.example. 60 IN A 192.0.2.1", "a.verein.example. 5 IN A 192.0.2.2", ZONE[0])
    async with server(lines) as at:
        await PART.save(at, PurePosixPath(tmp_path))
    assert {record.ttl for record in read_zone((tmp_path / "zone").read_text(), PART.zone)[1:]} == {5}


async def test_a_zone_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match="cannot be read"):
        read_zone("verein.example. 60 IN A none", PART.zone)


def test_other_name_servers_transfer_where_that_is_wanted() -> None:
    names = Bind(zones=("verein.example",), transfers=True)
    assert [part.name for part in names.parts()] == ["settings", "zone-verein-example"]
    both = PowerDNS(zones=("verein.example",), database="db", database_name="pdns")
    (part,) = [part for part in both.parts() if isinstance(part, ZonePart)]
    assert ([mode for mode, _ in part.loads], part.keeps_keys) == (["sandbox"], True)
