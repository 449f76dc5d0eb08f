"""Whether this machine can reach anybody at all, before it says that nobody answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from kedge.app.sending import PostOffice
from kedge.app.vantage import VantageNet
from kedge.model.observation import Status
from kedge.model.ports import Address
from kedge.watch.sender import WebSender

LIMIT = timedelta(seconds=4)
MOST_ANCHORS = 8


@dataclass
class Uplink:
    """Suspects itself as soon as nothing that it looks at answers.

    Anchors are what alerts leave by: while none of these can be reached, nobody could be told anyway.
    """

    latest: dict[tuple[str, str], Status] = field(default_factory=dict)
    _asked: tuple[float, bool] = (float("-inf"), False)

    def take(self, key: tuple[str, str], status: Status) -> None:
        """Note what the latest look at something saw."""
        self.latest[key] = status

    def forget(self, keys: Mapping[tuple[str, str], object]) -> None:
        """Keep only what is still watched."""
        self.latest = {key: status for key, status in self.latest.items() if key in keys}

    @property
    def is_suspect(self) -> bool:
        """Whether several things were looked at and not one of them is well."""
        return len(self.latest) > 1 and all(status in (Status.DOWN, Status.UNKNOWN) for status in self.latest.values())

    async def is_cut(self, office: PostOffice, life: timedelta) -> bool:
        """Return whether this machine is cut off: there are anchors, and none can be reached; asked once in `life`."""
        now = asyncio.get_running_loop().time()
        if now - self._asked[0] >= life.total_seconds():
            self._asked = (now, await self._ask(office))
        return self._asked[1]

    async def _ask(self, office: PostOffice) -> bool:
        anchors = list(dict.fromkeys(find_anchors(office)))[:MOST_ANCHORS]
        if not anchors:
            return False
        net = VantageNet(names=office.names)
        return not any(await asyncio.gather(*(_answers(net, one) for one in anchors)))


def find_anchors(office: PostOffice) -> Iterable[Address]:
    """Yield where alerts go: the relay, the XMPP server, webhooks and ntfy."""
    if relay := office.settings.relay:
        yield Address(relay.hostname or "", relay.port or 25)
    if account := office.settings.account:
        yield Address(account.partition("@")[2].partition("/")[0], 5222)
    for channel in office.inventory.sections.channels.values():
        if channel.type in ("webhook", "ntfy"):
            parts = urlsplit(WebSender(is_ntfy=channel.type == "ntfy").url_of(channel.address))
            yield Address(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))


async def _answers(net: VantageNet, to: Address) -> bool:
    """Whether something there answers; refusing is an answer too: the way to it works."""
    with contextlib.suppress(OSError, TimeoutError):
        try:
            async with asyncio.timeout(LIMIT.total_seconds()):
                sock = await net.connect(to, limit=LIMIT)
        except ConnectionRefusedError:
            return True
        sock.close()
        return True
    return False
