"""Additions that are about places: a copy, a spare, a second MX, a second DNS operator, a second vantage, elsewhere."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import cast

from kedge.model.care import Vantage
from kedge.model.finding import Text
from kedge.model.need import Needs
from kedge.model.people import Account, Secret
from kedge.model.premises import Host, Place, Provider
from kedge.model.saving import Save, Store
from kedge.model.thing import Thing
from kedge.rules.additions import EVENING, WEEKEND, Addition, Ground, Things
from kedge.rules.wording import listed

_OFFERED = 4
"""How many of the stores or machines that are there are offered for each purpose."""
_ROOM = 10**12
"""Bytes a new spare has free where nobody said how much is needed."""


def place_additions(ground: Ground) -> Iterator[Addition]:
    """Yield every addition about places that is worth trying."""
    yield from _copies(ground)
    yield from _spares(ground)
    yield from _second_mx(ground)
    yield from _second_dns(ground)
    yield from _second_vantage(ground)


def _elsewhere(ground: Ground, who: Sequence[str], sells: str) -> Things:
    """Return a provider nobody had before, and the account with it: its holders, its password with each of them."""
    provider = ground.new("another-provider")
    login = ground.new(f"{provider}-login")
    return {
        provider: Provider(sells=(sells,)),
        login: Account(opens=(provider,), held_by=tuple(who) or None),
    }


def _copies(ground: Ground) -> Iterator[Addition]:
    """Yield one more copy for services that have the same copies now, and for all together."""
    groups: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    saved = _with_data(ground)
    for name in saved:
        groups[_copies_of(ground, name)].append(name)
    popular = Counter(store for stores, names in groups.items() for store in stores for _ in names)
    stores = sorted(ground.sections.stores, key=lambda store: -popular[store])
    for present, names in groups.items():
        for store in [store for store in stores if store not in present][:_OFFERED]:
            yield _copied_to(ground, names, store)
        yield _copied_elsewhere(ground, names)
    if len(groups) > 1:
        yield _copied_elsewhere(ground, saved)


def _with_data(ground: Ground) -> list[str]:
    services = ground.sections.services
    return [name for name, _ in ground.of("services") if services[name].has_data]


def _saved_names(ground: Ground, names: Sequence[str]) -> Text:
    """Return services at the beginning of a sentence."""
    shown = ground.named(names, among=_with_data(ground))
    return replace(shown, de="Alles") if shown.de == "alles" else shown


def _copied_to(ground: Ground, names: Sequence[str], store: str) -> Addition:
    shown = _saved_names(ground, names)
    is_more = any(_copies_of(ground, name) for name in names)
    what = Text(
        f"Save {shown.en} to {store}{' as well' if is_more else ''}",
        f"{shown.de} {'auch ' if is_more else ''}nach {store} sichern",
    )
    return Addition(what, ground.responsible(names), EVENING, _saved(ground, names, store))


def _copied_elsewhere(ground: Ground, names: Sequence[str]) -> Addition:
    who = ground.responsible(names)
    store, drawer = ground.new("another-store"), ground.new("another-drawer")
    key, provider = ground.new(f"{store}-passphrase"), _elsewhere(ground, who, store)
    things: Things = {
        **provider,
        store: Store(on=next(iter(provider)), type="restic", passphrase=key, append_only=True),
        key: Secret(kept=(*who, f"paper at {drawer}")),
        drawer: Place(kind="building"),
        **_saved(ground, names, store),
    }
    shown = _saved_names(ground, names)
    how = Text("append-only, passphrase also on paper", "ohne Löschrecht, Passphrase auch auf Papier")
    what = Text(
        f"Save {shown.en} at another provider ({how.en})", f"{shown.de} bei einem anderen Anbieter sichern ({how.de})"
    )
    if all(_copies_of(ground, name) for name in names):
        what = Text(
            f"Keep one more copy of {shown.en} at one more provider ({how.en})",
            f"{shown.de} noch einmal sichern, bei einem weiteren Anbieter ({how.de})",
        )
    return Addition(what, who, EVENING, things)


def _copies_of(ground: Ground, name: str) -> tuple[str, ...]:
    save = ground.sections.services[name].save
    return save.to if save else ()


def _saved(ground: Ground, names: Sequence[str], store: str) -> Things:
    services, things = ground.sections.services, dict[str, Thing]()
    for name in names:
        save = services[name].save or Save(to=())
        things[name] = services[name].model_copy(update={"save": save.model_copy(update={"to": (*save.to, store)})})
    return things


def _spares(ground: Ground) -> Iterator[Addition]:
    """Yield a spare for what runs on each machine, and on all: one that is there, or one from another provider."""
    hosts = [name for name, host in ground.of("hosts") if not cast("Host", host).guest_of]
    used = [name for name in hosts if ground.services_on(name)]
    for lost in _each_and_all(used):
        for other in [name for name in hosts if name not in lost][:_OFFERED]:
            yield _spare_there(ground, lost, other)
    for other in used if 2 < len(used) <= _OFFERED + 1 else ():
        yield _spare_there(ground, [name for name in used if name != other], other)
    if ground.original.issuperset(ground.compiled.index.spares):
        for lost in _each_and_all(used):
            yield _spare_elsewhere(ground, lost)


def _each_and_all(names: list[str]) -> list[list[str]]:
    return [[name] for name in names] + ([names] if 1 < len(names) <= _OFFERED else [])


def _carried(ground: Ground, lost: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(service for name in lost for service in ground.services_on(name)))


def _room(ground: Ground, services: Sequence[str]) -> int:
    return sum(ground.sections.services[name].restore.size or 0 for name in services) or _ROOM


def _spare_there(ground: Ground, lost: Sequence[str], other: str) -> Addition:
    spare, services = ground.sections.hosts[other], _carried(ground, lost)
    carried = tuple(dict.fromkeys((*(spare.spare_for or ()), *services)))
    update = {
        "room": max(spare.room or 0, _room(ground, services)),
        "spare_for": None if spare.room and spare.spare_for is None else carried,
    }
    names = listed(lost)
    what = Text(
        f"Make {other} the spare for {names.en}, with room for what runs there",
        f"{other} zum Ersatz für {names.de} machen, mit Platz für das, was dort läuft",
    )
    return Addition(
        what, ground.responsible(services), EVENING, {other: spare.model_copy(update=update)}, about=tuple(lost)
    )


def _spare_elsewhere(ground: Ground, lost: Sequence[str]) -> Addition:
    services = _carried(ground, lost)
    who, names = ground.responsible(services), listed(lost)
    spare = ground.new(f"spare-for-{lost[0]}")
    what = Text(
        f"Rent a spare for {names.en} at another provider, with room for what runs there",
        f"Ersatz für {names.de} bei einem anderen Anbieter mieten, mit Platz für das, was dort läuft",
    )
    host = Host(login=f"ssh root@{spare}", room=_room(ground, services), spare_for=services)
    return Addition(what, who, WEEKEND, {**_elsewhere(ground, who, spare), spare: host}, about=tuple(lost))


def _second_mx(ground: Ground) -> Iterator[Addition]:
    """Yield a second mail server for every domain that has one of one's own."""
    for (type_, domain), receivers in ground.compiled.index.receivers.items():
        if type_ == "mail" and domain and len(receivers) == 1 and receivers[0] in ground.original:
            service = ground.sections.services[receivers[0]]
            who = ground.responsible(receivers)
            host, name = ground.new("second-mx-host"), ground.new(f"second-mx-of-{domain}")
            update = {
                "host": (host,),
                "at_least": 1,
                "needs": Needs(),
                "save": Save(to=()),
                "keeps_data": False,
                "domains": (domain,),
                "public": False,
            }
            what = Text(
                f"Set up a second MX for {domain} at another provider",
                f"Einen zweiten MX für {domain} bei einem anderen Anbieter einrichten",
            )
            things: Things = {
                **_elsewhere(ground, who, host),
                host: Host(login=f"ssh root@{host}"),
                name: service.model_copy(update=update),
            }
            yield Addition(what, who, WEEKEND, things)


