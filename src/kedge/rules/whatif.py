"""What a loss would do, and the way back: who does what, with what, in which order, how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kedge.inventory import nodes
from kedge.model.finding import Loss, Text
from kedge.rules.case import Case, Toll
from kedge.rules.circles import chain_of, circles_of, explained
from kedge.rules.steps import Act, Origin, Step, steps_back
from kedge.rules.wording import listed
from kedge.scenarios.order import NOW, Finish, Plan, latest
from kedge.scenarios.schedule import Slot, schedule


@dataclass(frozen=True)
class PlanStep:
    """One step of the way back, or several of one kind by the same person, one after the other.

    `takes` is the known part (None: nothing is known), `unknown` how many parts nobody has measured or declared, of
    `parts`. `not_before`: support opens then. `ends` is counted from the loss. `decides`: it lies on the critical path.
    Learning of it takes no time of its own (`is_timed`).
    """

    what: Text
    who: str
    needs: tuple[str, ...] = ()
    takes: timedelta | None = None
    not_before: datetime | None = None
    is_timed: bool = True
    origin: Origin = "unknown"
    unknown: int = 0
    parts: int = 1
    ends: Finish = NOW
    decides: bool = False


@dataclass(frozen=True)
class WhatIf:
    """The answer: what goes, what cannot come back, of what nobody hears, why (as paths), the plan, and its finish.

    `chain` is the first circle as people follow it: from the message down to what was lost. `finish` is when the last
    step ends, if everybody does one thing at a time.
    """

    lost: tuple[Loss, ...]
    toll: Toll
    uncertain: tuple[str, ...]
    circles: tuple[tuple[str, ...], ...]
    chain: tuple[str, ...]
    without_data: tuple[str, ...]
    plan: tuple[PlanStep, ...]
    finish: Finish = NOW


def what_if(case: Case, losses: Sequence[Loss]) -> WhatIf:
    """Return what these losses, all at once, would do.

    `uncertain` are the services that come back only if values that nobody gave turn out fine.
    """
    truth = case.solve(losses)
    toll = case.toll_of(truth)
    doubted = case.toll_of(case.solve(losses, also=case.compiled.assumptions()))
    named = [circle for loss in losses if len(losses) == 1 for circle in circles_of(case, loss)]
    missing = tuple(s for s in toll.unrecoverable if not truth.least[case.compiled.node(nodes.DATA, s)])
    steps = steps_back(case, losses, truth, toll, missing)
    slots = _timetable(case, steps)
    return WhatIf(
        tuple(losses),
        toll,
        tuple(s for s in doubted.unrecoverable if s in toll.down and s not in toll.unrecoverable),
        tuple(dict.fromkeys([*(circle.path for circle in named), *explained(case, truth)])),
        chain_of(case, named[0]) if named else (),
        missing,
        _merged(steps, slots),
        latest(slot.end for slot in slots.values()),
    )


def _timetable(case: Case, steps: Sequence[Step]) -> Mapping[int, Slot]:
    """Return who does each step and when: one person does one thing at a time."""
    hour = timedelta(hours=1)
    durations = {number: None if step.takes is None else step.takes / hour for number, step in enumerate(steps)}
    chosen = {number: step.after for number, step in enumerate(steps)}
    for number, step in enumerate(steps):
        if step.not_before:  # a wait of its own, known even if the step's duration is not
            wait = len(durations)
            durations[wait], chosen[wait] = (step.not_before - case.now) / hour, ()
            chosen[number] = (*step.after, wait)
    finish = dict.fromkeys([*range(len(steps), len(durations)), *range(len(steps))], NOW)
    who = {number: step.who for number, step in enumerate(steps) if step.who and not step.is_waiting}
    made = {slot.step: slot for slot in schedule(Plan(finish, chosen, durations), chosen, who).slots}
    return {number: made.get(number) or Slot(number, None, NOW, NOW) for number in range(len(steps))}


def _critical(steps: Sequence[Step], slots: Mapping[int, Slot]) -> set[int]:
    """Return the chain that decides the finish: from the last step back to what it waited for, or whom."""
    timed = [slots[number] for number, step in enumerate(steps) if step.takes != timedelta()]
    found: set[int] = set()
    last = max(timed, key=lambda slot: (slot.end, -slot.step), default=None)
    while last is not None:
        found.add(last.step)
        last = _awaited(last, steps, [slot for slot in timed if slot.step not in found])
    return found


def _awaited(slot: Slot, steps: Sequence[Step], others: Sequence[Slot]) -> Slot | None:
    """Return what ended when this step began, and had to: a step before it, or what kept its person busy."""
    after = steps[slot.step].after
    before = [
        other
        for other in others
        if other.end.hours == slot.start.hours and (other.step in after or (other.who and other.who == slot.who))
    ]
    return max(before, key=lambda other: (other.step in after, -other.step), default=None)


def _merged(steps: Sequence[Step], slots: Mapping[int, Slot]) -> tuple[PlanStep, ...]:
    """Return the steps as lines of a plan: what one person does with one source is one line."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for number, step in enumerate(steps):
        who = slots[number].who or next(iter(step.who), "")
        groups.setdefault((step.act, who, step.source, step.needs, step.not_before), []).append(number)
    critical = _critical(steps, slots)
    return tuple(_line(steps, slots, members, critical) for members in groups.values())


