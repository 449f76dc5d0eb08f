"""What kedge should have named before an outage, and how far a list of findings does."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import yaml

from kedge.errors import KedgeError
from kedge.inventory.compile import compile_rules
from kedge.inventory.read import read_inventory
from kedge.model.facts import Facts
from kedge.model.finding import Finding
from kedge.rules.case import open_case
from kedge.rules.judge import judge
from kedge.rules.registry import RULES

FIRST = 3
"""The primary class must be among this many findings or their symptoms."""

TRUTH = "evidence.true.yaml"
DOUBTS = frozenset({"unverified", "bk-untested"})
"""What kedge must say of a T case while nobody has measured."""

Things = Collection[str] | Literal["any"]


@dataclass(frozen=True)
class Match:
    """One `match.yaml`; docs/corpus.md explains the fields."""

    now: datetime
    mode: str
    rule: str
    things: Things
    secondary: Mapping[str, Things]
    unsupported: Mapping[str, str]
    quiet: Mapping[str, Things]


@dataclass(frozen=True)
class Place:
    """Where a class stands in a list of findings: the finding's number from 1, and whether only as its symptom."""

    number: int
    is_symptom: bool

    def __str__(self) -> str:
        return f"{self.number}{'s' if self.is_symptom else ''}"


@dataclass(frozen=True)
class Said:
    """What kedge says of an inventory: its findings, or why it could not say anything."""

    findings: Sequence[Finding] = ()
    failure: str = ""


@dataclass(frozen=True)
class Outcome:
    """What kedge says of one outage's inventory, held against its match."""

    name: str
    match: Match
    believed: Said
    measured: Said | None

    @property
    def said(self) -> Said:
        """What counts: in mode T what is said with what was true."""
        return self.measured if self.match.mode == "T" and self.measured else self.believed

    @property
    def findings(self) -> Sequence[Finding]:
        """The findings that count."""
        return self.said.findings

    @cached_property
    def place(self) -> Place | None:
        """Where the primary class stands at the right thing."""
        return find_place(self.findings, self.match.rule, self.match.things)

    @cached_property
    def place_with_truth(self) -> Place | None:
        """The same with what was true; it counts in mode T only."""
        return find_place(self.measured.findings if self.measured else (), self.match.rule, self.match.things)

    @property
    def is_doubted(self) -> bool:
        """Whether kedge says that something is not proven while nobody has measured."""
        return any(find_place(self.believed.findings, rule, "any") for rule in DOUBTS)

    @property
    def is_hit(self) -> bool:
        """Whether the primary class stands among the first at the right thing; in mode T, also doubted before."""
        among_first = self.place is not None and self.place.number <= FIRST
        return among_first and (self.match.mode != "T" or self.is_doubted)

    @property
    def supported(self) -> tuple[str, ...]:
        """The secondary classes that the facts support."""
        return tuple(rule for rule in self.match.secondary if rule not in self.match.unsupported)

    @cached_property
    def found(self) -> tuple[str, ...]:
        """The supported secondary classes that stand anywhere at the right thing; in mode T before or after."""
        both = (*self.believed.findings, *self.findings)
        return tuple(rule for rule in self.supported if find_place(both, rule, self.match.secondary[rule]))

    @cached_property
    def astray(self) -> tuple[str, ...]:
        """Supported secondary classes that stand only at other things."""
        both = (*self.believed.findings, *self.findings)
        return tuple(rule for rule in self.supported if rule not in self.found and find_place(both, rule, "any"))

    @cached_property
    def false(self) -> tuple[str, ...]:
        """Classes that the expectation forbids and that were found."""
        return tuple(rule for rule, things in self.match.quiet.items() if find_place(self.findings, rule, things))


def find_place(findings: Sequence[Finding], rule: str, things: Things) -> Place | None:
    """Return the first place of a class at one of these things; None if it has none."""
    for number, finding in enumerate(findings, 1):
        if finding.rule == rule and is_among(finding.thing, things):
            return Place(number, is_symptom=False)
        if any(each.rule == rule and is_among(each.thing, things) for each in finding.symptoms):
            return Place(number, is_symptom=True)
    return None


def is_among(thing: str, things: Things) -> bool:
    """Return whether a thing is one of those meant."""
    return things == "any" or thing in things


def read_match(folder: Path) -> Match:
    """Return the match of one outage."""
    told: dict[str, Any] = yaml.safe_load((folder / "match.yaml").read_text("utf-8"))
    return Match(
        told["now"],
        told["mode"],
        told["primary"]["rule"],
        told["primary"]["things"],
        told["secondary"],
        told.get("unsupported", {}),
        told.get("quiet", {}),
    )


def judge_file(path: Path, now: datetime) -> Said:
    """Return what kedge says of an inventory with the facts beside it; no database takes part.

    An inventory that cannot be read and a rule that breaks are results too: the table shows them.
    """
    try:
        inventory = read_inventory(path)
        case = open_case(compile_rules(inventory, now), Facts.of(inventory.facts, now))
        return Said(judge(case, RULES.values()).findings)
    except KedgeError as error:
        return Said(failure="cannot be read: " + str(error).splitlines()[0].removeprefix(f"{path.parent}/"))
    except Exception as error:
        return Said(failure=f"breaks: {type(error).__name__}: {error}")


def judge_truth(folder: Path, now: datetime) -> Said | None:
    """Return what kedge says with what was true in place of what was known; None if nothing was otherwise."""
    if not (folder / TRUTH).exists():
        return None
    with TemporaryDirectory() as name:
        shutil.copy(folder / "kedge.yaml", Path(name) / "kedge.yaml")
        shutil.copy(folder / TRUTH, Path(name) / "evidence.yaml")
        return judge_file(Path(name) / "kedge.yaml", now)


def judge_outage(folder: Path) -> Outcome:
    """Return what kedge says the evening before an outage."""
    match = read_match(folder)
    believed = judge_file(folder / "kedge.yaml", match.now)
    return Outcome(folder.name, match, believed, judge_truth(folder, match.now))


def list_outages(corpus: Path) -> list[Path]:
    """Return the folders of all outages, by name."""
    return sorted(path.parent for path in corpus.glob("*/match.yaml"))


def count_classes(outcomes: Iterable[Outcome]) -> dict[str, tuple[int, int]]:
    """Return, for every secondary class, how often it was found and how often the facts support it."""
    counts: dict[str, tuple[int, int]] = {}
    for outcome in outcomes:
        for rule in outcome.supported:
            found, wanted = counts.get(rule, (0, 0))
            counts[rule] = found + (rule in outcome.found), wanted + 1
    return dict(sorted(counts.items()))
