"""stale-access and ownership: who can get in, who owns the contract."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from kedge.inventory import nodes
from kedge.model.finding import Loss, Severity, Text
from kedge.model.people import Account
from kedge.rules.case import Case
from kedge.rules.claim import Claim, Rule
from kedge.rules.wording import listed, on


def holders(case: Case, name: str, account: Account) -> tuple[str, ...]:
    """Return everybody who can open an account: its holders and the members of groups that grant it."""
    groups = [case.sections.groups[group] for group in case.compiled.index.groups.get(name, ())]
    members = [case.inventory.actors(group.members) for group in groups]
    return tuple(dict.fromkeys([*case.inventory.actors(account.held_by), *(p for each in members for p in each)]))


def find_stale_access(case: Case) -> Iterator[Claim]:
    """Yield people who left and can still get in, and powerful accounts that one factor opens."""
    gone: defaultdict[str, list[str]] = defaultdict(list)
    for name, account in case.sections.accounts.items():
        for person in holders(case, name, account):
            declared = case.sections.people.get(person)
            left = declared.left if declared else None
            if left and left <= case.now and not case.is_settled(name, "holders"):
                gone[person].append(name)
    for person, accounts in gone.items():
        yield _left(case, person, accounts)
    yield from _weak(case)


def _left(case: Case, person: str, accounts: list[str]) -> Claim:
    left = case.sections.people[person].left
    assert left
    day = on(left, case.zone)
    dearest = max((Loss(a, "misused") for a in accounts), key=lambda loss: sum(case.cost(case.toll(loss)).key()) * -1)
    return Claim(
        rule="stale-access",
        thing=accounts[0],
        title=Text(
            f"{person} left and can still open {listed(accounts).en}",
            f"{person} ist nicht mehr da und kann noch {listed(accounts).de} öffnen",
        ),
        why=(Text(f"Left on {day.en}.", f"Seit {day.de} nicht mehr da."),),
        fix=Text(
            f"Remove {person} from {listed(accounts).en} and change what was shared; thank them first.",
            f"{person} aus {listed(accounts).dative} entfernen und Geteiltes ändern; vorher danken.",
        ),
        losses=(dearest,),
        speaks_of=frozenset({"unrecoverable", "down"}),
        settles=frozenset((account, "holders") for account in accounts),
        others=tuple(accounts[1:]),
        least=Severity.WARNING,
        most=Severity.WARNING,
    )


def _weak(case: Case) -> Iterator[Claim]:
    """Yield accounts that one factor opens and whose misuse leaves something unrecoverable."""
    for name, account in case.sections.accounts.items():
        loss = Loss(name, "misused")
        lost = case.toll(loss).unrecoverable or (account.opens if account.can_remove_holders else ())
        if account.factors is None or len(account.factors) != 1 or not lost or case.is_settled(name, "factors"):
            continue
        yield Claim(
            rule="stale-access",
            thing=name,
            title=Text(
                f"One factor opens {name}, which can destroy or take over {listed(lost).en}",
                f"Ein einziger Faktor öffnet {name} und damit die Macht über {listed(lost).de}",
            ),
            why=(Text(f"Factors: {account.factors[0]}.", f"Faktoren: {account.factors[0]}."),),
            fix=Text(f"A second factor for {name}; recovery codes on paper.", f"Ein zweiter Faktor für {name}."),
            losses=(loss,),
            speaks_of=frozenset({"unrecoverable"}),
            settles=frozenset({(name, "factors")}),
            least=Severity.WARNING,
        )


def find_ownership(case: Case) -> Iterator[Claim]:
    """Yield contracts whose owner cannot act any more, and things that nobody can open."""
    for name, provider in case.sections.providers.items():
        owners = case.inventory.actors(provider.contract)
        able = [person for person in owners if case.inventory.can_act(person, case.now)]
        if owners and not able and not _has_heir(case, name):
            yield _claim(
                name,
                Text(f"The contract with {name} belongs to {listed(owners).en}, who cannot act",
                     f"Der Vertrag mit {name} gehört {listed(owners).dative}, nicht mehr handlungsfähig"),
                Loss(name, "withdrawn"),
            )  # fmt: skip
    truth = case.solve(())
    for name, account in case.sections.accounts.items():
        is_shut = not truth.least[case.compiled.node(nodes.OPEN, name)]
        if is_shut and account.held_by is not None and not _has_heir(case, name):
            opened = ", ".join(account.opens) or name
            yield _claim(
                name,
                Text(f"Nobody who can act can open {name} ({opened})", f"Niemand kann mehr {name} öffnen ({opened})"),
                Loss(name),
            )


def _has_heir(case: Case, name: str) -> bool:
    """Return whether a remedy under trial has given it an owner, or a second person."""
    return case.is_settled(name, "owner") or case.is_settled(name, "people")


def _claim(name: str, title: Text, loss: Loss) -> Claim:
    return Claim(
        rule="ownership",
        thing=name,
        title=title,
        why=(
            Text(
                "Only the owner can renew, cancel, pay or let others in; a provider talks to nobody else.",
                "Nur Inhaber können verlängern, kündigen, zahlen oder andere hereinlassen.",
            ),
        ),
        fix=Text(
            "Transfer it to the organisation, with two people who may sign, while the old owner still answers.",
            "Auf die Organisation übertragen, mit zwei Zeichnungsberechtigten, solange die alte Person noch antwortet.",
        ),
        losses=(loss,),
        settles=frozenset({(name, "owner"), (name, "opened")} if loss.mode == "gone" else {(name, "owner")}),
        least=Severity.WARNING,
    )


STALE_ACCESS = Rule(
    id="stale-access",
    summary=Text("somebody can open what they should not", "jemand kommt hinein, der nicht soll"),
    meaning=Text(
        "Accounts of people who left, and accounts that a single stolen password opens, are how data is lost.",
        "Konten von Ausgetretenen und Konten, die ein einziges Passwort öffnet, sind Wege zum Datenverlust.",
    ),
    decision=Text(
        "Holders with a `left` in the past; and accounts with exactly one declared factor whose misuse would leave a "
        "service unrecoverable or lock all other holders out.",
        "Inhaber, die gegangen sind; Konten mit genau einem Faktor, deren Missbrauch einen Dienst vernichten würde.",
    ),
    remedy=Text("A list of leavers, read whenever somebody leaves.", "Eine Liste für Abschiede."),
    find=find_stale_access,
    prevented=(
        Text(
            "Gentoo 2018: one guessed password opened an account that could remove everybody else",
            "Gentoo 2018: ein erratenes Passwort öffnete ein Konto, das alle anderen entfernen konnte",
        ),
    ),
)

OWNERSHIP = Rule(
    id="ownership",
    summary=Text("nobody here owns it any more", "es gehört niemandem mehr"),
    meaning=Text(
        "The contract, domain or account belongs to somebody who left, and no one else may act for it.",
        "Vertrag, Domain oder Konto gehören jemandem, der gegangen ist, und niemand sonst darf handeln.",
    ),
    decision=Text(
        "Providers whose contract owners are all away or gone, and accounts that nobody can open although nothing is "
        "lost.",
        "Anbieter, deren Vertragsinhaber alle weg sind, und Konten, die ohne jeden Ausfall niemand öffnen kann.",
    ),
    remedy=Text("Contracts belong to the organisation.", "Verträge gehören der Organisation."),
    find=find_ownership,
    prevented=(
        Text(
            "CentOS 2009: domain and accounts belonged to somebody nobody could reach",
            "CentOS 2009: Domain und Konten gehörten jemandem, den niemand erreichte",
        ),
    ),
)
