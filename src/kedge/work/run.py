"""Runs: frozen plans carried out step by step, each written down before and after, so that a crash costs nothing.

Whoever carries a run holds its lock. A run that is not ended and whose lock is free was interrupted: it is carried on
where it stood, or rolled back.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from kedge.errors import KedgeError, OutsideError, Refused
from kedge.model.ports import Clock, Run, Runs, Step
from kedge.work.pace import Display, Past, read_past, showing
from kedge.work.step import Deed, Done, Unclear

FORMAT = 1
REMEMBERED = 200
"""Among so many runs the last one like this is looked for, to tell how long it takes."""


@dataclass(frozen=True)
class Plan:
    """What a run was approved to do: a verb, its service, and whatever it needs to be carried on or rolled back."""

    verb: str
    service: str
    details: Mapping[str, Any] = field(default_factory=dict)

    def frozen(self) -> str:
        """Return the plan as the text that is kept."""
        plan = {"format": FORMAT, "verb": self.verb, "service": self.service, "details": dict(self.details)}
        return json.dumps(plan, sort_keys=True)


def read_plan(run: Run) -> Plan:
    """Return the plan of a run; raises Refused if another version of kedge made it and this one cannot read it."""
    try:
        plan = json.loads(run.plan)
        if plan["format"] == FORMAT:
            return Plan(plan["verb"], plan["service"], plan["details"])
    except (ValueError, KeyError, TypeError):
        pass
    raise _foreign(run)


def _foreign(run: Run) -> Refused:
    return Refused(
        f"run {run.id} has a plan that this kedge does not know",
        hint=f"finish or roll it back with kedge {run.version}",
    )


@dataclass(frozen=True)
class Logbook:
    """Where runs are kept, what time it is, and who is told of each step."""

    runs: Runs
    clock: Clock
    version: str
    tell: Callable[[str], None] = lambda line: None

    async def begin(self, plan: Plan, deeds: Sequence[Deed], run_id: str) -> Run:
        """Return a new run, kept with all its steps."""
        steps = tuple(Step(number, deed.name) for number, deed in enumerate(deeds, 1))
        now = self.clock.now()
        run = Run(run_id, plan.frozen(), self.version, socket.gethostname(), os.getpid(), now, steps=steps)
        await asyncio.to_thread(self.runs.begin, run)
        return run

    async def interrupted(self, verb: str, service: str) -> list[Run]:
        """Return the runs of this verb and service that have not ended; whoever asks holds their lock."""
        found = await asyncio.to_thread(self.runs.unfinished)
        return [run for run in found if _is_of(run, verb, service)]

    async def carry_out(self, run: Run, deeds: Sequence[Deed]) -> Run:
        """Return the run when it has ended; raises what stopped it, after undoing what was done.

        A step that was interrupted is looked at first. What cannot be told stops the run, and a person is asked.
        """
        run = await self._take_over(run, deeds)
        past = await self._past(run)
        try:
            for step, deed in zip(run.steps, deeds, strict=True):
                if step.state != "done":
                    await self._take(run.id, step, deed, past)
        except Unclear:
            await self._mark(replace(run, state="stopped"))
            raise
        except BaseException as failure:
            await self._clean_up(run, deeds, failure)
            raise
        return await self._end(run, "done")

    async def roll_back(self, run: Run, deeds: Sequence[Deed], *, state: Any = "rolled-back") -> Run:
        """Undo, last first, every step that may have had an effect; one that cannot be undone leaves the run open."""
        now = await asyncio.to_thread(self.runs.load, run.id) or run
        _require_same(now, deeds)
        for step, deed in reversed(list(zip(now.steps, deeds, strict=True))):
            if step.state in {"waiting", "undone"}:
                continue
            failed = step.state == "failed"
            if not failed:
                step = replace(step, state="undoing")
                await self._mark_step(run.id, step)
            await deed.undo()
            if not failed:
                await self._mark_step(run.id, replace(step, state="undone", ended=self.clock.now()))
        return await self._end(now, state)

    async def _clean_up(self, run: Run, deeds: Sequence[Deed], failure: BaseException) -> None:
        """Undo after a failure; what cannot be undone now leaves the run open, for the next one to try again."""
        try:
            await self.roll_back(run, deeds, state="failed" if isinstance(failure, KedgeError) else "rolled-back")
        except OutsideError as left:
            self.tell(f"not cleaned up yet: {left.message}")

    async def _take_over(self, run: Run, deeds: Sequence[Deed]) -> Run:
        _require_same(run, deeds)
        taken = replace(run, version=self.version, host=socket.gethostname(), pid=os.getpid(), state="running")
        return await self._mark(taken)

    async def _past(self, run: Run) -> Past:
        if not isinstance(self.tell, Display):
            return Past({})
        return read_past(await asyncio.to_thread(self.runs.latest_runs, REMEMBERED), run.plan)

    async def _take(self, run: str, step: Step, deed: Deed, past: Past) -> None:
        """Bring one step about, unless it turns out to have been done."""
        began: datetime = step.started or self.clock.now()
        found = await self._look(run, step, deed) if step.state != "waiting" else None
        if found is None:
            began = self.clock.now()
            await self._mark_step(run, replace(step, state="doing", started=began))
            self.tell(deed.name)
            try:
                found = await self._do(deed, past)
            except KedgeError as failure:
                failed = replace(step, state="failed", result=failure.message, started=began, ended=self.clock.now())
                await self._mark_step(run, failed)
                raise
        done = replace(step, state="done", result=found.result, started=began, ended=self.clock.now())
        await self._mark_step(run, done, found)
        if found.result:
            self.tell(f"{deed.name}: {found.result}")

    async def _do(self, deed: Deed, past: Past) -> Done:
        if not isinstance(self.tell, Display):
            return await deed.do()
        async with showing(self.tell, deed, deed.name, past):
            return await deed.do()

    async def _look(self, run: str, step: Step, deed: Deed) -> Done | None:
        try:
            return await deed.look()
        except Unclear as failure:
            await self._mark_step(run, replace(step, state="unclear", result=failure.message))
            raise

    async def _mark(self, run: Run) -> Run:
        await asyncio.to_thread(self.runs.mark_run, run)
        return run

    async def _mark_step(self, run: str, step: Step, found: Done | None = None) -> None:
        await asyncio.to_thread(self.runs.mark_step, run, step, found.facts if found else ())

    async def _end(self, run: Run, state: Any) -> Run:
        ended = await self._mark(replace(run, state=state, ended=self.clock.now()))
        return await asyncio.to_thread(self.runs.load, run.id) or ended


def name_run(verb: str, service: str, at: datetime) -> str:
    """Return an id that no other run has or will have."""
    return f"{verb}-{service}-{at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def _is_of(run: Run, verb: str, service: str) -> bool:
    try:
        plan = json.loads(run.plan)
        return (plan["verb"], plan["service"]) == (verb, service)
    except (ValueError, KeyError, TypeError):
        return False


def _require_same(run: Run, deeds: Sequence[Deed]) -> None:
    """Raise Refused unless the deeds are those that were approved."""
    if [step.name for step in run.steps] != [deed.name for deed in deeds]:
        raise _foreign(run)
