"""Additions that are about people: addresses outside, a second person, a second holder, copies of keys and papers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import cast

from kedge.inventory.compile_services import domains_of_service
from kedge.model.finding import Text
from kedge.model.people import Account, Channel, Document, Person, Secret, Team
from kedge.model.premises import Place, Provider
from kedge.model.thing import Thing
from kedge.rules.additions import EVENING, MINUTES, WEEKS, Addition, Ground, Things
from kedge.rules.wording import listed

_NEW_PERSON = "somebody-new"
_SHOWN = 4


def people_additions(ground: Ground) -> Iterator[Addition]:
    """Yield every addition about people that is worth trying."""
    yield from _addresses(ground)
    yield from _phones(ground)
    yield from _second_people(ground)
    yield from _second_holders(ground)
    yield from _resets(ground)
    yield from _papers(ground)


def _addresses(ground: Ground) -> Iterator[Addition]:
    """Yield a second address, outside, for each provider's messages."""
    for name, thing in ground.of("providers"):
        provider = cast("Provider", thing)
        reader = next(iter(_readers(ground, name, provider)), None)
        if not provider.notices_to or reader is None:
            continue
        channel, things = _private(ground, reader, provider.notices_to)
        things[name] = provider.model_copy(update={"notices_to": (*provider.notices_to, channel)})
        what = Text(
            f"Let messages from {name} also go outside: to a private address of {reader}",
            f"Meldungen von {name} auch nach außerhalb gehen lassen: an eine private Adresse von {reader}",
        )
        yield Addition(what, (reader,), MINUTES, things)


def _readers(ground: Ground, name: str, provider: Provider) -> tuple[str, ...]:
    """Return who should read a provider's messages: who is responsible for what it sells, who reads them, who signed.

    Only they can act on them.
    """
    channels = (ground.sections.channels[each] for each in provider.notices_to or ())
    readers = [reader for channel in channels for reader in channel.readers or ()]
    index = ground.compiled.index
    sold = [each for each, sellers in index.sellers.items() if name in sellers]
    hosts = [each for each in sold if each in ground.sections.hosts]
    services = [s for host in hosts for s in ground.services_on(host)] + [
        s for s in sold if s in ground.sections.services
    ]
    return tuple(
        dict.fromkeys([*ground.responsible(services), *ground.acting(readers), *ground.acting(provider.contract)])
    )


def _private(ground: Ground, person: str, known: Iterable[str]) -> tuple[str, Things]:
    """Return a channel of a person that needs nothing of one's own and is not among the known ones; new if need be."""
    for channel in ground.outside(person):
        if channel not in known and ground.sections.channels[channel].type == "mail":
            return channel, {}
    name = ground.new(f"mail {person}@outside.invalid")
    return name, {name: Channel(to=name, readers=(person,))}


def _phones(ground: Ground) -> Iterator[Addition]:
    """Yield the phone numbers of everybody who is responsible and can only be reached through one's own services."""
    people = [p for p in ground.responsible(ground.sections.services) if not ground.outside(p) and p in ground.original]
    things: Things = {}
    for person in people:
        things |= ground.reachable(person)
    if people:
        names = listed(people, _SHOWN)
        what = Text(
            f"Write down {'a phone number' if len(people) == 1 else 'phone numbers'} of {names.en}",
            f"{'Telefonnummer' if len(people) == 1 else 'Telefonnummern'} von {names.de} aufschreiben",
        )
        if ground.sections.alerts and ground.sections.alerts.watcher:
            what = Text(
                f"Let alerts also go to {names.en} outside: a private address, or ntfy",
                f"Alarme an {names.de} auch nach außerhalb gehen lassen: private Adresse oder ntfy",
            )
        yield Addition(what, tuple(people), MINUTES, things)


def _second_people(ground: Ground) -> Iterator[Addition]:
    """Yield one more person for each group of services with the same one or two responsible people."""
    groups: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, _ in ground.of("services"):
        groups[ground.responsible([name])].append(name)
    for present, services in groups.items():
        if present and len(present) <= 2:
            for newcomer in _newcomers(ground, present):
                yield _joined(ground, present, services, newcomer)


def _newcomers(ground: Ground, present: tuple[str, ...]) -> tuple[str, ...]:
    """Return up to two people who could join, those first who are reached whatever is lost; else somebody new."""
    others = [person for person in ground.able if person not in present and person in ground.original]
    return tuple(sorted(others, key=lambda person: not ground.outside(person))[:2]) or (_NEW_PERSON,)


def _joined(ground: Ground, present: tuple[str, ...], services: list[str], newcomer: str) -> Addition:
    things, accounts = _with_person(ground, services, newcomer)
    second, zweiten = ("second", "zweiten") if len(present) == 1 else ("third", "dritten")
    names, access = ground.named(services), listed(accounts, 3)
    with_access = Text(f", with access to {access.en}", f", mit Zugang zu {access.de}") if accounts else Text("", "")
    is_new = newcomer not in ground.sections.people
    head = Text(f"Make {newcomer} the {second} person", f"{newcomer} zur {zweiten} Person machen")
    if is_new:
        head = Text(f"Find a {second} person", f"Eine {zweiten[:-1]} Person finden")
    what = Text(f"{head.en} for {names.en}{with_access.en}", f"{head.de} für {names.de}{with_access.de}")
    return Addition(what, present if is_new else (*present, newcomer), WEEKS if is_new else EVENING, things)


