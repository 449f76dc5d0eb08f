"""Rules of services: up, running again, back with their data, and who learns of their loss."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kedge.inventory import nodes
from kedge.inventory.compile_people import told_by_notice
from kedge.inventory.compile_premises import keep
from kedge.inventory.draft import Draft
from kedge.inventory.index import Index
from kedge.model.need import Phase
from kedge.model.service import Service


def compile_services(draft: Draft) -> None:
    """Write the rules of every service."""
    for name, service in draft.sections.services.items():
        _compile_up(draft, name, service)
        _compile_told(draft, name, service)
        _compile_back(draft, name, service)
        _compile_cold(draft, name, service)


def domains_of_service(index: Index, service: Service) -> list[str]:
    """Return the declared domains that a service's names belong to, each once."""
    found = (index.domain_of(name) for name in service.names())
    return list(dict.fromkeys(domain for domain in found if domain))


def domains_of(draft: Draft, service: Service) -> list[str]:
    """Return the declared domains that a service's names belong to, each once."""
    return domains_of_service(draft.index, service)


def _needed(draft: Draft, name: str, service: Service, phases: Iterable[Phase], prefix: str) -> Iterator[int]:
    """Yield the nodes of declared and derived needs of these phases, read as `up` or as `has`."""
    greatest = prefix == nodes.UP
    leaf = draft.up if greatest else draft.has
    for phase in phases:
        yield from draft.expressions(f"{prefix}:{name}.{phase}", getattr(service.needs, phase), leaf, greatest=greatest)
        yield from (leaf(need.of) for need in service.required() if need.phase == phase)


def _hosts(draft: Draft, name: str, service: Service, aspect: str) -> list[int]:
    """Return what a service asks of its hosts, in this aspect: all `at-least` of them."""
    hosts = service.host or ()
    if not hosts:
        return []
    of = [draft.greatest(aspect, host) for host in hosts]
    if len(of) == 1:
        return of
    return [draft.at_least(nodes.node_name(aspect, f"{name}.hosts"), service.at_least, of)]


def _compile_up(draft: Draft, name: str, service: Service) -> None:
    kept = keep(draft, name)
    outer = [draft.loss(p) for p in draft.index.sellers.get(name, ())]
    outer += [draft.loss(p, "withdrawn") for p in draft.index.withdrawers.get(name, ())]
    outer += [draft.loss(account, "misused") for account in draft.index.lockers.get(name, ())]
    outer += [draft.loss(certificate) for certificate in draft.index.certificates.get(name, ())]
    names = [draft.up(domain) for domain in domains_of(draft, service)]
    draft.rules.all(
        draft.up(name),
        [
            draft.loss(name),
            draft.loss(name, "withdrawn"),
            kept,
            *outer,
            *names,
            *_hosts(draft, name, service, nodes.UP),
            *_needed(draft, name, service, ("run", "use"), nodes.UP),
        ],
    )


def _compile_told(draft: Draft, name: str, service: Service) -> None:
    """Somebody responsible learns of it: by a channel of theirs, or by the provider's notice."""
    responsible = draft.inventory.actors(service.people)
    told = [draft.node(nodes.TOLD, person) for person in responsible]
    if service.people is None:
        told = [draft.assume(name, "people")]
    notices = told_by_notice(draft, name, responsible if service.people is not None else None)
    draft.rules.any(draft.node(nodes.TOLD, name), [*told, *notices])


def _compile_back(draft: Draft, name: str, service: Service) -> None:
    # Whoever makes it anew changes it: the tools for changes are needed as well.
    needs = list(_needed(draft, name, service, ("run", "use", "start", "recover"), nodes.BACK))
    ways = [draft.up(name)]
    if waiting := _waiting(draft, name, service, needs):
        ways.append(waiting)
    again = draft.node(nodes.AGAIN, name)
    rebuilt = [
        _place(draft, name, service),
        draft.node(nodes.TOLD, name),
        _access(draft, name, service),
        _route(draft, name, service),
        _instructions(draft, name),
        *draft.expressions(f"again:{name}.change", service.needs.change, draft.has),
        *(draft.has(domain) for domain in domains_of(draft, service)),
        *needs,
    ]
    anew = draft.all_of(f"again:{name}.anew", rebuilt)
    draft.rules.any(again, [*ways, anew])
    recovered = draft.all_of(f"back:{name}.recovered", [anew, _data(draft, name, service)])
    back = draft.node(nodes.BACK, name)
    draft.rules.any(back, [*ways, recovered])
    draft.rules.any(draft.node(nodes.HAS, name), [draft.up(name), back])


