"""What tests do on a machine of their own: say something, write a file, begin a service as its kind says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import PurePosixPath

from kedge.model.instance import Command, File, Instance, Probe, Program, Start
from kedge.model.observation import Status

LIMIT = timedelta(minutes=5)
WRITE = 'mkdir -p "$(dirname "$1")" && cat > "$1" && chmod "$2" "$1"'


async def say(at: Instance, *argv: str, stdin: str = "", limit: timedelta = LIMIT) -> str:
    """Return what a command said; an AssertionError carries its complaints."""
    ended = await at.site.shell.run(argv, stdin=stdin.encode(), limit=limit)
    assert ended.code == 0, (ended.stderr + ended.stdout).decode(errors="replace")
    return ended.stdout.decode()


async def write(at: Instance, path: str | PurePosixPath, text: str, mode: int = 0o644) -> None:
    """Write a file, in folders that are made."""
    await say(at, "sh", "-c", WRITE, "sh", str(path), f"{mode:o}", stdin=text)


async def make_spool(at: Instance, name: str = "spool") -> PurePosixPath:
    """Return a new folder for a dump."""
    return PurePosixPath((await say(at, "mktemp", "-d", f"/drill/{name}.XXXXXX")).strip())


async def wait_for(at: Instance, probe: Probe, *, limit_s: float = 120) -> None:
    """Wait until a probe says ok."""
    async with asyncio.timeout(limit_s):
        while (await probe.look(at)).status is not Status.OK:  # noqa: ASYNC110 - a server
            await asyncio.sleep(0.05)


async def begin(steps: Iterable[Start], at: Instance, stack: AsyncExitStack) -> None:
    """Take the steps that begin a service; its programs run as long as the stack is open."""
    for step in steps:
        match step:
            case Command():
                await say(at, *step.argv, limit=step.limit)
            case File():
                await write(at, step.path, step.content, step.mode)
            case Program():
                await stack.enter_async_context(at.site.shell.start(step.argv))
                await wait_for(at, step.ready)
