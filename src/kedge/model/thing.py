"""What every declared thing has in common, and how one names another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from kedge.model.quantity import Moment, parse_moment

NAME = re.compile(r"[a-z0-9_][a-z0-9._-]{0,99}", re.ASCII | re.IGNORECASE)
RESERVED = frozenset({"unknown", "none", "self", "any", "all"})


def to_kebab(name: str) -> str:
    """Return the key of the inventory for a field of the model."""
    return name.strip("_").replace("_", "-")


@dataclass(frozen=True, slots=True)
class Refers:
    """Marks a field as the name of another thing; `to` are the sections it may stand in (none: any)."""

    to: frozenset[str] = frozenset()


def refers(*sections: str) -> Refers:
    """Return the mark for a field that names a thing of these sections."""
    return Refers(frozenset(sections))


class Declared(BaseModel):
    """A mapping of the inventory: frozen, unknown keys refused, keys in kebab-case."""

    # Built at first use: a command that reads one kind does not pay for fifty.
    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_kebab, validate_by_name=True, defer_build=True
    )


class Sure(Declared):
    """How sure a value is: measured, attested, assumed or only claimed; when and by whom."""

    how: Literal["measured", "attested", "claimed", "assumed"]
    at: Moment | None = None
    by: str = ""


_SURE = re.compile(r"(?P<how>[a-z]+)(?:\s+(?P<at>\d{4}-\d\d-\d\d(?:[ T][0-9:+Z]+)?))?(?:\s+by\s+(?P<by>\S+))?")


def _read_sure(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    match = _SURE.fullmatch(value.strip())
    if not match:
        raise ValueError(f"expected 'measured 2007-01-03 by anna', 'assumed' or 'claimed', found '{value}'")
    found = {key: text for key, text in match.groupdict().items() if text}
    if "at" in found:
        parse_moment(found["at"])
    return found


SureText = Annotated[
    Sure,
    BeforeValidator(_read_sure),
    WithJsonSchema({"type": "string", "examples": ["measured 2007-01-03 by anna", "claimed", "assumed"]}),
]


class Thing(Declared):
    """Anything declared that can be lost."""

    section: ClassVar[str] = ""

    title: str = Field("", description="its name for people, where the short name does not say enough")
    about: str = Field("", description="one sentence for whoever reads this at night")
    sure: Mapping[str, SureText] = Field({}, description="how sure the values are: field -> measured, claimed …")


def as_list(value: Any) -> Any:
    """Return a lone value as a list of one: `people: anna` is `people: [anna]`."""
    return [value] if isinstance(value, str | Mapping) else value


OneOrMore = BeforeValidator(as_list)

AnyRef = Annotated[str, refers()]
HostRef = Annotated[str, refers("hosts")]
PlaceRef = Annotated[str, refers("places")]
ProviderRef = Annotated[str, refers("providers")]
ServiceRef = Annotated[str, refers("services")]
DomainRef = Annotated[str, refers("domains")]
PersonRef = Annotated[str, refers("people")]
PeopleRef = Annotated[str, refers("people", "teams")]
ChannelRef = Annotated[str, refers("channels")]
AccountRef = Annotated[str, refers("accounts")]
SecretRef = Annotated[str, refers("secrets")]
StoreRef = Annotated[str, refers("stores")]
VantageRef = Annotated[str, refers("vantages")]
