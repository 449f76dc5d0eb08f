"""Names into addresses, as seen from here: asked once in a sweep, cancelled with it, and in no thread."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property, lru_cache
from pathlib import Path

from kedge.model.ports import Address, Net
from kedge.probes.delegation import Asker, NoAnswer, system_resolver

HOSTS = Path("/etc/hosts")
LIMIT = timedelta(seconds=4)

Places = tuple[Address, ...]


@lru_cache(4096)
def is_literal(host: str) -> bool:
    """Return whether this is an IP address or a socket path, which nothing has to resolve."""
    if host.startswith("/"):
        return True
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


@dataclass
class Names:
    """Looks names up through the resolvers of this machine, each once; /etc/hosts comes first.

    Not getaddrinfo(3): it blocks a thread for as long as a dead resolver keeps it waiting.
    """

    net: Net
    resolver: Sequence[Address] | None = None
    hosts_file: Path = HOSTS
    _asked: dict[str, asyncio.Task[tuple[str, ...]]] = field(default_factory=dict)

    async def addresses(self, name: str) -> tuple[str, ...]:
        """Return every address of a name; raises gaierror: EAI_NONAME if it has none, EAI_AGAIN if nobody knows."""
        if is_literal(name):
            return (name,)
        task = self._asked.get(name)
        if task is None:
            task = self._asked[name] = asyncio.create_task(self._find(name.rstrip(".").lower()))
        return await asyncio.shield(task)

    async def services(self, name: str) -> Places:
        """Return the hosts and ports that an SRV name (RFC 2782) leads to, best first; none if there is none."""
        import dns.name

        try:
            answer = await self._asker.resolve(dns.name.from_text(name), "SRV")
        except NoAnswer as failure:
            raise socket.gaierror(socket.EAI_AGAIN, str(failure)) from failure
        found = [data for rrset in answer.answer for data in rrset if rrset.rdtype == 33]
        found.sort(key=lambda data: (data.priority, -data.weight, str(data.target)))
        return tuple(Address(data.target.to_text(omit_final_dot=True), data.port) for data in found)

    async def _find(self, name: str) -> tuple[str, ...]:
        if known := self._hosts.get(name):
            return known
        if "." not in name:  # a name of this network: only the system knows its search list
            return await self._ask_system(name)
        import dns.exception
        import dns.name

        try:
            found = await self._asker.addresses(dns.name.from_text(name))
        except NoAnswer as failure:
            raise socket.gaierror(socket.EAI_AGAIN, str(failure)) from failure
        except (dns.exception.DNSException, UnicodeError) as failure:
            raise socket.gaierror(socket.EAI_NONAME, f"'{name}' is no name") from failure
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "it has no address")
        return found

    async def _ask_system(self, name: str) -> tuple[str, ...]:
        async with asyncio.timeout(LIMIT.total_seconds()):
            found = await asyncio.get_running_loop().getaddrinfo(name, 0, type=socket.SOCK_STREAM)
        return tuple(dict.fromkeys(str(address[0]) for *_, address in found))

    @cached_property
    def _asker(self) -> Asker:
        return Asker(self.net, system_resolver() if self.resolver is None else self.resolver, LIMIT)

    @cached_property
    def _hosts(self) -> Mapping[str, tuple[str, ...]]:
        return read_hosts(self.hosts_file.read_text(errors="replace")) if self.hosts_file.is_file() else {}


def read_hosts(text: str) -> Mapping[str, tuple[str, ...]]:
    """Return the names in a hosts(5) file with their addresses, in its order."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        for name in names if is_literal(address) else ():
            found[name.lower()] = (*found.get(name.lower(), ()), address)
    return found
