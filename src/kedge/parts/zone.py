"""A zone as its name server transfers it (AXFR, RFC 5936): for servers whose files are not the truth.

The server is asked from its own host, which most let do so by default. A transfer is one moment of the zone: it begins
and ends with the same SOA, else it changed meanwhile and is asked for again. What a server that signs makes anew each
time (RRSIG, NSEC, NSEC3 and the published keys) is left out: without the private keys, which no transfer holds, it
would be of no use, and with them it is made again.
"""

from __future__ import annotations

import asyncio
import hashlib
import struct
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, ClassVar

from kedge.errors import OutsideError, Refused
from kedge.model.census import Census, Tally
from kedge.model.instance import ROOT, Instance, Obstacle
from kedge.model.ports import Address

if TYPE_CHECKING:
    import dns.message
    import dns.name
    import dns.rdata
    import dns.rdatatype

FILE = "zone"
LONG = timedelta(hours=1)
QUICK = timedelta(seconds=20)
SILENCE = timedelta(seconds=60)
TRIES = 3
SERIAL = "serial"
SIGNED = frozenset({"RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "CDS", "CDNSKEY", "ZONEMD"})
ALLOW = (
    "let its own host transfer it: allow-axfr-ips=127.0.0.0/8,::1 (PowerDNS), allow-transfer { localhost; } (BIND), "
    "an acl with address: 127.0.0.1 and action: transfer (Knot)"
)


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a zone; names are absolute."""

    name: dns.name.Name
    ttl: int
    kind: dns.rdatatype.RdataType
    data: dns.rdata.Rdata

    @property
    def line(self) -> str:
        """The record in presentation format (RFC 1035 §5.1)."""
        import dns.rdatatype

        return f"{self.name} {self.ttl} IN {dns.rdatatype.to_text(self.kind)} {self.data.to_text()}"


class Changed(Exception):  # noqa: N818 - asked for again
    """The zone changed while it was transferred."""


@dataclass(frozen=True, slots=True)
class ZonePart:
    """A zone, transferred by its server; counted as RRsets of each type, in their canonical form.

    `loads` are scripts that give the zone file `$2` of the zone `$1` to the server of a copy, by its mode; where there
    is none, the zone is a file and no more. `keeps_keys` says that the keys of a signed zone are saved elsewhere.
    """

    file: ClassVar[str] = FILE
    zone: str
    name: str
    address: str = "127.0.0.1"
    loads: tuple[tuple[str, str], ...] = ()
    keeps_keys: bool = False
    endpoint: str = "dns-tcp"
    of: str = "self"
    needs_running: bool = True

    def as_file(self, saved: Census) -> Census:
        """Return all of it: a zone file can be counted like its zone."""
        return saved

    def is_loaded(self, at: Instance) -> bool:
        """Whether this copy takes the zone file: one that runs, under its own paths, for which a script is known."""
        return at.runs and at.mode in dict(self.loads) and (at.mode == "sandbox" or at.data == ROOT)

    async def preflight(self, at: Instance) -> Sequence[Obstacle]:
        """Return what stands in the way: a server that does not have the zone, or does not transfer it; its keys."""
        try:
            if not await self._is_served(at):
                hint = "correct `zones` in the inventory"
                return [Obstacle(f"the name server does not answer for {self.zone}", hint)]
            records = await self._transfer(at)
        except OutsideError as failure:
            return [Obstacle(failure.message, failure.hint or "start it")]
        if not self.keeps_keys and any(_type(record) == "DNSKEY" for record in records):
            hint = "save its database too (`database-name`), or its keys by a command of your own (`dumps`)"
            return [Obstacle(f"{self.zone} is signed, and its private keys are in no transfer", hint)]
        return []

    async def save(self, at: Instance, spool: PurePosixPath) -> Census:
        """Write the zone file; raises OutsideError unless it is whole and reads back as it was transferred."""
        records = _kept(await self._transfer(at))
        text = "".join(f"{record.line}\n" for record in records)
        back = await asyncio.to_thread(read_zone, text, self.zone)
        if _digests(back) != _digests(records):
            raise OutsideError(f"{self.zone} has a record that does not come back from a zone file as it was")
        await _write(at, spool / FILE, text)
        return self._census(records)

    async def restore(self, at: Instance, spool: PurePosixPath) -> None:
        """Give the zone file to the server of a copy, which does not have the zone yet."""
        if at.mode == "live":
            raise Refused("a zone is never loaded into a live copy", hint="load it beside, as a target")
        if await self._is_served(at):
            raise Refused(f"there is already a zone {self.zone}")
        argv = ("sh", "-c", dict(self.loads)[at.mode], "sh", self.zone.rstrip("."), str(spool / FILE))
        ended = await at.site.shell.run(argv, limit=LONG)
        if ended.code != 0:
            said = " ".join(ended.stderr.decode(errors="replace").split())[-300:]
            raise OutsideError(f"{self.zone} could not be loaded: {said or f'exit code {ended.code}'}")
        await self._wait(at)

    async def _wait(self, at: Instance) -> None:
        """Wait until the server has read what it was given: it says nothing then."""
        try:
            async with asyncio.timeout(QUICK.total_seconds()):
                while not await self._is_served(at):  # noqa: ASYNC110 - another program
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise OutsideError(f"{self.zone} was loaded, but is not answered for after {QUICK}") from None

    async def census(self, at: Instance) -> Census:
        """Count what the server has now."""
        return self._census(_kept(await self._transfer(at)))

    async def recount(self, at: Instance, spool: PurePosixPath) -> Census:
        """Count what the server of the copy has or, where none was given it, what is in the zone file."""
        if self.is_loaded(at):
            return await self.census(at)
        read = await at.site.shell.run(("cat", "--", str(spool / FILE)), limit=LONG)
        if read.code != 0:
            raise OutsideError(f"the zone file of {self.zone} could not be read")
        return self._census(await asyncio.to_thread(read_zone, read.stdout.decode(), self.zone))

    def _census(self, records: Sequence[Record]) -> Census:
        import dns.rdatatype

        serial = next((str(getattr(r.data, "serial", "")) for r in records if r.kind == dns.rdatatype.SOA), "")
        sets = _digests(records)
        sizes = {kind: sum(len(r.line) + 1 for r in records if _type(r) == kind) for kind in sets}
        tallies = {kind: Tally(number, digest, sizes[kind]) for kind, (number, digest) in sets.items()}
        return Census(self.name, datetime.now(UTC), tallies, remarks={SERIAL: serial})

    def _server(self, at: Instance) -> Address:
        return at.dial.get(self.endpoint) or Address(self.address, 53)

    async def _is_served(self, at: Instance) -> bool:
        """Return whether the server answers for the zone with authority; raises OutsideError if it does not answer."""
        import dns.flags
        import dns.rcode
        import dns.rdatatype

        async with aclosing(self._ask(at, dns.rdatatype.SOA)) as answers:
            async for answer in answers:
                has_authority = bool(answer.flags & dns.flags.AA)
                return answer.rcode() == dns.rcode.NOERROR and has_authority and bool(answer.answer)
        return False

    async def _transfer(self, at: Instance) -> list[Record]:
        """Return every record but the SOA that ends the transfer; raises OutsideError."""
        import dns.rdatatype

        for _ in range(TRIES):
            try:
                async with (
                    asyncio.timeout(LONG.total_seconds()),
                    aclosing(self._ask(at, dns.rdatatype.AXFR)) as answers,
                ):
                    return await self._receive(answers)
            except Changed:
                await asyncio.sleep(1)
            except TimeoutError:
                raise OutsideError(f"{self.zone} was not transferred within {LONG}") from None
        raise OutsideError(f"{self.zone} changed each time while it was transferred")

    async def _receive(self, answers: AsyncIterator[dns.message.Message]) -> list[Record]:
        import dns.name
        import dns.rcode
        import dns.rdatatype

        origin, records = dns.name.from_text(self.zone), list[Record]()
        async for answer in answers:
            if answer.rcode() != dns.rcode.NOERROR:
                code = dns.rcode.to_text(answer.rcode())
                raise OutsideError(
                    f"the name server does not transfer {self.zone} to its own host ({code})", hint=ALLOW
                )
            for record in _records(answer):
                is_soa = record.kind == dns.rdatatype.SOA and record.name == origin
                if not records and not is_soa:
                    raise OutsideError(f"what came is no transfer of {self.zone}: it does not begin with its SOA")
                if records and is_soa:
                    if record.data != records[0].data:
                        raise Changed
                    return records
                records.append(record)
        raise OutsideError(f"the transfer of {self.zone} was cut off after {len(records)} records")

    async def _ask(self, at: Instance, kind: dns.rdatatype.RdataType) -> AsyncGenerator[dns.message.Message]:
        """Yield the messages that answer one question, by TCP; raises OutsideError for what is no answer to it."""
        import dns.exception
        import dns.flags
        import dns.message

        query = dns.message.make_query(self.zone, kind)
        query.flags &= ~dns.flags.RD
        wire = query.to_wire()
        try:
            with await at.site.net.connect(self._server(at), limit=QUICK) as sock:
                loop = asyncio.get_running_loop()
                await loop.sock_sendall(sock, struct.pack("!H", len(wire)) + wire)
                reader, writer = await asyncio.open_connection(sock=sock)
                try:
                    while True:
                        async with asyncio.timeout(SILENCE.total_seconds()):
                            (length,) = struct.unpack("!H", await reader.readexactly(2))
                            data = await reader.readexactly(length)
                        answer = dns.message.from_wire(data, one_rr_per_rrset=True, xfr=True, ignore_trailing=True)
                        if answer.id != query.id:
                            raise OutsideError("the name server answered another question")
                        yield answer
                finally:
                    writer.close()
        except asyncio.IncompleteReadError:
            return
        except dns.exception.DNSException as failure:
            raise OutsideError(f"the name server did not answer in DNS: {failure}") from failure
        except (OSError, TimeoutError) as failure:
            raise OutsideError(f"the name server does not answer: {failure or 'it is silent'}") from failure


def read_zone(text: str, zone: str) -> list[Record]:
    """Return the records of a zone file with absolute names; raises OutsideError for one that cannot be read."""
    import dns.exception
    import dns.zonefile

    try:
        found = dns.zonefile.read_rrsets(text, rdclass=None, origin=zone)
    except (dns.exception.DNSException, ValueError) as failure:
        raise OutsideError(f"a zone file cannot be read: {failure}") from failure
    return [Record(rrset.name, rrset.ttl, rrset.rdtype, data) for rrset in found for data in rrset]


def _records(answer: dns.message.Message) -> Iterable[Record]:
    for rrset in answer.answer:
        for data in rrset:
            yield Record(rrset.name, rrset.ttl, rrset.rdtype, data)


def _type(record: Record) -> str:
    import dns.rdatatype

    return dns.rdatatype.to_text(record.kind)


def _kept(records: Sequence[Record]) -> list[Record]:
    """Return the records of a zone but those that signing makes; of an unsigned one, all of them.

    The records of an RRset get its lowest TTL, as resolvers have it (RFC 2181 §5.2).
    """
    is_signed = any(_type(record) in {"DNSKEY", "RRSIG"} for record in records)
    kept = [record for record in records if not is_signed or _type(record) not in SIGNED]
    lowest: dict[tuple[dns.name.Name, int], int] = {}
    for record in kept:
        key = record.name, record.kind
        lowest[key] = min(record.ttl, lowest.get(key, record.ttl))
    return [replace(record, ttl=lowest[record.name, record.kind]) for record in kept]


def _digests(records: Sequence[Record]) -> Mapping[str, tuple[int, str]]:
    """Return for each type the number of RRsets, and a digest of their canonical form in its order (RFC 4034 §6)."""
    sets: dict[str, dict[tuple[dns.name.Name, int], set[bytes]]] = {}
    for record in records:
        canonical = record.data.to_digestable()
        sets.setdefault(_type(record), {}).setdefault((record.name, record.ttl), set()).add(canonical)
    found = {}
    for kind, rrsets in sets.items():
        whole = hashlib.sha256()
        for (name, ttl), data in sorted(rrsets.items()):  # names compare in canonical order
            for one in sorted(data):
                whole.update(name.to_digestable() + struct.pack("!IH", ttl, len(one)) + one)
        found[kind] = (len(rrsets), whole.hexdigest())
    return found


async def _write(at: Instance, path: PurePosixPath, text: str) -> None:
    with tempfile.NamedTemporaryFile(prefix="kedge-zone-") as file:
        here = Path(file.name)
        await asyncio.to_thread(here.write_text, text, "utf-8")
        await at.site.shell.put(here, path)
