"""How far a kind has been proven: what its contract test last showed with a real service, when, in which version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from typing import Literal

from pydantic import TypeAdapter

Grade = Literal["described", "seen", "saved", "proven", "movable"]
GRADES: Mapping[Grade, str] = {
    "described": "only its needs are known",
    "seen": "its probes tell a real one that works from one that does not",
    "saved": "its parts were saved and restored, and their censuses were equal",
    "proven": "a saved copy was started in a sandbox and passed its own probes there",
    "movable": "it was moved to another host and back",
}
"""In rising order; each includes those before it, as far as the kind has anything to show there."""

FILE = "grades.json"


@dataclass(frozen=True, slots=True)
class Proof:
    """What a kind's contract test last proved; `by` is that test."""

    grade: Grade
    at: date
    version: str
    by: str


PROOFS = TypeAdapter(dict[str, Proof])


def read_proofs() -> Mapping[str, Proof]:
    """Return the recorded proof of each kind that has one. Never derived from the presence of a method."""
    return PROOFS.validate_json(files("kedge.kinds").joinpath(FILE).read_bytes())
