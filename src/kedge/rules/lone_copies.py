"""Copies that go with the original, while nothing is known to be good of the one that would be left."""

from __future__ import annotations

from collections.abc import Iterator

from kedge.inventory import nodes
from kedge.model.finding import Loss, Severity, Text
from kedge.rules.backups import keeps_data, newest_backup, newest_drill
from kedge.rules.case import Case
from kedge.rules.claim import Claim
from kedge.rules.wording import listed, lost


def find_lone_copies(case: Case) -> Iterator[Claim]:
    """Yield the stores that go with the machine they save, while what would be left is unproven."""
    for name in keeps_data(case):
        save = case.sections.services[name].save
        if not save or len(save.to) < 2 or not _is_unproven(case, name):
            continue
        for loss in _seats(case, name):
            gone = [store for store in save.to if _takes(case, loss, store)]
            if gone and len(gone) < len(save.to):
                yield _claim(name, loss, gone, [store for store in save.to if store not in gone])
                break


def _is_unproven(case: Case, name: str) -> bool:
    """Return whether nobody restored a copy, none was seen within the RPO, and how often is expressly unknown."""
    newest = newest_backup(case, name)
    is_seen = newest is not None and case.now - newest <= case.rpo(case.sections.services[name])
    is_settled = case.is_settled(name, "saved") or case.is_settled(name, "drilled")
    return not is_seen and newest_drill(case, name) is None and case.is_unknown(name, "save.every") and not is_settled


def _seats(case: Case, service: str) -> list[Loss]:
    """Return the losses that take the live data: of its machine, the hosts beneath, the places they stand in."""
    index = case.compiled.index
    chain = [each for host in (case.sections.services[service].host or ())[:1] for each in index.chain(host)]
    places = [place for host in chain for place in case.sections.hosts[host].place or ()]
    return [*map(Loss, dict.fromkeys([*chain, *places]))]


def _takes(case: Case, loss: Loss, store: str) -> bool:
    component = case.rules.ids.get(str(loss))
    return component in (case.fragile[case.compiled.node(nodes.COPY, store)] or ())


def _claim(name: str, loss: Loss, gone: list[str], left: list[str]) -> Claim:
    taken, rest = listed(gone), listed(left)
    return Claim(
        rule="bk-colocated",
        thing=gone[0],
        title=Text(
            f"{taken.en} would be lost together with {name}, and nobody knows what {rest.en} would give",
            f"{taken.de} {'ginge' if taken.count == 1 else 'gingen'} mit {name} verloren; {rest.de}: ungewiss",
        ),
        why=(
            Text(
                f"{lost(loss).en} takes the data and {taken.en}.",
                f"{lost(loss).de} nimmt die Daten und {taken.de} mit.",
            ),
            Text(
                f"Of {rest.en} no copy was ever seen or restored, nor does anybody know how often one is made.",
                f"Von {rest.dative} wurde nie eine Kopie gesehen oder zurückgespielt; wie oft, weiß niemand.",
            ),
        ),
        fix=Text(
            f"Look at the newest copy in {rest.en} today and restore it somewhere; then say how often it is made.",
            f"Heute die neueste Kopie in {rest.dative} ansehen und probeweise zurückspielen; eintragen, wie oft.",
        ),
        losses=(loss,),
        settles=frozenset({(name, "saved")}),
        others=(*gone[1:], name),
        is_unproven=True,
        least=Severity.WARNING,
        most=Severity.WARNING,
    )
