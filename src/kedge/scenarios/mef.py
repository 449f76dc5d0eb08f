"""Open-PSA fault trees read as rules: `read_mef`. (Writing, which needs unrolling, is in `unrolling`.)

Open-PSA Model Exchange Format 2.0d, sections IV and V. A fault tree says what fails; rules say what holds, so a gate
becomes its dual: `or` needs all of its children, `and` one of them, `atleast min=k` of n needs n - k + 1. Basic events
become components, constants and house events the rules' constants. Only coherent trees can be read: `not`, `xor` and
their like are refused, for a loss must never help. Gates may refer to each other in circles, which no other reader of
this format accepts; they become LEAST nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from kedge.errors import InventoryError, Mistake
from kedge.scenarios.ruleset import COMPONENT, UNDEFINED, RuleSet

NAME_ATTRIBUTE = "kedge-name"
_CONTAINERS = ("opsa-mef", "open-psa", "define-fault-tree", "define-component", "model-data")
_REFERENCES = ("gate", "basic-event", "house-event", "event")
_NOT_MONOTONE = ("not", "xor", "nand", "nor", "iff", "imply", "cardinality")
_NOTES = ("label", "attributes")
_DEEPEST = 200


@dataclass(frozen=True, slots=True)
class FaultTree:
    """What a file describes: `tops` are the gates no other gate refers to (all gates if there are none), in file order.

    `probabilities` per component, where the file gives a plain number.
    """

    rules: RuleSet
    tops: tuple[int, ...]
    probabilities: dict[int, float]


@dataclass(slots=True)
class _Element:
    tag: str
    attributes: dict[str, str]
    line: int
    column: int
    inside: list[_Element] = field(default_factory=list)

    @property
    def formulas(self) -> list[_Element]:
        return [element for element in self.inside if element.tag not in _NOTES]


def read_mef(text: str | bytes, file: str) -> FaultTree:
    """The fault trees of an Open-PSA file; `InventoryError` with every mistake, and for everything not coherent."""
    return _Reader(file).read(_parse(text, file))


def _parse(text: str | bytes, file: str) -> _Element:
    """The element tree with positions. Entities are refused: no fault tree needs them, and they can explode."""
    parser = expat.ParserCreate()
    root = _Element("", {}, 1, 1)
    path = [root]

    def start(tag: str, attributes: dict[str, str]) -> None:
        element = _Element(tag, attributes, parser.CurrentLineNumber, parser.CurrentColumnNumber + 1)
        path[-1].inside.append(element)
        path.append(element)
        if len(path) > _DEEPEST:
            refuse("nested too deeply")

    def refuse(why: str) -> None:
        place = (file, parser.CurrentLineNumber, parser.CurrentColumnNumber + 1)
        raise InventoryError([Mistake(*place, why)])

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: path.pop()
    parser.EntityDeclHandler = lambda *_: refuse("entity declarations are not read")
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        mistake = Mistake(file, max(error.lineno, 1), error.offset + 1, f"not XML: {expat.ErrorString(error.code)}")
        raise InventoryError([mistake]) from error
    except UnicodeError as error:
        raise InventoryError([Mistake(file, 1, 1, f"not text: {error}")]) from error
    return root.inside[0]


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.rules = RuleSet()
        self.mistakes: list[Mistake] = []
        self.probabilities: dict[int, float] = {}
        self.gates: dict[str, _Element] = {}
        self.houses: dict[str, bool] = {}
        self.events: dict[str, str] = {}  # name in the file -> name in the rules
        self.nested = 0

    def read(self, root: _Element) -> FaultTree:
        if root.tag not in _CONTAINERS[:2]:
            self._say(root, f"expected opsa-mef, found '{root.tag}'")
        for element in self._definitions(root):
            self._declare(element)
        used: set[int] = set()
        for name, element in self.gates.items():
            self._define(name, element, used)
        if self.mistakes:
            raise InventoryError(self.mistakes)
        gates = [self.rules.id(self.events[name]) for name in self.gates]
        tops = tuple(gate for gate in gates if gate not in used)
        return FaultTree(self.rules, tops or tuple(gates), self.probabilities)

    def _definitions(self, container: _Element) -> Iterator[_Element]:
        for element in container.formulas:
            if element.tag in _CONTAINERS:
                yield from self._definitions(element)
            elif element.tag in ("define-gate", "define-basic-event", "define-house-event"):
                yield element
            elif element.tag != "define-parameter":
                self._say(element, f"{element.tag} is not read: only gates, basic events, house events and parameters")

    def _declare(self, element: _Element) -> None:
        name = element.attributes.get("name", "")
        ours = _own_name(element) or name
        if not name or name in self.events or name in self.houses or ours in self.rules.ids:
            self._say(element, f"'{ours}' is already taken" if name else f"{element.tag} needs a name")
        elif element.tag == "define-gate":
            self.events[name] = ours
            self.gates[name] = element
            self.rules.node(ours)
        elif element.tag == "define-basic-event":
            self.events[name] = ours
            self._note_probability(self.rules.component(ours), element)
        else:
            self.houses[name] = self._is_true(element.formulas[0] if element.formulas else element)

    def _note_probability(self, component: int, element: _Element) -> None:
        for expression in element.formulas:
            if expression.tag == "float":
                try:
                    self.probabilities[component] = float(expression.attributes.get("value", ""))
                except ValueError:
                    self._say(expression, "expected a number as value")

    def _define(self, name: str, element: _Element, used: set[int]) -> None:
        node = self.rules.id(self.events[name])
        formulas = element.formulas
        if len(formulas) != 1:
            self._say(element, f"gate '{name}' needs one formula, has {len(formulas)}")
            return
        need, of = self._gate(formulas[0])
        used.update(child for child in of if child != node)
        self.rules.define(node, need, of)

    def _gate(self, formula: _Element) -> tuple[int, list[int]]:
        """(need, children) of the dual of a formula."""
        if formula.tag not in ("and", "or", "atleast"):
            return 1, [self._reference(formula)]
        of = [self._child(child) for child in formula.formulas]
        different = len(set(of))
        if not of:
            self._say(formula, f"{formula.tag} without anything in it")
        if formula.tag == "or":
            return len(of), of
        if formula.tag == "and":
            return 1, of
        least = formula.attributes.get("min", "")
        if not least.isascii() or not least.isdigit() or not 0 < int(least) <= different:
            self._say(formula, f"atleast needs min between 1 and {different}, found '{least}'")
            return 1, of
        return different - int(least) + 1, list(dict.fromkeys(of))

    def _child(self, formula: _Element) -> int:
        if formula.tag not in ("and", "or", "atleast"):
            return self._reference(formula)
        self.nested += 1
        name = f"{formula.tag} {formula.line}:{formula.column} {self.nested}"
        node = self.rules.node(name)
        need, of = self._gate(formula)
        if self.rules.needs[node] == UNDEFINED and not self.rules.is_component(node):
            self.rules.define(node, need, of)
        return node

    def _reference(self, formula: _Element) -> int:
        if formula.tag in _NOT_MONOTONE:
            self._say(formula, f"'{formula.tag}' makes the tree not coherent; kedge reads and, or and atleast only")
        elif formula.tag == "constant":
            return self.rules.never if self._is_true(formula) else self.rules.always
        elif formula.tag in _REFERENCES:
            return self._named(formula, formula.attributes.get("name", ""))
        else:
            self._say(formula, f"expected a formula, found '{formula.tag}'")
        return self.rules.never

    def _named(self, formula: _Element, name: str) -> int:
        tag = formula.attributes.get("type", "event") if formula.tag == "event" else formula.tag
        if name in self.houses:
            return self.rules.never if self.houses[name] else self.rules.always
        if name not in self.events and tag == "basic-event" and name and name not in self.rules.ids:
            self.events[name] = name  # defined in another file; only its name matters here
            self.rules.component(name)
        known = self.rules.ids.get(self.events.get(name, ""))
        if known is None:
            self._say(formula, f"{tag} '{name}' is not defined")
            return self.rules.never
        if tag != "event" and (tag == "basic-event") != (self.rules.strata[known] == COMPONENT):
            self._say(formula, f"'{name}' is not a {tag}")
        return known

    def _is_true(self, element: _Element) -> bool:
        value = element.attributes.get("value", "")
        if element.tag != "constant" or value not in ("true", "false"):
            self._say(element, "expected a constant with the value true or false")
        return value == "true"

    def _say(self, element: _Element, text: str) -> None:
        self.mistakes.append(Mistake(self.file, element.line, element.column, text))


def _own_name(element: _Element) -> str:
    """The name kedge gave it when it wrote the file, where names are more restricted than its own."""
    notes = (note for part in element.inside if part.tag == "attributes" for note in part.inside)
    return next((n.attributes.get("value", "") for n in notes if n.attributes.get("name") == NAME_ATTRIBUTE), "")
