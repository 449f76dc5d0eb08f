"""A real Prosody: healthy, frozen, dead."""

from __future__ import annotations

import os
import signal
import ssl
from dataclasses import replace
from datetime import timedelta

from kedge.model.instance import Instance
from kedge.model.observation import Status
from kedge.model.ports import Address
from kedge.probes.login import Login
from kedge.probes.xmpp import XmppProbe
from tests.integration.conftest import need
from tests.integration.probes.servers import accepts, folder, free_port, prosody
from tests.unit.probes.fakes import Here


async def test_it_is_looked_at_as_a_client_and_as_a_server() -> None:
    need("prosody", "prosody")
    with folder() as path:
        clients, servers = free_port(), free_port()
        dial = {"xmpp-client": Address("127.0.0.1", clients), "xmpp-server": Address("127.0.0.1", servers)}
        at = Instance("live", Here(secrets={"password": "geheim", "wrong": "x"}), dial)
        async with prosody(path, clients, servers) as process:
            trust = ssl.create_default_context(cafile=str(path / "cert.pem"))
            probe = XmppProbe("example.org", trust=trust)
            found = await probe.look(at)
            assert (found.status, found.what) == (Status.OK, "opened a stream, and offers to log in")
            assert (await replace(probe, login=Login("kedge", "password")).look(at)).what == "let kedge log in"
            assert (await replace(probe, login=Login("kedge", "wrong")).look(at)).status is Status.UNKNOWN
            other = XmppProbe("example.org", "server", endpoint="xmpp-server")
            assert (await other.look(at)).what == "opened a stream for other servers"
            assert (await XmppProbe("example.net", trust=trust).look(at)).what == "does not serve example.net"
            assert "certificate was refused" in (await XmppProbe("example.org").look(at)).what

            os.killpg(process.pid, signal.SIGSTOP)
            assert await accepts(clients)  # the kernel still takes connections
            frozen = await replace(probe, limit=timedelta(seconds=1)).look(at)
            assert (frozen.status, "did not come within 1 s" in frozen.what) == (Status.DOWN, True)
        assert (await probe.look(at)).what == "could not be connected to: Connection refused"
