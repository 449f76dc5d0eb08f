"""Answers as data: what `--json` prints, in the order a reader expects it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from kedge.app.aftermath import Aftermath
from kedge.model.finding import Finding
from kedge.rules.case import Case
from kedge.rules.judge import Verdict
from kedge.rules.levels import Level
from kedge.rules.preflight import Check
from kedge.rules.suggest import Agenda, Counts, Suggestion
from kedge.rules.unknowns import Question
from kedge.rules.whatif import PlanStep, WhatIf

Json = dict[str, Any]


def moment(at: datetime | None) -> str | None:
    """Return a moment in RFC 3339, in UTC."""
    return at.isoformat().replace("+00:00", "Z") if at else None


def seconds(duration: timedelta | None) -> int | None:
    """Return a duration in whole seconds."""
    return round(duration.total_seconds()) if duration is not None else None


def verdict_answer(case: Case, verdict: Verdict, levels: Mapping[str, Level], language: str) -> Json:
    """Return the answer of `kedge check`."""
    return {
        "now": moment(case.now),
        "findings": [finding_answer(finding, language) for finding in verdict.findings],
        "accepted": [
            {**finding_answer(finding, language), "accepted": {"why": a.why, "by": a.by, "until": moment(a.until)}}
            for finding, a in verdict.accepted
        ],
        "levels": {name: level.value for name, level in levels.items()},
    }


def finding_answer(finding: Finding, language: str) -> Json:
    """Return one finding."""
    return {
        "rule": finding.rule,
        "severity": finding.severity.word,
        "thing": finding.thing,
        "title": finding.title.to(language),
        "why": [reason.to(language) for reason in finding.why],
        "fix": finding.fix.to(language),
        "losses": [str(loss) for loss in finding.losses],
        "since": moment(finding.since),
        "symptoms": [{"rule": symptom.rule, "thing": symptom.thing} for symptom in finding.symptoms],
    }


def whatif_answer(answer: WhatIf, left: Aftermath, language: str) -> Json:
    """Return the answer of `kedge whatif`."""
    return {
        "lost": [str(loss) for loss in answer.lost],
        "down": list(answer.toll.down),
        "unrecoverable": list(answer.toll.unrecoverable),
        "unnoticed": list(answer.toll.unnoticed),
        "uncertain": list(answer.uncertain),
        "without_data": list(answer.without_data),
        "without_copy": list(left.uncopied),
        "closed": list(left.closed),
        "chain": list(answer.chain),
        "circles": [list(circle) for circle in answer.circles],
        "plan": [_step_answer(step, language) for step in answer.plan],
        "ends": round(answer.finish.hours * 3600),
        "at_least": answer.finish.is_open,
    }


def _step_answer(step: PlanStep, language: str) -> Json:
    return {
        "step": step.what.to(language),
        "who": step.who or None,
        "needs": list(step.needs),
        "takes": seconds(step.takes),
        "origin": step.origin,
        "unknown": step.unknown,
        "not_before": moment(step.not_before),
        "ends": round(step.ends.hours * 3600),
        "at_least": step.ends.is_open,
        "decides": step.decides,
    }


def preflight_answer(thing: str, act: str, checks: tuple[Check, ...], down: tuple[str, ...], language: str) -> Json:
    """Return the answer of `kedge before`."""
    return {
        "act": act,
        "thing": thing,
        "go": all(check.state == "ok" for check in checks),
        "down": list(down),
        "checks": [
            {"question": c.question.to(language), "state": c.state, "answer": c.answer.to(language)} for c in checks
        ],
    }


def questions_answer(questions: list[Question], total: int, language: str) -> Json:
    """Return the answer of `kedge ask`."""
    asked = [
        {"thing": q.thing, "field": q.field, "question": q.text.to(language), "weight": q.weight} for q in questions
    ]
    return {"questions": asked, "unknown": total}


def suggestions_answer(found: Agenda, language: str) -> Json:
    """Return the answer of `kedge suggest`."""
    return {
        "suggestions": [_suggestion(each, language) for each in found.items],
        "left": [str(loss) for loss in found.left],
        "tried": found.tried,
        "possible": found.possible,
        "complete": found.is_complete,
    }


def _suggestion(each: Suggestion, language: str) -> Json:
    def counts(of: Counts) -> Json:
        return {question: {"single": count.single, "pairs": count.pairs} for question, count in of.items()}

    return {
        "what": each.what.to(language),
        "who": list(each.addition.who),
        "effort": each.addition.effort.to(language),
        "instead": [other.what.to(language) for other in each.instead],
        "things": list(each.addition.things),
        "before": counts(each.before),
        "after": counts(each.after),
    }
