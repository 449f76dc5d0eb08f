"""One language's way to say texts, numbers, moments and ages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from kedge.model.finding import Text
from kedge.publish.texts import COUNTED, MONTHS, NUMBERS

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Wording:
    """Says things in one language; every value that is filled in is escaped."""

    language: str
    catalogue: Mapping[str, Text]
    zone: str = "UTC"

    def say(self, key: str, **values: object) -> Markup:
        """Return a text of the catalogue; raises KeyError if there is none."""
        return Markup(escape(self.catalogue[key].to(self.language))).format(**values)

    def count(self, what: str, number: int) -> Markup:
        """Return a number of things in words: `three people`, `ein Dienst`."""
        one, many = COUNTED[what]
        return Markup(escape((one if number == 1 else many).to(self.language))).format(n=self.number(number))

    def number(self, number: int) -> str:
        """Return a number, in words up to twelve."""
        words = NUMBERS[self.language]
        return words[number] if 0 <= number < len(words) else str(number)

    def date(self, moment: datetime) -> str:
        """Return a day: `5 January 2007`, `5. Januar 2007`."""
        day = moment.astimezone(ZoneInfo(self.zone))
        dot = "." if self.language == "de" else ""
        return f"{day.day}{dot} {MONTHS[self.language][day.month - 1]} {day.year}"

    def moment(self, moment: datetime) -> str:
        """Return a moment: `5 January 2007, 20:00 UTC`."""
        return f"{self.date(moment)}, {moment.astimezone(ZoneInfo(self.zone)):%H:%M %Z}"

    def age(self, moment: datetime, now: datetime) -> Markup:
        """Return how long ago something was, in its largest unit."""
        past = now - moment
        if past < timedelta(minutes=1):
            return self.say("just-now")
        for unit, size, below in (
            ("minutes", timedelta(minutes=1), timedelta(hours=1)),
            ("hours", timedelta(hours=1), 2 * _DAY),
            ("days", _DAY, 60 * _DAY),
            ("months", 30 * _DAY, 730 * _DAY),
        ):
            if past < below:
                return self.count(unit, past // size)
        return self.count("years", past // (365 * _DAY))

    def join(self, parts: Iterable[object]) -> Markup:
        """Return an enumeration: `a, b and c`."""
        items = [escape(part) for part in parts]
        if len(items) < 2:
            return Markup("").join(items)
        return Markup("{} {} {}").format(Markup(", ").join(items[:-1]), self.say("and"), items[-1])


def mark_code(text: str) -> Markup:
    """Return a text, escaped, in which what stands between backquotes is code; a lone backquote stays."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    tags = (Markup("<code>{}</code>" if odd % 2 else "{}").format(part) for odd, part in enumerate(parts))
    return Markup("").join(tags)


def as_iso(moment: datetime) -> str:
    """Return a moment for machines: RFC 3339, UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def capital(text: str) -> str:
    """Return a sentence's beginning with a capital letter; markup stays markup."""
    return text[:1].upper() + text[1:]


def as_minute(moment: datetime) -> str:
    """Return a moment as people write it in an inventory, in UTC: `2007-01-05 20:00`, or its day at midnight."""
    utc = moment.astimezone(UTC)
    return (
        f"{utc:%Y-%m-%d}"
        if (utc.hour, utc.minute, utc.second) in {(0, 0, 0), (23, 59, 59)}
        else f"{utc:%Y-%m-%d %H:%M}"
    )
