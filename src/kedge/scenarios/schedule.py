"""A plan for the people there are: one person cannot do two steps at once.

Resource-constrained scheduling is NP-hard; this is list scheduling (Graham 1966): whenever somebody is free, the step
whose chain of followers is longest goes first. The result can be carried out as it stands, and is not proven to be the
fastest: the plan's own finish bounds it from below.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from kedge.scenarios.order import NOW, Finish, Plan, latest


@dataclass(frozen=True, slots=True)
class Slot:
    """One step in time: who does it (None: nobody has to), when it begins and ends."""

    step: int
    who: str | None
    start: Finish
    end: Finish


@dataclass(frozen=True, slots=True)
class Schedule:
    """Slots by start; `finish` is when the last of them ends."""

    slots: tuple[Slot, ...]

    @property
    def finish(self) -> Finish:
        """When everything is back; NOW if nothing had to be done."""
        return latest(slot.end for slot in self.slots)


def schedule(plan: Plan, targets: Iterable[int], who: Mapping[int, Collection[str]]) -> Schedule:
    """Who does what and when, so that all targets come back.

    `who`: per step the people who can do it; a step without an entry takes its time without anybody (a delivery, a
    restore that runs). An unknown duration occupies its person for at least no time, and what follows is open.
    """
    return _Scheduler(plan, targets, who).run()


class _Scheduler:
    def __init__(self, plan: Plan, targets: Iterable[int], who: Mapping[int, Collection[str]]) -> None:
        self.plan = plan
        self.who = who
        used = {node for target in targets for node in plan.order(target)}
        self.nodes = [node for node in plan.finish if node in used]
        self.tails = self._tails()
        self.ends: dict[int, Finish] = {}
        self.free: dict[str, Finish] = {}
        self.doers: dict[int, str] = {}
        self.skills: dict[str, int] = {}
        for node in self.nodes:
            for person in who.get(node, ()):
                self.skills[person] = self.skills.get(person, 0) + 1

    def _tails(self) -> dict[int, float]:
        """Per node the known hours from its start to the end of its longest chain of followers."""
        tails = {node: self.plan.durations.get(node) or 0.0 for node in self.nodes}
        for node in reversed(self.nodes):
            for child in self.plan.chosen[node]:
                tails[child] = max(tails[child], (self.plan.durations.get(child) or 0.0) + tails[node])
        return tails

    def run(self) -> Schedule:
        slots: list[Slot] = []
        waiting = list(self.nodes)
        while waiting:
            slot = min((self._place(node) for node in waiting if self._is_ready(node)), key=self._urgency)
            waiting.remove(slot.step)
            self.ends[slot.step] = slot.end
            if slot.who is not None:
                self.free[slot.who] = slot.end
                self.doers[slot.step] = slot.who
            slots.append(slot)
        taken = [slot for slot in slots if self.plan.durations.get(slot.step, 0.0) != 0.0 or slot.who is not None]
        return Schedule(tuple(sorted(taken, key=lambda slot: slot.start)))

    def _is_ready(self, node: int) -> bool:
        return all(child in self.ends for child in self.plan.chosen[node])

    def _place(self, node: int) -> Slot:
        """The node at its earliest: with the person who is free first.

        Of those with one who did what it waits for (a handover costs more than it shows), then who can do least else.
        """
        ready = latest(self.ends[child] for child in self.plan.chosen[node])
        at_it = {self.doers[child] for child in self.plan.chosen[node] if child in self.doers}
        people = sorted(
            self.who.get(node, ()), key=lambda p: (latest([self._free(p), ready]), p not in at_it, self.skills[p], p)
        )
        person = people[0] if people else None
        start = ready if person is None else latest([ready, self._free(person)])
        takes = self.plan.durations.get(node, 0.0)
        return Slot(node, person, start, Finish(start.hours + (takes or 0.0), start.is_open or takes is None))

    def _free(self, person: str) -> Finish:
        return self.free.get(person, NOW)

    def _urgency(self, slot: Slot) -> tuple[Finish, float, int]:
        return slot.start, -self.tails[slot.step], slot.step
