"""Cut sets of services, of rules in a file, of published fault trees."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kedge.app.opening import open_inventory, read_now
from kedge.errors import KedgeError, OutsideError, UsageError
from kedge.inventory import nodes
from kedge.scenarios.cuts import CutSets, cut_sets
from kedge.scenarios.mef import read_mef
from kedge.scenarios.notation import read_rules, write_rules
from kedge.scenarios.ruleset import Rules

Found = tuple[str, str, int, Rules, CutSets]


def find_cuts(
    service: str | None,
    question: str,
    order: int,
    path: str | None,
    now: str | None,
    rules: Path | None,
    mef: Path | None,
) -> Iterator[Found]:
    """Yield what was asked for: name, question, order, the rules and the cut sets."""
    if mef:
        tree = read_mef(_read(mef), str(mef))
        for top, found in cut_sets(tree.rules, tree.tops, order).items():
            yield tree.rules.name(top), "top", order, tree.rules, found
        return
    if not service:
        raise UsageError("cut sets of what?", hint="name a service, or a node with --rules")
    if rules:
        ruleset = read_rules(_read(rules).decode("utf-8", "replace"), str(rules))
        name = service if service in ruleset.ids else nodes.node_name(question, service)
        if name not in ruleset.ids:
            raise KedgeError(f"{rules} has no node '{service}' or '{name}'")
        yield name, question, order, ruleset, cut_sets(ruleset, [ruleset.id(name)], order)[ruleset.id(name)]
        return
    case = open_inventory(path).case(read_now(now))
    case.inventory.find(service)
    if service not in case.sections.services:
        raise UsageError(f"'{service}' is not a service", hint="kedge whatif shows what its loss does")
    node = case.compiled.node(question, service)
    yield service, question, order, case.rules, cut_sets(case.rules, [node], order)[node]


def answer_cuts(name: str, question: str, order: int, rules: Rules, found: CutSets) -> dict[str, Any]:
    """Return cut sets as data; `complete_to` is the order up to which the list is whole."""
    cuts = [[rules.name(member) for member in cut] for cut in found.sets]
    return {
        "service": name,
        "of": question,
        "order": order,
        "cuts": cuts,
        "complete": found.complete,
        "complete_to": found.order,
    }


def write_compiled(path: str | None, now: str | None, target: Path) -> int:
    """Write the compiled rules of an inventory into a file and return how many there are."""
    rules = open_inventory(path).case(read_now(now)).rules
    text = write_rules(rules)
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as cause:
        raise OutsideError(f"{target} could not be written") from cause
    return len(rules.nodes())


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as cause:
        raise UsageError(f"{file} could not be read: {cause.strerror}") from cause
