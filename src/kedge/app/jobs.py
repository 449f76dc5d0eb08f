"""Backups and drills that are due, one after the other, beside the watch."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from kedge.app.drilling import drill
from kedge.app.saving import back_up
from kedge.app.workshop import Workshop
from kedge.model.facts import SHELF_LIFE, Facts
from kedge.rules.case import Case

_LOG = logging.getLogger(__name__)
AGAIN = timedelta(hours=1)
"""So long after a try that failed the next one waits."""
EARLY = 0.8
"""A backup is made after this part of the time that it may be old, so that it is never older."""
Job = Literal["backup", "drill"]


@dataclass
class Jobs:
    """What kedge itself saves (`save`) and rehearses; each is due by its newest fact, wherever that comes from."""

    workshop: Workshop
    now: Callable[[], datetime]
    tried: dict[tuple[Job, str], datetime] = field(default_factory=dict)

    def due(self, case: Case, facts: Facts) -> Iterator[tuple[Job, str]]:
        """Yield what is due, backups first."""
        every: dict[tuple[Job, str], timedelta] = {}
        for name, service in case.sections.services.items():
            if service.save and service.save.to and service.save.made_by == "kedge":
                every["backup", name] = (service.save.every or case.rpo(service)) * EARLY
                if service.save.drill:
                    every["drill", name] = (service.save.drill.every or SHELF_LIFE["drill"]) * EARLY
        for (job, name), life in sorted(every.items(), key=lambda one: one[0][0]):
            last, tried = facts.get(name, job), self.tried.get((job, name))
            is_done = last is not None and facts.now - last.at < life
            if not is_done and (tried is None or facts.now - tried >= AGAIN):
                yield job, name

    async def work(self, case: Case) -> None:
        """Do what is due, each once."""
        for job, name in list(self.due(case, self.workshop.database.facts(self.now()))):
            self.tried[job, name] = self.now()
            state, why = await self._do(job, name)
            level = logging.INFO if state in ("saved", "proven") else logging.ERROR
            _LOG.log(level, "%s of %s: %s %s", job, name, state, why)

    async def _do(self, job: Job, name: str) -> tuple[str, str]:
        """Return how it ended, and why."""
        if job == "backup":
            outcome = await back_up(self.workshop, name)
            return outcome.state, outcome.why
        proof = await drill(self.workshop, name)
        return proof.state, proof.why
