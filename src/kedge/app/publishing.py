"""Gathers what the site shows: the verdict, the levels, the newest status of every service."""

from __future__ import annotations

from pathlib import Path

from kedge.model.observation import Observation, Status
from kedge.publish.site import publish_site
from kedge.rules.case import Case
from kedge.rules.judge import judge
from kedge.rules.levels import levels
from kedge.rules.registry import RULES


def publish(case: Case, out: Path, *, private: bool) -> list[Path]:
    """Write the site of a case into a folder and return the files; raises Refused for a folder of others."""
    reached = levels(case)
    return publish_site(
        case.inventory,
        case.facts,
        judge(case, RULES.values()).findings,
        {name: level.value for name, level in reached.items()},
        statuses(case),
        out=out,
        private=private,
        missing={name: level.missing for name, level in reached.items()},
    )


def statuses(case: Case) -> dict[str, Observation]:
    """Return what was last seen of each service (fact `status`, value `down: …`); nothing for what nobody saw."""
    found: dict[str, Observation] = {}
    for name in case.sections.services:
        fact = case.facts.get(name, "status")
        if fact:
            word, _, what = fact.value.partition(":")
            known = word.strip() in set(map(str, Status)) and case.now - fact.at <= case.rpo(
                case.sections.services[name]
            )
            status = Status(word.strip()) if known else Status.UNKNOWN
            found[name] = Observation(status, what.strip(), {"at": fact.at.isoformat()})
    return found
