"""Small pieces of sentences in English and German."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from kedge.model.finding import Loss, Text

_MONTHS = (
    *("Januar", "Februar", "März", "April", "Mai", "Juni"),
    *("Juli", "August", "September", "Oktober", "November", "Dezember"),
)


@dataclass(frozen=True, slots=True)
class Phrase(Text):
    """A phrase within a sentence: `de` is its nominative and accusative, `dative` follows von, mit, bei, in."""

    dative: str
    count: int

    def verb(self, one: Text, many: Text) -> Text:
        """Return the verb that agrees with it."""
        return one if self.count == 1 else many


def listed(names: Sequence[str], most: int = 5) -> Phrase:
    """Return names as a phrase: `mail, wiki and 3 more`."""
    shown = list(names[:most]) if len(names) <= most + 1 else list(names[: most - 1])
    if len(names) == most + 1:
        shown = list(names)
    rest = len(names) - len(shown)
    if rest:
        head = ", ".join(shown)
        return Phrase(
            f"{head} and {rest} more", f"{head} und {rest} weitere", f"{head} und {rest} weiteren", len(names)
        )
    if len(shown) < 2:
        return Phrase("".join(shown), "".join(shown), "".join(shown), len(shown))
    head = ", ".join(shown[:-1])
    german = f"{head} und {shown[-1]}"
    return Phrase(f"{head} and {shown[-1]}", german, german, len(shown))


def days(duration: timedelta) -> Phrase:
    """Return a duration in whole days or hours."""
    hours = duration / timedelta(hours=1)
    if hours < 36:
        count = max(1, round(hours))
        german = f"{count} Stunde{'n' * (count != 1)}"
        return Phrase(f"{count} hour{'s' * (count != 1)}", german, german, count)
    count = round(hours / 24)
    return Phrase(f"{count} days", f"{count} Tage", f"{count} Tagen", count)


def on(moment: datetime, zone: str) -> Text:
    """Return a moment as people of a zone say it; one at the beginning or end of a day (UTC) is that day."""
    is_day = (moment.hour, moment.minute) in {(0, 0), (23, 59)}
    local = moment if is_day else moment.astimezone(ZoneInfo(zone))
    clock = "" if is_day else f"{local:, %H:%M %Z}"
    english = f"{local.day} {local:%B} {local.year}"
    return Text(english + clock, f"{local.day}. {_MONTHS[local.month - 1]} {local.year}{clock}")


def counted(count: int, one: Text, many: Text) -> Text:
    """Return `1 service` or `3 services`."""
    chosen = one if count == 1 else many
    return Text(f"{count} {chosen.en}", f"{count} {chosen.de}")


def services(count: int) -> Phrase:
    """Return `1 service`, `3 services`."""
    text = counted(count, Text("service", "Dienst"), Text("services", "Dienste"))
    return Phrase(text.en, text.de, f"{count} Dienst{'en' * (count != 1)}", count)


IS = (Text("is", "ist"), Text("are", "sind"))
"""The forms of to be, for `Phrase.verb`."""
STANDS = (Text("stops", "steht"), Text("stop", "stehen"))
"""The forms of to stop, for `Phrase.verb`."""


def lost(loss: Loss) -> Text:
    """Return a loss as the subject of a sentence, without an article in front."""
    thing = loss.thing
    return {
        "gone": Text(f"The loss of {thing}", f"Der Verlust von {thing}"),
        "emptied": Text(f"A deletion of the data of {thing}", f"Eine Löschung der Daten von {thing}"),
        "misused": Text(f"{thing} in the wrong hands", f"{thing} in falschen Händen"),
        "withdrawn": Text(f"{thing} closed by its provider", f"Eine Sperrung von {thing} durch den Anbieter"),
    }[loss.mode]
