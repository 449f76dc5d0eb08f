"""Attested facts: an `evidence.yaml` beside the inventory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, ValidationError

from kedge.errors import Mistake
from kedge.inventory.files import read_text
from kedge.inventory.references import References, Register
from kedge.inventory.secrecy import shown
from kedge.inventory.suggestion import did_you_mean
from kedge.inventory.syntax import parse
from kedge.inventory.text import Map, Scalar, Seq, mistake
from kedge.inventory.wording import explain
from kedge.model.facts import Fact, Source
from kedge.model.quantity import Duration, Moment
from kedge.model.thing import AnyRef, Declared


class Attested(Declared):
    """One attested fact: of this thing, this was so, then; by whom and how it is known."""

    what_it_is: ClassVar[str] = "a fact"

    thing: AnyRef
    what: Annotated[str, Field(min_length=1)]
    value: str
    at: Moment
    by: str = ""
    how: str = ""
    source: Source = "attested"
    shelf_life: Duration | None = None

    def fact(self) -> Fact:
        """Return it as evidence of the same form as the database's."""
        return Fact(self.thing, self.what, self.value, self.at, self.source, self.by, self.how, "", self.shelf_life)


def read_facts(path: Path, register: Register, mistakes: list[Mistake]) -> tuple[Fact, ...]:
    """Return the facts of an evidence file, none if there is no such file; adds what is wrong to the mistakes."""
    if not path.exists():
        return ()
    text = read_text(path, mistakes)
    tree = None if text is None else parse(text, str(path), mistakes).tree
    if tree is None:
        return ()
    return tuple(
        fact.fact()
        for node in _entries(tree, mistakes)
        if (fact := _read_fact(node, References(register, mistakes), mistakes))
    )


def _entries(tree: Any, mistakes: list[Mistake]) -> list[Any]:
    if not isinstance(tree, Map):
        mistakes.append(mistake(tree, f"expected 'facts:' and a list below it, found {shown(tree)}"))
        return []
    for key, node in tree.items():
        if key not in ("version", "facts"):
            hint = did_you_mean(key, ("version", "facts"), "; possible here: facts, version")
            mistakes.append(mistake(node.key, f"unknown key {shown(key)} in the evidence{hint}"))
        elif key == "version" and node != "1":
            mistakes.append(mistake(node, f"this kedge reads evidence of version 1, found {shown(node)}"))
    facts = tree.get("facts", Seq())
    if isinstance(facts, Seq) or (isinstance(facts, Scalar) and not facts):
        return list(facts)
    mistakes.append(mistake(facts, f"expected a list of facts ('- thing: …'), found {shown(facts)}"))
    return []


def _read_fact(node: Any, references: References, mistakes: list[Mistake]) -> Attested | None:
    if not isinstance(node, Map):
        mistakes.append(mistake(node, f"expected the fields of a fact ('thing: …'), found {shown(node)}"))
        return None
    for key in [key for key, value in node.items() if isinstance(value, Scalar) and not value]:
        del node[key]
    try:
        fact = Attested.model_validate(node, by_alias=True, by_name=False)
    except ValidationError as error:
        mistakes += [each.mistake for each in explain(error, Attested, node, Attested.what_it_is)]
        return None
    references.check(fact, node)
    return fact
