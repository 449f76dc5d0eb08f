"""Room: how large a dump may become, what is free where it would lie, and whether it can be loaded there at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar, Protocol, runtime_checkable

from kedge.model.census import Census
from kedge.model.instance import Instance, Obstacle


@dataclass(frozen=True, slots=True)
class Extent:
    """How many bytes something will have: hardly less than `least`, hardly more than `most`."""

    least: int
    most: int

    def __add__(self, other: Extent) -> Extent:
        """Return both together."""
        return Extent(self.least + other.least, self.most + other.most)

    def grown(self, times: Growth) -> Extent:
        """Return what becomes of it, once it is so many times as large."""
        return Extent(round(self.least * times[0]), round(self.most * times[1]))

    def told(self, last_bytes: int | None) -> Extent:
        """Return what is to be expected where the last dump is known: that is closer than any estimate."""
        if last_bytes is None or self.least == self.most:
            return self
        return Extent(min(last_bytes, self.most), max(last_bytes, self.most))


Growth = tuple[float, float]
"""How many times its dump something takes, at least and at most."""
NOTHING = Extent(0, 0)


@dataclass(frozen=True, slots=True)
class Free:
    """How many bytes are free somewhere; two places with the same `disk` share them ("": nobody knows)."""

    where: str
    free_bytes: int
    disk: str = ""


@dataclass(frozen=True, slots=True)
class Survey:
    """What a part sees before anything is written: obstacles, how large its dump may become, what else to know."""

    obstacles: Sequence[Obstacle] = ()
    extent: Extent | None = None
    words: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether a dump can be loaded: what speaks against it, what else to know, and where its data would lie."""

    obstacles: Sequence[Obstacle] = ()
    words: Sequence[str] = ()
    place: PurePosixPath | None = None


@runtime_checkable
class Sized(Protocol):
    """A part that can tell beforehand how large its dump becomes, and what it takes once it is loaded."""

    growth: ClassVar[Growth]

    async def survey(self, at: Instance) -> Survey:
        """Return its obstacles, as preflight does, and its extent: in the same look, without reading the data."""
        ...


@runtime_checkable
class Fitting(Protocol):
    """A part that can tell whether a running copy can take its dump."""

    async def fit(self, at: Instance, saved: Census | None) -> Fit:
        """Return what speaks against loading it there; what an old census does not say is unknown, and no obstacle."""
        ...


@runtime_checkable
class Roomy(Protocol):
    """A store that may know how much room is left in it."""

    keeps_all: ClassVar[bool]
    """Whether a snapshot takes all its bytes, and not only those that are new."""

    @property
    def is_far(self) -> bool:
        """Whether asking takes a connection."""
        ...

    async def room(self) -> Free | None:
        """Return what is free; None if nobody can tell. Never raises."""
        ...
