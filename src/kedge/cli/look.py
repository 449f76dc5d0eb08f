"""How findings, what-ifs and preflights look on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text as Line

from kedge.model.finding import Finding, Severity, Symptom, Text
from kedge.model.quantity import format_duration
from kedge.rules.case import Case
from kedge.rules.judge import Verdict
from kedge.rules.levels import Level
from kedge.rules.preflight import Check
from kedge.rules.whatif import PlanStep, WhatIf
from kedge.rules.wording import on

STYLES = {Severity.CRITICAL: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold cyan"}
SEVERITIES = {
    Severity.CRITICAL: Text("critical", "kritisch"),
    Severity.WARNING: Text("warning", "Warnung"),
    Severity.NOTE: Text("note", "Hinweis"),
}
STATES = {"ok": ("ok", "green"), "red": ("NO", "bold red"), "unknown": ("?", "bold yellow")}


def show_verdict(
    out: Console, case: Case, verdict: Verdict, levels: Mapping[str, Level], language: str, *, brief: bool = False
) -> None:
    """Print the findings, what is accepted, and the levels."""
    head = f"{case.sections.organisation.name} · {on(case.now).to(language)}"
    out.print(Line(head, "bold"))
    for finding in verdict.findings:
        _show_finding(out, finding, language, brief=brief)
    if not verdict.findings:
        out.print(Text("no findings", "keine Befunde").to(language))
    for finding, accepted in verdict.accepted:
        until = on(accepted.until).to(language)
        word = Text("accepted until", "hingenommen bis").to(language)
        out.print(Line(f"\n{word} {until}: {finding.title.to(language)} ({accepted.why}; {accepted.by})", "dim"))
    out.print(_summary(verdict, levels, language))


def _show_finding(out: Console, finding: Finding, language: str, *, brief: bool) -> None:
    word = SEVERITIES[finding.severity].to(language)
    line = Line.assemble((f"{word:<9}", STYLES[finding.severity]), (finding.title.to(language), "bold"))
    line.append(f"  [{finding.rule} {finding.thing}]", "dim")
    if brief:
        out.print(line)
        return
    out.print()
    out.print(line)
    for reason in finding.why:
        out.print(Padding(Line(reason.to(language)), (0, 0, 0, 9)))
    out.print(Padding(Line(f"→ {finding.fix.to(language)}", "green"), (0, 0, 0, 9)))
    if finding.symptoms:
        word = Text("also", "auch").to(language)
        out.print(Padding(Line(f"{word}: {_gathered(finding.symptoms)}", "dim"), (0, 0, 0, 9)))


def _gathered(symptoms: Sequence[Symptom]) -> str:
    """Return symptoms by rule: `bk-none wiki, mail; boot-unproven web1`."""
    rules = dict.fromkeys(symptom.rule for symptom in symptoms)
    return "; ".join(f"{rule} {', '.join(s.thing for s in symptoms if s.rule == rule)}" for rule in rules)


def _summary(verdict: Verdict, levels: Mapping[str, Level], language: str) -> str:
    counts = Counter(finding.severity for finding in verdict.findings)
    found = ", ".join(f"{counts[s]} {SEVERITIES[s].to(language)}" for s in STYLES if counts[s]) or "0"
    reached = Counter(level.value for level in levels.values())
    services = ", ".join(f"{reached[value]}× {value}" for value in sorted(reached))
    return Text(f"\n{found}. Levels of {len(levels)} services: {services}.",
                f"\n{found}. Stufen von {len(levels)} Diensten: {services}.").to(language)  # fmt: skip


def show_whatif(out: Console, case: Case, answer: WhatIf, language: str) -> None:
    """Print what a loss does in at most a dozen lines."""
    out.print(Line(f"{', '.join(map(str, answer.lost))} lost · {on(case.now).to(language)}", "bold"))
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    toll = answer.toll
    table.add_row("down", ", ".join(toll.down) or "nothing")
    if toll.down:
        table.add_row("unrecoverable", Line(_lost_text(answer), "bold red" if toll.unrecoverable else ""))
        table.add_row("nobody told", Line(_untold_text(answer), "bold red" if toll.unnoticed else ""))
    if answer.uncertain:
        table.add_row("not known", f"whether {', '.join(answer.uncertain)} can be recovered: `kedge ask`")
    out.print(table)
    plan = Table.grid(padding=(0, 2))
    for number, step in enumerate(answer.plan, 1):
        plan.add_row(f"{number}", Line(step.who or "?", "bold"), _step_line(step, language))
    out.print(plan)


def _lost_text(answer: WhatIf) -> str:
    lost = answer.toll.unrecoverable
    if not lost:
        return "nothing, if what is declared is true"
    reason = " (no copy of their data)" if set(answer.without_data) == set(lost) else ""
    return ("all of them" if set(lost) == set(answer.toll.down) else ", ".join(lost)) + reason


def _untold_text(answer: WhatIf) -> str:
    unnoticed = answer.toll.unnoticed
    if not unnoticed:
        return "somebody responsible hears of each"
    names = "" if set(unnoticed) == set(answer.toll.down) else f"of {', '.join(unnoticed)}"
    return ": ".join(part for part in (names, " → ".join(answer.chain)) if part) or "of any of them"


def _step_line(step: PlanStep, language: str) -> Line:
    notes = list(step.needs)
    if step.not_before:
        notes.append(f"not before {on(step.not_before).to(language)}")
    if step.is_timed:
        notes.append(format_duration(step.takes) if step.takes is not None else "time unknown")
    line = Line(step.what.to(language))
    return line.append(f" ({'; '.join(notes)})", "dim") if notes else line


def show_preflight(
    out: Console, thing: str, act: str, checks: Sequence[Check], down: Sequence[str], language: str
) -> None:
    """Print the checks of a preflight, red ones first, and what hangs on the thing."""
    is_go = all(check.state == "ok" for check in checks)
    out.print(Line(f"{act} {thing}: {'go' if is_go else 'do not'}", "bold green" if is_go else "bold red"))
    table = Table.grid(padding=(0, 2))
    for check in checks:
        word, style = STATES[check.state]
        table.add_row(Line(word, style), check.question.to(language), Line(check.answer.to(language), style))
    out.print(table)
    if down:
        out.print(Text(f"While {thing} is down, so are {', '.join(down)}.",
                       f"Solange {thing} steht, stehen auch {', '.join(down)}.").to(language))  # fmt: skip
