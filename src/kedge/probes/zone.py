"""A zone as the world sees it: delegation, every authoritative server, and what was declared."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from kedge.model.instance import Instance, Scope
from kedge.model.observation import Observation, Status
from kedge.model.ports import Address
from kedge.probes.delegation import Asker, Delegation, NoAnswer, NotDelegated, find_delegation, system_resolver
from kedge.probes.wording import listed
from kedge.probes.zone_view import Answered, Key, View, look_at_server

if TYPE_CHECKING:
    import dns.name
    import dns.rdata

STEPS = 6
"""Questions that have to wait for one another; each has its share of the limit."""
APEX_NS = ("@", "NS")
DIFFERS = "differs from what is declared: "
"""So begins the part of the sentence that says which RRsets were changed."""


@dataclass(frozen=True, slots=True)
class ZoneProbe:
    """Asks the parent and every authoritative server, at every address, for the zone's serial and declared records.

    `declared` maps owner and type to records in presentation format; `servers` are one's own name servers with the
    addresses that are declared for them. `tells` are the beginnings of evidence that other rules read as facts.
    """

    tells: ClassVar[frozenset[str]] = frozenset({"rrset", "drifted"})

    zone: str
    declared: Mapping[Key, tuple[str, ...]] = field(default_factory=dict)
    servers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    limit: timedelta = timedelta(seconds=15)
    name: str = "zone"
    scope: Scope = "world"
    resolver: Sequence[Address] = ()

    async def look(self, at: Instance) -> Observation:
        """Look once."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        asker = Asker(at.site.net, self.resolver or system_resolver(), self.limit / STEPS)
        seen = await self._look(asker)
        return replace(seen, took=timedelta(seconds=loop.time() - began))

    async def _look(self, asker: Asker) -> Observation:
        import dns.name

        zone = dns.name.from_text(self.zone)
        delegation: Delegation | None = None
        try:
            delegation = await find_delegation(asker, zone)
        except NotDelegated as parent:
            return Observation(Status.DOWN, f"is not delegated: {parent} does not know it", {"parent": str(parent)})
        except NoAnswer as reason:
            if not any(self.servers.values()):
                return Observation(Status.UNKNOWN, f"could not be looked for: {reason}")
        servers = await _find_servers(asker, delegation, self.servers)
        wanted = list(dict.fromkeys([APEX_NS, *self.declared]))
        views = await asyncio.gather(
            *(
                look_at_server(asker, name, address, zone, wanted)
                for name, found in servers.items()
                for address in found
            )
        )
        return _Judgement(self, zone, delegation, servers, views).observation()


