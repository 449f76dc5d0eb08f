"""How findings and levels look on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from rich.text import Text as Line

from kedge.cli.page import Page
from kedge.model.finding import Finding, Severity, Text
from kedge.rules.case import Case
from kedge.rules.judge import Verdict
from kedge.rules.levels import Level
from kedge.rules.wording import counted, on

STYLES = {Severity.CRITICAL: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold cyan"}
SEVERITIES = {
    Severity.CRITICAL: Text("critical", "kritisch"),
    Severity.WARNING: Text("warning", "Warnung"),
    Severity.NOTE: Text("note", "Hinweis"),
}
MANY = {
    Severity.CRITICAL: Text("critical", "kritisch"),
    Severity.WARNING: Text("warnings", "Warnungen"),
    Severity.NOTE: Text("notes", "Hinweise"),
}
LEVELS = (
    Text("0 (unknown)", "0 (unbekannt)"),
    Text("1 (documented)", "1 (dokumentiert)"),
    Text("2 (saved)", "2 (gesichert)"),
    Text("3 (proven)", "3 (bewiesen)"),
    Text("4 (assured)", "4 (abgesichert)"),
)
INDENT = 9


def show_verdict(
    page: Page, case: Case, verdict: Verdict, levels: Mapping[str, Level], language: str, *, brief: bool = False
) -> None:
    """Print the findings, what is accepted, and the levels."""
    page.put(Line(f"{case.sections.organisation.name} · {on(case.now, case.zone).to(language)}", "bold"))
    for finding in verdict.findings:
        if brief:
            page.put_whole(Line.assemble(_head(finding, language), (f"  {_tag(finding)}", "dim")))
        else:
            _show_finding(page, finding, language)
    for finding, accepted in verdict.accepted:
        until, word = on(accepted.until, case.zone).to(language), Text("accepted until", "hingenommen bis").to(language)
        page.put()
        page.put(Line(f"{word} {until}: {finding.title.to(language)} ({accepted.why}; {accepted.by})", "dim"))
    page.put()
    _show_summary(page, verdict, levels, language)


def _head(finding: Finding, language: str) -> Line:
    lead = _lead(finding, language)
    lead.pad_right(INDENT - lead.cell_len)
    return Line.assemble(lead, (finding.title.to(language), "bold"))


def _lead(finding: Finding, language: str) -> Line:
    return Line(SEVERITIES[finding.severity].to(language), STYLES[finding.severity])


def _tag(finding: Finding) -> str:
    return f"[{finding.rule} {finding.thing}]"


def _show_finding(page: Page, finding: Finding, language: str) -> None:
    page.put()
    title = Line(finding.title.to(language), "bold")
    page.put(title, indent=INDENT, lead=_lead(finding, language), tag=_tag(finding))
    for reason in finding.why:
        page.put(reason.to(language), indent=INDENT)
    arrow = Line(f"{' ' * INDENT}→ ", "green")
    page.put(Line(finding.fix.to(language), "green"), indent=INDENT + 2, lead=arrow)
    symptoms = _other_symptoms(finding, language)
    if symptoms:
        word = Text("settles too", "erledigt auch").to(language)
        page.put(Line(f"{word}: {symptoms}", "dim"), indent=INDENT)


def _other_symptoms(finding: Finding, language: str) -> str:
    """Return by rule what the finding has not named itself: `bk-none wiki, mail; boot-unproven web1`."""
    said = " ".join(text.to(language) for text in (finding.title, *finding.why))
    rest = [s for s in finding.symptoms if s.rule != finding.rule or s.thing not in said]
    rules = dict.fromkeys(symptom.rule for symptom in rest)
    return "; ".join(f"{rule} {', '.join(s.thing for s in rest if s.rule == rule)}" for rule in rules)


def _show_summary(page: Page, verdict: Verdict, levels: Mapping[str, Level], language: str) -> None:
    counts = Counter(finding.severity for finding in verdict.findings)
    found = ", ".join(counted(counts[s], SEVERITIES[s], MANY[s]).to(language) for s in STYLES if counts[s])
    page.put(f"{found or Text('no findings', 'keine Befunde').to(language)}. {_levels(levels, language)}")
    if verdict.findings:
        rule = verdict.findings[0].rule
        more = Text(f"More about a rule: kedge explain {rule}", f"Mehr zu einer Regel: kedge explain {rule}")
        page.put(Line(more.to(language), "dim"))


def _levels(levels: Mapping[str, Level], language: str) -> str:
    """Return how many services reached which level; where there is none, that nothing was judged."""
    if not levels:
        return Text(
            "The inventory names no service, so nothing could be judged.",
            "Das Inventar nennt keinen Dienst, also war nichts zu beurteilen.",
        ).to(language)
    reached = Counter(level.value for level in levels.values())
    one, many = Text("service at", "Dienst auf"), Text("services at", "Dienste auf")
    parts = [f"{counted(reached[v], one, many).to(language)} {LEVELS[v].to(language)}" for v in sorted(reached)]
    return f"{Text('Recovery levels', 'Wiederherstellungsstufen').to(language)}: {', '.join(parts)}."