def _line(steps: Sequence[Step], slots: Mapping[int, Slot], members: Sequence[int], critical: set[int]) -> PlanStep:
    first, every = steps[members[0]], [steps[number] for number in members]
    known = [step.takes for step in every if step.takes is not None]
    total = max(known, default=timedelta()) if first.is_waiting else sum(known, timedelta())
    origins = {step.origin for step in every if step.takes is not None}
    return PlanStep(
        _words(first, [thing for step in every for thing in step.things]),
        slots[members[0]].who or next(iter(first.who), ""),
        first.needs,
        total if known else None,
        first.not_before,
        is_timed=first.act not in ("hear", "chance", "spare"),
        origin="declared" if "declared" in origins else next(iter(origins), "unknown"),
        unknown=len(every) - len(known),
        parts=len(every),
        ends=latest(slots[number].end for number in members),
        decides=not critical.isdisjoint(members),
    )


_ACTS: Mapping[Act, Text] = {
    "hear": Text("hear of it", "davon erfahren"),
    "chance": Text("notice it by chance: no message arrives", "es zufällig bemerken: keine Meldung kommt an"),
    "spare": Text("use {source} in place of {things}", "{source} anstelle von {things} nehmen"),
    "order": Text("have {source} revive or replace {things}", "{things} durch {source} wiederbeleben oder ersetzen"),
    "elsewhere": Text(
        "find a machine elsewhere for {things}: {source} gives none",
        "anderswo eine Maschine für {things} finden: {source} gibt keine",
    ),
    "domain": Text("get {things} back from {source}", "{things} von {source} zurückholen"),
    "rename": Text("get {things} back, or take another name", "{things} zurückholen oder einen anderen Namen nehmen"),
    "replace": Text("replace {things}", "{things} ersetzen"),
    "restore": Text("restore {things} from {source}", "{things} aus {source} zurückspielen"),
    "set-up": Text("set up {things} again", "{things} neu aufsetzen"),
    "empty": Text(
        "set up {things} anew and empty: no copy exists", "{things} neu und leer aufsetzen: keine Kopie vorhanden"
    ),
    "route": Text("point {things} to the new address, if it changed", "{things} auf die neue Adresse zeigen lassen"),
}
_SHOWN = 12


def _words(step: Step, things: Sequence[str]) -> Text:
    words, names = _ACTS[step.act], listed(things, _SHOWN)
    return Text(
        words.en.format(source=step.source, things=names.en), words.de.format(source=step.source, things=names.de)
    )
