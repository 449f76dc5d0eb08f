"""The lookout ends when it is told to, whatever else happens at that moment."""

from __future__ import annotations

import asyncio

from kedge.app.lookout import Lookout, Rhythm
from kedge.app.probing import Sweep


async def _end_while_something_is_planned() -> bool:
    lookout = Lookout(Sweep("outside"), Rhythm(), lambda target, look: None)
    task = asyncio.create_task(lookout.run())
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # now it waits
    lookout._changed.set()
    await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=5)
    return bool(done)


def test_an_end_is_never_lost() -> None:
    """In Python 3.11 wait_for answers a cancellation with a result that came at the same time (gh-86296)."""
    assert asyncio.run(_end_while_something_is_planned())
