"""Cut sets of services, of rules in a file, of published fault trees; how often and how long, where rates are given."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from kedge.app.opening import open_inventory
from kedge.errors import KedgeError, OutsideError, UsageError
from kedge.inventory import nodes
from kedge.model.finding import LOSS_MODES
from kedge.model.quantity import parse_duration
from kedge.rules.case import Case
from kedge.rules.suggest import noticed_node
from kedge.scenarios.cuts import CutSets, cut_sets
from kedge.scenarios.mef import read_mef
from kedge.scenarios.notation import read_rules, write_rules
from kedge.scenarios.rates import Downtime, Rate, contributions, downtime
from kedge.scenarios.ruleset import Rules, RuleSet
from kedge.scenarios.unrolling import unrolled, write_mef

_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Question:
    """What is asked: of a service or node, of an inventory (the usual one if no file is named), rules or fault tree."""

    service: str | None = None
    of: str = "up"
    order: int = 2
    path: str | None = None
    now: str | None = None
    rules: Path | None = None
    mef: Path | None = None
    rates: Path | None = None


@dataclass(frozen=True)
class Cuts:
    """An answer: whose cut sets, what they answer, and the rates that were given, by component."""

    name: str
    of: str
    order: int
    rules: Rules
    found: CutSets
    rates: Mapping[int, Rate]

    @property
    def downtime(self) -> Downtime | None:
        """How many hours a year, at least and at most; None without any rate."""
        return downtime(self.found, self.rates) if self.rates else None


def find_cuts(asked: Question) -> Iterator[Cuts]:
    """Yield what was asked for; a fault tree may have several tops."""
    if asked.mef:
        tree = read_mef(_read(asked.mef), str(asked.mef))
        for top, found in cut_sets(tree.rules, tree.tops, asked.order).items():
            yield Cuts(tree.rules.name(top), "top", asked.order, tree.rules, found, _rates(asked, tree.rules))
        return
    if not asked.service:
        raise UsageError("cut sets of what?", hint="name a service, or a node with --rules")
    rules, node, declared = _compiled(asked)
    rates = {**declared, **_rates(asked, rules)}
    yield Cuts(asked.service, asked.of, asked.order, rules, cut_sets(rules, [node], asked.order)[node], rates)


def _compiled(asked: Question) -> tuple[RuleSet, int, Mapping[int, Rate]]:
    """Return the rules, the node that is asked for, and the rates that are attested beside the inventory."""
    service = asked.service or ""
    if asked.rules:
        rules = read_rules(_read(asked.rules).decode("utf-8", "replace"), str(asked.rules))
        return rules, _node(rules, asked.of, service, str(asked.rules)), {}
    case = open_inventory(asked.path).case_at(asked.now)
    case.inventory.find(service)
    if service not in case.sections.services:
        raise UsageError(f"'{service}' is not a service", hint="kedge whatif shows what its loss does")
    rules = case.compiled.rules
    return rules, _node(rules, asked.of, service, ""), attested_rates(case)


def _node(rules: RuleSet, of: str, name: str, file: str) -> int:
    """Return the node that is false when the question about a service is answered with yes; or a node's own name.

    Unnoticed is what is down while nobody responsible would be told.
    """
    up, told = (nodes.node_name(aspect, name) for aspect in (nodes.UP, nodes.TOLD))
    if of == nodes.TOLD and up in rules.ids and told in rules.ids:
        return noticed_node(rules, name)
    for each in (nodes.node_name(of, name), name):
        if each in rules.ids:
            return rules.id(each)
    raise KedgeError(f"{file} has no node '{name}' or '{nodes.node_name(of, name)}'")


def attested_rates(case: Case) -> dict[int, Rate]:
    """Return the rates among the facts: `rate`, or `rate/MODE`, of a thing, written `0.5/y 24h`."""
    found = {}
    for loss in case.compiled.losses():
        what = "rate" if loss.mode == LOSS_MODES[0] else f"rate/{loss.mode}"
        fact = case.facts.get(loss.thing, what)
        if fact:
            found[case.rules.id(str(loss))] = _rate(fact.value, f"the fact {what} of {loss.thing}")
    return found


def parse_rate(text: str) -> Rate:
    """Return a rate written `2/y 6h` (twice a year, six hours each) or `1/10y 3d`; raises ValueError."""
    often, _, long = text.strip().partition(" ")
    number, slash, per = often.partition("/")
    try:
        span = parse_duration(per if per[:1].isdigit() else f"1{per}")
        if slash and span:
            return Rate(float(number) * (parse_duration("1y") / span), parse_duration(long) / _HOUR)
    except ValueError:
        pass
    raise ValueError(f"expected a rate such as '2/y 6h' (twice a year, six hours each), found '{text}'")


def _rate(text: str, where: str) -> Rate:
    try:
        return parse_rate(text)
    except ValueError as cause:
        raise UsageError(f"{where}: {cause}") from None


def _rates(asked: Question, rules: Rules) -> dict[int, Rate]:
    """Return the rates of a file: a line for each component, `web1: 2/y 6h`."""
    found: dict[int, Rate] = {}
    if not asked.rates:
        return found
    for number, line in enumerate(_read(asked.rates).decode("utf-8", "replace").splitlines(), 1):
        text = line.partition("#")[0].strip()
        name, _, value = text.rpartition(": ")
        if text:
            where = f"{asked.rates}:{number}"
            if name not in rules.ids or not rules.is_component(rules.id(name)):
                raise UsageError(
                    f"{where}: expected 'COMPONENT: 2/y 6h', found '{text}'", hint="see kedge cuts --write"
                )
            found[rules.id(name)] = _rate(value, where)
    return found


def cuts_answer(cuts: Cuts) -> dict[str, Any]:
    """Return cut sets as data; `complete_to` is the order up to which the list is whole."""
    rules, found = cuts.rules, cuts.found
    answer = {
        "service": cuts.name,
        "of": cuts.of,
        "order": cuts.order,
        "cuts": [[rules.name(member) for member in cut] for cut in found.sets],
        "complete": found.complete,
        "complete_to": found.order,
    }
    if (time := cuts.downtime) is not None:
        answer["downtime"] = {
            "at_least": time.at_least,
            "at_most": time.at_most,
            "unrated": sorted(map(rules.name, time.unrated)),
            "contributions": [
                {
                    "cut": [rules.name(member) for member in one.cut],
                    "per_year": one.per_year,
                    "hours": one.each.hours,
                    "hours_per_year": one.hours_per_year,
                }
                for one in contributions(found, cuts.rates)
            ],
        }
    return answer


Product = tuple[tuple[str, ...], ...]


def grouped(cuts: Sequence[Sequence[str]]) -> list[Product]:
    """Return sets as products: `((a, b), (c, d))` stands for a+c, a+d, b+c and b+d; each set is in exactly one.

    Single losses are one product, pairs are put together where they can be, larger sets stand alone.
    """
    single = tuple(cut[0] for cut in cuts if len(cut) == 1)
    found: list[Product] = [()] if [] in [list(cut) for cut in cuts] else []
    found += [(single,)] if single else []
    found += _pairs([(cut[0], cut[1]) for cut in cuts if len(cut) == 2])
    return found + [tuple((member,) for member in cut) for cut in cuts if len(cut) > 2]


def _pairs(pairs: Sequence[tuple[str, str]]) -> Iterator[Product]:
    """Yield products of pairs: members that have the same partners are one class, classes are joined by their first."""
    partners: defaultdict[str, set[str]] = defaultdict(set)
    for one, other in pairs:
        partners[one].add(other)
        partners[other].add(one)
    alike: defaultdict[frozenset[str], list[str]] = defaultdict(list)
    for name, others in partners.items():
        alike[frozenset(others)].append(name)
    place = {name: tuple(names) for names in alike.values() for name in names}
    products = {frozenset((place[one], place[other])): (place[one], place[other]) for one, other in pairs}
    often = Counter(names for product in products.values() for names in product)
    joined: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for product in products.values():
        first, second = sorted(product, key=lambda names: (-often[names], names))
        joined[first] += second
    yield from ((first, tuple(seconds)) for first, seconds in joined.items())


def write_compiled(asked: Question, target: Path) -> str:
    """Write the compiled rules of an inventory, or one service's as a fault tree; return what was written."""
    if target.suffix in (".xml", ".mef"):
        if not asked.service:
            raise UsageError("a fault tree of what?", hint="name a service: kedge cuts wiki --write wiki.xml")
        rules, node, _ = _compiled(asked)
        text, said = write_mef(unrolled(rules, [node], asked.order)), f"fault tree, right to order {asked.order},"
    else:
        compiled = open_inventory(asked.path).case_at(asked.now).rules
        text, said = write_rules(compiled), f"{len(compiled.nodes())} rules"
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as cause:
        raise OutsideError(f"{target} could not be written") from cause
    return f"{said} written to {target}"


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as cause:
        raise UsageError(f"{file} could not be read") from cause
