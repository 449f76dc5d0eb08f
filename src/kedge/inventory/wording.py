"""What the model refuses, said in our own words, at the place in the user's file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import BaseModel, ValidationError

from kedge.errors import Mistake
from kedge.inventory.secrecy import HIDDEN, HOW, is_secret_key, shown
from kedge.inventory.shapes import fields_of, models_at
from kedge.inventory.suggestion import did_you_mean
from kedge.inventory.text import Map, Node, Scalar, Seq, is_node, mistake

Details: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something the model refused: the node it is about, what to tell the user, and whether a key lacks or is extra."""

    node: Node
    mistake: Mistake
    is_missing: bool = False
    is_extra: bool = False


def explain(error: ValidationError, model: type[BaseModel], root: Map, what: str) -> list[Refusal]:
    """Return what a model refused; one node is refused once, whatever a union made of it.

    `what` says what the root is: `kind mediawiki`, `a host`.
    """
    found: dict[int, Refusal] = {}
    located = [(details, node_of(details, root)) for details in error.errors(include_url=False)]
    for details, node in sorted(located, key=_rank):
        if _rank((details, node)) and any(other is not node and _holds(node, other) for _, other in located):
            continue
        is_missing = details["type"] == "missing"
        identity = hash((id(node), details["loc"][-1])) if is_missing else id(node)
        if identity not in found:
            is_extra = details["type"] == "extra_forbidden"
            found[identity] = Refusal(node, _mistake(details, node, model, what), is_missing, is_extra)
    return list(found.values())


def _rank(located: tuple[Details, Node]) -> int:
    """A union's branches that do not fit at all say the least; they come last."""
    return int(located[0]["type"].endswith("_type"))


def _holds(node: Node, other: Node) -> bool:
    if node is other:
        return True
    inside = node.values() if isinstance(node, Map) else node if isinstance(node, Seq) else ()
    return any(_holds(each, other) for each in inside)


def node_of(details: Details, root: Map) -> Node:
    """Return the node an error is about, or the closest one around it."""
    if is_node(details["input"]):
        return details["input"]
    here: Any = root
    for step in details["loc"]:
        is_inside = step in here if isinstance(here, Map) else isinstance(here, Seq) and step in range(len(here))
        here = here[step] if is_inside else here
    return here  # type: ignore[no-any-return]


def _mistake(details: Details, node: Node, model: type[BaseModel], what: str) -> Mistake:
    kind = details["type"]
    if kind == "extra_forbidden":
        return _unknown_key(details, node, model, what)
    if kind == "missing":
        return mistake(node.key or node, f"'{details['loc'][-1]}' is missing here: add '{details['loc'][-1]}: …'")
    say = _SENTENCES.get(kind)
    return mistake(node, say(details, node) if say else f"{shown(node)} does not fit here{_field(details)}")


def _unknown_key(details: Details, node: Node, model: type[BaseModel], what: str) -> Mistake:
    *path, key = details["loc"]
    holders = models_at(model, path)
    keys = [each for holder in holders for each in fields_of(holder)]
    if what.startswith("kind ") and holders == (model,):
        keys.append("kind")
    named = [step for step in path if isinstance(step, str)]
    where = f"under {shown(named[0])}" if named else f"for {what}"
    text = f"unknown key {shown(key)} {where}{did_you_mean(str(key), keys, _possible(keys))}"
    if ":" in str(key):
        text = f"unknown key {shown(key)} {where}; is a space missing after ':'?"
    if is_secret_key(str(key)):
        text = f"unknown key {shown(key)} {where}; a secret never stands in the inventory: {HOW}"
    return mistake(node.key or node, text)


def _possible(keys: Iterable[str]) -> str:
    listed = sorted(keys)
    return f"; possible here: {', '.join(listed)}" if 0 < len(listed) <= 30 else ""


def _field(details: Details) -> str:
    names = [step for step in details["loc"] if isinstance(step, str)]
    return f" as {shown(names[-1])}" if names else ""


def _own(details: Details, node: Node) -> str:
    reason = str(details.get("ctx", {}).get("error", "")) or "this value does not fit here"
    return "this value does not fit here" if shown(node) == HIDDEN else " ".join(reason.split())


def _expected(expected: str) -> Callable[[Details, Node], str]:
    return lambda details, node: f"expected {expected}, found {shown(node)}"


def _choice(details: Details, node: Node) -> str:
    allowed = details["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
    hint = did_you_mean(node, allowed) if isinstance(node, Scalar) else ""
    return f"expected one of {', '.join(allowed)}; found {shown(node)}{hint}"


def _mapping(details: Details, node: Node) -> str:
    hint = "; is a space missing after ':'?" if isinstance(node, Scalar) and ":" in node else ""
    return f"expected a mapping ('key: value' below it), found {shown(node)}{hint}"


def _bound(word: str, key: str) -> Callable[[Details, Node], str]:
    return lambda details, node: f"expected {word} {details['ctx'][key]}, found {shown(node)}"


def _length(word: str, key: str) -> Callable[[Details, Node], str]:
    return lambda details, node: f"expected {word} {details['ctx'][key]} entries here, found {len(node)}"


_NUMBER = _expected("a number")
_WHOLE = _expected("a whole number")
_TRUTH = _expected("'yes' or 'no'")

_SENTENCES: Mapping[str, Callable[[Details, Node], str]] = {
    "assertion_error": _own,
    "bool_parsing": _TRUTH,
    "bool_type": _TRUTH,
    "dict_type": _mapping,
    "mapping_type": _mapping,
    "model_type": _mapping,
    "model_attributes_type": _mapping,
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "finite_number": _NUMBER,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_from_float": _WHOLE,
    "int_type": _WHOLE,
    "literal_error": _choice,
    "enum": _choice,
    "greater_than": _bound("more than", "gt"),
    "greater_than_equal": _bound("at least", "ge"),
    "less_than": _bound("less than", "lt"),
    "less_than_equal": _bound("at most", "le"),
    "list_type": _expected("a list"),
    "tuple_type": _expected("a list"),
    "frozen_set_type": _expected("a list"),
    "set_type": _expected("a list"),
    "string_type": _expected("a single value"),
    "too_short": _length("at least", "min_length"),
    "too_long": _length("at most", "max_length"),
    "string_too_short": _bound("a longer text than", "min_length"),
    "string_too_long": _bound("a text no longer than", "max_length"),
    "value_error": _own,
}
"""A sentence for each type of error that pydantic knows and the model can raise; another gets a general one."""
