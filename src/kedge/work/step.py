"""What the steps of a run do: each can look, do and undo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from kedge.errors import Refused
from kedge.model.facts import Fact


@dataclass(frozen=True, slots=True)
class Done:
    """A step whose effect is there: what it found or made, for people, and the facts it learnt."""

    result: str = ""
    facts: tuple[Fact, ...] = ()


class Unclear(Refused):
    """Nobody can tell whether a step's effect is there; a person must look."""


class Deed(Protocol):
    """What one step does. `name` is part of the approved plan: a run is carried on only by deeds of the same names."""

    @property
    def name(self) -> str:
        """The step's name."""
        ...

    async def look(self) -> Done | None:
        """Return what was done, or None if it was not; asked only of a step that was interrupted. Raises Unclear."""
        ...

    async def do(self) -> Done:
        """Bring the effect about; safe to repeat, also after half a do. Raises KedgeError, and then it may be half."""
        ...

    async def undo(self) -> None:
        """Take the effect away, as far as it is there; safe to repeat, also after half a do or undo."""
        ...