def _with_person(ground: Ground, services: list[str], newcomer: str) -> tuple[Things, list[str]]:
    """Return all that changes if somebody becomes responsible for services, and the accounts that are handed over.

    Who answers for something already is asked for a phone number with all others (`_phones`), not here.
    """
    sections = ground.sections
    things: Things = {newcomer: sections.people.get(newcomer) or Person()}
    if newcomer not in ground.responsible(sections.services):
        things |= ground.reachable(newcomer)
    for name in services:
        people = sections.services[name].people or ()
        team = next((each for each in people if each in sections.teams and sections.teams[each].members), None)
        things |= _in_team(sections.teams[team], team, newcomer) if team else _on_service(ground, name, newcomer)
    accounts = [a for a in _accounts_of(ground, services) if newcomer not in ground.holders(a)]
    for account in accounts:
        things |= _held_by(ground, account, newcomer)
    saves = [save for name in services if (save := sections.services[name].save)]
    for store in dict.fromkeys(store for save in saves for store in save.to):
        things |= _kept_by(ground, sections.stores[store].passphrase, newcomer)
    return things, accounts


def _in_team(declared: Team, team: str, newcomer: str) -> Things:
    return {team: declared.model_copy(update={"members": (*(declared.members or ()), newcomer)})}


def _on_service(ground: Ground, name: str, newcomer: str) -> Things:
    service = ground.sections.services[name]
    return {name: service.model_copy(update={"people": (*(service.people or ()), newcomer)})}


def _accounts_of(ground: Ground, services: Iterable[str]) -> list[str]:
    """Return the accounts needed to bring services back: of their hosts, hosters, domains, and their own."""
    index, sections = ground.compiled.index, ground.sections
    opened: dict[str, None] = {}
    for name in services:
        service = sections.services[name]
        for host in service.host or ():
            for link in index.chain(host):
                opened.update(dict.fromkeys((link, *index.sellers.get(link, ()))))
        for domain in domains_of_service(index, service):
            declared = sections.domains[domain]
            opened.update(dict.fromkeys((domain, *(declared.nameservers or ()), declared.registrar or "")))
        opened[name] = None
    return list(dict.fromkeys(a for each in opened for a in index.openers.get(each, ()) if a in ground.original))


def _held_by(ground: Ground, name: str, person: str) -> Things:
    """Return an account with one more holder, who has what its login asks for."""
    account = ground.sections.accounts[name]
    if account.held_by is None:
        return {}
    things: Things = {name: account.model_copy(update={"held_by": (*account.held_by, person)})}
    for factor in account.factors or ():
        things |= _kept_by(ground, factor, person)
    return things


def _kept_by(ground: Ground, name: str | None, person: str) -> Things:
    if name is None or (secret := ground.sections.secrets[name]).kept is None or person in secret.kept:
        return {}
    return {name: secret.model_copy(update={"kept": (*secret.kept, person)})}


def _second_holders(ground: Ground) -> Iterator[Addition]:
    """Yield a second holder for every account that one person can open."""
    for name, _ in ground.of("accounts"):
        holders = ground.holders(name)
        others = [p for p in ground.able if p not in holders and p in ground.original]
        for person in others[:2] if len(holders) == 1 else ():
            what = Text(
                f"Give {person} access to {name} as well",
                f"Auch {person} Zugang zu {name} geben",
            )
            yield Addition(what, holders, MINUTES, _held_by(ground, name, person))


def _resets(ground: Ground) -> Iterator[Addition]:
    """Yield a reset address outside for every account that is reset through one's own services."""
    for name, thing in ground.of("accounts"):
        account = cast("Account", thing)
        holders = ground.holders(name)
        if account.reset_by and holders:
            channel, things = _private(ground, holders[0], account.reset_by)
            things[name] = account.model_copy(update={"reset_by": (*account.reset_by, channel)})
            what = Text(
                f"Let {name} be reset through an address outside, a private one of {holders[0]}",
                f"{name} über eine Adresse außerhalb zurücksetzbar machen, eine private von {holders[0]}",
            )
            yield Addition(what, holders, MINUTES, things)


def _papers(ground: Ground) -> Iterator[Addition]:
    """Yield a copy on paper, in a place of its own, of every secret and document."""
    for section in ("secrets", "documents"):
        for name, thing in ground.of(section):
            yield _on_paper(ground, name, cast("Secret | Document", thing))


def _on_paper(ground: Ground, name: str, kept_thing: Secret | Document) -> Addition:
    place = ground.new("another-drawer")
    changed: Thing = kept_thing.model_copy(update={"kept": (*(kept_thing.kept or ()), f"paper at {place}")})
    who = ground.acting([each for each in kept_thing.kept or () if each in ground.sections.people])
    what = Text(f"Put a copy of {name} on paper in one more place", f"{name} auf Papier an noch einem Ort hinterlegen")
    return Addition(what, who, MINUTES, {place: Place(kind="building"), name: changed})
