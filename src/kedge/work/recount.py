"""Counting again what came back: a part's copy, or a dump that is a file and no more."""

from __future__ import annotations

from pathlib import PurePosixPath

from kedge.model.census import Census
from kedge.model.instance import Instance, Part, Recountable


def is_loaded(part: Part, at: Instance) -> bool:
    """Return whether a copy takes a part's dump."""
    return not isinstance(part, Recountable) or part.is_loaded(at)


async def recount(part: Part, at: Instance, spool: PurePosixPath) -> Census:
    """Return what came back of a part; raises as its census does."""
    return await (part.recount(at, spool) if isinstance(part, Recountable) else part.census(at))


def expected_of(part: Part, at: Instance, saved: Census | None) -> Census | None:
    """Return what must have come back of what was saved: of a dump that is not loaded, the file itself."""
    if saved is None or not isinstance(part, Recountable) or part.is_loaded(at):
        return saved
    return part.as_file(saved)
