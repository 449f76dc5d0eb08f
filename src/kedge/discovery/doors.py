"""Which doors an organisation's names have, and what answers at each: one look, no login, nothing sent."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from kedge.discovery.pages import PageLook
from kedge.discovery.world import DomainView, Door, DoorView, Protocol, Shown
from kedge.model.instance import Instance, Probe
from kedge.model.observation import Observation, Status
from kedge.model.ports import Address, Site
from kedge.probes.imap import ImapProbe
from kedge.probes.smtp import SmtpProbe
from kedge.probes.xmpp import XmppProbe

FROM_SRV: Mapping[str, Protocol] = {
    "_xmpp-client._tcp": "xmpp-client", "_xmpp-server._tcp": "xmpp-server", "_imap._tcp": "imap",
    "_imaps._tcp": "imaps", "_submission._tcp": "submission", "_submissions._tcp": "submissions",
}  # fmt: skip
GUESSED: Mapping[Protocol, int] = {"imaps": 993, "imap": 143, "submission": 587, "submissions": 465}
CLOSED = "could not be reached at port 25, which many networks close to all but mail servers"
UNWELCOME = "greets, but does not take mail from here"
Side = Literal["client", "server"]
NOT_WEB = ("ns", "ns1", "ns2", "ns3")
FEW_NAMES = 60


def doors_of(view: DomainView) -> Iterator[Door]:
    """Yield the doors a domain's records promise, and those its names usually have."""
    own = [host for host in view.mail_hosts if host in view.names]
    for host in own:
        yield Door("smtp", host, 25, view.name, is_promised=True)
    for record in view.srv:
        protocol = FROM_SRV.get(record.service)
        if protocol and record.target and 0 < record.port < 65536:
            yield Door(protocol, record.target, record.port, view.name, is_promised=True)
    mailish = [*own, *(name for label in ("imap", "mail") if (name := f"{label}.{view.name}") in view.names)]
    for name in dict.fromkeys(mailish):
        for protocol, port in GUESSED.items():
            yield Door(protocol, name, port, view.name)
    for name in list(view.names)[:FEW_NAMES]:
        if name.partition(".")[0] not in NOT_WEB:
            yield Door("web", name, 443, view.name)


def distinct(doors: Iterable[Door]) -> list[Door]:
    """Return each door once; one that is promised stays so."""
    found: dict[tuple[str, str, int], Door] = {}
    for door in doors:
        key = (door.protocol, door.name, door.port)
        if key not in found or door.is_promised:
            found[key] = door
    return list(found.values())


@dataclass(frozen=True)
class Visitor:
    """Looks at doors from one site."""

    site: Site
    limit: timedelta

    async def look(self, door: Door, address: str) -> DoorView | None:
        """Return what was seen at an address; None if nobody promised anything and nothing is there."""
        if door.protocol == "web":
            return await PageLook(self.site.net, address, self.limit).look(door.name)
        probe = self._probe(door)
        at = Instance("live", self.site, {door.protocol: Address(address, door.port)})
        seen = _judge(door, await probe.look(at))
        if not door.is_promised and seen.status not in (Status.OK, Status.DEGRADED):
            return None
        ends = seen.evidence.get("certificate ends")
        shown = Shown((door.name,), datetime.fromisoformat(ends)) if ends else None
        return DoorView(door, address, seen, certificate=shown)

    def _probe(self, door: Door) -> Probe:
        match door.protocol:
            case "smtp":
                return SmtpProbe(door.name, endpoint="smtp", limit=self.limit)
            case "submission":
                return SmtpProbe(door.name, encryption="starttls", endpoint="submission", limit=self.limit)
            case "submissions":
                return SmtpProbe(door.name, encryption="tls", endpoint="submissions", limit=self.limit)
            case "imap" | "imaps":
                return ImapProbe(door.name, is_tls=door.protocol == "imaps", endpoint=door.protocol, limit=self.limit)
            case _:
                side: Side = "client" if door.protocol == "xmpp-client" else "server"
                return XmppProbe(door.domain, side, endpoint=door.protocol, limit=self.limit)


def _judge(door: Door, seen: Observation) -> Observation:
    """Return what was seen, unknown where the reason may lie with us: strangers are often kept from port 25."""
    if door.protocol != "smtp" or seen.status is not Status.DOWN:
        return seen
    if "greeting" in seen.evidence:
        return replace(seen, status=Status.UNKNOWN, what=UNWELCOME)
    silent = ("did not answer within", f"could not be connected to: {_word(errno.ETIMEDOUT)}")
    return replace(seen, status=Status.UNKNOWN, what=CLOSED) if seen.what.startswith(silent) else seen


def _word(number: int) -> str:
    import os

    return os.strerror(number)
