"""A rule, and what it claims before the claims are priced, merged and put in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from kedge.model.finding import Loss, Severity, Text
from kedge.rules.case import Case, Settled, Toll

Dimension = Literal["unrecoverable", "unnoticed", "down"]
EVERY_DIMENSION: frozenset[Dimension] = frozenset({"unrecoverable", "unnoticed", "down"})


@dataclass(frozen=True)
class Claim:
    """What a rule found. `losses` happen at once; `speaks_of` says which of their costs this claim is about.

    `toll` is their cost where the claim knows it better (without hopes that nobody has confirmed).

    A cause that brings the loss about speaks of all of it; a weakness only of what it adds. `settles` is the remedy,
    as far as other claims may depend on it. `others` are things that the same remedy covers.
    """

    rule: str
    thing: str
    title: Text
    why: tuple[Text, ...]
    fix: Text
    losses: tuple[Loss, ...] = ()
    toll: Toll | None = None
    speaks_of: frozenset[Dimension] = frozenset()
    settles: frozenset[Settled] = frozenset()
    others: tuple[str, ...] = ()
    since: datetime | None = None
    is_dated: bool = False
    is_unproven: bool = False
    least: Severity = Severity.NOTE
    most: Severity = Severity.CRITICAL
    also: tuple[tuple[str, str], ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Rule:
    """A rule: its id, what it means, how it decides, what to do, and the function that finds it.

    `prevented` names public outages that it would have foreseen. A summary gathers what other rules leave open: it is
    neither a cause nor a symptom.
    """

    id: str
    summary: Text
    meaning: Text
    decision: Text
    remedy: Text
    find: Callable[[Case], Iterable[Claim]]
    prevented: tuple[Text, ...] = ()
    is_summary: bool = False
