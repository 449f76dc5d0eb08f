"""One name server's own answer for a zone: is it loaded, and with which serial (RFC 1035 §3.3.13)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

from kedge.errors import OutsideError
from kedge.model.instance import Instance, Scope
from kedge.model.observation import Observation, Status
from kedge.probes.dns_query import NotDns, Question, ask
from kedge.probes.failure import judge_failure


@dataclass(frozen=True, slots=True)
class SoaProbe:
    """Asks one copy of a name server whether it answers for a zone with authority."""

    zone: str
    endpoint: str = "dns-tcp"
    limit: timedelta = timedelta(seconds=10)
    scope: Scope = "instance"

    @property
    def name(self) -> str:
        """Its name within the service."""
        return f"soa-{self.zone}"

    async def look(self, at: Instance) -> Observation:
        """Look once."""
        import dns.name
        import dns.rdatatype

        to = at.dial.get(self.endpoint)
        if to is None:
            return Observation(Status.UNKNOWN, "could not be asked: nobody said where it is")
        loop = asyncio.get_running_loop()
        began = loop.time()
        zone = dns.name.from_text(self.zone)
        try:
            answer = await ask(at.site.net, to, Question(zone, dns.rdatatype.SOA), self.limit)
        except NotDns as reason:
            return Observation(Status.DOWN, f"did not answer in DNS: {reason}")
        except (OSError, TimeoutError, OutsideError) as failure:
            return replace(judge_failure(failure, self.limit), took=timedelta(seconds=loop.time() - began))
        seen = self._judge(answer.message, zone, timedelta(seconds=loop.time() - began))
        if answer.is_udp_lost and seen.status is Status.OK:
            return replace(seen, status=Status.DEGRADED, what=f"answers for {self.zone} by TCP only")
        return seen

    def _judge(self, answer: object, zone: object, took: timedelta) -> Observation:
        import dns.flags
        import dns.message
        import dns.name
        import dns.rcode
        import dns.rdataclass
        import dns.rdatatype

        assert isinstance(answer, dns.message.Message)
        assert isinstance(zone, dns.name.Name)
        found = answer.get_rrset(answer.answer, zone, dns.rdataclass.IN, dns.rdatatype.SOA)
        if found is None or not answer.flags & dns.flags.AA:
            code = dns.rcode.to_text(answer.rcode())
            return Observation(Status.DOWN, f"does not answer for {self.zone} ({code})", took=took)
        serial = str(found[0].serial)
        return Observation(Status.OK, f"answers for {self.zone}", {"serial": serial}, took)
