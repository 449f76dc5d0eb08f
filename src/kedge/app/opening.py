"""Opens what a command works on: the inventory, the facts known at a moment, the case made of both."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kedge.errors import UsageError
from kedge.inventory.compile import compile_rules
from kedge.inventory.nodes import read_loss
from kedge.inventory.read import read_inventory
from kedge.model.facts import Fact, Facts
from kedge.model.finding import Loss
from kedge.model.inventory import Inventory
from kedge.model.quantity import parse_moment
from kedge.rules.case import Case, open_case

DEFAULT_NAMES = ("kedge.yaml", "kedge.yml", "kedge")


@dataclass(frozen=True)
class Opened:
    """An inventory with where it was read from."""

    path: Path
    inventory: Inventory

    @property
    def zone(self) -> str:
        """The time zone in which its people are told moments."""
        return self.inventory.sections.organisation.time_zone

    def case(self, now: datetime) -> Case:
        """Return the case at a moment, with every fact known by then."""
        facts = Facts.of([*self.inventory.facts, *_recorded(self.path, now)], now)
        return open_case(compile_rules(self.inventory, now), facts)

    def moment(self, given: str | None = None) -> datetime:
        """Return the moment to judge at: as given, else what the inventory is a record of, else now.

        Raises UsageError if what was given is not a moment.
        """
        if given is not None:
            return _read_moment(given)
        return self.inventory.sections.organisation.as_of or datetime.now(UTC)

    def case_at(self, given: str | None = None) -> Case:
        """Return the case at the moment to judge at."""
        return self.case(self.moment(given))


def find_inventory(given: str | None, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the inventory's path: as given, `KEDGE_INVENTORY`, or `kedge.yaml` / `kedge/` here.

    Raises UsageError if there is none.
    """
    named = given or environ.get("KEDGE_INVENTORY")
    if named:
        if not os.path.lexists(named):
            raise UsageError(f"there is no file or folder '{named}'", hint=_source_hint(given))
        return Path(named)
    for name in DEFAULT_NAMES:
        if Path(name).exists():
            return Path(name)
    raise UsageError(
        "there is no inventory here: no kedge.yaml, kedge.yml or folder kedge",
        hint="name a file or folder, set KEDGE_INVENTORY, or write a kedge.yaml: docs/quickstart.md",
    )


def _source_hint(given: str | None) -> str:
    return "name the inventory: a YAML file or a folder of them" if given else "it is named by KEDGE_INVENTORY"


def open_inventory(given: str | None) -> Opened:
    """Return the inventory at a path or at the usual places; raises InventoryError with every mistake."""
    path = find_inventory(given)
    return Opened(path, read_inventory(path))


def _read_moment(text: str) -> datetime:
    try:
        return parse_moment(text)
    except ValueError as cause:
        raise UsageError(f"--now: {cause}") from cause


def read_losses(case: Case, texts: tuple[str, ...]) -> list[Loss]:
    """Return the losses named on a command line (`wiki`, `wiki:emptied`); raises KedgeError with close names."""
    losses = []
    for text in texts:
        if text in case.inventory.things:
            losses.append(Loss(text))
            continue
        try:
            loss = read_loss(text)
        except ValueError as cause:
            raise UsageError(f"'{text}': {cause}") from cause
        case.inventory.find(loss.thing)
        losses.append(loss)
    return losses


def _recorded(path: Path, now: datetime) -> list[Fact]:
    """Return the facts of the inventory's database; none if nothing was ever recorded."""
    from kedge.app.database import open_database

    return list(open_database(path).facts(now).latest.values())
