"""The certificate that a server shows: until when it is good, for which name, who vouches, whether it is the newest."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import ClassVar

from kedge.model.instance import Instance, Scope
from kedge.model.observation import Observation, Status
from kedge.probes.certificate import SOON, Certificate, NotACertificate, now, read_der, read_pem
from kedge.probes.dialogue import Broken, Call, Dialogue, converse
from kedge.probes.trust import default_trust, no_trust


@dataclass(frozen=True, slots=True)
class TlsProbe:
    """Reads the certificate shown under a name: its end, its names, who vouches, and whether a newer one lies unused.

    `renewed` are files on the service's host where a newer one would lie.
    """

    tells: ClassVar[frozenset[str]] = frozenset({"expiry"})

    hostname: str
    renewed: tuple[PurePosixPath, ...] = ()
    endpoint: str = "web"
    limit: timedelta = timedelta(seconds=10)
    name: str = "certificate"
    scope: Scope = "instance"
    trust: ssl.SSLContext | None = None
    now: Callable[[], datetime] = now

    async def look(self, at: Instance) -> Observation:
        """Look once; a certificate that is refused is read all the same, to say why."""
        dial = at.dial.get(self.endpoint)
        if dial and dial.is_plain:
            return Observation(Status.UNKNOWN, "this copy speaks without TLS")
        seen = await self._shake(at, self.trust or default_trust())
        if seen.status is Status.DOWN and "certificate was refused" in seen.what:
            read = await self._shake(at, no_trust())
            return replace(seen, evidence={**read.evidence, **seen.evidence}, took=seen.took + read.took)
        if seen.status in (Status.OK, Status.DEGRADED) and self.renewed:
            return await self._compare(at, seen)
        return seen

    async def _shake(self, at: Instance, trust: ssl.SSLContext) -> Observation:
        async def talk(line: Dialogue) -> Observation:
            try:
                return self._judge(read_der(line.certificate()))
            except NotACertificate:
                raise Broken("showed a certificate that cannot be read", evidence=line.evidence) from None

        return await converse(at, Call(self.endpoint, self.limit, trust, self.hostname), talk)

    def _judge(self, shown: Certificate) -> Observation:
        left = shown.ends - self.now()
        evidence = {
            "expiry": f"{shown.ends:%Y-%m-%dT%H:%M:%SZ}", "names": " ".join(shown.names),
            "fingerprint": shown.fingerprint, "days left": str(left.days),
        }  # fmt: skip
        if left <= timedelta(0):
            return Observation(Status.DOWN, "shows a certificate that has expired", evidence)
        if left <= SOON:
            return Observation(Status.DEGRADED, f"shows a certificate that ends within {SOON.days} days", evidence)
        return Observation(Status.OK, "shows a certificate that is good", evidence)

    async def _compare(self, at: Instance, seen: Observation) -> Observation:
        """Return what was seen, or that a newer certificate waits on the host for a reload that never came."""
        for path in self.renewed:
            ended = await at.site.shell.run(("cat", "--", str(path)), limit=self.limit)
            if ended.code is None:
                return replace(seen, evidence={**seen.evidence, "renewed": "the host could not be entered"})
            try:
                kept = read_pem(ended.stdout)
            except NotACertificate:
                continue
            if (
                kept.fingerprint != seen.evidence["fingerprint"]
                and f"{kept.ends:%Y-%m-%dT%H:%M:%SZ}" > seen.evidence["expiry"]
            ):
                evidence = {**seen.evidence, "renewed": f"{path} ends {kept.ends:%Y-%m-%d}"}
                return Observation(
                    Status.DEGRADED, "was renewed, but still shows the old certificate", evidence, seen.took
                )
        return seen
