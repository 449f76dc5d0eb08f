"""Needs: X needs Y to run, to be used, to start, to change, to be recovered.

`needs: [db, dns]` means *to run*; the long form is `{run: […], use: […], start: […], change: […], recover: […]}`.
An entry is a name, `{any: [a, b]}` or `{at-least: 2, of: [a, b, c]}`; entries nest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from kedge.model.thing import AnyRef, Declared, OneOrMore

Phase = Literal["run", "use", "start", "change", "recover"]
PHASES: tuple[Phase, ...] = ("run", "use", "start", "change", "recover")


class AtLeast(Declared):
    """At least `at_least` of `of` are needed."""

    at_least: int = Field(ge=1, description="how many")
    of: Annotated[tuple[NeedExpression, ...], OneOrMore] = Field(min_length=1, description="of these")

    @model_validator(mode="after")
    def _check(self) -> AtLeast:
        if self.at_least > len(self.of):
            raise ValueError(f"needs at least {self.at_least} of only {len(self.of)}")
        return self


class _Any(Declared):
    """The short form `{any: [a, b]}`, for the schema."""

    any: Annotated[tuple[NeedExpression, ...], OneOrMore] = Field(description="one of these is enough")


def _read_expression(value: Any) -> Any:
    if isinstance(value, Mapping) and set(value) == {"any"}:
        return {"at-least": 1, "of": value["any"]}
    return value


def _form(value: Any) -> str:
    return "group" if isinstance(value, Mapping | AtLeast) else "name"


NeedExpression = Annotated[
    Annotated[AnyRef, Tag("name")] | Annotated[AtLeast, Tag("group")],
    Discriminator(_form),
    BeforeValidator(_read_expression, json_schema_input_type=str | _Any | AtLeast),
]
Expressions = Annotated[tuple[NeedExpression, ...], OneOrMore]


class Needs(Declared):
    """What a thing needs, by phase. Every entry of a phase is needed."""

    run: Expressions = Field((), description="without it, the thing stops")
    use: Expressions = Field((), description="without it, nobody can use the thing, though it runs")
    start: Expressions = Field((), description="without it, the thing does not start")
    change: Expressions = Field((), description="without it, nobody can change the thing")
    recover: Expressions = Field((), description="without it, the thing cannot be brought back")


def _read_needs(value: Any) -> Any:
    is_phased = isinstance(value, Mapping) and not ({"any", "at-least", "of"} & set(value))
    return value if is_phased or isinstance(value, Needs) else {"run": value}


NeedsField = Annotated[Needs, BeforeValidator(_read_needs, json_schema_input_type=Expressions | Needs)]


def names_in(expression: str | AtLeast) -> Iterator[str]:
    """Yield every name an expression mentions, in reading order."""
    if isinstance(expression, str):
        yield expression
    else:
        for part in expression.of:
            yield from names_in(part)


AtLeast.model_rebuild()
