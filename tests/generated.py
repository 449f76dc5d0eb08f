"""Plausible, valid inventories of any size, in the various ways people write YAML; used by tests and benches."""

from __future__ import annotations

from random import Random
from typing import Any

from bench.generator import describe_unit

_NAME = "Generated"


def generate(services: int, things: int, seed: int) -> str:
    """Return the text of an inventory with so many services and things (at least ten things for each service).

    The same numbers give the same text; the seed varies its style (blocks and brackets, quotes, comments, spaces).
    """
    random = Random(seed)
    sections: dict[str, dict[str, Any]] = {}
    for number in range((services + 9) // 10):
        for section, name, value in describe_unit(number):
            sections.setdefault(section, {})[name] = value
    for number in range(things - sum(map(len, sections.values()))):
        sections.setdefault("documents", {})[f"paper-{number}"] = {"covers": "u0-wiki", "kept": "paper"}
    lines = ["version: 1", f"organisation: {{name: {_NAME}}}"]
    for section, entries in sections.items():
        lines.append(f"{section}:")
        for name, value in entries.items():
            lines += _write(name, value, 2, random)
    return "\n".join(lines) + "\n"


def _write(key: str, value: Any, indent: int, random: Random) -> list[str]:
    space = " " * indent
    note = random.choice(["", "", "", "", "   # a note", " # unknown: {"])
    head = f"{space}{_word(key, random)}:"
    if isinstance(value, dict) and value and random.random() < 0.8:
        inner = [line for name, each in value.items() for line in _write(name, each, indent + 2, random)]
        return [f"{head}{note}", *inner]
    if isinstance(value, list) and value and random.random() < 0.4 and not isinstance(value[0], dict):
        return [f"{head}{note}", *(f"{space}  - {_word(each, random)}" for each in value)]
    return [f"{head}{random.choice([' ', ' ', '   '])}{_flow(value, random)}{note}"]


def _flow(value: Any, random: Random) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_word(key, random)}: {_flow(each, random)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + random.choice([", ", " , "]).join(_flow(each, random) for each in value) + "]"
    return _word(value, random)


def _word(text: str, random: Random) -> str:
    if text[:1] in "@*&!%`" or ": " in text or random.random() < 0.03:
        return f'"{text}"'
    return f"'{text}'" if random.random() < 0.03 else text
