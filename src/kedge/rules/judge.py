"""Claims become findings: merged, priced, ordered, each symptom beneath its cause.

Order and symptoms are those of DESIGN §5. Severity: critical if the part of the cost a claim speaks of is something
unrecoverable or unnoticed; warning if something is down or the cause has a date; else note.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from kedge.model.care import Accepted
from kedge.model.finding import Cost, Finding, Severity, Symptom
from kedge.rules.case import Case
from kedge.rules.claim import Claim, Rule

EXACT_UP_TO = 20_000
"""Nodes up to which every remedy is tried against every other claim."""

MOST_TRIED = 25
"""Beyond that, the remedies of so many claims are tried, the worst first; the others stand for themselves."""

Identity = tuple[str, str]
Key = tuple[int, tuple[float, float, float], bool, bool, str, str]


@dataclass(frozen=True)
class Verdict:
    """The findings, worst first, and those that are lived with until a date."""

    findings: tuple[Finding, ...]
    accepted: tuple[tuple[Finding, Accepted], ...] = ()


@dataclass(frozen=True)
class _Priced:
    claim: Claim
    severity: Severity
    key: Key

    @property
    def identity(self) -> Identity:
        return self.claim.rule, self.claim.thing

    @cached_property
    def scope(self) -> frozenset[str]:
        """The things the claim speaks of."""
        claim = self.claim
        settled = (thing for thing, _ in claim.settles)
        return frozenset({claim.thing, *claim.others, *(loss.thing for loss in claim.losses), *settled})


def judge(case: Case, rules: Iterable[Rule]) -> Verdict:
    """Return the verdict of these rules on a case."""
    every = tuple(rules)
    causes = {rule.id: rule for rule in every if not rule.is_summary}
    rank = {rule.id: place for place, rule in enumerate(every)}
    priced = sorted((_price(case, claim) for claim in _claims(case, every)), key=lambda each: each.key)
    roots = _roots(case, causes, priced, rank)
    findings = [(each.key, _finding(each, priced, roots)) for each in priced if each.identity not in roots]
    beneath = {root: min(p.key for p in priced if roots.get(p.identity) == root) for root in set(roots.values())}
    findings.sort(key=lambda pair: min(pair[0], beneath.get((pair[1].rule, pair[1].thing), pair[0])))
    return _accept(case, _said_once([finding for _, finding in findings]))


def _said_once(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings without symptoms that stand elsewhere already: as a finding, or beneath a worse one."""
    said = {Symptom(finding.rule, finding.thing) for finding in findings}
    shown = []
    for finding in findings:
        symptoms = tuple(symptom for symptom in finding.symptoms if symptom not in said)
        said.update(symptoms)
        shown.append(replace(finding, symptoms=symptoms))
    return shown


def _claims(case: Case, rules: Sequence[Rule]) -> list[Claim]:
    """Return every claim once: the same rule and thing is one finding, its dearest claim speaks."""
    found: dict[tuple[str, str], Claim] = {}
    for rule in rules:
        for claim in rule.find(case):
            known = found.get((claim.rule, claim.thing))
            if known is None or _price(case, claim).key < _price(case, known).key:
                found[claim.rule, claim.thing] = claim
    return list(found.values())


def _price(case: Case, claim: Claim) -> _Priced:
    toll = claim.toll or (case.toll(*claim.losses) if claim.losses else None)
    cost = case.cost(toll) if toll else Cost()
    severity = _severity(claim, cost)
    key = (-severity, cost.key(), not claim.is_dated, not claim.is_unproven, claim.rule, claim.thing)
    return _Priced(claim, severity, key)


def _severity(claim: Claim, cost: Cost) -> Severity:
    severity = Severity.WARNING if claim.is_dated or ("down" in claim.speaks_of and cost.down) else Severity.NOTE
    if ("unrecoverable" in claim.speaks_of and cost.unrecoverable) or (
        "unnoticed" in claim.speaks_of and cost.unnoticed
    ):
        severity = Severity.CRITICAL
    return max(claim.least, min(severity, claim.most))


