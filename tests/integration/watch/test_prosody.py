"""A real Prosody takes an alert; a frozen one is given up."""

from __future__ import annotations

import os
import signal
import ssl
from dataclasses import replace
from datetime import timedelta

from kedge.model.observation import Status
from kedge.watch.sender import Login, XmppSender
from tests.integration.conftest import need
from tests.integration.probes.servers import folder, free_port, prosody
from tests.unit.probes.fakes import Here
from tests.unit.watch.test_sender import COPY


async def test_an_alert_by_xmpp() -> None:
    need("prosody", "prosody")
    with folder() as path:
        clients, servers = free_port(), free_port()
        async with prosody(path, clients, servers) as process:
            trust = ssl.create_default_context(cafile=str(path / "cert.pem"))
            login = Login("kedge", "geheim")
            sender = XmppSender("kedge@example.org", login, "127.0.0.1", clients, trust=trust)
            copy = replace(COPY, address="kedge@example.org")
            seen = await sender.send(copy, Here())
            assert (seen.status, seen.what) == (Status.OK, "example.org took it")
            wrong = await replace(sender, login=Login("kedge", "falsch")).send(copy, Here())
            assert wrong.status is Status.UNKNOWN
            nobody = await sender.send(replace(copy, address="nobody@example.org"), Here())
            assert (nobody.status, "did not take" in nobody.what) == (Status.DOWN, True)
            os.killpg(process.pid, signal.SIGSTOP)
            assert (await replace(sender, limit=timedelta(seconds=1)).send(copy, Here())).status is Status.DOWN
