"""How a sweep looks on a terminal: a line for each thing that is well, more for what is not, then the causes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import groupby
from operator import attrgetter

from rich.text import Text as Line

from kedge.app.probing import Look
from kedge.cli.page import Page
from kedge.model.finding import Finding, Severity, Text
from kedge.model.observation import Status
from kedge.rules.german import both
from kedge.rules.wording import counted, listed

STYLES = {Status.DOWN: "bold red", Status.DEGRADED: "bold yellow", Status.UNKNOWN: "bold magenta", Status.OK: "green"}
STATUSES = {
    Status.OK: Text("ok", "in Ordnung"),
    Status.DEGRADED: Text("degraded", "beeinträchtigt"),
    Status.DOWN: Text("down", "ausgefallen"),
    Status.UNKNOWN: Text("unknown", "unbekannt"),
}
LOOK, LOOKS = Text("look", "Blick"), Text("looks", "Blicke")
CAUSE, CAUSES = Text("cause", "Ursache"), Text("causes", "Ursachen")
INDENT = 4
SLOW = timedelta(seconds=1)
"""What took longer is told."""


def show_looks(
    page: Page, looks: Sequence[Look], findings: Sequence[Finding], took: timedelta, language: str, *, brief: bool
) -> None:
    """Print what was seen of each thing, then the causes, then how many looks came to what.

    `brief` leaves out what was said by looks that are ok.
    """
    page.put_rows(list(_rows(looks, language, brief=brief)))
    for finding in findings:
        _show_finding(page, finding, language)
    page.put()
    page.put(_summary(looks, findings, took, language))


def _rows(looks: Sequence[Look], language: str, *, brief: bool) -> Iterator[tuple[Line, ...]]:
    """Yield rows of status, thing and words; a thing's first row bears its worst status and its name."""
    for thing, group in groupby(looks, key=attrgetter("thing")):
        seen = list(group)
        worst = next(status for status in STYLES if any(look.seen.status is status for look in seen))
        status, name = Line(STATUSES[worst].to(language), STYLES[worst]), Line(thing)
        for words in _words(seen, language, worst, brief=brief):
            yield status, name, words
            status, name = Line(), Line()


def _words(seen: Sequence[Look], language: str, worst: Status, *, brief: bool) -> Iterator[Line]:
    """Yield what was seen of one thing: the worst first, each sentence once, with who said it."""
    for status in STYLES:
        there = [look for look in seen if look.seen.status is status]
        if there and status is Status.OK and brief:
            lead = "" if worst is Status.OK else f"{STATUSES[status].to(language)}: "
            yield Line(lead + ", ".join(look.probe for look in there), "dim")
            continue
        for what in dict.fromkeys(look.seen.what for look in there):
            who = [look for look in there if look.seen.what == what]
            slowest = max(look.seen.took for look in who)
            probes = ", ".join(look.probe for look in who)
            yield Line.assemble(
                (f"{probes}: ", "dim"),
                both(what).to(language),
                (f" ({duration(slowest)})" if slowest > SLOW else "", "dim"),
            )


def _show_finding(page: Page, finding: Finding, language: str) -> None:
    style = "bold" if finding.severity is Severity.NOTE else "bold red" if finding.rule == "down" else "bold yellow"
    page.put()
    page.put(Line(finding.title.to(language), style))
    for reason in finding.why:
        page.put(reason.to(language), indent=INDENT)
    if finding.symptoms:
        names = listed([symptom.thing for symptom in finding.symptoms], most=12)
        word = Text("therefore also", "deshalb auch").to(language)
        page.put(f"{word}: {names.to(language)}", indent=INDENT)
    arrow = Line(f"{' ' * INDENT}→ ", "green")
    page.put(Line(finding.fix.to(language), "green"), indent=INDENT + 2, lead=arrow)


def _summary(looks: Sequence[Look], findings: Sequence[Finding], took: timedelta, language: str) -> Line:
    counts = Counter(look.seen.status for look in looks)
    line = Line(f"{counted(len(looks), LOOK, LOOKS).to(language)} in {duration(took)}: ")
    parts = [Line(f"{counts[one]} {STATUSES[one].to(language)}", STYLES[one]) for one in STYLES if counts[one]]
    line = Line.assemble(line, Line(", ").join(parts))
    causes = sum(finding.severity is not Severity.NOTE for finding in findings)
    return Line.assemble(line, f"; {counted(causes, CAUSE, CAUSES).to(language)}") if causes else line


def duration(took: timedelta) -> str:
    """Return how long something took: `0.4 s`, `17 s`."""
    seconds = took.total_seconds()
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
