"""Prints what kedge says the evening before each outage, and of the controls: `python -m tests.corpus.table [--json]`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from kedge.model.finding import Finding
from kedge.rules.registry import RULES
from tests.corpus.control import Control, judge_control, list_controls
from tests.corpus.match import FIRST, Outcome, count_classes, judge_outage, list_outages

CORPUS = Path(__file__).parent
FIRST_RUNS = {
    "first-run": "First run, with the first fourteen rules",
    "first-full-run": "First run of every rule, before any tuning",
}


@dataclass(frozen=True)
class Result:
    """One run over the whole corpus."""

    outcomes: Sequence[Outcome]
    controls: Sequence[Control]

    @cached_property
    def totals(self) -> dict[str, float]:
        """The figures that the line holds."""
        return {
            "outages": len(self.outcomes),
            "hits": sum(outcome.is_hit for outcome in self.outcomes),
            "secondary-supported": sum(len(outcome.supported) for outcome in self.outcomes),
            "secondary-found": sum(len(outcome.found) for outcome in self.outcomes),
            "median-findings": median(len(outcome.findings) for outcome in self.outcomes),
            "forbidden-in-outages": sum(len(outcome.false) for outcome in self.outcomes),
            "controls": len(self.controls),
            "controls-quiet": sum(control.is_quiet for control in self.controls),
        }


def run() -> Result:
    """Judge every outage and every control."""
    return Result(
        [judge_outage(folder) for folder in list_outages(CORPUS)],
        [judge_control(folder) for folder in list_controls(CORPUS)],
    )


def read_line() -> dict[str, dict[str, float]]:
    """Return what must not become worse, and the figures of the first runs."""
    path = CORPUS / "line.yaml"
    return yaml.safe_load(path.read_text("utf-8")) if path.exists() else {}


def render(result: Result) -> Iterator[str]:
    """Yield the table's lines."""
    yield f"{'outage':24}{'mode':6}{'primary':17}{'hit':5}{'place':7}{'truth':11}{'findings':10}secondary"
    yield from map(_outage_row, result.outcomes)
    yield ""
    yield "Not hit: what was wanted, and the first findings instead"
    yield from (_miss_row(outcome) for outcome in result.outcomes if not outcome.is_hit)
    yield ""
    yield "Secondary classes, found of supported"
    yield "  " + ", ".join(f"{rule} {n}/{of}" for rule, (n, of) in count_classes(result.outcomes).items())
    yield ""
    yield f"{'control':24}{'quiet':7}{'findings':10}forbidden"
    yield from map(_control_row, result.controls)
    yield ""
    yield "Totals: " + _sum_up(result.totals)
    for name, title in FIRST_RUNS.items():
        if first := read_line().get(name):
            yield f"{title}: {_sum_up(first)}"


def _outage_row(outcome: Outcome) -> str:
    match = outcome.match
    marks = {rule: "(" + rule + ")" for rule in match.unsupported}
    marks |= {rule: "-" + rule for rule in outcome.supported}
    marks |= {rule: "~" + rule for rule in outcome.astray}
    marks |= {rule: "+" + rule for rule in outcome.found}
    rest = [marks[rule] for rule in match.secondary] + [f"!{rule}" for rule in outcome.false]
    truth = "" if outcome.measured is None else str(outcome.place_with_truth or "-")
    if outcome.measured and outcome.measured.failure:
        truth = "breaks"
    if match.mode == "T":
        truth += " ok" if outcome.is_doubted else " ??"
    return (
        f"{outcome.name:24}{match.mode:6}{match.rule:17}{'yes' if outcome.is_hit else 'no':5}"
        f"{outcome.place or '-'!s:7}{truth:11}{len(outcome.findings):<10}{' '.join(rest)}"
    ).rstrip()


def _miss_row(outcome: Outcome) -> str:
    match = outcome.match
    things = match.things if isinstance(match.things, str) else ", ".join(match.things)
    missing = "" if match.rule in RULES else " (no such rule yet)"
    instead = outcome.said.failure or "; ".join(map(_brief, outcome.findings[:FIRST])) or "nothing"
    return f"  {outcome.name}: {match.rule}{missing} at {things} | {instead}"


def _brief(finding: Finding) -> str:
    more = f" +{len(finding.symptoms)}" if finding.symptoms else ""
    return f"{finding.rule} {finding.thing}{more}"


def _control_row(control: Control) -> str:
    said = control.said.failure or " ".join(control.false)
    return f"{control.name:24}{'yes' if control.is_quiet else 'no':7}{len(control.findings):<10}{said}".rstrip()


def _sum_up(totals: dict[str, float]) -> str:
    return (
        f"{totals['hits']:g} of {totals['outages']:g} hit, "
        f"{totals['secondary-found']:g} of {totals['secondary-supported']:g} secondary classes, "
        f"median {totals['median-findings']:g} findings, {totals['forbidden-in-outages']:g} forbidden; "
        f"{totals['controls-quiet']:g} of {totals['controls']:g} controls quiet"
    )


def as_data(result: Result) -> dict[str, Any]:
    """Return the whole result for a program."""
    return {
        "totals": result.totals,
        **{name: read_line().get(name) for name in FIRST_RUNS},
        "outages": [_outage_data(outcome) for outcome in result.outcomes],
        "controls": [
            {
                "name": control.name,
                "quiet": control.is_quiet,
                "forbidden": list(control.false),
                "failure": control.said.failure,
                "findings": [_finding_data(each) for each in control.findings],
            }
            for control in result.controls
        ],
    }


def _outage_data(outcome: Outcome) -> dict[str, Any]:
    match = outcome.match
    return {
        "name": outcome.name,
        "mode": match.mode,
        "primary": match.rule,
        "things": match.things,
        "hit": outcome.is_hit,
        "place": str(outcome.place) if outcome.place else None,
        "place-with-truth": str(outcome.place_with_truth) if outcome.place_with_truth else None,
        "doubted": outcome.is_doubted,
        "secondary": {rule: rule in outcome.found for rule in outcome.supported},
        "unsupported": match.unsupported,
        "forbidden": list(outcome.false),
        "failure": outcome.said.failure,
        "findings": [_finding_data(each) for each in outcome.findings],
    }


def _finding_data(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "thing": finding.thing,
        "severity": finding.severity.word,
        "symptoms": [{"rule": each.rule, "thing": each.thing} for each in finding.symptoms],
    }


def main(arguments: Sequence[str]) -> int:
    """Print the table, or all of it as JSON; 2 for any other word."""
    if set(arguments) - {"--json"}:
        sys.stderr.write("usage: script/corpus [--json]\n")
        return 2
    result = run()
    text = json.dumps(as_data(result), indent=2) if "--json" in arguments else "\n".join(render(result))
    sys.stdout.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
