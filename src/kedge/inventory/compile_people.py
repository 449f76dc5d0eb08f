"""Rules of people, channels, accounts, secrets and documents: who learns of it, who can open what."""

from __future__ import annotations

from collections.abc import Iterable

from kedge.inventory import nodes
from kedge.inventory.draft import Draft
from kedge.model.people import Account, Channel

HEARD = "heard/somebody"


def compile_people(draft: Draft) -> None:
    """Write the rules of everybody and everything that people need to act."""
    sections = draft.sections
    for name, person in sections.people.items():
        can_act = [draft.rules.always if person.can_act(draft.now) else draft.rules.never]
        draft.rules.all(draft.node(nodes.ABLE, name), [draft.loss(name), *can_act])
        draft.rules.all(draft.up(name), [draft.loss(name), *can_act])
        _compile_told(draft, name, person.channels is not None)
    for name, team in sections.teams.items():
        draft.rules.all(draft.up(name), [draft.loss(name)])
        members = [draft.has(member) for member in team.members or ()]
        able = draft.any_of(f"able:{name}.members", members) if members else draft.assume(name, "members")
        draft.rules.all(draft.node(nodes.ABLE, name), [draft.loss(name), able])
        if team.members is None:
            _compile_told(draft, name, bool(team.channels))
    for name, channel in sections.channels.items():
        _compile_channel(draft, name, channel)
    for name, account in sections.accounts.items():
        _compile_account(draft, name, account)
    for section in (sections.secrets, sections.documents):
        for name, kept_thing in section.items():
            _compile_kept(draft, name, kept_thing.kept)
    for name in sections.providers:
        _compile_notice(draft, name)
    _compile_alerts(draft)


def _compile_told(draft: Draft, person: str, is_declared: bool) -> None:
    """Write by what a person is told: what watches can send it, or somebody who has heard of it says it.

    Where nothing is declared to watch, people tell each other anyway, by whatever way they have.
    """
    told, alerts = draft.node(nodes.TOLD, person), draft.node(nodes.ALERTS, "all")
    sent, said = _ways_to(draft, person)
    ways = sent if sent or said or is_declared else [draft.assume(person, "channels")]
    reached = draft.any_of(f"told:{person}.channels", ways)
    if not said:
        draft.rules.all(told, [draft.has(person), alerts, reached])
        return
    directly = draft.all_of(f"told:{person}.sent.ways", [alerts, reached])
    others = draft.any_of(f"told:{person}.said.channels", said)
    by_word = draft.all_of(f"told:{person}.said.ways", [draft.node(nodes.ALERTS, HEARD), others])
    draft.rules.all(told, [draft.has(person), draft.any_of(f"told:{person}.ways", [directly, by_word])])


def _ways_to(draft: Draft, person: str) -> tuple[list[int], list[int]]:
    """Return the channels to a person that what watches can send through, and the others."""
    channels = draft.index.channels_of.get(person, ())
    sent = [channel for channel in channels if draft.index.is_sent(draft.sections.channels[channel])]
    return [draft.has(one) for one in sent], [draft.has(one) for one in channels if one not in sent]


def _compile_channel(draft: Draft, name: str, channel: Channel) -> None:
    draft.rules.all(draft.up(name), [draft.loss(name)])
    receivers, domain = draft.index.receiver_of(channel)
    needs = [draft.loss(name), *(_again(draft, each) for each in channel.via)]
    if domain:
        needs.append(draft.has(domain))
    if receivers:
        needs.append(draft.any_of(f"works:{name}.received", [_again(draft, service) for service in receivers]))
    elif domain:
        needs.append(draft.assume(domain, channel.type))
    draft.rules.all(draft.node(nodes.WORKS, name), needs)


def _again(draft: Draft, thing: str) -> int:
    """Return what a message needs of a thing: a service has to run again, its old data does not matter."""
    return draft.node(nodes.AGAIN, thing) if draft.section_of[thing] == "services" else draft.has(thing)


def _compile_account(draft: Draft, name: str, account: Account) -> None:
    losses = [draft.loss(name), draft.loss(name, "withdrawn")]
    if account.can_remove_holders:
        losses.append(draft.loss(name, "misused"))
    draft.rules.all(draft.up(name), losses)
    reached = [
        each
        for phase in ("run", "use")
        for each in draft.expressions(f"open:{name}.{phase}", getattr(account.needs, phase), draft.has)
    ]
    if account.presence:
        reached.append(draft.up(account.presence))
    used = draft.any_of(f"open:{name}.ways", [_login(draft, name, account), *_resets(draft, name, account)])
    draft.rules.all(draft.node(nodes.OPEN, name), [draft.up(name), *reached, used])


