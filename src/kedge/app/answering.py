"""Writes what people tell kedge back into their files: answers, emergency measures, attested accesses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kedge.app.opening import Opened
from kedge.errors import UsageError
from kedge.inventory.edit import add_entry, set_value
from kedge.rules.unknowns import Question

_LISTS = {"people", "held-by", "channels", "members", "kept", "host", "notices-to", "to", "readers"}


@dataclass(frozen=True)
class Measure:
    """An emergency measure: what was done, from when, until when, to what, by whom."""

    what: str
    since: datetime
    until: datetime | None = None
    of: tuple[str, ...] = ()
    by: str = ""


def write_answer(opened: Opened, question: Question, answer: str) -> None:
    """Write the answer to one question into its file; raises InventoryError and changes nothing if it does not fit.

    What has no field of its own becomes an entry: who logs in somewhere an account, where instructions lie a document.
    """
    thing, field = question.thing, question.field
    names = [name.strip() for name in answer.split(",") if name.strip()]
    if not names:
        raise UsageError(f"no answer given for {thing}.{field}")
    if field == "account":
        add_entry(opened.path, "accounts", _fresh(opened, f"{thing}-login"), {"opens": thing, "held-by": names})
    elif field == "instructions":
        name = _fresh(opened, f"{thing}-instructions")
        add_entry(opened.path, "documents", name, {"covers": thing, "kept": names})
    elif field in {"mail", "xmpp"}:
        set_value(opened.path, names[0], "domains", [*_domains(opened, names[0]), thing])
    else:
        listed = names if len(names) > 1 else names[0]
        set_value(opened.path, thing, field, listed if field in _LISTS else answer.strip())


def write_measure(opened: Opened, measure: Measure) -> str:
    """Record an emergency measure under `changes` and return its name."""
    slug = re.sub(r"[^a-z0-9]+", "-", measure.what.lower())[:40].strip("-") or "measure"
    name = _fresh(opened, slug)
    entry: dict[str, Any] = {"what": measure.what, "since": f"{measure.since:%Y-%m-%d %H:%M}"}
    if measure.of:
        entry["of"] = list(measure.of)
    if measure.until:
        entry["until"] = f"{measure.until:%Y-%m-%d}"
    if measure.by:
        entry["by"] = measure.by
    add_entry(opened.path, "changes", name, entry)
    return name


def _fresh(opened: Opened, name: str) -> str:
    """Return a name that nothing has yet."""
    things, number = opened.inventory.things, 1
    chosen = name
    while chosen in things:
        number += 1
        chosen = f"{name}-{number}"
    return chosen


def _domains(opened: Opened, name: str) -> tuple[str, ...]:
    services = opened.inventory.sections.services
    if name not in services:
        raise UsageError(f"'{name}' is not a service of the inventory", hint="answer with the name of a service")
    return services[name].domains
