"""What the look from outside says in the words of an inventory: hosts by address, and the services on their doors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kedge.discovery.sighting import Sighting
from kedge.discovery.world import DoorView, Page, World
from kedge.inventory.edit import Value
from kedge.kinds.recognition import FRONTS, RECOGNISED, kind_of_greeting, kind_of_page
from kedge.model.observation import Status

MAIL_KINDS, BOX_KINDS, XMPP_KINDS = ("postfix", "exim"), ("dovecot",), ("prosody", "ejabberd")
GREETED = {
    "smtp": MAIL_KINDS, "submission": MAIL_KINDS, "submissions": MAIL_KINDS,
    "imap": BOX_KINDS, "imaps": BOX_KINDS, "xmpp-client": XMPP_KINDS, "xmpp-server": XMPP_KINDS,
}  # fmt: skip
"""Protocol -> the kinds that speak it, the most usual first."""
EMPTY_PAGES = re.compile(
    r"<title>\s*(apache2 (debian|ubuntu) default page|welcome to nginx|test page|index of /|it works|default web site|"
    r"domain parking|parked domain|plesk|site not found)",
    re.IGNORECASE,
)
CAPABILITIES = re.compile(r"\[CAPABILITY[^\]]*\]? ?")
TITLE = re.compile(r"<title[^>]*>\s*([^<]{1,200})", re.IGNORECASE)


@dataclass
class HostSeen:
    """A machine as it is seen from outside: its addresses, the names that lead to it, what it calls itself."""

    addresses: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    pointer: str = ""
    operator: str = ""
    operator_how: str = ""


def group_hosts(world: World) -> list[HostSeen]:
    """Return machines: addresses that call themselves the same, or that one name of one IPv4 and IPv6 leads to."""
    names: dict[str, list[str]] = {}
    pairs: list[tuple[str, ...]] = []
    for view in world.domains:
        for name, addresses in view.names.items():
            if _is_elsewhere(view.aliases.get(name, ""), world):
                continue
            for address in addresses:
                names.setdefault(address, []).append(name)
            if len(addresses) == 2 and {":" in one for one in addresses} == {True, False}:
                pairs.append(addresses)
    by_pointer: dict[str, list[str]] = {}
    for address in names:
        if pointer := _pointer(world, address):
            by_pointer.setdefault(pointer, []).append(address)
    groups = _union(names, [*pairs, *map(tuple, by_pointer.values())])
    return [_host(world, sorted(group, key=lambda one: (":" in one, one)), names) for group in groups]


def _is_elsewhere(alias: str, world: World) -> bool:
    """Return whether an alias leads to a name of somebody else."""
    return bool(alias) and not any(alias == view.name or alias.endswith(f".{view.name}") for view in world.domains)


def _pointer(world: World, address: str) -> str:
    view = world.addresses.get(address)
    return view.pointer if view else ""


def _union(addresses: Iterable[str], together: Iterable[Sequence[str]]) -> list[list[str]]:
    group = {address: [address] for address in addresses}
    for first, *others in together:
        for other in others:
            if first in group and other in group and group[first] is not group[other]:
                group[first] += group[other]
                for moved in group[other]:
                    group[moved] = group[first]
    return list({id(one): one for one in group.values()}.values())


def _host(world: World, addresses: list[str], names: Mapping[str, list[str]]) -> HostSeen:
    found = HostSeen(addresses, list(dict.fromkeys(name for address in addresses for name in names[address])))
    for address in addresses:
        view = world.addresses.get(address)
        found.pointer = found.pointer or (view.pointer if view else "")
        if view and view.operator and not found.operator:
            found.operator, found.operator_how = view.operator.name, view.operator.how
    return found


def host_name(host: HostSeen, domains: Iterable[str]) -> str:
    """Return what a host is called: by itself, if that is in one of the organisation's domains; else by its names."""
    for name in (host.pointer, *sorted(host.names, key=len)):
        for domain in domains:
            if name.endswith(f".{domain}"):
                label = name.removesuffix(f".{domain}")
                return label if name == host.pointer else f"{label}-host"  # the label alone is its service's
    return f"{next(iter(host.names), 'unnamed').partition('.')[0]}-host"


