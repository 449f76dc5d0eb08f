"""shared-fate and provider-action: what several things have in common, and what a provider may do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from kedge.inventory import nodes
from kedge.inventory.nodes import is_assumption, read_loss
from kedge.model.care import Change
from kedge.model.finding import Loss, Severity, Text
from kedge.rules.case import Case
from kedge.rules.claim import Claim, Rule
from kedge.rules.wording import listed


def find_shared_fates(case: Case) -> Iterator[Claim]:
    """Yield what takes all branches of a declared redundancy down at once, with the services it was meant for."""
    shared: defaultdict[Loss, list[str]] = defaultdict(list)
    for name, service in case.sections.services.items():
        if len(service.host or ()) > 1:
            for loss in _common(case, nodes.UP, f"{name}.hosts"):
                shared[loss].append(name)
    needing = {name: service.needs for name, service in case.sections.services.items()}
    needing |= {name: host.needs for name, host in case.sections.hosts.items()}
    needing |= {name: place.needs for name, place in case.sections.places.items()}
    for name, needs in needing.items():
        for phase in ("run", "use"):
            for number, expression in enumerate(getattr(needs, phase), 1):
                if not isinstance(expression, str) and expression.at_least < len(expression.of):
                    for loss in _common(case, nodes.UP, f"{name}.{phase}.{number}"):
                        if loss not in _own(case, name):
                            shared[loss].append(name)
    for domain, declared in case.sections.domains.items():
        if len(declared.nameservers or ()) > 1:
            for loss in _common(case, nodes.UP, f"{domain}.nameservers"):
                shared[loss].append(domain)
    for loss in _outermost(case, shared):
        if not case.is_settled(loss.thing, "apart"):
            yield _fate(loss, list(dict.fromkeys(shared[loss])))
    yield from _shared_changes(case)


def _shared_changes(case: Case) -> Iterator[Claim]:
    """Yield the planned changes that touch so many branches of a redundancy that it is none while they last."""
    for name, change in case.sections.changes.items():
        if not change.is_ahead or case.is_settled(name, "one-by-one"):
            continue
        touched = [
            service
            for service, declared in case.sections.services.items()
            if len(hosts := declared.host or ()) > max(1, declared.at_least)
            and len(set(hosts) - set(change.of)) < declared.at_least
        ]
        if touched:
            yield _shared_change(name, change, touched)


def _shared_change(name: str, change: Change, touched: list[str]) -> Claim:
    names, what = listed(touched), change.what or name
    return Claim(
        rule="shared-fate",
        thing=name,
        title=Text(
            f"“{what}” touches every branch of {names.en}", f"„{what}“ greift in alle Zweige von {names.dative} ein"
        ),
        why=(
            Text(
                f"Changed: {listed(change.of).en}. If it goes wrong, none is left to take over.",
                f"Geändert: {listed(change.of).de}. Geht es schief, ist keiner mehr da, der übernimmt.",
            ),
        ),
        fix=Text(
            "One branch first; the other only when that one runs again and has caught up. Say so: a change for each.",
            "Erst einen Zweig, den anderen, wenn jener wieder läuft und aufgeholt hat; als zwei Änderungen eintragen.",
        ),
        losses=tuple(map(Loss, change.of)),
        speaks_of=frozenset({"down"}),
        settles=frozenset({(name, "one-by-one")}),
        others=tuple(touched),
        is_dated=change.when is not None,
        least=Severity.WARNING,
        most=Severity.WARNING,
    )


def _common(case: Case, aspect: str, name: str) -> list[Loss]:
    """Return the losses of other things that alone break a group of alternatives."""
    id_ = case.rules.ids.get(nodes.node_name(aspect, name))
    fragile = case.fragile[id_] if id_ is not None else None
    names = [each for c in fragile or () if not is_assumption(each := case.rules.name(c))]
    things = case.inventory.things
    return [Loss(each) if each in things else read_loss(each) for each in names]


def _own(case: Case, name: str) -> set[Loss]:
    """Return the losses that take a thing down whatever the alternatives do: of its host, its place."""
    if name in case.sections.hosts:
        return set(_common(case, nodes.SOLID, name))
    hosts = case.sections.services[name].host or () if name in case.sections.services else ()
    return {loss for host in hosts[:1] for loss in _common(case, nodes.SOLID, host)}


def _outermost(case: Case, shared: dict[Loss, list[str]]) -> list[Loss]:
    """Return one loss for each set of services: the closest thing they share, gone rather than in another mode."""
    order = {name: place for place, name in enumerate(case.inventory.things)}
    rank = ("hosts", "services", "places", "providers", "domains", "accounts")

    def key(loss: Loss) -> tuple[int, int, int]:
        section = case.compiled.section_of(loss.thing)
        return (rank.index(section) if section in rank else len(rank), loss.mode != "gone", order.get(loss.thing, 0))

    chosen: dict[frozenset[str], Loss] = {}
    for loss in sorted(shared, key=key):
        chosen.setdefault(frozenset(shared[loss]), loss)
    return list(chosen.values())


def _fate(loss: Loss, names: list[str]) -> Claim:
    return Claim(
        rule="shared-fate",
        thing=loss.thing,
        title=Text(
            f"What should replace each other shares {loss.thing}: {listed(names).en}",
            f"Was einander ersetzen soll, teilt {loss.thing}: {listed(names).de}",
        ),
        why=(
            Text(
                f"{loss.thing} takes every branch of the redundancy of {listed(names).en} at once.",
                f"{loss.thing} nimmt alle Zweige von {listed(names).dative} auf einmal mit.",
            ),
        ),
        fix=Text(f"Move one branch away from {loss.thing}.", f"Einen Zweig von {loss.thing} wegziehen."),
        losses=(loss,),
        speaks_of=frozenset({"down"}),
        settles=frozenset({(loss.thing, "apart")}),
        others=tuple(name for name in names if name != loss.thing),
        least=Severity.WARNING,
    )


def find_provider_actions(case: Case) -> Iterator[Claim]:
    """Yield providers that may close, by their own statement, what cannot be recovered without them."""
    unknown = {(each.thing, each.field) for each in case.inventory.unknowns}
    for name, provider in case.sections.providers.items():
        loss = Loss(name, "withdrawn")
        toll = case.toll(loss)
        is_said = bool(provider.may_withdraw) or (name, "may-withdraw") in unknown
        if not is_said or not toll.unrecoverable or case.is_settled(name, "spread"):
            continue
        notice, lost = provider.notice_period, listed(toll.unrecoverable)
        yield Claim(
            rule="provider-action",
            thing=name,
            title=Text(
                f"{name} may close {listed(toll.down).en} by itself",
                f"{name} kann {listed(toll.down).de} von sich aus schließen",
            ),
            why=(
                Text(
                    f"{lost.en} could not be recovered without it"
                    + (f"; notice: {notice.days} days." if notice else "; no notice is promised."),
                    f"{lost.de} {'wäre' if lost.count == 1 else 'wären'} ohne ihn nicht wiederherzustellen.",
                ),
            ),
            fix=Text(
                "A copy of the data and a place to run it with somebody else; the domain apart from the hoster.",
                "Eine Kopie der Daten und ein Ort zum Betrieb bei jemand anderem; die Domain getrennt vom Hoster.",
            ),
            losses=(loss,),
            speaks_of=frozenset({"unrecoverable"}),
            settles=frozenset({(name, "spread")}),
            least=Severity.WARNING,
        )


SHARED_FATE = Rule(
    id="shared-fate",
    summary=Text("redundancy that shares its fate", "Redundanz mit gemeinsamem Schicksal"),
    meaning=Text(
        "Two of everything, on one power supply, in one network, under one administrator.",
        "Alles doppelt, an einer Stromversorgung, in einem Netz, unter einer Verwaltung.",
    ),
    decision=Text(
        "Declared alternatives (several hosts, `any`, `at-least`, several name servers) that one single loss of "
        "something else takes down together; and a planned change that touches more hosts of a service than it can "
        "miss. Beneath circ-tooling: what a tool and the thing it repairs have in common (power, network, batch).",
        "Erklärte Alternativen, die ein einziger Ausfall von etwas anderem zusammen nimmt, und eine geplante Änderung, "
        "die mehr Hosts eines Dienstes anfasst, als er entbehren kann.",
    ),
    remedy=Text(
        "Alternatives that differ in place, power, provider and people.", "Alternativen, die sich unterscheiden."
    ),
    find=find_shared_fates,
    prevented=(
        Text(
            "Hacker News 2022: the spare's disks died at the same age",
            "Hacker News 2022: die Platten des Ersatzes starben im selben Alter",
        ),
        Text(
            "OpenStreetMap 2024: two fibres, one provider's router",
            "OpenStreetMap 2024: zwei Glasfasern, ein Router eines Anbieters",
        ),
        Text(
            "Matrix.org 2025: one change touched both database servers",
            "Matrix.org 2025: eine Änderung fasste beide Datenbankserver an",
        ),
    ),
)

PROVIDER_ACTION = Rule(
    id="provider-action",
    summary=Text("a provider may close it", "ein Anbieter kann es schließen"),
    meaning=Text(
        "An abuse report, an unpaid invoice, a change of mind: the account is closed, with everything in it.",
        "Eine Beschwerde, eine offene Rechnung, ein Sinneswandel: Das Konto ist zu, mit allem darin.",
    ),
    decision=Text(
        "Providers with a declared (or expressly unknown) `may-withdraw` whose closing leaves services unrecoverable.",
        "Anbieter mit erklärtem `may-withdraw`, deren Sperrung Dienste unwiederbringlich macht.",
    ),
    remedy=Text("Data, place and name never all with the same company.", "Daten, Ort und Name nie bei einer Firma."),
    find=find_provider_actions,
    prevented=(
        Text(
            "Piratenpartei 2011: the police switched off every server at one hoster",
            "Piratenpartei 2011: die Polizei schaltete alle Server bei einem Hoster ab",
        ),
        Text(
            "Raisup 2019: an abuse filter locked the account with everything in it",
            "Raisup 2019: ein Missbrauchsfilter sperrte das Konto mit allem darin",
        ),
    ),
)
