"""What a recovery needs that no store holds: secrets, instructions, other services; and where each is said to be."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import chain

from kedge.model.inventory import Inventory
from kedge.model.need import PHASES, names_in
from kedge.model.service import Service
from kedge.model.thing import Thing

MACHINES = ("hosts", "services", "stores")


def find_elsewhere(inventory: Inventory, service: str, saved: Collection[str]) -> tuple[str, ...]:
    """Return, of one service, what must come from elsewhere than a store that holds what is `saved`."""
    around = _around(inventory, service)
    sections = inventory.sections
    brought = {name for one in saved for name in _keepers(sections.services[one])}
    lacking = [
        f"service {name}: not saved here"
        for name, one in sections.services.items()
        if name in around and name not in saved and name not in brought and one.has_data
    ]
    documents = [
        f"document {name}: {_kept(inventory, one.kept)}"
        for name, one in sections.documents.items()
        if service in one.covers
    ]
    wanted = set(_secrets(inventory, around))
    secrets = [
        f"secret {name}: {_kept(inventory, one.kept)}" for name, one in sections.secrets.items() if name in wanted
    ]
    return (*lacking, *documents, *secrets)


def _keepers(service: Service) -> Iterator[str]:
    """Yield the services in which this one keeps a part of its own: it brings what it needs of them."""
    for part in service.parts():
        if part.of != "self":
            yield getattr(service, part.of.replace("-", "_"), "")


def _around(inventory: Inventory, service: str) -> set[str]:
    """Return a service with all that it needs, where that runs, and who sells it."""
    found: set[str] = set()
    new = [service]
    while new:
        name = new.pop()
        if name not in found and name in inventory.things:
            found.add(name)
            new += _next_to(inventory, inventory.things[name])
    return found


def _next_to(inventory: Inventory, thing: Thing) -> Iterator[str]:
    needs = getattr(thing, "needs", None)
    for phase in PHASES if needs else ():
        yield from chain.from_iterable(map(names_in, getattr(needs, phase)))
    yield from (need.of for need in getattr(thing, "required", tuple)())
    yield from getattr(thing, "host", None) or ()
    yield from (domain for domain in inventory.sections.domains if domain in getattr(thing, "domains", ()))
    yield from filter(None, (getattr(thing, "provider", None), getattr(thing, "registrar", None)))


def _secrets(inventory: Inventory, around: set[str]) -> Iterator[str]:
    for account in inventory.sections.accounts.values():
        if not around.isdisjoint(account.opens):
            yield from account.factors or ()
    for name in around & inventory.sections.services.keys():
        look_as = getattr(inventory.sections.services[name], "look_as", None)
        yield from (look_as.secret,) if look_as else ()


def _kept(inventory: Inventory, copies: tuple[str, ...] | None) -> str:
    if not copies:
        return "nobody says where it is kept"
    machines = set(chain.from_iterable(getattr(inventory.sections, section) for section in MACHINES))
    where = ", ".join(copies)
    return f"only on {where}, which may be lost too" if machines.issuperset(copies) else f"with {where}"
