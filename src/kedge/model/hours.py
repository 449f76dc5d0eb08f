"""Support hours as people write them: `always`, `mon-fri 8-18`, `mon-fri 8:00-17:30 Europe/Berlin`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, GetPydanticSchema, WithJsonSchema
from pydantic_core import core_schema

from kedge.model.time_zone import parse_zone

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TEXT = re.compile(
    r"(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))?\s+(?P<start>\d\d?(?::\d\d)?)-(?P<end>\d\d?(?::\d\d)?)(?:\s+(?P<zone>\S+))?",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Hours:
    """When somebody answers: days (0 is Monday), from, to (whole minutes of the day), time zone."""

    text: str
    days: frozenset[int] = frozenset(range(7))
    start_min: int = 0
    end_min: int = 1440
    zone: str = "UTC"

    def is_open(self, at: datetime) -> bool:
        """Return whether somebody answers at this moment."""
        local = at.astimezone(ZoneInfo(self.zone))
        return local.weekday() in self.days and self.start_min <= local.hour * 60 + local.minute < self.end_min

    def next_open(self, at: datetime) -> datetime:
        """Return the moment itself if open, else the next opening (aware, same zone as `at`)."""
        if self.is_open(at):
            return at
        zone = ZoneInfo(self.zone)
        local = at.astimezone(zone)
        for ahead in range(8):
            day = (local + timedelta(days=ahead)).date()
            opening = datetime.combine(day, time(self.start_min // 60, self.start_min % 60), zone)
            if day.weekday() in self.days and opening >= local:
                return opening.astimezone(at.tzinfo)
        raise AssertionError("hours without a day were refused when read")


def _minutes(text: str) -> int:
    hour, _, minute = text.partition(":")
    total = int(hour) * 60 + int(minute or 0)
    if total > 1440 or int(minute or 0) > 59:
        raise ValueError
    return total


def parse_hours(text: str) -> Hours:
    """Return support hours; raises ValueError that names the expected form."""
    if text.strip().lower() in {"always", "24/7"}:
        return Hours("always")
    match = _TEXT.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError
        first = _DAYS.index(match["first"].lower())
        last = _DAYS.index((match["last"] or match["first"]).lower())
        start, end = _minutes(match["start"]), _minutes(match["end"])
        if start >= end:
            raise ValueError
    except ValueError:
        raise ValueError(f"expected hours such as 'always' or 'mon-fri 8-18 Europe/Berlin', found '{text}'") from None
    zone = parse_zone(match["zone"] or "UTC")
    days = frozenset((first + step) % 7 for step in range((last - first) % 7 + 1))
    return Hours(" ".join(text.split()), days, start, end, zone)


HoursText = Annotated[
    Hours,
    GetPydanticSchema(lambda _source, _handler: core_schema.is_instance_schema(Hours)),
    BeforeValidator(lambda value: parse_hours(value) if isinstance(value, str) else value),
    WithJsonSchema({"type": "string", "examples": ["always", "mon-fri 8-18 Europe/Berlin"]}),
]
