"""notice-loop and alert-loop: a message that needs what it is about."""

from __future__ import annotations

from collections.abc import Iterator

from kedge.model.finding import Text
from kedge.rules.case import Case
from kedge.rules.circles import Circle, chain_text, find_circles
from kedge.rules.claim import Claim, Rule
from kedge.rules.wording import IS, STANDS, listed


def _costs(circle: Circle) -> Text:
    toll = circle.toll
    names, thing = listed(toll.unnoticed or toll.down), circle.loss.thing
    return Text(
        f"When {thing} is lost, {names.en} {names.verb(*IS).en} down and nobody responsible learns of it.",
        f"Fällt {thing} aus, {names.verb(*STANDS).de} {names.de} still, und niemand Zuständiges erfährt davon.",
    )


def find_notice_loops(case: Case) -> Iterator[Claim]:
    """Yield the provider addresses whose mail needs what the mail is about."""
    for circle in find_circles(case):
        if circle.kind != "notice-loop":
            continue
        provider = next(p for p, d in case.sections.providers.items() if circle.mended in (d.notices_to or ()))
        lost, channel = circle.loss.thing, circle.mended
        yield Claim(
            rule="notice-loop",
            thing=channel,
            title=Text(
                f"Messages of {provider} about {lost} travel through {lost}",
                f"Nachrichten von {provider} über {lost} laufen über {lost}",
            ),
            why=(chain_text(case, circle), _costs(circle)),
            fix=Text(
                f"Give {provider} an address outside, read by somebody responsible ({channel} stays a copy); try it.",
                f"{provider} eine Adresse außerhalb geben, die jemand Zuständiges liest ({channel} als Kopie); prüfen.",
            ),
            losses=(circle.loss,),
            toll=circle.toll,
            speaks_of=frozenset({"unnoticed", "unrecoverable"}),
            settles=frozenset({(channel, "outside")}),
        )


def find_alert_loops(case: Case) -> Iterator[Claim]:
    """Yield the people who would hear of a loss only through what was lost."""
    every = [circle for circle in find_circles(case) if circle.kind == "alert-loop"]
    if not every:
        return
    circle = every[0]
    channels = tuple(dict.fromkeys(each.mended for each in every))
    lost = circle.loss.thing
    yield Claim(
        rule="alert-loop",
        thing=circle.mended,
        title=Text(
            f"Everybody who must hear of the loss of {lost} is reached through {lost}",
            f"Wer vom Ausfall von {lost} erfahren muss, ist nur über {lost} erreichbar",
        ),
        why=(chain_text(case, circle), _costs(circle)),
        fix=_other_ways(case),
        losses=(circle.loss,),
        toll=circle.toll,
        speaks_of=frozenset({"unnoticed", "unrecoverable"}),
        settles=frozenset((channel, "outside") for channel in channels),
        others=channels[1:],
    )


def _other_ways(case: Case) -> Text:
    alerts = case.sections.alerts
    if alerts and alerts.watcher:
        return Text(
            "Add a channel that kedge can send by and that needs nothing of yours (ntfy, a private address) for each.",
            "Für jede zuständige Person einen Weg eintragen, den kedge senden kann und der nichts Eigenes braucht "
            "(ntfy, private Adresse).",
        )
    return Text(
        "Add a channel of another kind (phone, SMS, a private address) for each responsible person.",
        "Für jede zuständige Person einen Weg anderer Art eintragen (Telefon, SMS, private Adresse).",
    )


NOTICE_LOOP = Rule(
    id="notice-loop",
    summary=Text("a provider's messages need what they are about", "Meldungen laufen über das, was sie melden"),
    meaning=Text(
        "A provider writes to an address that only works while the thing it writes about works. The warning, the "
        "confirmation mail and the invoice reminder all arrive after you no longer need them, or never.",
        "Der Anbieter schreibt an eine Adresse, die nur funktioniert, solange das funktioniert, worüber er schreibt.",
    ),
    decision=Text(
        "For every single loss: the notice would arrive in the greatest reading (if everything that could hold itself "
        "up did) and does not in the least one. One surviving channel to somebody responsible breaks the loop.",
        "Für jeden einzelnen Ausfall: In der größten Lesart käme die Meldung an, in der kleinsten nicht. Ein einziger "
        "überlebender Weg zu jemand Zuständigem bricht die Schleife.",
    ),
    remedy=Text(
        "Register an address at another mail provider, read by at least one responsible person, and send a test.",
        "Eine Adresse bei einem anderen Mailanbieter hinterlegen, die jemand Zuständiges liest, und sie prüfen.",
    ),
    find=find_notice_loops,
    prevented=(
        Text(
            "Piratenpartei 2007: the hoster's mails went to the dead server itself",
            "Piratenpartei 2007: die Mails des Hosters liefen über den toten Server",
        ),
    ),
)

ALERT_LOOP = Rule(
    id="alert-loop",
    summary=Text("alerts travel through what they report", "Alarme laufen über das, was sie melden"),
    meaning=Text(
        "The people who could repair a service are only reached through that service, or the watcher lives on what it "
        "watches.",
        "Wer einen Dienst reparieren könnte, ist nur über diesen Dienst erreichbar, oder der Wächter wohnt auf dem "
        "Bewachten.",
    ),
    decision=Text(
        "As notice-loop, for the channels of people and for kedge's own vantages. If a provider's notice is part of "
        "the same circle, this is its symptom.",
        "Wie notice-loop, für die Wege zu Menschen und für kedges eigene Beobachtungspunkte.",
    ),
    remedy=Text(
        "Two channels of different kinds for each responsible person; a vantage that does not live on what it watches.",
        "Zwei Wege verschiedener Art je zuständiger Person; ein Beobachtungspunkt außerhalb.",
    ),
    find=find_alert_loops,
    prevented=(
        Text(
            "WorldTicket 2021: the alert about the mail server was delivered by the mail server",
            "WorldTicket 2021: der Alarm über den Mailserver lief über den Mailserver",
        ),
        Text(
            "Rogers 2022: staff could only be reached through the network that was down",
            "Rogers 2022: die Belegschaft war nur über das ausgefallene Netz erreichbar",
        ),
    ),
)