async def _find_servers(
    asker: Asker, delegation: Delegation | None, declared: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Return every server to ask with its addresses: those the parent names, then those only we name."""
    names = delegation.servers if delegation else ()
    glue = delegation.glue if delegation else {}
    resolved = await asyncio.gather(*map(asker.addresses, names), return_exceptions=True)
    servers = {
        _plain(name): found if isinstance(found, tuple) and found else glue.get(name, ())
        for name, found in zip(names, resolved, strict=True)
    }
    known = {address for addresses in servers.values() for address in addresses}
    for name, addresses in declared.items():
        if name not in servers and (left := tuple(address for address in addresses if address not in known)):
            servers[name] = left
    return {name: tuple(sorted(servers[name])) for name in sorted(servers)}  # servers answer in any order


def _plain(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True)


@dataclass(frozen=True)
class _Judgement:
    """What all servers together mean."""

    probe: ZoneProbe
    zone: dns.name.Name
    delegation: Delegation | None
    servers: Mapping[str, tuple[str, ...]]
    views: Sequence[View]

    def observation(self) -> Observation:
        answered = [view for view in self.views if not view.failure]
        evidence = self._evidence(answered)
        if not answered:
            if self.views and all(view.is_ours for view in self.views):
                return Observation(
                    Status.UNKNOWN, "could not be looked at: no server can be reached from here", evidence
                )
            return Observation(Status.DOWN, "is answered for by none of its name servers", evidence)
        problems = list(self._problems(answered))
        evidence |= dict(self._drift(answered))
        if drifted := sorted({key for key in self.probe.declared if self._differing(key, answered)}):
            words = [f"{kind} of {owner}" for owner, kind in drifted]
            problems.append(f"{DIFFERS}{listed(words)}")
        if problems:
            return Observation(Status.DEGRADED, "; ".join(problems), evidence)
        return Observation(Status.OK, "is the same on every name server, and as declared", evidence)

    def _evidence(self, answered: Sequence[View]) -> dict[str, str]:
        evidence = {f"serial/{view.label}": str(view.serial) for view in answered}
        evidence |= {f"failed/{view.label}": view.failure for view in self.views if view.failure}
        if self.delegation:
            evidence["parent"] = self.delegation.parent
            evidence["delegation"] = " ".join(sorted(map(_plain, self.delegation.servers)))
        return evidence

    def _problems(self, answered: Sequence[View]) -> Iterator[str]:
        """Yield what is wrong with the servers themselves, in stable words: no numbers that vary."""
        for name, addresses in self.servers.items():
            if not addresses:
                yield f"{name} has no address"
        for view in self.views:
            if view.failure and not view.is_ours:
                yield f"{view.label} {view.failure}"
        if deaf := [view.label for view in answered if view.lacks_tcp]:
            yield f"{listed(deaf)} {'answers' if len(deaf) == 1 else 'answer'} by UDP only"
        if deaf := [view.label for view in answered if view.lacks_udp]:
            yield f"{listed(deaf)} {'answers' if len(deaf) == 1 else 'answer'} by TCP only"
        newest = _newest(view.serial for view in answered)
        if stale := [view.label for view in answered if view.serial != newest]:
            yield f"{listed(stale)} {'has' if len(stale) == 1 else 'have'} an older zone than the others"
        else:
            yield from self._disagreements(answered)
        yield from self._delegation_differs(answered)

    def _disagreements(self, answered: Sequence[View]) -> Iterator[str]:
        """Yield RRsets that servers with one serial answer differently."""
        for key in self.probe.declared:
            if len({view.rrsets[key].records for view in answered}) > 1:
                yield f"the servers disagree on {key[1]} of {key[0]}"

    def _delegation_differs(self, answered: Sequence[View]) -> Iterator[str]:
        if self.delegation is None:
            return
        parents = frozenset(name.to_text().lower() for name in self.delegation.servers)
        own = [frozenset(map(str.lower, view.rrsets[APEX_NS].records)) for view in answered]
        if any(names and names != parents for names in own):
            yield "the zone names other servers than its parent"

    def _differing(self, key: Key, answered: Sequence[View]) -> list[View]:
        """Return the servers that say something else than is declared."""
        declared = self._rdata(key, self.probe.declared[key])
        return [view for view in answered if self._rdata(key, view.rrsets[key].records) != declared]

    def _drift(self, answered: Sequence[View]) -> Iterator[tuple[str, str]]:
        """Yield what the world says for each declared RRset, spelt as declared where it is the same."""
        for key in self.probe.declared:
            differing = self._differing(key, answered)
            shown = (differing or answered)[0].rrsets[key]
            records = self.spelt(key, shown)
            # Rules split at semicolons; a record with one of its own (DMARC) would look like two.
            kind = "answer" if any(";" in record for record in records) else "rrset"
            yield f"{kind}/{key[0]} {key[1]}", "; ".join(records)
            yield f"ttl/{key[0]} {key[1]}", str(shown.ttl_s)
            if differing:
                yield f"drifted/{key[0]} {key[1]}", listed([view.label for view in differing])

    def spelt(self, key: Key, answered: Answered) -> list[str]:
        """Return the records of an RRset, each as it is declared if it is."""
        known = {self._read(key, text): text for text in self.probe.declared[key]}
        return sorted(known.get(self._read(key, text), text) for text in answered.records)

    def _rdata(self, key: Key, texts: Collection[str]) -> frozenset[object]:
        return frozenset(self._read(key, text) for text in texts)

    def _read(self, key: Key, text: str) -> object:
        """Return record data that compares as DNS does; text that cannot be read only equals itself."""
        return read_record(key[1], text, self.zone)


def read_record(kind: str, text: str, zone: dns.name.Name) -> dns.rdata.Rdata | str:
    """Return record data in presentation format, names relative to the zone, as data; as it is if unreadable."""
    import dns.exception
    import dns.rdata
    import dns.rdataclass
    import dns.rdatatype

    try:
        return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(kind), text, zone, relativize=False)
    except (dns.exception.DNSException, ValueError):
        return text


def _newest(serials: Iterator[int] | Sequence[int]) -> int:
    """Return the newest serial in the arithmetic of RFC 1982, where numbers wrap."""
    newest, *others = serials
    for serial in others:
        if (serial - newest) % 2**32 < 2**31:
            newest = serial
    return newest
