"""Rules of places, providers, hosts, domains, stores: what is solid, up, kept, and how it comes back."""

from __future__ import annotations

from kedge.inventory import nodes
from kedge.inventory.draft import Draft
from kedge.model.naming import Domain
from kedge.model.premises import Host
from kedge.model.quantity import NEVER
from kedge.model.saving import Store


def compile_premises(draft: Draft) -> None:
    """Write the rules of everything that services stand on."""
    sections = draft.sections
    for name, place in sections.places.items():
        needs = [
            each
            for phase in ("run", "use")
            for each in draft.expressions(f"up:{name}.{phase}", getattr(place.needs, phase), draft.up, greatest=True)
        ]
        around = map(draft.up, place.within)
        draft.rules.all(draft.up(name), [draft.loss(name), *_outer(draft, name), *around, *needs])
    for name in sections.providers:
        draft.rules.all(draft.up(name), [draft.loss(name), draft.loss(name, "withdrawn")])
    for name, host in sections.hosts.items():
        _compile_host(draft, name, host)
    for name, domain in sections.domains.items():
        _compile_domain(draft, name, domain)
    for name, store in sections.stores.items():
        _compile_store(draft, name, store)


def _outer(draft: Draft, thing: str) -> list[int]:
    """Return what may take a thing away from outside: its provider, and accounts in wrong hands."""
    index = draft.index
    return [
        *(draft.loss(provider) for provider in index.sellers.get(thing, ())),
        *(draft.loss(provider, "withdrawn") for provider in index.withdrawers.get(thing, ())),
        *(draft.loss(account, "misused") for account in index.lockers.get(thing, ())),
    ]


def _erasers(draft: Draft, thing: str) -> list[int]:
    """Return what keeps a thing's data: nobody emptied it, and no account that may delete it is misused."""
    return [
        draft.loss(thing, "emptied"),
        *(draft.loss(account, "misused") for account in draft.index.deleters.get(thing, ())),
    ]


def keep(draft: Draft, thing: str, *also: int) -> int:
    """Write and return the node that is true while the data of a thing has not been deleted or overwritten."""
    return draft.all_of(nodes.node_name(nodes.KEPT, thing), [*_erasers(draft, thing), *also], greatest=True)


def _compile_host(draft: Draft, name: str, host: Host) -> None:
    below = [draft.greatest(nodes.SOLID, host.guest_of)] if host.guest_of else []
    places = [draft.up(place) for place in host.place or ()]
    losses = [draft.loss(name), draft.loss(name, "withdrawn"), draft.loss(name, "emptied")]
    losses += [draft.loss(account, "misused") for account in draft.index.deleters.get(name, ())]
    solid = draft.all_of(
        nodes.node_name(nodes.SOLID, name), [*losses, *_outer(draft, name), *below, *places], greatest=True
    )
    running = [draft.up(host.guest_of)] if host.guest_of else []
    for phase in ("run", "use"):
        running += draft.expressions(f"up:{name}.{phase}", getattr(host.needs, phase), draft.up, greatest=True)
    draft.rules.all(draft.up(name), [solid, *running])
    draft.rules.any(draft.node(nodes.HAS, name), [draft.up(name), _host_back(draft, name, host, solid)])


def _host_back(draft: Draft, name: str, host: Host, solid: int) -> int:
    """Return the node of a host that comes back: by itself, in its parent's new machine, or newly provided."""
    needs = [
        each
        for phase in ("run", "start", "change", "recover")
        for each in draft.expressions(f"back:{name}.{phase}", getattr(host.needs, phase), draft.has)
    ]
    parent = [draft.has(host.guest_of)] if host.guest_of else []
    by_itself = draft.all_of(f"back:{name}.by-itself", [solid, *parent, *needs])
    anew = parent or [_new_machine(draft, name)]
    again = draft.all_of(f"back:{name}.anew", [*anew, *needs])
    back = draft.node(nodes.BACK, name)
    draft.rules.any(back, [by_itself, again])
    return back


def _new_machine(draft: Draft, name: str) -> int:
    """Return the node of a new machine from a provider whose account opens; without one, an assumption."""
    sellers = draft.index.sellers.get(name, ())
    if not sellers:
        return draft.rules.always if draft.sections.hosts[name].replacement else draft.assume(name, "replacement")
    ways = []
    for provider in sellers:
        if draft.sections.providers[provider].lead_time == NEVER:
            continue
        openers = [draft.has(account) for account in draft.index.openers.get(provider, ())]
        opened = draft.any_of(f"back:{name}.account.{provider}", openers or [draft.assume(provider, "account")])
        ways.append(draft.all_of(f"back:{name}.new.{provider}", [draft.up(provider), opened]))
    return draft.any_of(f"back:{name}.new", ways)


def _compile_domain(draft: Draft, name: str, domain: Domain) -> None:
    losses = [draft.loss(name), draft.loss(name, "withdrawn"), *_outer(draft, name)]
    if domain.registrar:
        losses.append(draft.loss(domain.registrar, "withdrawn"))
    servers = [draft.up(server) for server in domain.nameservers or ()]
    served = [draft.any_of(f"up:{name}.nameservers", servers, greatest=True)] if servers else []
    draft.rules.all(draft.up(name), [*losses, *served])
    again = [draft.has(server) for server in domain.nameservers or ()]
    served_again = [draft.any_of(f"has:{name}.nameservers", again)] if again else []
    draft.rules.all(draft.node(nodes.HAS, name), [*losses, *served_again])
    openers = dict.fromkeys(
        account
        for opened in (name, *(domain.nameservers or ()), domain.registrar or "")
        for account in draft.index.openers.get(opened, ())
    )
    ways = [draft.has(account) for account in openers] or [draft.assume(name, "account")]
    draft.rules.any(draft.node(nodes.CHANGE, name), ways)


def _compile_store(draft: Draft, name: str, store: Store) -> None:
    sections = draft.sections
    also = []
    if store.follows and store.follows in {**sections.services, **sections.stores}:
        also.append(draft.greatest(nodes.KEPT, store.follows))
    pictured = _pictured(draft, name) if store.type == "snapshot" else ()
    also += [draft.greatest(nodes.KEPT, service) for service in pictured]
    kept = keep(draft, name, *also)
    stands = [draft.loss(name), draft.loss(name, "withdrawn"), *_outer(draft, name)]
    beneath = (store.on,) if store.on else tuple(h for s in pictured for h in (sections.services[s].host or ())[:1])
    for carrier in dict.fromkeys((*beneath, *store.dies_with)):
        solid = draft.section_of[carrier] == "hosts"
        stands.append(draft.greatest(nodes.SOLID, carrier) if solid else draft.up(carrier))
    draft.rules.all(draft.up(name), stands)
    read = [draft.has(store.passphrase)] if store.passphrase else []
    draft.rules.all(draft.node(nodes.COPY, name), [draft.up(name), kept, *read])


def _pictured(draft: Draft, store: str) -> list[str]:
    """Return the services that are saved to a store, in their order."""
    return [name for name, service in draft.sections.services.items() if service.save and store in service.save.to]
