"""The at most five questions that no look can answer, and what their answers put into the drawn inventory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kedge.discovery.operators import MAIL
from kedge.discovery.sketch import Entry, Sketch, clean, slug
from kedge.model.finding import Text
from kedge.model.people import CHANNEL_TYPES

UNKNOWN = "unknown"
NONE = frozenset({"none", "no", "nein", "keins", "keine", "nothing"})
FIRST = "1d"
"""How long what must be back first may take."""


@dataclass(frozen=True)
class Question:
    """One question and what to do with its answer, which raises ValueError with what was expected instead."""

    key: str
    text: Text
    apply: Callable[[str], None]


def questions(sketch: Sketch) -> Iterator[Question]:
    """Yield the questions that are open for this inventory, the most telling first; at most five."""
    providers = ", ".join(str(one.fields.get("title", name)) for name, one in sketch.of("providers").items())
    if sketch.of("services"):
        yield Question("people", Text(
            "Who looks after all this? Names, best with a way to reach them: anna sms anna, ben mail ben@home.example",
            "Wer kümmert sich um all das? Namen, am besten mit einem Weg: anna sms anna, ben mail ben@privat.example",
        ), lambda answer: _set_people(sketch, answer))  # fmt: skip
    if providers:
        yield Question("accounts", Text(
            f"Who can log in at {providers}? Names", f"Wer kann sich bei {providers} anmelden? Namen",
        ), lambda answer: _set_accounts(sketch, answer))  # fmt: skip
    if any(one.fields.get("notices-to") == UNKNOWN for one in sketch.of("providers").values()):
        yield Question("notices", Text(
            "Where do the hoster's mails about outages and invoices go? A mail address",
            "Wohin gehen die Mails des Anbieters über Störungen und Rechnungen? Eine Mailadresse",
        ), lambda answer: _set_notices(sketch, answer))  # fmt: skip
    if any(one.fields.get("save") == UNKNOWN for one in sketch.of("services").values()):
        yield Question("backup", Text(
            "Is there a backup? Where, in a few words; or: none",
            "Gibt es ein Backup? Wo, in wenigen Worten; oder: keins",
        ), lambda answer: _set_backup(sketch, answer))  # fmt: skip
    if len(sketch.of("services")) > 1:
        names = ", ".join(sketch.of("services"))
        yield Question("first", Text(
            f"What must be back first, within a day? Of: {names}",
            f"Was muss zuerst zurück sein, binnen eines Tages? Von: {names}",
        ), lambda answer: _set_first(sketch, answer))  # fmt: skip


def _set_people(sketch: Sketch, answer: str) -> None:
    people = [_person(sketch, said) for said in _split(answer)]
    for service in sketch.sections.get("services", {}).values():
        if service.fields.get("people") == UNKNOWN:
            service.put("people", list(dict.fromkeys(people)), "claimed")


def _split(answer: str) -> list[str]:
    said = [clean(part) for part in re.split(r"[,;]", answer) if part.strip()]
    if not said:
        raise ValueError("expected names, such as: anna, ben")
    return said


def _person(sketch: Sketch, said: str) -> str:
    """Return the person somebody named, made if new; a way to reach her may follow the name."""
    name, _, channel = said.partition(" ")
    kind = channel.partition(" ")[0]
    if channel and (kind not in CHANNEL_TYPES or not channel.partition(" ")[2].strip()):
        raise ValueError(
            f"'{channel}' is no way to reach somebody; expected: {', '.join(CHANNEL_TYPES)} and an address"
        )
    known = slug(name, "person")
    if known not in sketch.of("people"):
        known, entry = sketch.add("people", name, "person")
        entry.put("channels", UNKNOWN)
    if channel:
        sketch.sections["people"][known].put("channels", [channel.strip()], "claimed")
    return known


def _set_accounts(sketch: Sketch, answer: str) -> None:
    people = [_person(sketch, said) for said in _split(answer)]
    for provider, entry in list(sketch.of("providers").items()):
        sold = entry.fields.get("sells", [])
        domains = [one for one in (sold if isinstance(sold, list) else []) if one in sketch.of("domains")]
        _, account = sketch.add("accounts", f"{provider}-login", "account")
        account.put("opens", [provider, *domains])
        account.put("held-by", people, "claimed")


def _set_notices(sketch: Sketch, answer: str) -> None:
    address = answer.strip().lower()
    if not MAIL.fullmatch(address):
        raise ValueError(f"'{clean(answer)}' is no mail address")
    channel, entry = sketch.add("channels", "hoster-mail", "mail")
    entry.put("to", f"mail {address}", "claimed")
    entry.put("readers", UNKNOWN)
    for provider in sketch.sections["providers"].values():
        if provider.fields.get("notices-to") == UNKNOWN:
            provider.put("notices-to", [channel], "claimed")


def _set_backup(sketch: Sketch, answer: str) -> None:
    open_ = [one for one in sketch.sections["services"].values() if one.fields.get("save") == UNKNOWN]
    if answer.strip().lower() in NONE:
        for service in open_:
            service.put("save", "none", "claimed")
        return
    store, entry = sketch.add("stores", "backup-as-told", "store")
    entry.put("title", clean(answer)[:120])
    entry.put("on", UNKNOWN)
    for service in open_:
        service.put("save", {"to": [store], "made-by": "other"}, "claimed")


def _set_first(sketch: Sketch, answer: str) -> None:
    named = _split(answer.replace(" and ", ",").replace(" und ", ","))
    services: dict[str, Entry] = sketch.sections["services"]
    if missing := [one for one in named if one not in services]:
        raise ValueError(f"no service is called '{missing[0]}'; there are: {', '.join(services)}")
    for one in named:
        services[one].put("promise", {"rto": FIRST}, "claimed")