def sightings_of(world: World, host_of: Mapping[str, str]) -> Iterator[Sighting]:
    """Yield the services behind the doors that were looked at; `host_of` maps addresses to hosts."""
    aliases = {name: alias for view in world.domains for name, alias in view.aliases.items()}
    for view in world.doors:
        if view.door.protocol != "web":
            yield _spoken(view, host_of, world)
    yield from _pages([view for view in world.doors if view.page], host_of, aliases)
    yield from _foreign_mail(world)


def _spoken(view: DoorView, host_of: Mapping[str, str], world: World) -> Sighting:
    door, seen = view.door, view.seen
    kinds = GREETED[door.protocol]
    said = " ".join(seen.evidence.get(key, "") for key in ("greeting", "features"))
    kind = kind_of_greeting(said, kinds)
    fields: dict[str, Value] = {}
    if door.protocol.startswith("xmpp"):
        fields["domains"] = [door.domain]
    else:
        fields["hostname"] = door.name
        fields["listens"] = [door.protocol]
    if door.protocol == "smtp":
        served = [one for domain in world.domains if door.name in domain.mail_hosts for one in domain.mail_domains]
        fields["domains"] = list(dict.fromkeys(served))
    wanted = {"smtp": "mail", "submission": "mail", "submissions": "mail", "imap": "mailboxes", "imaps": "mailboxes"}
    greeting = CAPABILITIES.sub("", seen.evidence.get("greeting", ""))
    why = f"{door.protocol} at {door.name}:{door.port}" + (f" says: {greeting}" if greeting else "")
    if not kind:
        why += f"; it does not say which program it is, {kinds[0]} is a guess"
    return Sighting(
        kind or kinds[0], host_of.get(view.address, ""), (door.name,), fields, [why],
        wanted.get(door.protocol, "xmpp"), door.name, is_guess=not kind, seen={_probe_name(door.protocol): seen},
    )  # fmt: skip


def _probe_name(protocol: str) -> str:
    return {"xmpp-client": "clients", "xmpp-server": "servers"}.get(protocol, protocol)


def _foreign_mail(world: World) -> Iterator[Sighting]:
    """Yield the mail of domains that somebody else takes: it is not looked at, and not forgotten."""
    for view in world.domains:
        if view.mail_hosts and not any(host in view.names for host in view.mail_hosts):
            host = view.mail_hosts[0]
            fields: dict[str, Value] = {"title": f"mail of {view.name}, at {host}", "domains": list(view.mail_domains)}
            why = [f"the MX records of {view.name} lead to {', '.join(view.mail_hosts[:4])}"]
            yield Sighting("other", "", (), fields, why, "mail", host)


def _pages(views: Sequence[DoorView], host_of: Mapping[str, str], aliases: Mapping[str, str]) -> Iterator[Sighting]:
    """Yield one service for each page, however many names show it; default pages are nobody's service."""
    groups: dict[tuple[str, str, str], list[DoorView]] = {}
    for view in views:
        page = view.page
        assert page is not None
        kind = kind_of_page(page.headers, page.text)
        kind = "" if kind in FRONTS else kind
        if EMPTY_PAGES.search(page.text[:20_000]) or (not kind and page.status >= 400 and page.status < 500):
            continue
        groups.setdefault((host_of.get(view.address, ""), kind, _title(page)), []).append(view)
    for (host, kind, title), members in groups.items():
        main = min(members, key=lambda view: _rank(view, kind, title))
        page = main.page
        assert page is not None
        says = page.headers.get("server", "")
        why = f"page at {page.url}" + (f", '{title}'" if title else "") + (f", served by {says}" if says else "")
        others = [view.door.name for view in members if view is not main]
        if others:
            why += f"; also under {', '.join(others[:6])}"
        wanted = next((label for label in RECOGNISED[kind].labels if label in main.door.name), "") if kind else ""
        yield Sighting(
            kind or "other", host, (main.door.name,), {"url": page.url}, [why],
            wanted or main.door.name.partition(".")[0], aliases.get(main.door.name, ""), seen={"http": main.seen},
        )  # fmt: skip


def _title(page: Page) -> str:
    found = TITLE.search(page.text)
    return " ".join(found[1].split())[:60] if found else ""


def _rank(view: DoorView, kind: str, title: str) -> tuple[bool, bool, int, int]:
    """Return how little a name fits its page: the page's own name first, then one its kind usually has."""
    assert view.page is not None
    name = view.door.name
    label = name.partition(".")[0]
    is_usual = bool(kind) and label in RECOGNISED[kind].labels
    return (view.seen.status is not Status.OK, not is_usual, -view.page.text.count(name), len(name))
