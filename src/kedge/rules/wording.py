"""Small pieces of sentences in English and German."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from kedge.model.finding import Loss, Text

_MONTHS = (
    *("Januar", "Februar", "März", "April", "Mai", "Juni"),
    *("Juli", "August", "September", "Oktober", "November", "Dezember"),
)


def listed(names: Sequence[str], most: int = 5) -> Text:
    """Return names as a phrase: `mail, wiki and 3 more`."""
    shown = list(names[:most]) if len(names) <= most + 1 else list(names[: most - 1])
    if len(names) == most + 1:
        shown = list(names)
    rest = len(names) - len(shown)
    if rest:
        return Text(f"{', '.join(shown)} and {rest} more", f"{', '.join(shown)} und {rest} weitere")
    if len(shown) < 2:
        return Text("".join(shown), "".join(shown))
    head = ", ".join(shown[:-1])
    return Text(f"{head} and {shown[-1]}", f"{head} und {shown[-1]}")


def days(duration: timedelta) -> Text:
    """Return a duration in whole days or hours."""
    hours = duration / timedelta(hours=1)
    if hours < 36:
        count = max(1, round(hours))
        return Text(f"{count} hour{'s' * (count != 1)}", f"{count} Stunde{'n' * (count != 1)}")
    count = round(hours / 24)
    return Text(f"{count} days", f"{count} Tagen")


def on(moment: datetime) -> Text:
    """Return a date, with its time unless it is midnight."""
    clock = "" if (moment.hour, moment.minute) in {(0, 0), (23, 59)} else f"{moment:, %H:%M} UTC"
    english = f"{moment.day} {moment:%B} {moment.year}"
    return Text(english + clock, f"{moment.day}. {_MONTHS[moment.month - 1]} {moment.year}{clock}")


def counted(count: int, one: Text, many: Text) -> Text:
    """Return `1 service` or `3 services`."""
    chosen = one if count == 1 else many
    return Text(f"{count} {chosen.en}", f"{count} {chosen.de}")


def services(count: int) -> Text:
    """Return `1 service`, `3 services`."""
    return counted(count, Text("service", "Dienst"), Text("services", "Dienste"))


def lost(loss: Loss) -> Text:
    """Return a loss as the subject of a sentence, without an article in front."""
    thing = loss.thing
    return {
        "gone": Text(f"The loss of {thing}", f"Der Verlust von {thing}"),
        "emptied": Text(f"A deletion of the data of {thing}", f"Eine Löschung der Daten von {thing}"),
        "misused": Text(f"{thing} in the wrong hands", f"{thing} in falschen Händen"),
        "withdrawn": Text(f"{thing} closed by its provider", f"Eine Sperrung von {thing} durch den Anbieter"),
    }[loss.mode]
