"""What the first look found by itself: what does not answer, and registries that write to what they write about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kedge.discovery.world import DomainView, World
from kedge.model.finding import Finding, Severity, Text
from kedge.model.inventory import Inventory
from kedge.model.observation import Observation, Status
from kedge.rules.cause_graph import needs_of
from kedge.rules.causes import causes


def first_findings(
    world: World, inventory: Inventory, seen: Mapping[str, Mapping[str, Observation]]
) -> tuple[Finding, ...]:
    """Return what is wrong as seen from outside; what the inventory itself tells, `kedge check` finds."""
    looks = {thing: dict(each) for thing, each in seen.items()}
    for view in world.domains:
        told = view.registration.seen
        if told and told.status is Status.DOWN:  # what merely ends soon is a rule's matter: domain-expiry
            looks.setdefault(view.name, {})["registration"] = told
    found = causes(needs_of(inventory), looks)
    return (*(one for one in found if one.rule != "unseen"), *_contacts(world))


def _contacts(world: World) -> Iterator[Finding]:
    """Yield the domains whose registration names nobody but addresses that depend on that very domain."""
    for view in world.domains:
        contacts = view.registration.contacts
        if contacts and all(_is_inside(contact, view) for contact in contacts):
            yield _contact_finding(view, contacts)


def _is_inside(contact: str, view: DomainView) -> bool:
    domain = contact.rpartition("@")[2].lower()
    return domain == view.name or domain.endswith(f".{view.name}")


def _contact_finding(view: DomainView, contacts: tuple[str, ...]) -> Finding:
    domain, mails = view.name, ", ".join(contacts)
    hosts = ", ".join(view.mail_hosts) or "nobody"
    who = view.registration.registrar or "the registrar"
    wer = view.registration.registrar or "der Registrar"
    return Finding(
        "notice-loop", domain, Severity.WARNING,
        Text(
            f"Messages about {domain} go to {mails}, and need {domain} to arrive",
            f"Nachrichten über {domain} gehen an {mails} und brauchen {domain}, um anzukommen",
        ),
        (
            Text(f"{who} → {mails} → mail for {domain} is taken by {hosts} → {domain}",
                 f"{wer} → {mails} → Mail für {domain} nimmt {hosts} an → {domain}"),
            Text(f"When {domain} or its mail is lost, the warning, the invoice and the reset link are lost with it.",
                 f"Fällt {domain} oder seine Mail aus, gehen Warnung, Rechnung und Rücksetzlink mit verloren."),
        ),
        Text(
            f"Give {who} an address at another mail provider as well, read by somebody responsible; send a test.",
            f"{wer} auch eine Adresse bei einem anderen Mailanbieter geben, die jemand Zuständiges liest; prüfen.",
        ),
    )  # fmt: skip
