"""domain-expiry, cert-expiry, payment, eol: what ends on a known day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from kedge.model.finding import Loss, Severity, Text
from kedge.rules.case import Case
from kedge.rules.claim import EVERY_DIMENSION, Claim, Rule
from kedge.rules.releases import support_end
from kedge.rules.wording import days, listed, on

DOMAIN_HORIZON = timedelta(days=60)
CERTIFICATE_HORIZON = timedelta(days=21)
PAYMENT_HORIZON = timedelta(days=60)
SUPPORT_HORIZON = timedelta(days=90)


def _until(case: Case, end: datetime) -> Text:
    """Return `in 12 days` or `12 days ago`."""
    if end > case.now:
        left = days(end - case.now)
        return Text(f"in {left.en}", f"in {left.dative}")
    past = days(case.now - end)
    return Text(f"{past.en} ago", f"vor {past.dative}")


def _day(case: Case, end: datetime) -> Text:
    day = on(end, case.zone)
    return Text(f"On {day.en}.", f"Am {day.de}.")


def _cost(case: Case, loss: Loss) -> tuple[Text, ...]:
    toll = case.toll(loss)
    if not toll.down:
        return ()
    names = listed(toll.down)
    verb = names.verb(Text("goes", "steht"), Text("go", "stehen"))
    return (Text(f"With it {names.en} {verb.en} down.", f"Damit {verb.de} {names.de} still."),)


def find_domain_expiries(case: Case) -> Iterator[Claim]:
    """Yield the domains that expire within 60 days, or have."""
    for name, domain in case.sections.domains.items():
        end = domain.expires
        if end is None or end - case.now > DOMAIN_HORIZON or case.is_settled(name, "renewed"):
            continue
        when = _until(case, end)
        yield Claim(
            rule="domain-expiry",
            thing=name,
            title=Text(f"{name} expires {when.en}", f"{name} läuft {when.de} ab"),
            why=(_day(case, end), *_cost(case, Loss(name))),
            fix=Text(
                f"Renew {name} today and let it renew itself; check who gets the registrar's reminders.",
                f"{name} heute verlängern und automatisch verlängern lassen; prüfen, wer die Erinnerungen bekommt.",
            ),
            losses=(Loss(name),),
            speaks_of=EVERY_DIMENSION,
            settles=frozenset({(name, "renewed")}),
            since=end,
            is_dated=True,
            also=(("spof", name),) if _joins_what_stands_apart(case, name) else (),
        )


def _joins_what_stands_apart(case: Case, domain: str) -> bool:
    """Return whether services at different providers are all used under this name, so that they vanish together."""
    index = case.compiled.index
    hosts = [case.sections.services[s].host or () for s in case.toll(Loss(domain)).down]
    sellers = {index.sellers.get(index.chain(host)[-1], ()) for of in hosts for host in of[:1]}
    return len(sellers - {()}) > 1


def find_certificate_expiries(case: Case) -> Iterator[Claim]:
    """Yield the certificates that expire within 21 days, or have."""
    for name, certificate in case.sections.certificates.items():
        end = certificate.expires
        if (
            end is None
            and certificate.renewed_by is None
            and certificate.used_by
            and not case.is_settled(name, "renewed")
        ):
            yield _unknown_expiry(case, name)
        if end is None or end - case.now > CERTIFICATE_HORIZON or case.is_settled(name, "renewed"):
            continue
        when = _until(case, end)
        by = certificate.renewed_by
        yield Claim(
            rule="cert-expiry",
            thing=name,
            title=Text(f"The certificate {name} expires {when.en}", f"Das Zertifikat {name} läuft {when.de} ab"),
            why=(
                _day(case, end),
                *_cost(case, Loss(name)),
                *([] if by else [Text("Nobody says who renews it.", "Nirgends steht, wer es erneuert.")]),
            ),
            fix=Text(
                "Renew it, see that it is served, and let a program renew it and somebody be told when it fails.",
                "Erneuern, prüfen, dass es ausgeliefert wird, und künftig automatisch erneuern lassen.",
            ),
            losses=(Loss(name),),
            speaks_of=frozenset({"down"}),
            settles=frozenset({(name, "renewed")}),
            since=end,
            is_dated=True,
        )


def _unknown_expiry(case: Case, name: str) -> Claim:
    """Return the claim about a certificate of which nobody knows when it ends nor who renews it."""
    return Claim(
        rule="cert-expiry",
        thing=name,
        title=Text(
            f"Nobody knows when the certificate {name} expires, nor who renews it",
            f"Niemand weiß, wann das Zertifikat {name} abläuft und wer es erneuert",
        ),
        why=_cost(case, Loss(name)),
        fix=Text(
            "Look at what is served (`openssl s_client`), write the date down, and name what renews it.",
            "Nachsehen, was ausgeliefert wird (`openssl s_client`), Datum und Erneuerung eintragen.",
        ),
        losses=(Loss(name),),
        speaks_of=frozenset({"down"}),
        settles=frozenset({(name, "renewed")}),
        is_unproven=True,
        most=Severity.WARNING,
    )


def find_payments(case: Case) -> Iterator[Claim]:
    """Yield the contracts whose means of payment ends within 60 days, or has."""
    contracts = {name: provider.paid_with for name, provider in case.sections.providers.items()}
    contracts |= {name: domain.paid_with for name, domain in case.sections.domains.items()}
    for name, paid in contracts.items():
        end = paid.until if paid else None
        if paid and end is None and case.is_unknown(name, "paid-with.until") and not case.is_settled(name, "paid"):
            yield _unknown_payment(name, paid.what)
        if paid is None or end is None or end - case.now > PAYMENT_HORIZON or case.is_settled(name, "paid"):
            continue
        loss = Loss(name, "withdrawn")
        when = _until(case, end)
        yield Claim(
            rule="payment",
            thing=name,
            title=Text(
                f"What pays for {name} ends {when.en}: {paid.what}",
                f"Was {name} bezahlt, endet {when.de}: {paid.what}",
            ),
            why=(_day(case, end), *_cost(case, loss)),
            fix=Text(
                "Give the provider a means of payment of the organisation that does not end with a card or a person.",
                "Dem Anbieter ein Zahlungsmittel der Organisation geben, das nicht mit Karte oder Person endet.",
            ),
            losses=(loss,),
            speaks_of=EVERY_DIMENSION,
            settles=frozenset({(name, "paid")}),
            since=end,
            is_dated=True,
        )


def _unknown_payment(name: str, what: str) -> Claim:
    """Return the note about a means of payment of which somebody wrote that nobody knows how long it lasts."""
    return Claim(
        rule="payment",
        thing=name,
        title=Text(
            f"Nobody knows until when {name} is paid for: {what}", f"Niemand weiß, bis wann {name} bezahlt wird: {what}"
        ),
        why=(Text("Its end is declared as unknown.", "Das Ende ist als unbekannt erklärt."),),
        fix=Text(
            "Ask whoever owns it for the date on the card or mandate; better, pay from the organisation's account.",
            "Das Ende von Karte oder Mandat erfragen; besser vom Konto der Organisation zahlen.",
        ),
        losses=(Loss(name, "withdrawn"),),
        settles=frozenset({(name, "paid")}),
        is_unproven=True,
        most=Severity.NOTE,
    )


def find_ends_of_life(case: Case) -> Iterator[Claim]:
    """Yield the systems and programs whose security updates end within 90 days, or have ended: one claim."""
    ends = {name: host.supported_until or support_end(host.system) for name, host in case.sections.hosts.items()}
    ends |= {name: service.supported_until for name, service in case.sections.services.items()}
    ending = {name: end for name, end in ends.items() if end and end - case.now <= SUPPORT_HORIZON}
    ending = {name: end for name, end in ending.items() if not case.is_settled(name, "upgraded")}
    if not ending:
        return
    first = min(ending, key=lambda name: ending[name])
    names, when = listed(list(ending)), _until(case, ending[first])
    yield Claim(
        rule="eol",
        thing=first,
        title=Text(f"No security updates for {names.en}", f"Keine Sicherheitsupdates für {names.de}"),
        why=(Text(f"{first}: they ended or end {when.en}.", f"{first}: Ende {when.de}."),),
        fix=Text(
            f"Plan the upgrade of {first} as a move: a second machine, a trial copy, then the switch.",
            f"Das Upgrade von {first} als Umzug planen: zweiter Rechner, Probe, dann umschalten.",
        ),
        losses=(Loss(first),),
        settles=frozenset((name, "upgraded") for name in ending),
        others=tuple(name for name in ending if name != first),
        since=ending[first],
        is_dated=True,
        most=Severity.WARNING,
    )


_DATED = Text(
    "By the declared date; a known ending within the horizon, or in the past.",
    "Nach dem angegebenen Datum: ein bekanntes Ende innerhalb der Frist oder bereits vorbei.",
)

DOMAIN_EXPIRY = Rule(
    id="domain-expiry",
    summary=Text("a domain runs out", "eine Domain läuft ab"),
    meaning=Text(
        "With the domain go mail, web and every login that resets by mail; somebody else may buy it.",
        "Mit der Domain gehen Mail, Web und jeder Zugang, der per Mail zurückgesetzt wird; andere können sie kaufen.",
    ),
    decision=_DATED,
    remedy=Text(
        "Automatic renewal, and reminders to an address elsewhere.", "Automatisch verlängern, Erinnerung extern."
    ),
    find=find_domain_expiries,
    prevented=(
        Text(
            "Fosstodon 2022: instance, chat and hub vanished with their domain",
            "Fosstodon 2022: Instanz, Chat und Hub verschwanden mit ihrer Domain",
        ),
    ),
)

CERT_EXPIRY = Rule(
    id="cert-expiry",
    summary=Text("a certificate runs out", "ein Zertifikat läuft ab"),
    meaning=Text(
        "Browsers and programs refuse the service although it runs.",
        "Browser und Programme verweigern den Dienst, obwohl er läuft.",
    ),
    decision=_DATED,
    remedy=Text("Automatic renewal, watched from outside.", "Automatisch erneuern, von außen beobachtet."),
    find=find_certificate_expiries,
    prevented=(
        Text(
            "GitLab 2019: the certificates of a cluster had expired unseen",
            "GitLab 2019: die Zertifikate eines Verbunds waren unbemerkt abgelaufen",
        ),
    ),
)

PAYMENT = Rule(
    id="payment",
    summary=Text("what pays for it ends", "das Zahlungsmittel endet"),
    meaning=Text(
        "An expired card or a mandate of somebody who left closes a service as surely as a fire.",
        "Eine abgelaufene Karte oder das Mandat einer Ausgetretenen schließt einen Dienst so sicher wie ein Feuer.",
    ),
    decision=Text(
        "What pays ends within 60 days, or has ended. As a note, where its end (`until`) is expressly unknown.",
        "Das Zahlungsmittel endet in 60 Tagen oder hat schon geendet. Als Hinweis, wo `until` ausdrücklich unbekannt "
        "ist.",
    ),
    remedy=Text(
        "Pay from the organisation's account; two people see the invoices.", "Vom Konto der Organisation zahlen."
    ),
    find=find_payments,
    prevented=(
        Text(
            "Fosstodon 2022: the founder's card at the registrar had expired",
            "Fosstodon 2022: die Karte des Gründers beim Registrar war abgelaufen",
        ),
    ),
)

EOL = Rule(
    id="eol",
    summary=Text("no security updates", "keine Sicherheitsupdates"),
    meaning=Text(
        "Software without security updates is taken over sooner or later, and moving it gets harder every year.",
        "Software ohne Sicherheitsupdates wird früher oder später übernommen, und der Umzug wird jedes Jahr schwerer.",
    ),
    decision=Text(
        "`supported-until`, or the end of support of well-known releases named in `system`; within 90 days or past.",
        "`supported-until` oder das bekannte Ende der Version in `system`; in 90 Tagen oder schon vorbei.",
    ),
    remedy=Text("A move to a supported release, rehearsed.", "Ein geprobter Umzug auf eine unterstützte Version."),
    find=find_ends_of_life,
)
