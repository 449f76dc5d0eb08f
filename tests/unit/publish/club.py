"""Inventories to publish: a small club in several sizes and moods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from kedge.kinds.registry import KINDS
from kedge.model.facts import Fact, Facts
from kedge.model.finding import Finding, Loss, Severity, Symptom, Text
from kedge.model.inventory import Inventory, Mark, Sections, Unknown
from kedge.model.observation import Observation, Status
from kedge.model.service import Service

NOW = datetime(2007, 1, 5, 20, 0, tzinfo=UTC)


def service(kind: str = "other", **fields: Any) -> Service:
    return KINDS[kind].model_validate(fields)


def inventory(services: Mapping[str, Service], **sections: Any) -> Inventory:
    sections.setdefault("organisation", {"name": "Example Club"})
    return Inventory(Sections.model_validate({**sections, "services": services}))


def facts(*known: Fact) -> Facts:
    return Facts.of(known, NOW)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def looks(**seen: str) -> dict[str, Observation]:
    return {name: Observation(Status(status), "looked") for name, status in seen.items()}


def seen(names: Iterable[str], **span: float) -> list[Fact]:
    return [Fact(name, "observation", "ok", ago(**span), "observed") for name in names]


def drilled(name: str, **span: float) -> Fact:
    return Fact(name, "drill", "ok", ago(**span), "drilled")


PEOPLE = {
    "anna": {"title": "Anna Beispiel", "public": True, "channels": ["mail anna@private.example"]},
    "ben": {"title": "Ben Muster", "channels": ["sms 0151000001"]},
    "caro": {"title": "Caro", "public": True},
    "dora": {"title": "Dora"},
}
TEAMS = {
    "web": {"title": "Web team", "members": ["anna", "ben", "caro"], "about": "Pages, wiki and forum."},
    "post": {"title": "Mail team", "members": ["dora", "ben"]},
}


def club() -> Inventory:
    """Return a club of nine services with most of what a page can show."""
    return inventory(
        {
            "site": service(
                "http", title="Website", about="Who we are, and when we meet.", domains="www.example.org", people="web"
            ),
            "wiki": service(
                "mediawiki",
                title="Wiki",
                about="What we know, written down by everybody.",
                domains="wiki.example.org",
                people="web",
            ),
            "mail": service(
                "postfix",
                title="E-mail",
                about="Mailboxes and addresses for members.",
                domains=["mail.example.org", "smtp.example.org"],
                people="post",
            ),
            "lists": service("mailman3", title="Mailing lists", domains="lists.example.org", people="post"),
            "chat": service(
                "prosody",
                title="Chat",
                about="Jabber for members, with rooms for every group.",
                domains="jabber.example.org",
                people="caro",
            ),
            "forum": service(
                "phpbb",
                title="Forum",
                about="The old one, still loved.",
                domains="forum.example.org",
                people=["anna", "dora"],
            ),
            "tickets": service("otrs", title="Questions to the board", people=["post", "anna"]),
            "calendar": service(title="Calendar"),
            "vault": service(title="Password vault", public=False, people="ben"),
        },
        organisation={"name": "Example Club", "url": "https://www.example.org/", "contact": "it@example.org"},
        people=PEOPLE,
        teams=TEAMS,
    )


def club_facts() -> Facts:
    looked = seen(("site", "wiki", "mail", "lists", "forum"), minutes=4)
    return facts(
        *looked,
        Fact("chat", "observation", "down", ago(minutes=4), "observed"),
        Fact("tickets", "observation", "ok", ago(hours=5), "observed"),
        drilled("wiki", days=2),
        drilled("mail", days=40),
        drilled("forum", days=400),
    )


def club_looks() -> dict[str, Observation]:
    return looks(site="ok", wiki="ok", mail="ok", lists="degraded", chat="down", forum="ok")


def insiders_club() -> Inventory:
    """Return the club with what only insiders see: hosts, accounts, stores, unknowns, an accepted finding."""
    sections = club().sections
    return Inventory(
        Sections.model_validate(
            {
                **{name: getattr(sections, name) for name in ("organisation", "services")},
                "people": {
                    **PEOPLE,
                    "ben": {**PEOPLE["ben"], "away": "until 2007-02-01"},
                    "emil": {"left": "2006-12-01"},
                },
                "teams": TEAMS,
                "providers": {
                    "hoster": {"sells": "web1", "notices-to": "mail board@example.org", "support-hours": "mon-fri 8-18"}
                },
                "hosts": {
                    "web1": {
                        "provider": "hoster",
                        "address": "192.0.2.10",
                        "login": "ssh root@192.0.2.10",
                        "last-boot": "2006-06-01 04:12",
                        "volumes": {
                            "/": {"size": "20 GB", "used": "18.4 GB", "growth": "300 MB/d", "unallocated": "140 GB"}
                        },
                    }
                },
                "domains": {
                    "example.org": {"registrar": "hoster", "expiry": "2007-11-01", "zone": {"wiki www": "A 192.0.2.10"}}
                },
                "accounts": {"panel": {"opens": "hoster", "held-by": "anna", "reset-by": "mail board@example.org"}},
                "stores": {"backup-disk": {"on": "web1", "type": "folder", "repository": "/srv/backup"}},
                "accepted": [
                    {
                        "rule": "spof",
                        "thing": "forum",
                        "why": "closed for good in spring",
                        "by": "anna",
                        "until": "2007-04-01",
                    }
                ],
            }
        ),
        (
            Unknown("wiki", "save", Mark("club.yaml", 12, 5)),
            Unknown("wiki", "host", Mark("club.yaml", 13, 5)),
            Unknown("panel", "factors", Mark("club.yaml", 40, 7)),
        ),
        source="club.yaml",
    )


def club_findings() -> list[Finding]:
    return [
        Finding(
            "notice-loop", "hoster", Severity.CRITICAL,
            Text("Nobody would hear from the hoster if web1 died", "Niemand erführe vom Hoster, wenn web1 ausfiele"),
            (Text("The hoster writes to board@example.org", "Der Hoster schreibt an board@example.org"),
             Text("Mail for example.org is received by mail", "Mail für example.org nimmt mail entgegen"),
             Text("mail runs on web1", "mail läuft auf web1")),
            Text("Give the hoster an address outside example.org",
                 "Dem Hoster eine Adresse außerhalb von example.org geben"),
            (Loss("web1"),), None, (Symptom("alert-loop", "mail"),),
        ),
        Finding(
            "bk-none", "wiki", Severity.CRITICAL,
            Text("Nothing is saved: wiki and 6 more", "Nichts ist gesichert: wiki und 6 weitere"),
            (Text("wiki has no snapshot in any store", "wiki hat keinen Schnappschuss in irgendeiner Ablage"),),
            Text("Save it to a store that does not die with web1", "In eine Ablage sichern, die nicht mit web1 stirbt"),
            (Loss("web1"), Loss("wiki", "emptied")), ago(days=30),
            tuple(Symptom("bk-none", name) for name in ("mail", "lists", "chat")),
        ),
        Finding(
            "disk-limit", "web1", Severity.WARNING, Text("web1 is full in 5 days", "web1 ist in 5 Tagen voll"),
            (Text("18.4 of 20 GB are used, 300 MB more each day", "18,4 von 20 GB sind belegt, täglich 300 MB mehr"),),
            Text("Use the 140 GB that no partition uses", "Die 140 GB nutzen, die keine Partition nutzt"),
            (Loss("web1"),),
        ),
    ]  # fmt: skip


LONG = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenverleihung" * 2


def empty_club() -> Inventory:
    return inventory({})


def tiny_club() -> Inventory:
    """Return what thirty lines might say: one service, one person."""
    return inventory(
        {"wiki": service("mediawiki", title="Wiki", about="What we know.", domains="wiki.example.org", people="anna")},
        organisation={"name": "Allotment Gardeners", "contact": "garden@example.org", "language": "en"},
        people={"anna": {"title": "Anna", "public": True}},
    )


def sixty_club() -> Inventory:
    """Return sixty services in six teams."""
    kinds = ("Wiki", "Mailboxes", "Lists", "Chat", "Calendar", "Files", "Forum", "Tickets", "Video calls", "Shop")
    services = {
        f"s{number}": service(
            title=f"{kinds[number % 10]} of district {number // 10 + 1}",
            about="For everybody in the district." if number % 3 else "",
            domains=f"{kinds[number % 10].lower().replace(' ', '-')}.d{number // 10 + 1}.example.org",
            people=f"team{number // 10 + 1}" if number % 7 else "anna",
        )
        for number in range(60)
    }
    people = {"anna": PEOPLE["anna"]} | {f"p{number}": {} for number in range(18)}
    teams = {
        f"team{number + 1}": {"title": f"District {number + 1}", "members": [f"p{3 * number + at}" for at in range(3)]}
        for number in range(6)
    }
    whose = {
        "name": "Federation of Example Clubs",
        "url": "https://www.example.org",
        "contact": "https://www.example.org/it",
    }
    return inventory(services, organisation=whose, people=people, teams=teams)


def long_club() -> Inventory:
    """Return a club in which every name is far too long, and levels and findings are public."""
    return inventory(
        {
            "first": service(
                title=LONG,
                about=f"{LONG} and {LONG}",
                domains=f"{'a' * 60}.{'b' * 60}.example.org",
                people=["long", "anna"],
            ),
            "second": service(
                title="Short", people="dora", domains=[f"name{number}.example.org" for number in range(9)]
            ),
            "x" * 100: service(),
        },
        organisation={
            "name": LONG,
            "url": "https://www.example.org/",
            "contact": f"https://www.example.org/{'path' * 40}",
            "public": {"levels": True, "findings": True},
        },
        people={**PEOPLE, "anna": {"title": LONG, "public": True}},
        teams={"long": {"title": LONG, "about": LONG, "members": ["anna", "ben"]}},
    )


def long_findings() -> list[Finding]:
    text = Text(f"{LONG} is not proven", f"{LONG} ist nicht erprobt")
    return [
        Finding(
            "bk-untested", "first", Severity.WARNING, text, (text, text), text, (), None, (Symptom("x", "y" * 100),)
        ),
        Finding("spof", "hidden", Severity.CRITICAL, text, (text,), text),
    ]
