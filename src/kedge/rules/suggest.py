"""An agenda: which additions remove most, one on top of the other, counted on the inventory as it would then be.

What is counted are minimal cut sets of services: for each service every single loss, and every pair of which neither
is one alone, that takes it down, leaves it unrecoverable, or is noticed by nobody responsible. Values that nobody gave
are taken as fine, before and after.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from kedge.inventory import nodes
from kedge.inventory.compile import Compiled, compile_rules
from kedge.model.finding import LOSS_MODES, Loss, Text
from kedge.rules.additions import EFFORTS, Addition, Ground, carried_out
from kedge.rules.case import Case
from kedge.rules.more_people import people_additions
from kedge.rules.more_places import place_additions
from kedge.scenarios.cuts import CutFinder
from kedge.scenarios.losses import single_losses
from kedge.scenarios.ruleset import RuleSet

Question = Literal["unrecoverable", "unnoticed", "down"]
QUESTIONS: tuple[Question, ...] = ("unrecoverable", "unnoticed", "down")

_NOTICED = "noticed"
_PAIRS_UP_TO = 5_000
"""Nodes up to which pairs of losses are counted as well."""
_TRIED_AGAIN = 24
"""How many additions are tried on top of what was chosen: those that did most when last tried."""
_WORK, _LEAST = 600_000, 12
"""Nodes compiled in all, two thirds of them in the first round; a large inventory gets a shorter agenda."""


@dataclass(frozen=True)
class Count:
    """Single losses and pairs of losses, each counted once for every service it costs; `weighed` by promise."""

    single: int = 0
    pairs: int = 0
    weighed: tuple[float, float] = field(default=(0.0, 0.0), compare=False)


Counts = Mapping[Question, Count]
Gain = tuple[float, float, float, float]


@dataclass(frozen=True)
class Suggestion:
    """One addition, on top of those before it: what to do, who could, the effort, what it removes.

    `instead`: other additions of which each does the same, as far as single losses and pairs tell.
    """

    addition: Addition
    before: Counts
    after: Counts
    instead: tuple[Addition, ...] = ()

    @property
    def what(self) -> Text:
        """What to do."""
        return self.addition.what

    @property
    def gain(self) -> Gain:
        """What it removes, by promise: fatal single losses, fatal pairs, single losses and pairs that stop something.

        Fatal: unrecoverable or unnoticed. Compare gains as they are: one single point outweighs any number of pairs.
        """
        return _gain(self.before, self.after)


@dataclass(frozen=True)
class Agenda:
    """Additions one on top of the other, and the losses that are still fatal alone when all are carried out.

    `tried` of `possible` additions were tried at first, those about the costliest losses; `has_pairs`: pairs were
    counted too. In a very large inventory not everything is.
    """

    items: tuple[Suggestion, ...]
    left: tuple[Loss, ...]
    tried: int
    possible: int
    has_pairs: bool

    @property
    def is_complete(self) -> bool:
        """Whether every addition was tried and every pair counted."""
        return self.tried == self.possible and self.has_pairs


def suggest(case: Case, most: int = 8, *, work: int = _WORK) -> Agenda:
    """Return up to `most` additions: each the one that removes most when those before it have been carried out.

    What only trades one pair for another, or makes a new single point, is none. `work`: about how many nodes may be
    compiled for it.
    """
    chooser = _Chooser(case, work)
    items = tuple(chooser.items(most))
    left = tuple(fatal_losses(case, items))
    return Agenda(items, left, chooser.tried, chooser.possible, len(case.rules) <= _PAIRS_UP_TO)


def counts(case: Case, compiled: Compiled) -> Counts:
    """Return what single losses and pairs cost the case's services, in an inventory as it would be."""
    targets = _targets(case, compiled)
    view = compiled.rules.changed({}, compiled.assumptions())
    finder = CutFinder(view, 2 if len(view) <= _PAIRS_UP_TO else 1)
    answers = finder.cut_sets([node for nodes_ in targets.values() for node in nodes_.values()])
    found = {}
    for question, of in targets.items():
        sizes = [(case.weight(name), [len(cut) for cut in answers[node].sets]) for name, node in of.items()]
        single = [(weight, sum(size < 2 for size in each)) for weight, each in sizes]
        pairs = [(weight, sum(size == 2 for size in each)) for weight, each in sizes]
        found[question] = Count(_sum(single), _sum(pairs), (_weigh(single), _weigh(pairs)))
    return found


def _sum(counted: Iterable[tuple[float, int]]) -> int:
    return sum(number for _, number in counted)


def _weigh(counted: Iterable[tuple[float, int]]) -> float:
    return round(sum(weight * number for weight, number in counted), 6)


def _targets(case: Case, compiled: Compiled) -> Mapping[Question, Mapping[str, int]]:
    """Return per question and service the node that is false when it is answered with yes."""
    names = case.sections.services
    return {
        "unrecoverable": {name: compiled.node(nodes.BACK, name) for name in names},
        "unnoticed": {name: noticed_node(compiled.rules, name) for name in names},
        "down": {name: compiled.node(nodes.UP, name) for name in names},
    }


