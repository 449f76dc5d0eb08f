"""Writes what people tell kedge back into their files: answers, emergency measures, attested accesses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kedge.app.opening import Opened
from kedge.errors import UsageError
from kedge.inventory.edit import add_entry, set_value
from kedge.inventory.read import read_inventory
from kedge.model.quantity import parse_moment
from kedge.rules.unknowns import Question, question_text

_LISTS = {
    *("people", "held-by", "channels", "members", "kept", "host", "notices-to", "to", "readers", "save"),
    *("nameservers", "deletable-by", "address", "covers", "of"),
}
"""Fields whose answer may name several, divided by commas."""


@dataclass(frozen=True)
class Measure:
    """An emergency measure: what was done, from when, until when (as it was said), to what, by whom."""

    what: str
    since: datetime
    until: str | None = None
    of: tuple[str, ...] = ()
    by: str = ""


def read_answer(opened: Opened, text: str) -> tuple[Question, str]:
    """Return the question that `THING.FIELD=TEXT` answers, and its answer; raises UsageError, or if there is no THING.

    Names of things may hold dots: the longest that is declared counts.
    """
    key, equals, answer = text.partition("=")
    things = [name for name in opened.inventory.things if key.startswith(f"{name}.")]
    thing, dot, field = key.partition(".")
    if things:
        thing, dot = max(things, key=len), "."
        field = key[len(thing) + 1 :]
    if not (equals and dot and field):
        raise UsageError(f"--answer: expected THING.FIELD=TEXT, found '{text}'")
    opened.inventory.find(thing)
    return Question(thing, field, 0.0, question_text(thing, field)), answer


def write_answer(opened: Opened, question: Question, answer: str) -> Path:
    """Write the answer to one question and return its file; raises InventoryError, nothing changed, if it does not fit.

    What has no field of its own becomes an entry: who logs in somewhere an account, where instructions lie a document.
    """
    thing, field = question.thing, question.field
    names = [name.strip() for name in answer.split(",") if name.strip()]
    if not names:
        raise UsageError(f"no answer given for {thing}.{field}")
    if field == "account":
        return _add(opened, "accounts", _fresh(opened, f"{thing}-login"), {"opens": thing, "held-by": names})
    if field == "instructions":
        name = _fresh(opened, f"{thing}-instructions")
        return _add(opened, "documents", name, {"covers": thing, "kept": names})
    if field in {"mail", "xmpp"}:
        return _set(opened, names[0], "domains", [*_domains(opened, names[0]), thing])
    listed = names if len(names) > 1 else names[0]
    return _set(opened, thing, field, listed if field in _LISTS else answer.strip())


def _set(opened: Opened, thing: str, field: str, value: str | list[str]) -> Path:
    set_value(opened.path, thing, field, value)
    return Path(opened.inventory.marks[thing].file)


def _add(opened: Opened, section: str, name: str, entry: Mapping[str, str | list[str]]) -> Path:
    add_entry(opened.path, section, name, entry)
    return Path(read_inventory(opened.path).marks[name].file)


def read_measure(
    opened: Opened, what: str, since: datetime, until: str | None, things: tuple[str, ...], by: str
) -> Measure:
    """Return a measure as it was told on the command line; raises UsageError, or if a thing is not declared."""
    try:
        end = parse_moment(until, end_of_day=True) if until else None
    except ValueError as cause:
        raise UsageError(f"--until: {cause}") from cause
    if end and end <= since:
        raise UsageError(f"--until: {until} is already past", hint="the day by which it must end")
    for thing in things:
        opened.inventory.find(thing)
    return Measure(what, since, until, things, by)


def write_measure(opened: Opened, measure: Measure) -> tuple[str, Path]:
    """Record an emergency measure under `changes`; returns its name and the file."""
    slug = re.sub(r"[^a-z0-9]+", "-", measure.what.lower())[:40].strip("-") or "measure"
    name = _fresh(opened, slug)
    entry: dict[str, str | list[str]] = {"what": measure.what, "since": f"{measure.since:%Y-%m-%d %H:%M}"}
    if measure.of:
        entry["of"] = list(measure.of)
    if measure.until:
        entry["until"] = measure.until
    if measure.by:
        entry["by"] = measure.by
    return name, _add(opened, "changes", name, entry)


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
