"""Two real BINDs: in step, apart, changed, dead."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import timedelta

from kedge.model.observation import Observation, Status
from kedge.model.ports import Address
from kedge.probes.zone import ZoneProbe
from tests.integration.conftest import need
from tests.integration.probes.servers import bind, folder, free_port, nsupdate, run
from tests.unit.probes.fakes import instance
from tests.unit.probes.nameservers import NameServer, TestNet, name_servers

RESOLVER, PARENT, NS1, NS2 = "192.0.2.1", "192.0.2.2", "198.51.100.1", "203.0.113.1"
WORLD = {
    RESOLVER: NameServer(
        {
            "org. NS": ["a.nic.org."],
            "a.nic.org. A": [PARENT],
            "ns1.example.org. A": [NS1],
            "ns2.example.org. A": [NS2],
        },
        is_authoritative=False,
    ),
    PARENT: NameServer(referrals={"example.org.": ["ns1.example.org.", "ns2.example.org."]}),
}
PROBE = ZoneProbe(
    "example.org",
    {("@", "MX"): ("10 mail",), ("www", "A"): ("192.0.2.10",)},
    resolver=(Address(RESOLVER, 53),),
    limit=timedelta(seconds=12),
)


async def test_what_is_declared_what_was_changed_and_who_lags_behind() -> None:
    need("named", "bind9")
    need("nsupdate", "bind9-dnsutils")
    async with AsyncExitStack() as stack:
        first, second = stack.enter_context(folder()), stack.enter_context(folder())
        net = await stack.enter_async_context(name_servers(WORLD))
        ports = {(NS1, 53): free_port(), (NS2, 53): free_port()}
        world = TestNet(ports={**net.ports, **ports})

        async def look() -> Observation:
            return await PROBE.look(instance({}, net=world))

        await stack.enter_async_context(bind(first, ports[NS1, 53]))
        async with bind(second, ports[NS2, 53], primary=ports[NS1, 53]):
            found = await look()
            assert (found.status, found.what) == (Status.OK, "is the same on every name server, and as declared")

            await nsupdate(
                ports[NS1, 53], "update delete example.org MX", "update add example.org 300 MX 5 other.example.net."
            )
            found = await look()
            assert found.status is Status.DEGRADED
            assert f"ns2.example.org ({NS2}) has an older zone than the others" in found.what
            assert found.evidence["rrset/@ MX"] == "5 other.example.net."
            assert found.evidence["ttl/@ MX"] == "300"
            assert found.evidence["drifted/@ MX"] == f"ns1.example.org ({NS1})"

        found = await look()
        assert f"ns2.example.org ({NS2}) could not be asked: Connection refused" in found.what
    assert (await run("named", "-v")).startswith("BIND")
