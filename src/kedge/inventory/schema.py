"""The inventory's JSON Schema (draft 2020-12), for editors.

Editors read YAML natively, so numbers, truth values and nothing at all stand where this language has text; every
value may be the word `unknown`; a list of one may stand without brackets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from kedge.inventory.builder import MODELS
from kedge.kinds.registry import KINDS
from kedge.model.care import Accepted, Alerts, Organisation
from kedge.model.inventory import Sections
from kedge.model.people import Channel
from kedge.model.service import Service
from kedge.model.thing import NAME

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_UNKNOWN: dict[str, Any] = {"const": "unknown"}
_NOTHING: dict[str, Any] = {"type": "null"}
_TEXT: dict[str, Any] = {"type": ["string", "number", "boolean"]}
_SAID = ("description", "examples", "deprecated")

ABOUT: Mapping[str, str] = {
    "version": "the version of this language: 1",
    "organisation": "whose inventory this is",
    "places": "sites, buildings, rooms; and what several hosts share: power, uplink, jurisdiction",
    "providers": "companies and people whose products the organisation depends on",
    "hosts": "machines, physical or virtual",
    "services": "what people use, each of a kind",
    "domains": "registered names and what they should say",
    "certificates": "TLS certificates",
    "limits": "ceilings somebody will hit",
    "people": "those who can act",
    "teams": "people who are responsible together",
    "groups": "permissions that several people hold together",
    "channels": "ways messages travel",
    "accounts": "logins and what they open",
    "secrets": "passwords, keys, tokens: where they are kept, never what they are",
    "documents": "instructions: what they cover and where they are kept",
    "stores": "places that hold snapshots",
    "vantages": "where kedge looks from",
    "alerts": "who is told, in which order, and what does the telling",
    "changes": "planned changes, and emergency measures that must end",
    "accepted": "findings lived with: why, by whom, until when",
}
"""What each section holds, in a line."""


def json_schema() -> dict[str, Any]:
    """Return the schema of a whole inventory, or of one file of it, with every kind of service."""
    singles: dict[str, type[BaseModel]] = {"organisation": Organisation, "alerts": Alerts}
    plain = {section: model for section, model in MODELS.items() if section != "services"}
    models: list[type[BaseModel]] = [*plain.values(), *singles.values(), Accepted, *KINDS.values()]
    names, drawn = models_json_schema([(model, "validation") for model in models])
    definitions = {name: _model(schema) for name, schema in drawn["$defs"].items()}
    at: dict[Any, str] = {model: reference["$ref"] for (model, _), reference in names.items()}
    for kind in KINDS.values():
        _add_kind(definitions[at[kind].rpartition("/")[2]], kind)
    definitions["Service"] = _service({name: at[kind] for name, kind in KINDS.items()})
    sections = {
        "version": {"enum": [1, "1"]},
        **{section: _named({"$ref": at[model]}) for section, model in plain.items()},
        "services": _named({"$ref": "#/$defs/Service"}),
        "channels": _named({"$ref": at[Channel]}, _TEXT),
        **{section: _maybe([{"$ref": at[model]}]) for section, model in singles.items()},
        "accepted": _maybe([{"type": "array", "items": _maybe([{"$ref": at[Accepted]}])}]),
    }
    return {
        "$schema": DRAFT,
        "$id": "https://kedge.invalid/inventory.schema.json",
        "title": "kedge inventory, version 1",
        "type": "object",
        "properties": {name: {"description": ABOUT[name], **sections[name]} for name in Sections.model_fields},
        "additionalProperties": False,
        "$defs": definitions,
    }


def _named(*forms: dict[str, Any]) -> dict[str, Any]:
    names = {"pattern": f"^{NAME.pattern.replace('a-z', 'A-Za-z')}$"}
    return _maybe([{"type": "object", "propertyNames": names, "additionalProperties": _maybe(forms)}])


def _add_kind(schema: dict[str, Any], kind: type[Service]) -> None:
    schema["properties"] = {"kind": {"description": kind.summary}, **schema["properties"]}


def _service(references: Mapping[str, str]) -> dict[str, Any]:
    """Return a schema that chooses by `kind`; a kind that is unknown has the fields every service has."""
    conditions = [
        {"if": _is_kind([name, "unknown"] if name == "other" else [name]), "then": {"$ref": reference}}
        for name, reference in references.items()
    ]
    return {
        "type": "object",
        "description": "a service: what people use",
        "properties": {"kind": {"description": "the kind of service", "enum": [*references, "unknown"]}},
        "required": ["kind"],
        "allOf": conditions,
    }


def _is_kind(names: list[str]) -> dict[str, Any]:
    return {"properties": {"kind": {"enum": names}}, "required": ["kind"]}


def _model(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a mapping with fixed keys, each value loosened."""
    drawn: dict[str, Any] = {"type": "object"}
    if "description" in schema:
        drawn["description"] = " ".join(schema["description"].split())
    drawn["properties"] = {key: loosen(value) for key, value in schema.get("properties", {}).items()}
    if schema.get("required"):
        drawn["required"] = schema["required"]
    drawn["additionalProperties"] = False
    return drawn


def loosen(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value's schema as an editor needs it: unknown, empty, unquoted or without brackets, all are fine."""
    said = {key: schema[key] for key in _SAID if key in schema}
    default = schema.get("default")
    if default not in (None, "", [], {}) and isinstance(default, str | int | float):
        said["default"] = default
    return {**said, **_maybe(_forms(schema))}


def _maybe(forms: Iterable[dict[str, Any]]) -> dict[str, Any]:
    unique: list[dict[str, Any]] = []
    for form in forms:
        if form not in unique:
            unique.append(form)
    if _TEXT in unique:
        unique[unique.index(_TEXT)] = {"type": [*_TEXT["type"], "null"]}
        return {"anyOf": unique} if len(unique) > 1 else unique[0]
    return {"anyOf": [*unique, _UNKNOWN, _NOTHING]}


def _forms(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the forms a value may take, unknown and nothing left out."""
    if "$ref" in schema:
        return [{"$ref": schema["$ref"]}]
    branches = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
    if branches:
        return [form for branch in branches for form in _forms(branch)]
    if "enum" in schema or "const" in schema:
        return [{"enum": schema.get("enum", [schema.get("const")])}]
    form = _BY_TYPE.get(schema.get("type", ""))
    return form(schema) if form else [{}]


def _array(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    items = _forms(schema.get("items", {}))
    return [{"type": "array", "items": _maybe(items)}, *items]


def _object(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    values = schema.get("additionalProperties", True)
    return [{"type": "object", "additionalProperties": loosen(values) if isinstance(values, Mapping) else values}]


def _whole(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    bounds = {key: schema[key] for key in ("minimum", "maximum", "exclusiveMinimum") if key in schema}
    return [{"type": "integer", **bounds}, {"type": "string", "pattern": "^[+-]?[0-9]+$"}]


def _number(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "number"}, {"type": "string", "pattern": "^[+-]?[0-9]*[.]?[0-9]+([eE][+-]?[0-9]+)?$"}]


def _truth(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"enum": [True, False, "yes", "no", "true", "false", "on", "off"]}]


def _text(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [_TEXT]


def _nothing(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    return []


_BY_TYPE = {
    "string": _text,
    "integer": _whole,
    "number": _number,
    "boolean": _truth,
    "array": _array,
    "object": _object,
    "null": _nothing,
}