def _login(draft: Draft, name: str, account: Account) -> int:
    holders = [draft.has(holder) for holder in account.held_by or ()]
    for group in draft.index.groups.get(name, ()):
        declared = draft.sections.groups[group]
        members = [draft.has(member) for member in declared.members or ()]
        through = [draft.has(declared.managed_through)] if declared.managed_through else []
        member = draft.any_of(f"open:{name}.members.{group}", members or [draft.assume(group, "members")])
        holders.append(draft.all_of(f"open:{name}.group.{group}", [member, *through]))
    if account.held_by is None and not holders:
        holders = [draft.assume(name, "held-by")]
    held = draft.any_of(f"open:{name}.held", holders)
    return draft.all_of(f"open:{name}.login", [held, *(draft.has(factor) for factor in account.factors or ())])


def _resets(draft: Draft, name: str, account: Account) -> list[int]:
    """Return the ways to reset: a channel that works, read by somebody who can act."""
    ways = []
    for channel in account.reset_by or ():
        readers = _readers(draft, channel)
        read = draft.any_of(f"open:{name}.read.{channel}", readers) if readers else draft.rules.always
        ways.append(draft.all_of(f"open:{name}.reset.{channel}", [draft.has(channel), read]))
    return ways


def _readers(draft: Draft, channel: str, among: Iterable[str] | None = None) -> list[int]:
    """Return those who read a channel: its readers, or the people who name it as theirs."""
    declared = draft.inventory.actors(draft.sections.channels[channel].readers)
    people = declared or tuple(p for p, found in draft.index.channels_of.items() if channel in found)
    return [draft.has(person) for person in people if among is None or person in among]


def _compile_kept(draft: Draft, name: str, kept: tuple[str, ...] | None) -> None:
    """Write the rule of a secret or document: one copy must be at hand; words such as `paper` cannot be lost alone."""
    draft.rules.all(draft.up(name), [draft.loss(name)])
    copies = [_copy(draft, place) for place in kept or ()]
    ways = copies if kept is not None else [draft.assume(name, "kept")]
    at_hand = draft.any_of(f"hand:{name}.copies", ways)
    draft.rules.all(draft.node(nodes.HAND, name), [draft.loss(name), at_hand])


def _copy(draft: Draft, place: str) -> int:
    """Return the copy kept there; `paper at clubhouse` needs what follows `at` if that is declared.

    A copy on a host goes with the host, even if a new machine takes its place.
    """
    where = place.rpartition(" at ")[2].strip()
    if draft.section_of.get(where) == "hosts":
        return draft.greatest(nodes.SOLID, where)
    return draft.has(where) if where in draft.section_of else draft.rules.always


def _compile_notice(draft: Draft, provider: str) -> None:
    """Write the rules of a provider's messages, one for each address they go to."""
    for channel in draft.sections.providers[provider].notices_to or ():
        draft.rules.all(draft.node(nodes.NOTICE, f"{provider}/{channel}"), [draft.has(channel)])


def _compile_alerts(draft: Draft) -> None:
    """Write the rule of kedge's own alerts: one vantage must be there; without any declared, people tell each other."""
    alerts = draft.sections.alerts
    vantages = alerts.watcher if alerts else None
    for name, vantage in draft.sections.vantages.items():
        on = [draft.up(vantage.on)] if vantage.on else []
        draft.rules.all(draft.up(name), [draft.loss(name), *on])
    watching = []
    for name in vantages or ():
        on_host = draft.sections.vantages[name].on
        watching.append(draft.all_of(f"alerts:{name}", [draft.loss(name), *([draft.has(on_host)] if on_host else [])]))
    node = draft.node(nodes.ALERTS, "all")
    draft.rules.any(node, watching or [draft.rules.always])
    _compile_heard(draft)


def _compile_heard(draft: Draft) -> None:
    """Write the rule that somebody was told by what watches, and can tell the others."""
    heard = []
    for name in draft.sections.people:
        sent, _ = _ways_to(draft, name)
        if sent:
            reached = draft.any_of(f"alerts:{name}.channels", sent)
            heard.append(draft.all_of(f"alerts:{name}.heard", [draft.has(name), reached]))
    somebody = draft.any_of("alerts:somebody.ways", heard)
    draft.rules.all(draft.node(nodes.ALERTS, HEARD), [draft.node(nodes.ALERTS, "all"), somebody])


def told_by_notice(draft: Draft, service: str, responsible: tuple[str, ...] | None) -> list[int]:
    """Return the ways by which a provider's notice about a service reaches somebody responsible for it."""
    hosts = {each for host in draft.sections.services[service].host or () for each in draft.index.chain(host)}
    providers = dict.fromkeys(
        provider for thing in (service, *sorted(hosts)) for provider in draft.index.sellers.get(thing, ())
    )
    return [
        draft.all_of(f"told:{service}.notice.{provider}/{channel}", [notice, *read])
        for provider in providers
        for channel in draft.sections.providers[provider].notices_to or ()
        for notice in [draft.node(nodes.NOTICE, f"{provider}/{channel}")]
        for read in [_read_by(draft, service, channel, responsible)]
    ]


def _read_by(draft: Draft, service: str, channel: str, responsible: tuple[str, ...] | None) -> list[int]:
    """Return the need for a responsible reader; nothing where nobody said who reads it."""
    if not _readers(draft, channel):
        return []
    return [draft.any_of(f"told:{service}.readers.{channel}", _readers(draft, channel, responsible))]
