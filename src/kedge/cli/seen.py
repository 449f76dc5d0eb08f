"""How a sweep looks on a terminal: each look as a row, then the causes of what is not ok."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.text import Text as Line

from kedge.app.probing import Look
from kedge.cli.page import Page
from kedge.model.finding import Finding, Text
from kedge.model.observation import Status

STYLES = {Status.DOWN: "bold red", Status.DEGRADED: "bold yellow", Status.UNKNOWN: "bold magenta", Status.OK: "green"}
STATUSES = {
    Status.OK: Text("ok", "in Ordnung"),
    Status.DEGRADED: Text("degraded", "beeinträchtigt"),
    Status.DOWN: Text("down", "ausgefallen"),
    Status.UNKNOWN: Text("unknown", "unbekannt"),
}
INDENT = 4


def show_looks(page: Page, looks: Sequence[Look], findings: Sequence[Finding], language: str) -> None:
    """Print each look, then the causes, then how many are in which state."""
    page.put_rows([_row(look, language) for look in looks])
    for finding in findings:
        _show_finding(page, finding, language)
    counts = Counter(look.seen.status for look in looks)
    page.put()
    page.put(", ".join(f"{counts[status]} {STATUSES[status].to(language)}" for status in STYLES if counts[status]))


def _row(look: Look, language: str) -> tuple[Line, ...]:
    seen = look.seen
    took = f"{seen.took.total_seconds() * 1000:.0f} ms"
    status = Line(STATUSES[seen.status].to(language), STYLES[seen.status])
    return (Line(look.thing), Line(look.probe, "dim"), status, Line(took, "dim"), Line(seen.what))


def _show_finding(page: Page, finding: Finding, language: str) -> None:
    page.put()
    page.put(Line(finding.title.to(language), "bold"))
    for reason in finding.why:
        page.put(reason.to(language), indent=INDENT)
    if finding.symptoms:
        word = Text("therefore also", "deshalb auch").to(language)
        page.put(f"{word}: {', '.join(symptom.thing for symptom in finding.symptoms)}", indent=INDENT)
    arrow = Line(f"{' ' * INDENT}→ ", "green")
    page.put(Line(finding.fix.to(language), "green"), indent=INDENT + 2, lead=arrow)
