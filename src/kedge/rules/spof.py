"""spof: one host whose loss takes services down, with nowhere else to run them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from kedge.inventory import nodes
from kedge.model.finding import Loss, Severity, Text
from kedge.rules.case import Case
from kedge.rules.claim import Claim, Rule
from kedge.rules.single_points import find_only_groups
from kedge.rules.wording import IS, STANDS, listed, services


def bare_hosts(case: Case) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each machine whose loss takes services down that then have no standing place, with those services.

    Guests are left to the machine beneath them; a machine that could be bought first is not a standing place.
    """
    index = case.compiled.index
    for name, host in case.sections.hosts.items():
        if host.guest_of or not case.concerns(name) or case.is_settled(name, "spare"):
            continue
        carried = {s for h in index.inside(name) for s in index.services_on.get(h, ())}
        down = [s for s in case.toll(Loss(name)).down if s in carried]
        bare = tuple(s for s in down if not _has_spare(case, name, s))
        if bare:
            yield name, bare


def _has_spare(case: Case, lost: str, service: str) -> bool:
    """Return whether a place other than the lost machine stands ready."""
    hosts = case.compiled.index.inside(lost)
    place = case.rules.gate(case.compiled.node(nodes.PLACE, service))[1]
    ready = {case.rules.name(child) for child in place}
    return any(name == "always" or (name.startswith("has:") and name[4:] not in hosts) for name in ready)


def find_spofs(case: Case) -> Iterator[Claim]:
    """Yield the machines that everything on them depends on alone, single DNS operators, and groups."""
    yield from _single_operators(case)
    yield from find_only_groups(case)
    for host, bare in bare_hosts(case):
        down = case.toll(Loss(host)).down
        more, many = len(down) - len(bare), services(len(down))
        verb, them = many.verb(*STANDS), many.verb(Text("it", "ihn"), Text("them", "sie"))
        yield Claim(
            rule="spof",
            thing=host,
            title=Text(
                f"{many.en} {verb.en} with {host}, and nothing else can carry {them.en}",
                f"{many.de} {verb.de} mit {host}, und nichts anderes kann {them.de} tragen",
            ),
            why=(
                Text(f"On {host}: {listed(bare).en}.", f"Auf {host}: {listed(bare).de}."),
                *([_elsewhere(more, len(bare))] if more else []),
            ),
            fix=Text(
                "Name a second machine with room (`room:` at a host of another provider); rehearse one service on it.",
                "Einen zweiten Rechner mit Platz benennen (`room:` an einem Host eines anderen Anbieters) und einen "
                "Dienst dort proben.",
            ),
            losses=(Loss(host),),
            speaks_of=frozenset({"down"}),
            settles=frozenset({(host, "spare")}),
            others=tuple(guest for guest in case.compiled.index.inside(host)[1:] if _carries(case, guest, bare)),
        )


def _elsewhere(more: int, carried: int) -> Text:
    verb, pronoun = "needs" if more == 1 else "need", "it" if carried == 1 else "them"
    return Text(
        f"{services(more).en} elsewhere {verb} {pronoun}.",
        f"{services(more).de} anderswo {'braucht' if more == 1 else 'brauchen'} {'ihn' if carried == 1 else 'sie'}.",
    )


def _carries(case: Case, guest: str, services: tuple[str, ...]) -> bool:
    return any(name in services for name in case.compiled.index.services_on.get(guest, ()))


def _single_operators(case: Case) -> Iterator[Claim]:
    """Yield, as a note, the one company that alone answers for domains that services are used under."""
    providers = case.sections.providers
    alone: defaultdict[str, list[str]] = defaultdict(list)
    for name, domain in case.sections.domains.items():
        servers = domain.nameservers or ()
        if len(servers) == 1 and servers[0] in providers and not case.is_settled(servers[0], "doubled"):
            alone[servers[0]].append(name)
    for provider, domains in alone.items():
        down = case.toll(Loss(provider)).down
        if down:
            names, stopped = listed(domains), listed(down)
            yield Claim(
                rule="spof",
                thing=provider,
                title=Text(f"{provider} alone answers for {names.en}", f"{provider} allein antwortet für {names.de}"),
                why=(
                    Text(
                        f"If its name servers fail, {stopped.en} cannot be found.",
                        f"Fallen dessen Nameserver aus, {stopped.verb(*IS).de} {stopped.de} nicht zu finden.",
                    ),
                ),
                fix=Text(
                    "A secondary at a second DNS operator, if the domain matters that much.",
                    "Ein Zweitserver bei einem anderen DNS-Anbieter, wenn die Domain so wichtig ist.",
                ),
                losses=(Loss(provider),),
                settles=frozenset({(provider, "doubled")}),
                others=tuple(domains),
                most=Severity.NOTE,
            )


SPOF = Rule(
    id="spof",
    summary=Text("one machine carries everything", "ein Rechner trägt alles"),
    meaning=Text(
        "If this machine is lost, what runs on it is down until a new one is found, ordered and set up.",
        "Geht dieser Rechner verloren, steht alles darauf still, bis ein neuer gefunden, bestellt, eingerichtet ist.",
    ),
    decision=Text(
        "A machine (not a guest) whose loss takes services down that have neither a second host nor a spare with "
        "room. Room that nobody has stated does not count. Severity speaks of the downtime alone: what cannot be "
        "recovered is the business of the backup rules. A group, managed elsewhere, through which alone everybody gets "
        "into something. As a note: one company that alone answers for a domain. Beneath unverified: a service "
        "that two others or more stop with, and of which it is expressly unknown where it runs. Beneath domain-expiry: "
        "a name under which services of several providers are used.",
        "Ein Rechner, dessen Ausfall Dienste stilllegt, die weder zweiten Host noch Ersatz mit Platz haben.",
    ),
    remedy=Text(
        "A second machine, at another provider if possible, with room for the services that matter first.",
        "Ein zweiter Rechner, möglichst bei einem anderen Anbieter, mit Platz für das Wichtigste.",
    ),
    find=find_spofs,
    prevented=(
        Text(
            "Piratenpartei 2007: mail, lists, Jabber and tickets on one machine",
            "Piratenpartei 2007: Mail, Listen, Jabber und Tickets auf einem Rechner",
        ),
        Text(
            "Miraheze 2016: the expendable cache served every wiki's files",
            "Miraheze 2016: der entbehrliche Cache lieferte die Dateien aller Wikis",
        ),
        Text(
            "trivago 2021: one deleted group removed everybody from GitHub",
            "trivago 2021: eine gelöschte Gruppe nahm allen den Zugang zu GitHub",
        ),
    ),
)
