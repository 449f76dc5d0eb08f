"""Backups, looks at those of others, and drills that are due, one after the other, beside the watch."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from kedge.app.drilling import drill
from kedge.app.saving import back_up, is_readable
from kedge.app.workshop import Workshop
from kedge.model.facts import SHELF_LIFE, Facts
from kedge.rules.case import Case

_LOG = logging.getLogger(__name__)
AGAIN = timedelta(hours=1)
"""So long after a try that failed the next one waits."""
EARLY = 0.8
"""A backup is made after this part of the time that it may be old, so that it is never older."""
Job = Literal["backup", "look", "drill"]
WELL = ("saved", "seen", "proven")


@dataclass
class Jobs:
    """What kedge saves (`save`), looks at where others save it, and rehearses.

    Each is due by its newest fact, wherever that comes from: a backup of others is looked for when the last one known
    grows old, and until there is a newer one.
    """

    workshop: Workshop
    now: Callable[[], datetime]
    tried: dict[tuple[Job, str], datetime] = field(default_factory=dict)

    def due(self, case: Case, facts: Facts) -> Iterator[tuple[Job, str]]:
        """Yield what is due, backups first."""
        for (job, name), life in sorted(self._every(case).items(), key=lambda one: one[0][0] == "drill"):
            last = [facts.get(name, what) for what in self._facts_of(case, job, name)]
            is_done = all(one is not None and facts.now - one.at < life for one in last)
            tried = self.tried.get((job, name))
            if not is_done and (tried is None or facts.now - tried >= AGAIN):
                yield job, name

    def _facts_of(self, case: Case, job: Job, name: str) -> Sequence[str]:
        """Return what has to be new: of what others save, each store, since one of their jobs may stop alone."""
        save = case.sections.services[name].save
        return [f"backup/{store}" for store in save.to] if job == "look" and save else [job]

    def _every(self, case: Case) -> Mapping[tuple[Job, str], timedelta]:
        """Return how old each may grow."""
        every: dict[tuple[Job, str], timedelta] = {}
        for name, service in case.sections.services.items():
            save = service.save
            if save is None or not save.to or (save.made_by == "other" and not is_readable(self.workshop, service)):
                continue
            every["backup" if save.made_by == "kedge" else "look", name] = (save.every or case.rpo(service)) * EARLY
            if save.drill:
                every["drill", name] = (save.drill.every or SHELF_LIFE["drill"]) * EARLY
        return every

    async def work(self, case: Case) -> None:
        """Do what is due, each once."""
        for job, name in list(self.due(case, self.workshop.database.facts(self.now()))):
            self.tried[job, name] = self.now()
            state, why = await self._do(job, name)
            level = logging.INFO if state in WELL else logging.ERROR
            _LOG.log(level, "%s of %s: %s %s", job, name, state, why)

    async def _do(self, job: Job, name: str) -> tuple[str, str]:
        """Return how it ended, and why."""
        if job != "drill":
            outcome = await back_up(self.workshop, name)
            return outcome.state, outcome.why
        proof = await drill(self.workshop, name)
        return proof.state, proof.why
