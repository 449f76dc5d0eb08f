"""Alerts as people handle them: what is open and since when, who takes care of it, whether the ways work."""

from __future__ import annotations

import getpass
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from kedge.adapters.local import LocalShell
from kedge.app.database import open_database
from kedge.app.opening import Opened
from kedge.app.sending import open_office
from kedge.errors import UsageError
from kedge.evidence.outbox import KeptIncident
from kedge.inventory.index import build_index
from kedge.model.observation import Status
from kedge.watch.letter import Letter
from kedge.watch.sender import Copy
from kedge.watch.state import Incident
from kedge.watch.verdict import RANK

_INCIDENT = TypeAdapter(Incident)
SILENT = timedelta(minutes=15)
"""Without a look for so long nobody watches."""


@dataclass(frozen=True)
class Held:
    """A thing as it is held to be: the worst of its probes."""

    thing: str
    status: Status
    since: datetime
    what: str


@dataclass(frozen=True)
class OpenIncident:
    """An incident that is not over."""

    id: str
    thing: str
    title: str
    opened: datetime
    symptoms: tuple[str, ...]
    acknowledged: str


@dataclass(frozen=True)
class Overview:
    """What is held now; `looked` is the newest look, None if there never was one."""

    things: Sequence[Held]
    incidents: Sequence[OpenIncident]
    looked: datetime | None
    now: datetime
    zone: str = "UTC"
    """The time zone in which people are told moments."""
    language: str = "en"

    @property
    def is_silent(self) -> bool:
        """Whether nobody watches."""
        return self.looked is None or self.now - self.looked > SILENT

    @property
    def worst(self) -> Status:
        """The worst of all; unknown if nobody watches, or nobody could see anything bad but not everything."""
        if self.is_silent:
            return Status.UNKNOWN
        bad = max((one.status for one in self.things), key=RANK.__getitem__, default=Status.UNKNOWN)
        is_blind = any(one.status is Status.UNKNOWN for one in self.things)
        return Status.UNKNOWN if is_blind and not RANK[bad] else bad


def overview(opened: Opened, now: datetime | None = None) -> Overview:
    """Return what the watch holds, as its database says."""
    database, language = open_database(opened.path), opened.inventory.sections.organisation.language
    worst: dict[str, Held] = {}
    for one in database.verdicts():
        held = Held(one.thing, Status(one.status), one.since, one.what)
        known = worst.get(one.thing)
        if known is None or _weight(held.status) > _weight(known.status):
            worst[one.thing] = held
    spans = database.current_spans()
    incidents = [_open(one, language) for one in database.incidents(is_open=True)]
    looked = max((span.last for span in spans), default=None)
    return Overview(tuple(worst.values()), tuple(incidents), looked, now or datetime.now(UTC), opened.zone, language)


def acknowledge(opened: Opened, what: str, by: str) -> list[str]:
    """Return the things whose open incidents are now in somebody's hands; `all` means all. Raises UsageError."""
    database = open_database(opened.path)
    found = [one for one in database.incidents(is_open=True) if what in ("all", one.thing, one.id)]
    if not found:
        raise UsageError(f"there is no open incident of '{what}'", hint="kedge status")
    return [one.thing for one in found if database.acknowledge(one.id, by)]


def whoever() -> str:
    """Return who answers, if nobody says so: the user of this machine."""
    return os.environ.get("KEDGE_BY") or getpass.getuser()


def list_letters(opened: Opened, most: int) -> list[dict[str, Any]]:
    """Return the latest letters, the newest last, each with every try to deliver it."""
    letters, deliveries = open_database(opened.path).latest_letters(most)
    said = TypeAdapter(Letter)
    return [
        {
            "id": letter.id,
            "person": letter.person,
            "subject": (content := said.validate_json(letter.content)).subject,
            "rounds": content.rounds,
            "made": letter.made.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "state": "waiting" if letter.done is None else "told" if letter.outcome.startswith("by ") else "not told",
            "tries": [
                {"channel": one.channel, "accepted": one.is_accepted, "what": one.what}
                for one in deliveries
                if one.letter == letter.id
            ],
        }
        for letter in letters
    ]


async def try_ways(opened: Opened, names: Sequence[str], only: str = "") -> list[dict[str, Any]]:
    """Return what came of a test message through every channel of these people, or of all, or through `only` one."""
    inventory, folder = opened.inventory, opened.path if opened.path.is_dir() else opened.path.parent
    for name in names:
        inventory.find(name)
    office, index = open_office(inventory, folder, LocalShell()), build_index(inventory)
    found, now = [], datetime.now(UTC)
    for person in inventory.actors(tuple(names)) or tuple(inventory.sections.people):
        for channel in index.channels_of.get(person, ()):
            if only and channel != only:
                continue
            if why := office.obstacle(channel):
                found.append({"person": person, "channel": channel, "accepted": False, "what": str(why)})
                continue
            copy = Copy(_test_letter(person, channel, now), inventory.sections.channels[channel].address)
            seen = await office.send(channel, copy)
            is_accepted = seen.status is Status.OK
            found.append({"person": person, "channel": channel, "accepted": is_accepted, "what": seen.what})
    return found


def _test_letter(person: str, channel: str, now: datetime) -> Letter:
    body = "This is only a test. An alert of kedge would reach you like this.\nNur ein Test: so käme ein Alarm an.\n"
    id = f"test-{now:%Y%m%dT%H%M%S%f}/{person}"
    return Letter(id, "test", "", "test", person, "note", "a test", body, (channel,), now, now)


def _open(one: KeptIncident, language: str) -> OpenIncident:
    incident = _INCIDENT.validate_json(one.content)
    title = incident.finding.title.to(language)
    return OpenIncident(one.id, one.thing, title, one.opened, incident.symptoms, one.acknowledged)


def _weight(status: Status) -> float:
    return 0.5 if status is Status.UNKNOWN else RANK[status]
