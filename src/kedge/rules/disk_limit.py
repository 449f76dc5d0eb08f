"""disk-limit: a file system that will be full."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from kedge.model.care import Limit
from kedge.model.facts import Fact
from kedge.model.finding import Loss, Severity, Text
from kedge.model.premises import Volume
from kedge.model.quantity import format_size, parse_growth, parse_size
from kedge.rules.case import Case
from kedge.rules.claim import EVERY_DIMENSION, Claim, Rule
from kedge.rules.wording import days, on

T = TypeVar("T")

HORIZON = timedelta(days=30)
FULL = 0.9


@dataclass(frozen=True)
class Fill:
    """How full a volume is now, in bytes, and when it will be full (None: growth unknown or not growing).

    `is_share`: the size is unknown, and size and used are per cent.
    """

    size: int
    used: float
    full_at: datetime | None
    is_share: bool = False

    @property
    def share(self) -> float:
        """The used part, 0 to 1 and more."""
        return self.used / self.size if self.size else 1.0


def fill_of(case: Case, host: str, name: str, volume: Volume) -> Fill | None:
    """Return the fill of a volume: the newest fact before the declared value, carried on to now by its growth.

    A fact may be a size or a share (`95 %`); one that cannot be read counts as unknown.
    """
    used_fact, share = case.facts.get(host, f"used/{name}"), None
    if used_fact and (match := _SHARE.fullmatch(used_fact.value)):
        share = float(match[1]) / 100
    size = volume.size or (_WHOLE if share is not None else None)
    used = share * (size or 0) if share is not None else _read(parse_size, used_fact, volume.used)
    growth = _read(parse_growth, case.facts.get(host, f"growth/{name}"), volume.growth)
    if size is None or used is None:
        return None
    if growth is None or growth <= 0 or volume.size is None:
        return Fill(size, used, None, is_share=volume.size is None)
    measured = used_fact.at if used_fact else case.now
    grown = used + growth * ((case.now - measured) / timedelta(days=1))
    left = min((size - grown) / growth, 36500.0)
    return Fill(size, min(grown, size), case.now + timedelta(days=max(left, 0.0)))


_SHARE = re.compile(r"\s*(\d{1,3}(?:\.\d+)?)\s*%\s*")
_WHOLE = 100


def _read(parse: Callable[[str], T], fact: Fact | None, declared: T | None) -> T | None:
    try:
        return parse(fact.value) if fact else declared
    except ValueError:
        return None


def _is_unknown(case: Case, host: str, name: str) -> bool:
    """Return whether somebody said that neither fill nor growth is known."""
    unknown = {each.field for each in case.inventory.unknowns if each.thing == host}
    return {f"volumes.{name}.used", f"volumes.{name}.growth"} <= unknown


def _unseen(host: str, name: str, volume: Volume) -> Claim:
    return Claim(
        rule="disk-limit",
        thing=host,
        title=Text(
            f"Nobody knows how full {name} on {host} is, nor how fast it grows",
            f"Niemand weiß, wie voll {name} auf {host} ist und wie schnell es wächst",
        ),
        why=(Text("Both are declared as unknown.", "Beides ist als unbekannt erklärt."),),
        fix=Text(
            f"Look (`df -h`), today and in a week, and write both down; have {host} report before it is full.",
            f"Nachsehen (`df -h`), heute und in einer Woche, beides eintragen; {host} vorher melden lassen.",
        ),
        losses=tuple(map(Loss, volume.written_by)) if volume.written_by else (Loss(host),),
        settles=frozenset({(host, "volume")}),
        is_unproven=True,
        most=Severity.NOTE,
    )


def find_limits(case: Case) -> Iterator[Claim]:
    """Yield the declared ceilings (licences, quotas, table sizes) that are nearly reached or will be within 30 days."""
    for name, limit in case.sections.limits.items():
        value = _read(float, case.facts.get(name, "value"), limit.value)
        used = _read(float, case.facts.get(name, "used"), limit.used)
        if not value or used is None or case.is_settled(name, "volume"):
            continue
        left = (value - used) / limit.growth if limit.growth and limit.growth > 0 else None
        soon = left is not None and left <= HORIZON / timedelta(days=1)
        if used >= FULL * value or soon:
            yield _limit_claim(name, limit, used, value, soon)


def _limit_claim(name: str, limit: Limit, used: float, value: float, soon: bool) -> Claim:
    losses = (Loss(limit.of),) if limit.of else (Loss(name),)
    what = limit.what or limit.title or name
    return Claim(
        rule="disk-limit",
        thing=name,
        title=Text(
            f"{name} is nearly reached: {used:g} of {value:g}", f"{name} ist fast erreicht: {used:g} von {value:g}"
        ),
        why=(Text(f"{what}; then {losses[0].thing} stops.", f"{what}; dann steht {losses[0].thing}."),),
        fix=Text(
            "Raise it, or use less, before it is reached.", "Anheben oder weniger verbrauchen, bevor es so weit ist."
        ),
        losses=losses,
        speaks_of=EVERY_DIMENSION,
        settles=frozenset({(name, "volume")}),
        is_dated=soon,
        least=Severity.WARNING,
    )


def find_disk_limits(case: Case) -> Iterator[Claim]:
    """Yield the volumes and other limits that are nearly full or will be within 30 days."""
    yield from find_limits(case)
    for host, declared in case.sections.hosts.items():
        if not case.concerns(host) or case.is_settled(host, "volume"):
            continue
        for name, volume in declared.volumes.items():
            fill = fill_of(case, host, name, volume)
            if fill is None and _is_unknown(case, host, name):
                yield _unseen(host, name, volume)
            if fill:
                soon = fill.full_at is not None and fill.full_at - case.now <= HORIZON
                if soon or fill.share >= FULL:
                    yield _claim(case, host, name, volume, fill, soon)


def _claim(case: Case, host: str, name: str, volume: Volume, fill: Fill, soon: bool) -> Claim:
    losses = tuple(map(Loss, volume.written_by)) if volume.written_by else (Loss(host),)
    until = days(fill.full_at - case.now) if soon and fill.full_at else None
    title = (
        Text(f"{host}: {name} is full in {until.en}", f"{host}: {name} ist in {until.dative} voll")
        if until
        else Text(f"{host}: {name} is {fill.share:.0%} full", f"{host}: {name} ist zu {fill.share:.0%} voll")
    )
    return Claim(
        rule="disk-limit",
        thing=host,
        title=title,
        why=tuple(_reasons(case, volume, fill, soon)),
        fix=_fix(host, volume),
        losses=losses,
        speaks_of=EVERY_DIMENSION,
        settles=frozenset({(host, "volume")}),
        is_dated=soon,
    )


def _reasons(case: Case, volume: Volume, fill: Fill, soon: bool) -> Iterator[Text]:
    used, size = format_size(fill.used), format_size(fill.size)
    if fill.is_share:
        used, size = f"{fill.used:.0f} %", "100 %"
    growing = f", growing {format_size(volume.growth)} a day" if volume.growth else ""
    wachsend = f", täglich {format_size(volume.growth)} mehr" if volume.growth else ""
    yield Text(f"{used} of {size} used{growing}.", f"{used} von {size} belegt{wachsend}.")
    if soon and fill.full_at:
        day = on(fill.full_at, case.zone)
        yield Text(f"Full on {day.en}.", f"Voll am {day.de}.")
    if volume.unallocated:
        room = format_size(volume.unallocated)
        yield Text(
            f"The disk beneath has {room} that no partition uses.",
            f"Die Platte darunter hat {room}, die keine Partition nutzt.",
        )


def _fix(host: str, volume: Volume) -> Text:
    first = Text(f"Before anything else: `kedge before resize {host}`. ", f"Zuerst: `kedge before resize {host}`. ")
    if volume.unallocated:
        return Text(
            first.en + "Then move the data to a new partition in the free room, while everything still answers.",
            first.de + "Dann die Daten auf eine neue Partition im freien Platz legen, solange alles noch antwortet.",
        )
    return Text(first.en + "Then make room or enlarge it.", first.de + "Dann Platz schaffen oder vergrößern.")


DISK_LIMIT = Rule(
    id="disk-limit",
    summary=Text("a file system will be full", "ein Dateisystem läuft voll"),
    meaning=Text(
        "A full file system stops everything that writes to it, and repairs made in a hurry on a full system are how "
        "servers die.",
        "Ein volles Dateisystem hält alles an, was darauf schreibt; an hastigen Reparaturen sterben Server.",
    ),
    decision=Text(
        "Full within 30 days at the known growth (counted from the moment it was measured), or at least 90 % used; "
        "as a note, where fill and growth are expressly unknown. "
        "The loss is that of the services that write to it, or of the whole host if nobody said which. Free room on "
        "the disk beneath is named.",
        "In 30 Tagen voll beim bekannten Wachstum oder zu mindestens 90 % belegt.",
    ),
    remedy=Text(
        "Enlarge it or make room in daylight, with a backup, a tested console and support open.",
        "Bei Tageslicht vergrößern oder Platz schaffen: mit Backup, geprüfter Konsole und erreichbarem Support.",
    ),
    find=find_disk_limits,
    prevented=(
        Text(
            "Piratenpartei 2007: a 20 GB partition of a much larger disk ran full",
            "Piratenpartei 2007: eine 20-GB-Partition einer viel größeren Platte lief voll",
        ),
        Text(
            "Haskell 2021: a registry without end filled the disk of GitLab",
            "Haskell 2021: eine Registry ohne Grenze füllte die Platte von GitLab",
        ),
        Text(
            "Instapaper 2017: a hosted database met a 2 TB limit",
            "Instapaper 2017: eine gemietete Datenbank stieß an ihre 2-TB-Grenze",
        ),
    ),
)