def noticed_node(rules: RuleSet, service: str) -> int:
    """Return the node that is true while a service is up or somebody responsible would learn that it is not.

    It is added if it is not there yet: before anything is asked of the rules.
    """
    name = nodes.node_name(_NOTICED, service)
    if name not in rules.ids:
        ways = [rules.id(nodes.node_name(aspect, service)) for aspect in (nodes.UP, nodes.TOLD)]
        rules.any(rules.node(name), ways)
    return rules.id(name)


def _gain(before: Counts, after: Counts) -> Gain:
    removed = {q: [b - a for b, a in zip(before[q].weighed, after[q].weighed, strict=True)] for q in QUESTIONS}
    lost, unnoticed, down = (removed[question] for question in QUESTIONS)
    return lost[0] + unnoticed[0], lost[1] + unnoticed[1], down[0], down[1]


def is_worthwhile(before: Counts, after: Counts) -> bool:
    """Return whether less can happen, single losses first, and nothing alone that could not happen before."""
    first = next((part for part in _gain(before, after) if part), 0.0)
    return first > 0 and all(after[question].single <= before[question].single for question in QUESTIONS)


@dataclass(frozen=True)
class _Trial:
    addition: Addition
    compiled: Compiled
    after: Counts
    gain: Gain

    def is_like(self, other: _Trial) -> bool:
        """Return whether another addition takes as much effort and leaves the same."""
        return (self.after, self.gain) == (other.after, other.gain) and self.addition.effort == other.addition.effort

    def key(self) -> tuple[object, ...]:
        """Sort key: the greatest gain, then the least effort, then as generated."""
        return tuple(-part for part in self.gain), EFFORTS.index(self.addition.effort)


class _Chooser:
    """Chooses one addition after the other."""

    def __init__(self, case: Case, allowed: int) -> None:
        self.case = case
        self.allowed = allowed
        self.original = frozenset(case.inventory.things)
        self.known: dict[str, Gain] = {}
        self.taken: set[str] = set()
        self.possible = self.tried = self.work = 0

    def items(self, most: int) -> Iterator[Suggestion]:
        compiled = compile_rules(self.case.inventory, self.case.now)
        before = counts(self.case, compiled)
        while most > 0 and self.work <= self.allowed:
            trials = sorted(self._trials(compiled, before), key=_Trial.key)
            if not trials:
                return
            best, *others = trials
            yield Suggestion(best.addition, before, best.after, tuple(t.addition for t in others if best.is_like(t)))
            self.taken.add(best.addition.what.en)
            compiled, before, most = best.compiled, best.after, most - 1

    def _trials(self, compiled: Compiled, before: Counts) -> Iterator[_Trial]:
        """Yield what is worthwhile now."""
        for addition in self._chosen(compiled):
            self.work += len(compiled.rules)
            then = compile_rules(carried_out(compiled.inventory, addition), self.case.now)
            after = counts(self.case, then)
            gain = self.known[addition.what.en] = _gain(before, after)
            if is_worthwhile(before, after):
                yield _Trial(addition, then, after, gain)

    def _chosen(self, compiled: Compiled) -> Sequence[Addition]:
        """Return what to try: all at first (if too many, those about the costliest losses), then what did most."""
        every = all_additions(Ground(compiled, self.original))
        if not self.known:
            self.possible = len(every)
            allowed = max(_LEAST, self.allowed * 2 // 3 // len(compiled.rules))
            self.tried = min(allowed, len(every))
            return every if len(every) <= allowed else sorted(every, key=self._cost, reverse=True)[:allowed]
        again = [each for each in every if each.what.en in self.known and each.what.en not in self.taken]
        new = [each for each in every if each.what.en not in self.known]
        again.sort(key=lambda each: self.known[each.what.en], reverse=True)
        return [*again, *new][:_TRIED_AGAIN]

    def _cost(self, addition: Addition) -> tuple[float, float, float]:
        """Return what the losses cost that an addition is about."""
        case = self.case
        costs = [
            case.cost(case.toll(Loss(name, mode)))
            for name in addition.about or addition.things
            if name in self.original
            for mode in LOSS_MODES
        ]
        return (
            sum(cost.unrecoverable for cost in costs),
            sum(cost.unnoticed for cost in costs),
            sum(cost.down for cost in costs),
        )


def all_additions(ground: Ground) -> Sequence[Addition]:
    """Return every addition worth trying, each once."""
    every = [*people_additions(ground), *place_additions(ground)]
    return list({addition.what.en: addition for addition in every if addition.things}.values())


def fatal_losses(case: Case, found: Iterable[Suggestion]) -> list[Loss]:
    """Return what still is fatal alone when all of this has been carried out, in the inventory's order."""
    inventory = case.inventory
    for each in found:
        inventory = carried_out(inventory, each.addition)
    compiled = compile_rules(inventory, case.now)
    targets = _targets(case, compiled)
    table = single_losses(compiled.rules)
    fatal = {c for question in QUESTIONS[:2] for node in targets[question].values() for c in table[node] or ()}
    return [loss for loss in compiled.losses() if not fatal.isdisjoint(compiled.components([loss]))]
