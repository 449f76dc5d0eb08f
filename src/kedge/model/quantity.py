"""Quantities as people write them, and the types they become.

Sizes are whole bytes (`20 GB` is decimal, `20 GiB` binary: IEC 80000-13), durations `timedelta` (`3d`, `1d12h`,
`90 min`), growth bytes per day (`300 MB/d`), moments aware UTC `datetime` (`2007-01-05`, `2007-01-05 20:00`,
RFC 3339; `2012` and `2012-06` where no more is known). A deadline given as a bare date lasts until the end of that day.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "p": 10**15}
_UNITS |= {f"{prefix}i": 1024**power for power, prefix in enumerate("kmgtp", 1)}
_SIZE = re.compile(r"(\d{1,18}(?:\.\d{1,9})?)\s*([kmgtp]?i?)b?", re.IGNORECASE | re.ASCII)
_SPANS = {"s": 1, "sec": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800, "month": 2592000, "y": 31536000}
_SPANS |= {"m": 60, "day": 86400, "days": 86400, "hours": 3600, "weeks": 604800, "months": 2592000}
_SPANS |= {"hour": 3600, "week": 604800, "year": 31536000, "years": 31536000, "minutes": 60, "seconds": 1}
_SPAN = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*([a-z]+)\s*", re.ASCII)
_MONTH = re.compile(r"(\d{4})(?:-(\d\d))?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def parse_size(text: str) -> int:
    """Return a size in bytes; raises ValueError that names the expected form."""
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise ValueError(f"expected a size such as '20 GB', found '{text}'")
    return round(float(match[1]) * _UNITS[match[2].lower()])


def parse_duration(text: str) -> timedelta:
    """Return a duration; raises ValueError that names the expected form."""
    rest, total = text.strip().lower(), 0.0
    while match := _SPAN.match(rest):
        if match[2] not in _SPANS:
            break
        total += float(match[1]) * _SPANS[match[2]]
        rest = rest[match.end() :]
    if rest or not text.strip():
        raise ValueError(f"expected a duration such as '3d', '12h' or '90 min', found '{text}'")
    try:
        return timedelta(seconds=total)
    except OverflowError:
        raise ValueError(f"expected a duration such as '3d', found '{text}', which is too long") from None


NEVER = timedelta.max
"""The lead time of somebody who never gives anything back."""


def parse_lead_time(text: str) -> timedelta:
    """Return a lead time: a duration, or NEVER for `never`."""
    return NEVER if text.strip().lower() == "never" else parse_duration(text)


def parse_growth(text: str) -> float:
    """Return a growth in bytes per day; raises ValueError that names the expected form."""
    amount, slash, per = text.partition("/")
    try:
        days = parse_duration(per if per[:1].isdigit() else f"1{per.strip()}") / timedelta(days=1)
        if slash and days:
            return parse_size(amount) / days
    except ValueError:
        pass
    raise ValueError(f"expected a growth such as '300 MB/d', found '{text}'")


def parse_moment(text: str, *, end_of_day: bool = False) -> datetime:
    """Return an aware UTC moment; a bare date is its first (or last) second in UTC."""
    value = text.strip()
    if match := _MONTH.fullmatch(value):  # only the year or month is known: its first day
        value = f"{match[1]}-{match[2] or '01'}-01"
    try:
        moment = datetime.fromisoformat(value)
        if end_of_day and _DATE.fullmatch(value):
            moment = datetime.combine(moment, time(23, 59, 59))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"expected a date such as '2007-01-05' or '2007-01-05 20:00', found '{text}'") from None


def format_size(size: float) -> str:
    """Return a size for people: three significant figures at most, decimal units."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(size) < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if size >= 100 or round(size, 1) == int(size) else f"{size:.1f} {unit}"


def format_duration(duration: timedelta) -> str:
    """Return a duration for people in its one or two largest units: `2 d 3 h`, `25 min`."""
    seconds = round(duration.total_seconds())
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def _parsed(parse: object) -> BeforeValidator:
    return BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)  # type: ignore[operator]


def _schema(description: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "description": description, "examples": [example]})


Size = Annotated[int, _parsed(parse_size), _schema("a size", "20 GB")]
LeadTime = Annotated[timedelta, _parsed(parse_lead_time), _schema("a duration, or never", "1d")]
Growth = Annotated[float, _parsed(parse_growth), _schema("growth per time", "300 MB/d")]
Duration = Annotated[timedelta, _parsed(parse_duration), _schema("a duration", "3d")]
Moment = Annotated[datetime, _parsed(parse_moment), _schema("a date, with or without time (UTC)", "2007-01-05 20:00")]
Deadline = Annotated[
    datetime,
    _parsed(lambda text: parse_moment(text, end_of_day=True)),
    _schema("the last day, or the very moment, it holds", "2007-01-05"),
]
