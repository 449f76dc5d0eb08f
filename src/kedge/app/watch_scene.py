"""An inventory as it is watched: what is looked at, what needs what, by which ways people are told."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from kedge.adapters.local import LocalShell
from kedge.app.lookout import Key, Rhythm
from kedge.app.opening import Opened
from kedge.app.probing import Look, judge
from kedge.app.sending import LastingNames, PostOffice, open_office
from kedge.app.targets import Surveyor, Target
from kedge.app.vantage import DirectNet, VantageNet
from kedge.app.workshop import Workshop
from kedge.errors import KedgeError
from kedge.inventory.compile import compile_rules
from kedge.model.facts import Facts
from kedge.model.finding import Finding
from kedge.rules.case import Case, open_case
from kedge.rules.cause_graph import needs_of
from kedge.watch.maintenance import in_maintenance
from kedge.watch.recipient import escalations
from kedge.watch.state import Policy, World
from kedge.watch.verdict import Standing

CASE_LIFE = timedelta(hours=1)
"""So long a compiled inventory says rightly who is away and what has ended."""

HOLD = timedelta(minutes=1)
"""Longer than three looks at something silent take."""

UNSEEN_ROUNDS = 15
"""For so many rounds nobody may see a thing before that is told: with looks once a minute, as long as a look counts."""


@dataclass
class Scene:
    """One reading of an inventory; `fingerprint` tells it from the next one."""

    opened: Opened
    fingerprint: object
    targets: Mapping[Key, Target]
    office: PostOffice
    policy: Policy
    heard: Mapping[Key, Target] = field(default_factory=dict)
    """What is not looked at but told of."""
    case: Case | None = field(default=None, repr=False)

    @property
    def world(self) -> World:
        """What the state machine has to know of it."""
        return World(self.needs, self.judge, self.policy, partial(in_maintenance, self.opened.inventory))

    def __post_init__(self) -> None:
        self.needs = needs_of(self.opened.inventory)

    def judge(self, standings: Iterable[Standing]) -> Sequence[Finding]:
        """Return the causes of what is held."""
        known = {**self.targets, **self.heard}
        pairs = [(known[key], one) for one in standings if (key := (one.thing, one.probe)) in known]
        looks = [Look(one.thing, one.probe, "", one.looked, replace(one.what, status=one.status)) for _, one in pairs]
        return judge(self.opened.inventory, [target for target, _ in pairs], looks)

    def case_at(self, now: datetime) -> Case:
        """Return the case of the inventory, without the database if that cannot be read."""
        if self.case is None or not timedelta() <= now - self.case.now < CASE_LIFE:
            try:
                self.case = self.opened.case(now)
            except KedgeError:
                facts = Facts.of(self.opened.inventory.facts, now)
                self.case = open_case(compile_rules(self.opened.inventory, now), facts)
        return self.case


def set_scene(opened: Opened, workshop: Workshop, rhythm: Rhythm) -> Scene:
    """Return an inventory as it is watched in this rhythm."""
    folder = opened.path if opened.path.is_dir() else opened.path.parent
    half = rhythm.every.total_seconds() / 2
    names = LastingNames(DirectNet(), life_s=half, is_lasting=False)
    surveyor = Surveyor(opened.inventory, VantageNet(names=names), workshop.near, folder)
    targets = {(target.thing, target.name): target for target in surveyor.targets()}
    office = open_office(opened.inventory, folder, LocalShell(), workshop.folder / "names.json")
    hold, unseen = max(HOLD, rhythm.every), rhythm.every * UNSEEN_ROUNDS
    policy = Policy(hold=hold, unseen=unseen, escalations=escalations(opened.inventory))
    return Scene(opened, fingerprint(opened.path), targets, office, policy)


def fingerprint(path: Path) -> object:
    """Return what changes with an inventory's files: their names, sizes and times."""
    files = sorted(path.rglob("*.y*ml")) if path.is_dir() else sorted(path.parent.glob("*.y*ml"))
    found = []
    for file in files:
        try:
            seen = os.stat(file)
        except OSError:
            continue
        found.append((str(file), seen.st_size, seen.st_mtime_ns, seen.st_ino))
    return tuple(found)
