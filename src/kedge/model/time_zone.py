"""Time zones: read from an inventory, and moments said in one to people. What machines read stays in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, WithJsonSchema

NOWHERE = frozenset({"UTC", "UCT", "GMT", "Zulu", "Universal", "Greenwich"})
"""The names by which a machine says that nobody told it where it lives; `Etc/` may stand before."""
_SAID = re.compile(r"\b(\d{4}-\d\d-\d\d \d\d:\d\d) UTC\b", re.ASCII)


def parse_zone(text: str) -> str:
    """Return the IANA name of a time zone (`Europe/Berlin`); raises ValueError that names close ones."""
    try:
        return ZoneInfo(text).key
    except (ValueError, ZoneInfoNotFoundError, OSError):
        raise ValueError(f"expected a time zone such as 'Europe/Berlin', found '{text}'{_near(text)}") from None


def _near(text: str) -> str:
    known = available_timezones()
    if not known:
        return "; this machine knows none: install tzdata"
    short = {name.rpartition("/")[2].lower(): name for name in sorted(known, key=lambda one: (-one.count("/"), one))}
    short |= {name.lower(): name for name in known}
    found = [short[one] for one in get_close_matches(text.lower().replace(" ", "_"), short, 3, 0.75)]
    near = list(dict.fromkeys(found))[:2]
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""


ZoneText = Annotated[
    str, AfterValidator(parse_zone), WithJsonSchema({"type": "string", "examples": ["Europe/Berlin", "UTC"]})
]


def local_zone(text: str) -> str:
    """Return the IANA name in what a machine says of its zone (`:Europe/Berlin`, a link); empty if that is nowhere."""
    name = text.strip().removeprefix(":").rpartition("zoneinfo/")[2].removeprefix("posix/").removeprefix("right/")
    if name.removeprefix("Etc/") in NOWHERE:
        return ""
    try:
        return parse_zone(name) if re.fullmatch(r"[A-Za-z_]+(/[A-Za-z0-9_+-]+)+", name) else ""
    except ValueError:
        return ""


def show_moment(at: datetime, zone: str) -> str:
    """Return a moment as people of a zone say it, to the minute: `2007-01-05 21:00 CET`."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M %Z}"


def in_zone(text: str, zone: str) -> str:
    """Return a text with each moment that is said in UTC (`2007-01-05 20:00 UTC`) said in a zone."""

    def local(found: re.Match[str]) -> str:
        try:
            return show_moment(datetime.strptime(found[1], "%Y-%m-%d %H:%M").replace(tzinfo=UTC), zone)
        except (ValueError, OverflowError):
            return found[0]

    return _SAID.sub(local, text)