def _waiting(draft: Draft, name: str, service: Service, needs: list[int]) -> int | None:
    """Return the way of a service that is whole and only waits for what it needs; by hand, somebody must act."""
    whole = [draft.loss(name), draft.loss(name, "withdrawn"), draft.greatest(nodes.KEPT, name)]
    solid = _hosts(draft, name, service, nodes.SOLID)
    if not service.host:
        return None
    carried = [draft.has(host) for host in service.host[:1]] if len(service.host) == 1 else []
    by_hand = [draft.node(nodes.TOLD, name)] if service.starts == "by-hand" else []
    names = [draft.has(domain) for domain in domains_of(draft, service)]
    return draft.all_of(f"again:{name}.waits", [*whole, *solid, *carried, *by_hand, *names, *needs])


def _place(draft: Draft, name: str, service: Service) -> int:
    hosts = [draft.has(host) for host in service.host or ()]
    spares = [draft.has(spare) for spare in draft.index.spares if _has_room(draft, spare, name, service)]
    ways = [*hosts, *(spare for spare in spares if spare not in hosts)]
    node = draft.node(nodes.PLACE, name)
    draft.rules.any(node, ways if service.host is not None else [*ways, draft.assume(name, "host")])
    return node


def _has_room(draft: Draft, spare: str, name: str, service: Service) -> bool:
    """Return whether a spare host counts: meant for this service, with room for it that somebody has stated."""
    host = draft.sections.hosts[spare]
    if host.spare_for is not None and name not in host.spare_for:
        return False
    free = host.room
    if free is None:
        known = [v for v in host.volumes.values() if v.size is not None and v.used is not None]
        free = sum((v.size or 0) - (v.used or 0) for v in known)
    return free > 0 and free >= (service.restore.size or 0)


def _access(draft: Draft, name: str, service: Service) -> int:
    """Return how somebody gets in: an account that opens host or service, else the declared or assumed login."""
    hosts = service.host or ()
    openers = dict.fromkeys(a for thing in (name, *hosts) for a in draft.index.openers.get(thing, ()))
    if openers:
        return draft.any_of(f"access:{name}", [draft.has(account) for account in openers])
    has_login = any(draft.sections.hosts[host].login for host in hosts)
    return draft.rules.always if has_login or not hosts else draft.assume(hosts[0], "login")


def _route(draft: Draft, name: str, service: Service) -> int:
    """Return how users are led there: the old place is still up, or every name can be changed."""
    domains = domains_of(draft, service)
    if not domains:
        return draft.rules.always
    changed = draft.all_of(f"route:{name}.changed", [draft.node(nodes.CHANGE, domain) for domain in domains])
    node = draft.node(nodes.ROUTE, name)
    draft.rules.any(node, [*_hosts(draft, name, service, nodes.UP), changed])
    return node


def _instructions(draft: Draft, name: str) -> int:
    documents = draft.index.documents.get(name, ())
    ways = [draft.has(document) for document in documents] or [draft.assume(name, "instructions")]
    return draft.any_of(f"instructions:{name}", ways)


def _data(draft: Draft, name: str, service: Service) -> int:
    node = draft.node(nodes.DATA, name)
    if not service.has_data:
        draft.rules.any(node, [draft.rules.always])
        return node
    live = [draft.loss(name), draft.greatest(nodes.KEPT, name), *_any_host(draft, name, service)]
    copies = [draft.has(store) for store in service.save.to] if service.save else [draft.assume(name, "save")]
    draft.rules.any(node, [draft.all_of(f"data:{name}.live", live), *copies])
    return node


def _any_host(draft: Draft, name: str, service: Service) -> list[int]:
    """Return what the live data asks of its hosts: one that is whole is enough."""
    solid = [draft.greatest(nodes.SOLID, host) for host in service.host or ()]
    return [draft.any_of(f"solid:{name}.any", solid, greatest=True)] if solid else []


def _compile_cold(draft: Draft, name: str, service: Service) -> None:
    """Cold start: nothing is up, everything is intact; what must run or be there first."""
    needed: list[int] = []
    for phase in ("run", "start"):
        needed += draft.expressions(f"cold:{name}.{phase}", getattr(service.needs, phase), lambda n: _cold(draft, n))
    needed += [_cold(draft, need.of) for need in service.required() if need.phase in ("run", "start")]
    needed += [_cold(draft, host) for host in (service.host or ())[:1]]
    draft.rules.all(draft.node(nodes.COLD, name), [draft.loss(name), *needed])


def _cold(draft: Draft, thing: str) -> int:
    return draft.node(nodes.COLD, thing) if draft.section_of[thing] in {"services", "hosts"} else draft.has(thing)
