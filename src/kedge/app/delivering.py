"""Delivers letters: each by the first of its ways that takes it, none waiting for another, every try recorded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from kedge.app.watch_keeping import NO_WAY, Keeper, next_try
from kedge.evidence.outbox import Delivery, Outgoing
from kedge.model.observation import Observation, Status
from kedge.watch.letter import Letter
from kedge.watch.sender import Copy

_LOG = logging.getLogger(__name__)
Send = Callable[[str, Copy], Awaitable[Observation]]
UNCERTAIN = ("the answer to the message", "a sign that it read the message", "its answer")
"""What the far side still owed us when a try broke off after the letter was handed over."""
UNRECORDED = "(Not recorded: kedge's database cannot be written.)\n\n"


@dataclass
class Postman:
    """Takes what is due out of the keeper's hands; one letter is under way once at a time."""

    keeper: Keeper
    send: Send
    address: Callable[[str], str]
    """Channel -> the address it leads to."""
    now: Callable[[], datetime]
    under_way: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def go(self) -> None:
        """Set out with everything that is due and not under way."""
        for outgoing, letter in await asyncio.to_thread(self.keeper.due, self.now()):
            if outgoing.id not in self.under_way:
                task = asyncio.create_task(self._deliver(outgoing, letter))
                self.under_way[outgoing.id] = task
                task.add_done_callback(lambda _, id=outgoing.id: self.under_way.pop(id, None))  # type: ignore[misc]

    async def finish(self) -> None:
        """Wait for those under way."""
        while self.under_way:
            await asyncio.gather(*self.under_way.values(), return_exceptions=True)

    async def _deliver(self, outgoing: Outgoing, letter: Letter) -> None:
        is_recorded = await asyncio.to_thread(self.keeper.begin, outgoing, self.now())
        if not is_recorded:
            letter = replace(letter, body=UNRECORDED + letter.body)
        deliveries: list[Delivery] = []
        for channel in letter.ways:
            copy = Copy(letter, self.address(channel), is_repeated=outgoing.begun is not None)
            try:
                seen = await self.send(channel, copy)
            except Exception:  # a bug in one sender must not cost the other ways
                _LOG.exception("sending failed", extra={"channel": channel})
                seen = Observation(Status.UNKNOWN, "kedge's own sender failed; its log says how")
            deliveries.append(Delivery(letter.id, channel, self.now(), seen.status is Status.OK, _clean(seen.what)))
            if seen.status is Status.OK:
                break
        await self._end(outgoing, letter, deliveries or [Delivery(letter.id, "", self.now(), False, NO_WAY)])

    async def _end(self, outgoing: Outgoing, letter: Letter, deliveries: list[Delivery]) -> None:
        last = deliveries[-1]
        is_done = last.is_accepted or not letter.ways
        due = None if is_done else next_try(last.at, outgoing.tries)
        is_certain = last.is_accepted or not any(words in one.what for one in deliveries for words in UNCERTAIN)
        said = "told %s by %s: %s" if last.is_accepted else "could not tell %s by %s: %s"
        _LOG.log(logging.INFO if last.is_accepted else logging.ERROR, said, letter.person, last.channel, letter.subject)
        await asyncio.to_thread(self.keeper.end, outgoing, deliveries, due, is_certain=is_certain)


def _clean(text: str) -> str:
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
