"""The inventory compiled into scenario rules (DESIGN: the failure-scenario engine).

A channel asks of the service that receives its messages only that it runs *again*: mail that was lost does not keep
new mail from arriving. What people need back is the service with its data: `back`. docs/decisions/002 says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from kedge.inventory import nodes
from kedge.inventory.compile_people import compile_people
from kedge.inventory.compile_premises import compile_premises
from kedge.inventory.compile_services import compile_services
from kedge.inventory.draft import Draft
from kedge.inventory.index import Index, build_index
from kedge.model.finding import LOSS_MODES, Loss
from kedge.model.inventory import THING_SECTIONS, Inventory
from kedge.scenarios.ruleset import RuleSet


@dataclass(frozen=True)
class Compiled:
    """An inventory with its rules at one moment."""

    inventory: Inventory
    index: Index
    now: datetime
    rules: RuleSet
    sections: Mapping[str, str]

    def section_of(self, thing: str) -> str:
        """Return the section a thing is declared in, "" for an unknown name."""
        return self.sections.get(thing, "")

    def node(self, aspect: str, thing: str) -> int:
        """Return the id of a node; KeyError if there is none."""
        return self.rules.id(nodes.node_name(aspect, thing))

    def components(self, losses: Iterable[Loss]) -> list[int]:
        """Return the components of losses; a loss that nothing rests on has none."""
        ids = self.rules.ids
        return [ids[str(loss)] for loss in losses if str(loss) in ids]

    def assumptions(self) -> list[int]:
        """Return the components that stand for values nobody gave."""
        return [i for i in self.rules.components() if nodes.is_assumption(self.rules.name(i))]

    def losses(self) -> list[Loss]:
        """Return every single loss that something rests on, in the inventory's order."""
        ids = self.rules.ids
        every = (Loss(thing, mode) for thing in self.inventory.things for mode in LOSS_MODES)
        return [loss for loss in every if str(loss) in ids]


def compile_rules(inventory: Inventory, now: datetime) -> Compiled:
    """Return the rules of an inventory at a moment (who is away, what has ended depends on it)."""
    index = build_index(inventory)
    section_of = {name: section for section in THING_SECTIONS for name, _ in inventory.in_section(section)}
    draft = Draft(inventory, index, now, section_of=section_of)
    compile_premises(draft)
    compile_people(draft)
    compile_services(draft)
    _compile_rest(draft)
    draft.rules.check()
    return Compiled(inventory, index, now, draft.rules, section_of)


def _compile_rest(draft: Draft) -> None:
    """Write `up` of everything that is simply there or not, and the cold start of hosts."""
    for section in ("certificates", "limits", "groups", "changes"):
        for name, _ in draft.inventory.in_section(section):
            draft.rules.all(draft.up(name), [draft.loss(name)])
    for name, host in draft.sections.hosts.items():
        below = [draft.node(nodes.COLD, host.guest_of)] if host.guest_of else []
        draft.rules.all(draft.node(nodes.COLD, name), [draft.loss(name), *below])
