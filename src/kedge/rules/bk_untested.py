"""bk-untested: backups that nobody has restored."""

from __future__ import annotations

from collections.abc import Iterator

from kedge.model.finding import Loss, Severity, Text
from kedge.rules.backups import keeps_data, newest_drill, newest_try
from kedge.rules.case import Case
from kedge.rules.claim import Claim, Rule
from kedge.rules.wording import listed


def find_bk_untested(case: Case) -> Iterator[Claim]:
    """Yield one claim for every saved service without a successful drill within its shelf life."""
    services = case.sections.services
    untested = tuple(
        name
        for name in keeps_data(case)
        if (save := services[name].save) and save.to
        if newest_drill(case, name) is None and not case.is_settled(name, "drilled")
    )
    if not untested:
        return
    tried = [fact for name in untested if (fact := newest_try(case, name))]
    last = Text(
        f"Drills on record: {len(tried)}, none of them successful within 90 days.",
        f"Verzeichnete Übungen: {len(tried)}, keine davon in den letzten 90 Tagen gelungen.",
    )
    failed = Text("", "")
    if tried and (why := max(tried, key=lambda fact: fact.at)).value.startswith("failed "):
        failed = Text(f"{why.thing}: {why.value[7:]}", f"{why.thing}: {why.value[7:]}")
    yield Claim(
        rule="bk-untested",
        thing=untested[0],
        title=Text(
            f"Nobody has restored the backup of {listed(untested).en}",
            f"Niemand hat das Backup von {listed(untested).dative} je zurückgespielt",
        ),
        why=(
            last if tried else Text("There is no drill on record.", "Es ist keine Übung verzeichnet."),
            *((failed,) if failed.en else ()),
        ),
        fix=Text(
            f"Restore {untested[0]} into a folder or onto a spare machine, look at the newest entry, note it.",
            f"{untested[0]} in einen Ordner oder auf einen Ersatzrechner zurückspielen, den neuesten Eintrag ansehen.",
        ),
        losses=(Loss(untested[0], "emptied"),),
        settles=frozenset((name, "drilled") for name in untested),
        others=untested[1:],
        is_unproven=True,
        least=Severity.WARNING,
        most=Severity.WARNING,
    )


BK_UNTESTED = Rule(
    id="bk-untested",
    summary=Text("backups that nobody has restored", "Backups, die niemand zurückgespielt hat"),
    meaning=Text(
        "A backup that nobody has restored does not count as one: the dump may be empty, the key lost, the wrong "
        "folder saved.",
        "Ein Backup, das niemand zurückgespielt hat, zählt nicht: leerer Dump, verlorener Schlüssel, falscher Ordner.",
    ),
    decision=Text(
        "Saved services without a successful drill within 90 days.",
        "Gesicherte Dienste ohne gelungene Übung in den letzten 90 Tagen.",
    ),
    remedy=Text("Drill the weightiest one today; let the rest follow by schedule.", "Heute das Wichtigste üben."),
    find=find_bk_untested,
    prevented=(
        Text(
            "GitLab 2017: five backup methods, none of which worked",
            "GitLab 2017: fünf Backupverfahren, von denen keines ging",
        ),
        Text(
            "Pixar 1998: the tapes had been incomplete for weeks",
            "Pixar 1998: die Bänder waren seit Wochen unvollständig",
        ),
        Text(
            "Tarsnap 2023: the procedure had last been needed eleven years before",
            "Tarsnap 2023: das Verfahren war zuletzt elf Jahre zuvor gebraucht worden",
        ),
    ),
)