def _second_dns(ground: Ground) -> Iterator[Addition]:
    """Yield a second DNS operator for every domain that has one."""
    for name, domain in ground.sections.domains.items():
        if name in ground.original and len(domain.nameservers or ()) == 1:
            openers = ground.compiled.index.openers.get(name, ())
            who = tuple(dict.fromkeys(holder for account in openers for holder in ground.holders(account)))
            provider = ground.new("another-dns-operator")
            what = Text(
                f"Let a second DNS operator answer for {name}",
                f"Einen zweiten DNS-Betreiber für {name} antworten lassen",
            )
            changed = domain.model_copy(update={"nameservers": (*(domain.nameservers or ()), provider)})
            yield Addition(what, who, EVENING, {provider: Provider(), name: changed})


def _second_vantage(ground: Ground) -> Iterator[Addition]:
    """Yield a second place to watch from, if everything is watched from one."""
    alerts = ground.sections.alerts
    if alerts and len(alerts.watcher or ()) == 1:
        vantage, place = ground.new("another-vantage"), ground.new("another-site")
        what = Text("Watch from a second place as well", "Von einem zweiten Ort aus ebenfalls beobachten")
        watcher = (*(alerts.watcher or ()), vantage)
        things: Things = {vantage: Vantage(on=place), place: Place()}
        yield Addition(what, (), EVENING, things, alerts.model_copy(update={"watcher": watcher}))