def _roots(
    case: Case, rules: Mapping[str, Rule], priced: Sequence[_Priced], rank: Mapping[str, int]
) -> dict[Identity, Identity]:
    """Return, for every claim that is a symptom, the claim whose remedy removes it.

    Where each would remove the other, the rule that stands first in the catalogue names the finding.
    """
    causes = [each for each in priced if each.claim.rule in rules]
    tried = causes if len(case.rules) <= EXACT_UP_TO else causes[:MOST_TRIED]
    removes = {each.identity: _removed(case, rules, each, causes) for each in tried}
    parent: dict[Identity, Identity] = {}
    for cause in tried:
        for other in priced:
            if other is cause or other.identity in parent or other.identity not in removes[cause.identity]:
                continue
            if other.severity > cause.severity:
                continue  # nothing is hidden beneath what looks harmless
            mutual = cause.identity in removes.get(other.identity, ())
            if not mutual or (rank[cause.claim.rule], cause.key) < (rank[other.claim.rule], other.key):
                parent[other.identity] = cause.identity
    return {identity: _top(identity, parent) for identity in parent}


def _top(identity: Identity, parent: Mapping[Identity, Identity]) -> Identity:
    seen = {identity}
    while identity in parent and parent[identity] not in seen:
        identity = parent[identity]
        seen.add(identity)
    return identity


def _removed(case: Case, rules: Mapping[str, Rule], cause: _Priced, priced: Sequence[_Priced]) -> set[Identity]:
    """Return which claims are gone once this one's remedy is carried out.

    Beyond EXACT_UP_TO nodes only claims that share a thing with this one are tried: a remedy reaches no others but
    through things that stand in both.
    """
    is_small = len(case.rules) <= EXACT_UP_TO
    tried = [each for each in priced if each is not cause and (is_small or not each.scope.isdisjoint(cause.scope))]
    if not cause.claim.settles or not tried:
        return set()
    focus = None if is_small else frozenset(each.claim.thing for each in tried)
    wanted = dict.fromkeys(each.claim.rule for each in tried)
    after = _claims(case.settling(cause.claim.settles, focus), [rules[rule] for rule in wanted])
    return {each.identity for each in tried} - {(each.rule, each.thing) for each in after}


def _finding(root: _Priced, priced: Sequence[_Priced], roots: Mapping[Identity, Identity]) -> Finding:
    claim = root.claim
    symptoms = [Symptom(claim.rule, thing) for thing in claim.others]
    symptoms += [Symptom(*identity) for identity in claim.also]
    for each in priced:
        if roots.get(each.identity) == root.identity:
            symptoms.append(Symptom(*each.identity))
            symptoms += [Symptom(each.claim.rule, thing) for thing in each.claim.others]
            symptoms += [Symptom(*identity) for identity in each.claim.also]
    return Finding(
        claim.rule,
        claim.thing,
        root.severity,
        claim.title,
        claim.why,
        claim.fix,
        claim.losses,
        claim.since,
        tuple(dict.fromkeys(symptoms)),
    )


def _accept(case: Case, findings: Sequence[Finding]) -> Verdict:
    """Set apart what the organisation lives with; once the date has passed it is a finding again."""
    matches: Callable[[Accepted, Finding], bool] = lambda accepted, finding: (  # noqa: E731
        accepted.rule == finding.rule and accepted.thing in (None, finding.thing) and case.now <= accepted.until
    )
    shown: list[Finding] = []
    lived_with: list[tuple[Finding, Accepted]] = []
    for finding in findings:
        accepted = next((each for each in case.sections.accepted if matches(each, finding)), None)
        if accepted:
            lived_with.append((finding, accepted))
        else:
            shown.append(finding)
    return Verdict(tuple(shown), tuple(lived_with))
