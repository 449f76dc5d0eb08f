"""The answer of `kedge probe` as data."""

from __future__ import annotations

from collections.abc import Sequence

from kedge.app.answers import Json, finding_answer
from kedge.evidence.span import Look
from kedge.model.finding import Finding


def probe_answer(looks: Sequence[Look], findings: Sequence[Finding], language: str) -> Json:
    """Return every look, and the causes of what is not ok."""
    return {
        "observations": [look_answer(look) for look in looks],
        "findings": [finding_answer(finding, language) for finding in findings],
    }


def look_answer(look: Look) -> Json:
    """Return one look; its time in milliseconds."""
    return {
        "thing": look.thing,
        "probe": look.probe,
        "status": str(look.seen.status),
        "what": look.seen.what,
        "evidence": dict(look.seen.evidence),
        "took_ms": round(look.seen.took.total_seconds() * 1000, 3),
        "vantage": look.vantage,
    }
