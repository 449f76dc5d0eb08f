"""Protocols of which only the greeting is read: POP3 (RFC 1939), ManageSieve (RFC 5804), SSH (RFC 4253)."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import timedelta

from kedge.model.instance import Instance, Scope
from kedge.model.observation import Observation, Status
from kedge.probes.dialogue import Call, Dialogue, converse, not_spoken
from kedge.probes.trust import default_trust
from kedge.probes.wording import quote


@dataclass(frozen=True, slots=True)
class GreetingProbe:
    """Waits for the server's first line, which begins as its protocol demands. It proves no more than that."""

    protocol: str
    begins: str
    endpoint: str
    parting: str = ""
    hostname: str = ""
    is_tls: bool = False
    limit: timedelta = timedelta(seconds=10)
    name: str = "greeting"
    scope: Scope = "instance"
    trust: ssl.SSLContext | None = None

    async def look(self, at: Instance) -> Observation:
        """Look once."""
        is_plain = bool((dial := at.dial.get(self.endpoint)) and dial.is_plain)

        async def talk(line: Dialogue) -> Observation:
            said = await line.read_line()
            if not said.startswith(self.begins.encode()):
                raise not_spoken(self.protocol, said, line)
            line.parting = self.parting.encode()
            return Observation(Status.OK, "greeted", {**line.evidence, "greeting": quote(said)})

        trust = (self.trust or default_trust()) if self.is_tls and not is_plain else None
        return await converse(at, Call(self.endpoint, self.limit, trust, self.hostname), talk)
