"""Inventories to publish: a small club in several sizes and moods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from kedge.kinds.registry import KINDS
from kedge.model.facts import Fact, Facts
from kedge.model.inventory import Inventory, Sections
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
