"""By which channels a person can be told *now*: those of whose needs none is lost. Computed by the scenario engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from kedge.inventory import nodes
from kedge.model.finding import Loss, Text
from kedge.rules.case import Case
from kedge.rules.wording import listed
from kedge.scenarios.truth import Truth

Obstacle = Callable[[str], Text | None]
"""Channel -> why this kedge cannot send through it; None if it can."""


@dataclass(frozen=True)
class Routes:
    """The channels to try, in order, and why others were left out. `is_desperate`: none survives, so all are tried."""

    ways: tuple[str, ...]
    skipped: tuple[tuple[str, Text], ...] = ()
    is_desperate: bool = False

    @property
    def is_hopeless(self) -> bool:
        """Whether nothing that survives leads there."""
        return self.is_desperate or not self.ways


def what_is_left(case: Case, lost: Iterable[str]) -> Truth:
    """Return what holds while these things do not work."""
    return case.solve([Loss(thing) for thing in lost if thing in case.inventory.things])


def find_routes(case: Case, left: Truth, person: str, obstacle: Obstacle, through: Sequence[str] = ()) -> Routes:
    """Return how to reach a person, or a team whose members nobody knows; `through` are given channels instead.

    A message that waits for what it reports arrives when nobody needs it any more. So unlike `told`, which counts a
    channel that comes back, a route needs everything to be up.
    """
    channels = through or case.compiled.index.channels_of.get(person, ())
    sendable, skipped, lost = [], [], []
    for channel in channels:
        if why := obstacle(channel):
            skipped.append((channel, why))
        elif broken := list(needs_lost(case, left, channel)):
            names = listed(broken)
            lost.append((channel, Text(f"it depends on {names.en}", f"hängt an {names.de}")))
        else:
            sendable.append(channel)
    if not sendable and lost:
        return Routes(tuple(channel for channel, _ in lost), tuple(skipped), is_desperate=True)
    return Routes(tuple(sendable), (*skipped, *lost))


def needs_lost(case: Case, left: Truth, channel: str) -> Iterator[str]:
    """Yield what a message through this channel needs and is not up: the channel itself, its domain, all receivers."""
    declared = case.sections.channels[channel]
    receivers, domain = case.compiled.index.receiver_of(declared)
    for need in (channel, *declared.via, *([domain] if domain else [])):
        if not _is_up(case, left, need):
            yield need
    if receivers and not any(_is_up(case, left, one) for one in receivers):
        yield from receivers


def _is_up(case: Case, left: Truth, thing: str) -> bool:
    return bool(left.least[case.compiled.node(nodes.UP, thing)])
