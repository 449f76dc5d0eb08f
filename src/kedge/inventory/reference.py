"""The reference page of the inventory, written from the model: every section, every key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel, WithJsonSchema
from pydantic.fields import FieldInfo

from kedge.inventory.builder import MODELS
from kedge.inventory.references import SINGULAR
from kedge.inventory.schema import ABOUT
from kedge.inventory.shapes import models_in
from kedge.model.care import Accepted, Alerts, Organisation
from kedge.model.inventory import Sections
from kedge.model.need import AtLeast, Needs
from kedge.model.people import Away
from kedge.model.quantity import format_duration
from kedge.model.saving import Save
from kedge.model.service import Service
from kedge.model.thing import OneOrMore, Refers, Thing

Model: TypeAlias = type[BaseModel]

_HEAD = """\
# Inventory

Written from the code by `script/docs`: every section and every key of the inventory.

- Every plain value is text and gets its type from the key: `no`, `3.10`, `+49…` are safe without quotes.
- `unknown` may stand for any value. It is recorded, and `kedge ask` comes back to it.
- An empty value is absent. What absence means is said for each key: *unknown*, or a default.
- `[]` is a statement: there are none.
- A list of one may stand without brackets: `people: anna`.
- Names are unique across all sections. Anchors, aliases, tags and duplicate keys are refused.
- Secrets never stand here: [`secrets`](#secrets) says where they are found.
- An inventory is one file, or all `*.yaml` files of a folder; what is attested stands in `evidence.yaml` beside it.

Values: a **size** is `20 GB` or `20 GiB`, a **growth** `300 MB/d`, a **duration** `3d`, `12h` or `90 min`, a
**moment** `2007-01-05` or `2007-01-05 20:00` (UTC unless it says otherwise), a **deadline** the same, where a bare
date lasts until the end of that day.
"""

_NEEDS = """\
`needs: [db, dns]` means *to run*. The long form says when: `{run: […], use: […], start: […], change: […],
recover: […]}`. An entry is a name, `{any: [a, b]}` or `{at-least: 2, of: [a, b, c]}`, and entries nest.
"""

_SAVE = """\
`save: STORE` or `save: [STORE, STORE]` is enough; `save: none` is a statement; absent is unknown.
"""

_AWAY = """\
`away: until 2007-02-01` or `away: 2007-01-05..2007-02-01` is enough.
"""

_EXTRA: Mapping[Model, str] = {Needs: _NEEDS, Save: _SAVE, Away: _AWAY}


def reference_page() -> str:
    """Return the page as Markdown."""
    parts = [_HEAD]
    shown: dict[Model, None] = {}
    for section in Sections.model_fields:
        parts.append(f"## {section}\n\n{_sentence(ABOUT[section])}\n")
        model = _model_of(section)
        if model is not None:
            shown[model] = None
            parts.append(_table(model, _keys_of(section, model)))
        if section == "services":
            parts.append("Each kind adds keys of its own: [kinds](../kinds/README.md).\n")
    parts.append("## Parts\n\nWhat stands inside several of the sections above.\n")
    parts += [_part(model) for model in _parts_of(shown)]
    parts.append("### every thing\n\nEvery thing of every section may have these.\n")
    parts.append(_table(Thing, Thing.model_fields.values()))
    return "\n".join(parts)


def _model_of(section: str) -> Model | None:
    singles: Mapping[str, Model] = {"organisation": Organisation, "alerts": Alerts, "accepted": Accepted}
    return MODELS.get(section) or singles.get(section)


def _keys_of(section: str, model: Model) -> list[FieldInfo]:
    return [
        field for name, field in model.model_fields.items() if not (name in Thing.model_fields and section in MODELS)
    ]


def _parts_of(shown: Mapping[Model, None]) -> list[Model]:
    found: dict[Model, None] = {}
    ahead = [*shown]
    while ahead:
        model = ahead.pop(0)
        inner = [each for field in model.model_fields.values() for each in models_in(field.annotation)]
        new = [each for each in inner if each not in {*found, *shown}]
        found |= dict.fromkeys(new)
        ahead += new
    return sorted(found, key=_title)


def _part(model: Model) -> str:
    said = f"### {_title(model)}\n\n{_said_of(model)}\n"
    extra = f"\n{_EXTRA[model]}" if model in _EXTRA else ""
    return f"{said}{extra}\n{_table(model, model.model_fields.values())}"


def _title(model: Model) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", model.__name__).lower()


def _said_of(model: Model) -> str:
    return _sentence(" ".join((model.__doc__ or "").split("\n\n")[0].split()).replace("`at_least`", "`at-least`"))


def _table(model: Model, fields: Iterable[FieldInfo]) -> str:
    rows = ["| key | value | if absent | |", "|---|---|---|---|"]
    if model is Service:
        rows.append("| `kind` | a kind, or `unknown` | must be there | what it is; `kedge kinds` lists them |")
    rows += [_row(field) for field in fields]
    return "\n".join(rows) + "\n"


def _row(field: FieldInfo) -> str:
    value = describe(Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation)
    said = _DEFAULT.sub("", field.description or "")
    cells = [f"`{field.alias}`", value, _absent(field), said[:1].upper() + said[1:]]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _absent(field: FieldInfo) -> str:
    if field.is_required():
        return "must be there"
    stated = _DEFAULT.search(field.description or "")
    if stated:
        return stated[1]
    default = field.default
    if default is None:
        return "*unknown*"
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, BaseModel):
        return "see there"
    if default in ((), {}, ""):
        return "none"
    return f"`{format_duration(default) if isinstance(default, timedelta) else default}`"


def describe(annotation: Any) -> str:
    """Return in words what a key takes."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _describe_marked(arguments[0], arguments[1:])
    if origin is Union or origin is UnionType:
        inner = [describe(each) for each in arguments if each is not NoneType]
        return " or ".join(dict.fromkeys(inner))
    if origin is Literal:
        return "one of " + ", ".join(f"`{each}`" for each in arguments)
    if origin is tuple:
        return f"list: {describe(arguments[0])}"
    if arguments and isinstance(origin, type) and issubclass(origin, Mapping):
        return f"{describe(arguments[0])} → {describe(arguments[1])}"
    if models_in(annotation):
        return f"[{_title(annotation)}](#{_title(annotation).replace(' ', '-')})"
    return _PLAIN.get(annotation, "text")


def _describe_marked(inner: Any, marks: tuple[Any, ...]) -> str:
    for mark in marks:
        if isinstance(mark, Refers):
            return _describe_name(mark)
        if isinstance(mark, WithJsonSchema):
            return _describe_quantity(mark.json_schema or {})
    plain = describe(inner)
    if OneOrMore in marks:
        return plain.replace("list: ", "one or more: ")
    return plain


def _describe_name(refers: Refers) -> str:
    if not refers.to:
        return "name of any thing"
    words = [f"[{SINGULAR[section]}](#{section})" for section in Sections.model_fields if section in refers.to]
    return f"name of {'an' if words[0][1] in 'aeiou' else 'a'} {' or '.join(words)}"


def _describe_quantity(schema: Mapping[str, Any]) -> str:
    examples = ", ".join(f"`{each}`" for each in schema.get("examples", ()))
    said = schema.get("description", "text")
    return f"{said} ({examples})" if examples else str(said)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '…')) or not text else '.'}"


_DEFAULT = re.compile(r" \(default: (.+)\)$")

_PLAIN: Mapping[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "`yes` or `no`",
    datetime: "moment",
    timedelta: "duration",
    AtLeast: "group",
}
