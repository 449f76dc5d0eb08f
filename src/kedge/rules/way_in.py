"""circ-access, circ-secret, circ-dns, circ-tooling: a way back that needs what it would bring back."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kedge.model.finding import Severity, Text
from kedge.rules.case import Case
from kedge.rules.circles import Circle, CircleClass, chain_text, find_circles
from kedge.rules.claim import Claim, Rule
from kedge.rules.lost_tools import find_lost_tools
from kedge.rules.wording import listed, lost

Say = Callable[[str, str], Text]


def _claims(case: Case, kind: CircleClass, settled: str, title: Say, fix: Say) -> Iterator[Claim]:
    """Yield a claim for each thing of one class of circle: what it is, the chain, what it costs, what to do."""
    for circle in find_circles(case):
        if circle.kind == kind:
            yield Claim(
                rule=kind,
                thing=circle.mended,
                title=title(circle.mended, circle.loss.thing),
                why=(chain_text(case, circle), _cost(circle)),
                fix=fix(circle.mended, circle.loss.thing),
                losses=(circle.loss,),
                toll=circle.toll,
                speaks_of=frozenset({"unrecoverable", "unnoticed"}),
                settles=frozenset({(circle.mended, settled)}),
                least=Severity.WARNING,
            )


def _cost(circle: Circle) -> Text:
    names = listed(circle.toll.unrecoverable or circle.toll.down)
    subject = lost(circle.loss)
    return Text(f"{subject.en} leaves no way back for {names.en}.", f"{subject.de}: kein Weg zurück für {names.de}.")


def find_access_circles(case: Case) -> Iterator[Claim]:
    """Yield the accounts that can only be opened with what they would help to recover."""
    return _claims(
        case,
        "circ-access",
        "opened",
        lambda account, _: Text(
            f"{account} can only be opened with what it would bring back",
            f"{account} öffnet sich nur mit dem, was damit wiederherzustellen wäre",
        ),
        lambda account, thing: Text(
            f"Give {account} a second way in that does not need {thing}: a password on paper, a reset address outside, "
            "a way past the VPN. Try it.",
            f"Für {account} einen zweiten Zugang schaffen, der {thing} nicht braucht: Passwort auf Papier, "
            "Rücksetzadresse außerhalb, Weg am VPN vorbei. Ausprobieren.",
        ),
    )


def find_secret_circles(case: Case) -> Iterator[Claim]:
    """Yield the secrets that are only kept where they are needed to get in."""
    return _claims(
        case,
        "circ-secret",
        "at-hand",
        lambda secret, thing: Text(
            f"{secret} is needed to bring back {thing}, and is only kept there",
            f"{secret} wird gebraucht, um {thing} zurückzubringen, und liegt nur dort",
        ),
        lambda secret, thing: Text(
            f"Keep a copy of {secret} where {thing} does not matter: on paper, with a second person.",
            f"Eine Kopie von {secret} unabhängig von {thing} aufbewahren: auf Papier, bei einer zweiten Person.",
        ),
    )


def find_dns_circles(case: Case) -> Iterator[Claim]:
    """Yield the domains that can only be mended through themselves."""
    return _claims(
        case,
        "circ-dns",
        "changeable",
        lambda domain, _: Text(
            f"{domain} can only be mended through {domain}", f"{domain} lässt sich nur über {domain} richten"
        ),
        lambda domain, _: Text(
            f"Log in to registrar and DNS of {domain} with an address elsewhere; a second name server elsewhere.",
            f"Bei Registrar und DNS von {domain} eine Adresse anderswo nutzen; zweiter Nameserver anderswo.",
        ),
    )


def find_tooling_circles(case: Case) -> Iterator[Claim]:
    """Yield the tools and instructions that are lost together with what they would repair."""
    yield from find_lost_tools(case)
    yield from _claims(
        case,
        "circ-tooling",
        "elsewhere",
        lambda tool, thing: Text(
            f"{tool} is needed to repair {thing}, and is lost with it",
            f"{tool} wird zur Reparatur von {thing} gebraucht und fällt mit aus",
        ),
        lambda tool, thing: Text(
            f"Keep a copy of {tool}, or a way without it, that does not need {thing}; rehearse it once.",
            f"Eine Kopie von {tool} oder einen Weg ohne schaffen, der {thing} nicht braucht; einmal proben.",
        ),
    )


_DECISION = Text(
    "For every single loss: something holds in the greatest reading (if everything that could hold itself up did) and "
    "not in the least one, and a service has no way back because of it. The first class that matches names the circle; "
    "what else lies on it stands beneath.",
    "Für jeden einzelnen Ausfall: Etwas gilt in der größten Lesart und nicht in der kleinsten, und ein Dienst hat "
    "deshalb keinen Weg zurück.",
)

CIRC_ACCESS = Rule(
    id="circ-access",
    summary=Text("the way in needs what is lost", "der Zugang braucht, was verloren ist"),
    meaning=Text(
        "An account, console, VPN or management network that is needed to repair something can only be reached while "
        "that something works.",
        "Ein Konto, eine Konsole, ein VPN, das zur Reparatur nötig ist, ist nur erreichbar, solange läuft, was zu "
        "reparieren ist.",
    ),
    decision=_DECISION,
    remedy=Text(
        "A second way in that shares nothing with the first, tried once a year.",
        "Ein zweiter Zugang, der mit dem ersten nichts teilt, einmal im Jahr ausprobiert.",
    ),
    find=find_access_circles,
    prevented=(
        Text(
            "Rogers 2022: the management network ran over the core it was to repair",
            "Rogers 2022: das Verwaltungsnetz lief über den Kern, den es reparieren sollte",
        ),
    ),
)

CIRC_SECRET = Rule(
    id="circ-secret",
    summary=Text("the key lies in the locked room", "der Schlüssel liegt im verschlossenen Raum"),
    meaning=Text(
        "A password, key or token that is needed to bring something back is only kept in what is to be brought back: "
        "the vault's password in the vault, the backup's passphrase on the server.",
        "Ein Passwort, Schlüssel oder Token liegt nur in dem, was damit zurückzubringen wäre: das Passwort des Tresors "
        "im Tresor, die Passphrase des Backups auf dem Server.",
    ),
    decision=_DECISION,
    remedy=Text(
        "Two copies, one of them on paper or with another person.",
        "Zwei Kopien, davon eine auf Papier oder bei einer anderen Person.",
    ),
    find=find_secret_circles,
)

CIRC_DNS = Rule(
    id="circ-dns",
    summary=Text("the name is needed to mend the name", "der Name wird gebraucht, um den Namen zu richten"),
    meaning=Text(
        "The login at the registrar or DNS operator, the name servers or the repair tools need the very names that are "
        "broken.",
        "Der Zugang beim Registrar, die Nameserver oder die Werkzeuge brauchen eben die Namen, die nicht gehen.",
    ),
    decision=_DECISION,
    remedy=Text(
        "Logins with an address at another domain; a secondary elsewhere; the zone as a file at hand.",
        "Zugänge mit einer Adresse unter anderer Domain; ein zweiter Nameserver anderswo; die Zone als Datei.",
    ),
    find=find_dns_circles,
    prevented=(
        Text(
            "GitHub 2014: deploying the DNS needed a service that needed the DNS",
            "GitHub 2014: die DNS-Verteilung brauchte einen Dienst, der das DNS brauchte",
        ),
        Text(
            "Facebook 2021: the tools to repair the network needed its DNS",
            "Facebook 2021: die Werkzeuge zur Reparatur des Netzes brauchten dessen DNS",
        ),
    ),
)

CIRC_TOOLING = Rule(
    id="circ-tooling",
    summary=Text("the tool is lost with what it repairs", "das Werkzeug fällt mit aus"),
    meaning=Text(
        "Instructions in the wiki on the server that is down, the deployment system that needs what it deploys.",
        "Die Anleitung im Wiki auf dem Server, der steht; das Werkzeug, das braucht, was es aufsetzt.",
    ),
    decision=Text(
        f"{_DECISION.en} A warning: a host, place or service that takes down something together with what it needs to "
        "`recover`, while nothing that is known (no unknown value taken as fine) brings the tool back. After a power "
        "cut or a network's loss, what starts by itself is back.",
        f"{_DECISION.de} Als Warnung: ein Host, Ort oder Dienst, mit dem etwas samt dem ausfällt, was zu seiner "
        "Wiederherstellung (`recover`) nötig ist, ohne dass Bekanntes das Werkzeug zurückbringt. Nach Strom- und "
        "Netzausfall ist zurück, was von selbst startet.",
    ),
    remedy=Text(
        "A copy elsewhere, or a way by hand that somebody has rehearsed.",
        "Eine Kopie anderswo oder ein geprobter Weg von Hand.",
    ),
    find=find_tooling_circles,
    prevented=(
        Text(
            "AWS 2021: monitoring and deployment ran over the network that was to be repaired",
            "AWS 2021: Überwachung und Verteilung liefen über das Netz, das zu reparieren war",
        ),
        Text(
            "Slack 2021: new servers were provisioned over the gateways that were full",
            "Slack 2021: neue Server kamen nur über die Gateways, die voll waren",
        ),
    ),
)
