"""Findings: what is wrong, why, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Literal

LossMode = Literal["gone", "emptied", "misused", "withdrawn"]
LOSS_MODES: tuple[LossMode, ...] = ("gone", "emptied", "misused", "withdrawn")


class Severity(IntEnum):
    """How bad a finding is; higher is worse."""

    NOTE = 1
    WARNING = 2
    CRITICAL = 3

    @property
    def word(self) -> str:
        """The word the user sees."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing lost in one mode. Written `wiki:emptied`; `gone` is left out."""

    thing: str
    mode: LossMode = "gone"

    def __str__(self) -> str:
        return self.thing if self.mode == "gone" else f"{self.thing}:{self.mode}"


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence in English and German."""

    en: str
    de: str

    def to(self, language: str) -> str:
        """Return the sentence in a language, English if there is no other."""
        return self.de if language == "de" else self.en

    def __str__(self) -> str:
        return self.en


@dataclass(frozen=True, slots=True)
class Symptom:
    """A finding that vanishes when the one above it is remedied."""

    rule: str
    thing: str


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: rule, thing, the path that proves it, since when, what to do, its symptoms."""

    rule: str
    thing: str
    severity: Severity
    title: Text
    why: tuple[Text, ...]
    fix: Text
    losses: tuple[Loss, ...] = ()
    since: datetime | None = None
    symptoms: tuple[Symptom, ...] = ()


@dataclass(frozen=True)
class Cost:
    """What a loss costs: services unrecoverable, unnoticed and down, each weighted by its promise."""

    unrecoverable: float = 0
    unnoticed: float = 0
    down: float = 0

    def key(self) -> tuple[float, float, float]:
        """Sort key, worst first."""
        return (-self.unrecoverable, -self.unnoticed, -self.down)


Levels = Mapping[str, int]
