"""The rules while they are being written: one place that names nodes, losses and assumptions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kedge.inventory import nodes
from kedge.inventory.index import Index
from kedge.model.finding import Loss, LossMode
from kedge.model.inventory import Inventory, Sections
from kedge.model.need import AtLeast, NeedExpression
from kedge.scenarios.ruleset import RuleSet

Leaf = Callable[[str], int]

_ASPECT_OF_SECTION = {
    "accounts": nodes.OPEN,
    "channels": nodes.WORKS,
    "people": nodes.ABLE,
    "teams": nodes.ABLE,
    "secrets": nodes.HAND,
    "documents": nodes.HAND,
    "stores": nodes.COPY,
    "hosts": nodes.HAS,
    "services": nodes.HAS,
    "domains": nodes.HAS,
}


@dataclass
class Draft:
    """Rules under construction for one inventory at one moment."""

    inventory: Inventory
    index: Index
    now: datetime
    rules: RuleSet = field(default_factory=RuleSet)
    section_of: dict[str, str] = field(default_factory=dict)
    written: set[int] = field(default_factory=set)

    @property
    def sections(self) -> Sections:
        """The inventory's sections."""
        return self.inventory.sections

    def loss(self, thing: str, mode: LossMode = "gone") -> int:
        """Return the component that is true unless this thing is lost in this mode."""
        return self.rules.component(str(Loss(thing, mode)))

    def assume(self, thing: str, field_: str) -> int:
        """Return the component that stands for a value nobody gave; it is taken as fine and named as unknown."""
        return self.rules.component(nodes.assumption(thing, field_))

    def node(self, aspect: str, thing: str) -> int:
        """Return a node of the least stratum."""
        return self.rules.node(nodes.node_name(aspect, thing))

    def greatest(self, aspect: str, thing: str) -> int:
        """Return a node of the greatest stratum."""
        return self.rules.node(nodes.node_name(aspect, thing), greatest=True)

    def up(self, thing: str) -> int:
        """Return the node that is true while a thing is up."""
        return self.greatest(nodes.UP, thing)

    def has(self, thing: str) -> int:
        """Return the node that is true if a thing is up or back (an account: open; a person: able …)."""
        aspect = _ASPECT_OF_SECTION.get(self.section_of[thing])
        return self.node(aspect, thing) if aspect else self.up(thing)

    def all_of(self, name: str, of: Iterable[int], *, greatest: bool = False) -> int:
        """Return a new node that needs all of these."""
        node = self.rules.node(name, greatest=greatest)
        self.rules.all(node, of)
        return node

    def at_least(self, name: str, need: int, of: Sequence[int]) -> int:
        """Return the greatest node that needs so many of these, written once however often it is asked for."""
        node = self.rules.node(name, greatest=True)
        if node not in self.written:
            self.written.add(node)
            self.rules.define(node, min(need, len(of)), of)
        return node

    def any_of(self, name: str, of: Iterable[int], *, greatest: bool = False) -> int:
        """Return a new node that needs one of these; a single one stands for itself."""
        children = list(dict.fromkeys(of))
        if len(children) == 1:
            return children[0]
        node = self.rules.node(name, greatest=greatest)
        self.rules.any(node, children)
        return node

    def expression(self, name: str, expression: NeedExpression, leaf: Leaf, *, greatest: bool = False) -> int:
        """Return the node of a needs expression: a name, or k of several; `name` makes the nodes' names unique."""
        if isinstance(expression, str):
            return leaf(expression)
        parts = [
            self.expression(f"{name}.{i}", part, leaf, greatest=greatest) for i, part in enumerate(expression.of, 1)
        ]
        node = self.rules.node(name, greatest=greatest)
        self.rules.define(node, min(expression.at_least, len(set(parts))), parts)
        return node

    def expressions(
        self, name: str, expressions: Sequence[str | AtLeast], leaf: Leaf, *, greatest: bool = False
    ) -> list[int]:
        """Return the nodes of several needs expressions."""
        return [self.expression(f"{name}.{i}", each, leaf, greatest=greatest) for i, each in enumerate(expressions, 1)]
