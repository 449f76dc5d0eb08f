"""A declared thing in the inventory's own words: what was written, as it would be written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from kedge.model.hours import Hours
from kedge.model.need import AtLeast
from kedge.model.premises import Host, Volume
from kedge.model.quantity import format_duration, format_size
from kedge.model.saving import Restore
from kedge.model.thing import Declared
from kedge.publish.discretion import clean
from kedge.publish.wording import as_minute

_SIZES = frozenset({(Volume, "size"), (Volume, "used"), (Volume, "unallocated"), (Restore, "size"), (Host, "room")})


def say_fields(declared: Declared) -> Iterator[tuple[str, str]]:
    """Yield the fields that were written, with their values; empty ones are left out."""
    for name, field in type(declared).model_fields.items():
        value = getattr(declared, name)
        if name in declared.model_fields_set and (text := clean(_say_field(declared, name, value))):
            yield field.alias or name, text


def _say_field(owner: Declared, name: str, value: object) -> str:
    if isinstance(value, int | float) and (type(owner), name) in _SIZES:
        return format_size(value)
    if isinstance(value, float) and isinstance(owner, Volume):
        return f"{format_size(value)}/d"
    return _say(value)


def _say(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return as_minute(value)
        case timedelta():
            return format_duration(value)
        case Hours():
            return value.text
        case AtLeast():
            return f"{value.at_least} of ({_say(value.of)})"
        case Declared():
            return "; ".join(f"{key} {text}" for key, text in say_fields(value))
        case Mapping():
            return " · ".join(f"{key}: {_say(inner)}" for key, inner in value.items())
        case tuple() | list():
            return ", ".join(map(_say, value))
    return str(value)
