"""bk-stale and rto-gap: promises that the known figures do not keep."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from kedge.model.finding import Loss, Severity, Text
from kedge.model.quantity import NEVER, parse_duration
from kedge.rules.backups import keeps_data, newest_backup, newest_drill
from kedge.rules.case import Case
from kedge.rules.claim import Claim, Rule
from kedge.rules.wording import days, listed


def find_bk_stale(case: Case) -> Iterator[Claim]:
    """Yield one claim for the saved services whose newest known copy is older than their RPO allows."""
    late: dict[str, timedelta] = {}
    for name in keeps_data(case):
        service = case.sections.services[name]
        newest = newest_backup(case, name)
        rpo = case.rpo(service)
        if not service.save or not service.save.to or case.is_settled(name, "fresh"):
            continue
        if newest is not None and case.now - newest > rpo:
            late[name] = case.now - newest
        elif newest is None and service.save.every and service.save.every > rpo:
            late[name] = service.save.every
    if not late:
        yield from _untold(case, "bk-stale", _AGE, ("save.every",))
        return
    first = max(late, key=lambda name: late[name] / case.rpo(case.sections.services[name]))
    age = days(late[first])
    tried = case.facts.get(first, "saving")
    said = (tried.value.removeprefix("failed: "),) if tried and tried.value.startswith("failed: ") else ()
    yield Claim(
        rule="bk-stale",
        thing=first,
        title=Text(
            f"The newest copy of {listed(list(late)).en} is older than promised",
            f"Die neueste Kopie von {listed(list(late)).dative} ist älter als versprochen",
        ),
        why=(
            Text(
                f"{first}: {age.en}; promised (RPO): {days(case.rpo(case.sections.services[first])).en}.",
                f"{first}: {age.de}; versprochen (RPO): {days(case.rpo(case.sections.services[first])).de}.",
            ),
            *(Text(f"The last try failed: {why}", f"Der letzte Versuch schlug fehl: {why}") for why in said),
        ),
        fix=Text(
            "See why the last backup did not happen, run it by hand, and have its absence reported.",
            "Nachsehen, warum das letzte Backup ausblieb, es von Hand starten, und sein Ausbleiben melden lassen.",
        ),
        losses=(Loss(first, "emptied"),),
        settles=frozenset((name, "fresh") for name in late),
        others=tuple(name for name in late if name != first),
        is_dated=True,
        most=Severity.WARNING,
    )


_AGE = Text("how old the newest copy is", "wie alt die neueste Kopie ist")
_TIME = Text("how long a restore takes", "wie lange das Zurückspielen dauert")


def _untold(case: Case, rule: str, what: Text, fields: tuple[str, ...]) -> Iterator[Claim]:
    """Yield one note for the saved services that expressly do not know it; a drill would measure it."""
    unknown = {each.thing for each in case.inventory.unknowns if each.field in fields}
    names = tuple(
        name
        for name in keeps_data(case)
        if name in unknown and (save := case.sections.services[name].save) and save.to
        if newest_drill(case, name) is None and not case.is_settled(name, "drilled")
        if rule != "bk-stale" or newest_backup(case, name) is None
    )
    if names:
        listing = listed(names)
        yield Claim(
            rule=rule,
            thing=names[0],
            title=Text(f"Nobody knows {what.en}: {listing.en}", f"Niemand weiß, {what.de}: {listing.de}"),
            why=(
                Text(
                    "It is declared as unknown, and no drill has measured it.", "Als unbekannt erklärt, nie gemessen."
                ),
            ),
            fix=Text("A drill measures it.", "Eine Übung misst es."),
            losses=(Loss(names[0], "emptied"),),
            settles=frozenset(),
            others=names[1:],
            is_unproven=True,
            most=Severity.NOTE,
        )


def known_recovery(case: Case, name: str) -> timedelta | None:
    """Return the known part of a service's recovery after the loss of its machine; None if nothing is known.

    Measured by a drill, else declared: a new machine's lead time (unless a spare stands ready) and the restore.
    """
    fact = case.facts.get(name, "drill")
    measured = dict(word.split("=", 1) for word in fact.value.split()[1:] if "=" in word) if fact else {}
    service = case.sections.services[name]
    known = []
    if "rto" in measured:
        known.append(parse_duration(measured["rto"]))
    elif service.restore.takes:
        known.append(service.restore.takes * (service.restore.units or 1))
    if service.host and not case.compiled.index.spares:
        machine = case.compiled.index.chain(service.host[0])[-1]
        sellers = case.compiled.index.sellers.get(machine, ())
        leads = [lead for p in sellers if (lead := case.sections.providers[p].lead_time) and lead != NEVER]
        known += leads[:1]
    return sum(known, timedelta()) if known else None


def find_rto_gaps(case: Case) -> Iterator[Claim]:
    """Yield one claim for the services that cannot be back in the promised time, by the known figures alone."""
    late = {}
    for name, service in case.sections.services.items():
        takes = known_recovery(case, name)
        if takes and takes > case.rto(service) and not case.is_settled(name, "fast"):
            late[name] = takes
    if not late:
        yield from _untold(case, "rto-gap", _TIME, ("restore.takes", "restore.units"))
        return
    first = max(late, key=lambda name: late[name] / case.rto(case.sections.services[name]))
    names = listed(list(late))
    needed, promised = days(late[first]), days(case.rto(case.sections.services[first]))
    yield Claim(
        rule="rto-gap",
        thing=first,
        title=Text(
            f"{names.en} cannot be back as soon as promised",
            f"{names.de} {'kann' if names.count == 1 else 'können'} nicht so schnell zurück sein wie versprochen",
        ),
        why=(
            Text(
                f"{first}: at least {needed.en}; promised (RTO): {promised.en}.",
                f"{first}: mindestens {needed.de}; versprochen (RTO): {promised.de}.",
            ),
        ),
        fix=Text(
            "Restore to a standing spare, restore the newest part first, or promise what is true.",
            "Auf einen bereitstehenden Ersatz zurückspielen, das Neueste zuerst, oder versprechen, was stimmt.",
        ),
        losses=(Loss(first),),
        settles=frozenset((name, "fast") for name in late),
        others=tuple(name for name in late if name != first),
        least=Severity.WARNING,
        most=Severity.WARNING,
    )


BK_STALE = Rule(
    id="bk-stale",
    summary=Text("the newest copy is too old", "die neueste Kopie ist zu alt"),
    meaning=Text(
        "Backups stop silently. What was written since the last one is lost with the next disk.",
        "Backups hören leise auf. Was seither geschrieben wurde, geht mit der nächsten Platte verloren.",
    ),
    decision=Text(
        "The newest known snapshot (fact `backup`) is older than the RPO; or, where none is known, `every` is longer "
        "than the RPO. A note where `every` is expressly unknown and no copy was seen.",
        "Der neueste bekannte Stand (`backup`) ist älter als das RPO; ohne Stand: `every` länger als das RPO.",
    ),
    remedy=Text("Have the absence of a backup reported, not its failure.", "Das Ausbleiben melden lassen."),
    find=find_bk_stale,
    prevented=(
        Text(
            "slum.cloud 2021: no dump for several days, unnoticed",
            "slum.cloud 2021: tagelang unbemerkt kein Dump",
        ),
        Text(
            "Wikimedia Labs 2015: the copy was nine days old",
            "Wikimedia Labs 2015: die Kopie war neun Tage alt",
        ),
    ),
)

RTO_GAP = Rule(
    id="rto-gap",
    summary=Text("it takes longer than promised", "es dauert länger als versprochen"),
    meaning=Text(
        "A backup that takes weeks to restore is an outage of weeks.",
        "Ein Backup, dessen Rückspielen Wochen dauert, ist ein Ausfall von Wochen.",
    ),
    decision=Text(
        "The known part of the recovery (drilled, else declared `restore: {takes, units}`, and the lead time of a new "
        "machine where no spare stands ready) is longer than the RTO. Unknown parts count as nothing; "
        "a note where they are expressly unknown and no drill has measured them.",
        "Der bekannte Teil der Wiederherstellung ist länger als das RTO. Unbekanntes zählt nicht.",
    ),
    remedy=Text(
        "Measure it in a drill; make it shorter or promise less.", "Messen; verkürzen oder weniger versprechen."
    ),
    find=find_rto_gaps,
    prevented=(
        Text(
            "Atlassian 2022: one site could be restored, hundreds took two weeks",
            "Atlassian 2022: eine Site war schnell zurück, Hunderte brauchten zwei Wochen",
        ),
        Text(
            "Matrix.org 2025: 51 TB took a day",
            "Matrix.org 2025: 51 TB brauchten einen Tag",
        ),
    ),
)
