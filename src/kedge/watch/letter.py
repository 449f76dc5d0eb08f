"""What people are told: what is down, why, what is not, the first step back, and why the message came this way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from kedge.model.finding import Loss, Severity, Text
from kedge.model.quantity import format_duration
from kedge.model.time_zone import in_zone
from kedge.rules.case import Case
from kedge.rules.whatif import PlanStep, what_if
from kedge.rules.wording import listed
from kedge.watch.recipient import Recipient
from kedge.watch.route import Routes
from kedge.watch.sight import UNSEEN
from kedge.watch.state import Incident, Notice, NoticeKind

REASONS = 6
"""So many reasons are enough for a message."""
ENDS: dict[NoticeKind, Text] = {
    "worse": Text("it got worse: ", "schlimmer geworden: "),
    "unanswered": Text("nobody has answered: ", "niemand hat geantwortet: "),
}


@dataclass(frozen=True)
class Letter:
    """One message to one person. `id` is the same however often it is sent; `ways` are the channels, in order."""

    id: str
    incident: str
    thing: str
    kind: NoticeKind | Literal["test"]
    person: str
    severity: str
    subject: str
    body: str
    ways: tuple[str, ...]
    made: datetime
    not_before: datetime
    rounds: int = 1
    """In which round of looks its incident was told, counted from the first look that failed."""
    language: str = "en"


@dataclass(frozen=True)
class Occasion:
    """What a letter is about, with everything it may say."""

    case: Case
    notice: Notice
    severity: Severity
    others: tuple[str, ...]
    """Everybody who is told of it."""

    @property
    def language(self) -> str:
        """The language of the organisation."""
        return self.case.sections.organisation.language


def write_letter(occasion: Occasion, recipient: Recipient, routes: Routes) -> Letter:
    """Return the letter to one person."""
    notice, language = occasion.notice, occasion.language
    zone = occasion.case.zone
    body = [one.to(language) for one in (*_body(occasion), Text("", ""), *_why_so(routes, recipient, occasion))]
    return Letter(
        f"{notice.id}/{recipient.person}", notice.incident.id, notice.incident.thing, notice.kind, recipient.person,
        occasion.severity.word, _subject(occasion).to(language), in_zone("\n".join(body) + "\n", zone), routes.ways,
        notice.at,
        recipient.not_before, notice.incident.rounds, language,
    )  # fmt: skip


def _subject(occasion: Occasion) -> Text:
    notice, incident = occasion.notice, occasion.notice.incident
    if notice.kind == "resolved":
        return _back(incident)
    head, title = ENDS.get(notice.kind, Text("", "")), incident.finding.title
    beneath = listed(incident.symptoms)
    tail = f" ({beneath.en})", f" ({beneath.de})"
    if not incident.symptoms:
        tail = "", ""
    return Text(f"{head.en}{title.en}{tail[0]}", f"{head.de}{title.de}{tail[1]}")


def _back(incident: Incident) -> Text:
    thing = incident.thing
    if incident.rule == UNSEEN:
        return Text(f"kedge sees {thing} again", f"kedge sieht {thing} wieder")
    return Text(f"{thing} is back", f"{thing} ist wieder da")


def _body(occasion: Occasion) -> Iterator[Text]:
    if occasion.notice.kind == "resolved":
        yield from _of_end(occasion)
        return
    yield from _of_beginning(occasion)
    yield Text("", "")
    yield from _way_back(occasion)


def _of_beginning(occasion: Occasion) -> Iterator[Text]:
    notice, incident = occasion.notice, occasion.notice.incident
    yield _when(incident)
    if notice.is_flapping:
        yield Text(
            "It comes and goes; you hear of it again when it has been well for a while.",
            "Es kommt und geht; die nächste Meldung folgt, wenn es eine Weile gut war.",
        )
    if incident.symptoms:
        names = listed(incident.symptoms, 40)
        yield Text(f"Beneath it: {names.en}.", f"Davon betroffen: {names.de}.")
    for reason in incident.finding.why[:REASONS]:
        yield Text(f"Why: {reason.en}", f"Warum: {reason.de}")
    if incident.rule != UNSEEN:
        yield _unaffected(occasion.case, incident)


def _when(incident: Incident) -> Text:
    title, noticed = incident.finding.title, f"{incident.opened:%Y-%m-%d %H:%M} UTC"
    if incident.rule == UNSEEN:
        since = f"{incident.finding.since or incident.opened:%Y-%m-%d %H:%M} UTC"
        return Text(
            f"{title.en}, since {since}. Whether it works, nobody knows.",
            f"{title.de}, seit {since}. Ob es läuft, weiß niemand.",
        )
    return Text(f"{title.en}. Noticed {noticed}.", f"{title.de}. Bemerkt {noticed}.")


def _unaffected(case: Case, incident: Incident) -> Text:
    touched = {incident.thing, *incident.symptoms}
    rest = sum(name not in touched for name in case.sections.services)
    if not rest:
        return Text("Nothing else is left that it could affect.", "Es gibt nichts, was davon nicht betroffen wäre.")
    return Text(f"Not affected: {rest} other services.", f"Nicht betroffen: {rest} andere Dienste.")


def _way_back(occasion: Occasion) -> Iterator[Text]:
    incident = occasion.notice.incident
    thing = incident.thing
    plan = _plan(occasion.case, thing) if incident.rule != UNSEEN else ()
    step = next((one for one in plan if one.is_timed), None)
    if step:
        who = f"{step.who}: " if step.who else ""
        needs = f" ({', '.join(step.needs)})" if step.needs else ""
        yield Text(f"First step: {who}{step.what.en}{needs}.", f"Erster Schritt: {who}{step.what.de}{needs}.")
        yield Text(f"All steps: kedge whatif {thing}", f"Alle Schritte: kedge whatif {thing}")
    else:
        fix = incident.finding.fix
        yield Text(f"First step: {fix.en}", f"Erster Schritt: {fix.de}")
    yield Text(f"I take care of it: kedge alerts ack {thing}", f"Ich kümmere mich darum: kedge alerts ack {thing}")


def _plan(case: Case, thing: str) -> Sequence[PlanStep]:
    return what_if(case, [Loss(thing)]).plan if thing in case.inventory.things else ()


def _of_end(occasion: Occasion) -> Iterator[Text]:
    """Yield what there is to know after the storm: how long it was, what is back, what is not and whose that is."""
    notice, incident = occasion.notice, occasion.notice.incident
    began = (incident.rule == UNSEEN and incident.finding.since) or incident.opened
    took = format_duration(notice.at - began + timedelta())
    back = _back(incident)
    yield Text(f"{back.en}, after {took}.", f"{back.de}, nach {took}.")
    for name in (one for one in incident.symptoms if one not in notice.still_bad):
        yield Text(f"  {name}: back", f"  {name}: wieder da")
    for name in notice.still_bad:
        service = occasion.case.sections.services.get(name)
        who = ", ".join(service.people or ()) if service else ""
        yield Text(
            f"  {name}: not yet ({who or 'nobody is named for it'})", f"  {name}: noch nicht ({who or 'niemand'})"
        )


def _why_so(routes: Routes, recipient: Recipient, occasion: Occasion) -> Iterator[Text]:
    others = [one for one in occasion.others if one != recipient.person]
    if others:
        yield Text(f"Told as well: {', '.join(others)}.", f"Auch benachrichtigt: {', '.join(others)}.")
    for channel, why in routes.skipped:
        yield Text(f"Not through {channel}: {why.en}.", f"Nicht über {channel}: {why.de}.")
    if routes.is_desperate:
        yield Text(
            "None of your channels survives this failure; all were tried.",
            "Keiner deiner Wege übersteht diesen Ausfall; alle wurden versucht.",
        )
