"""bk-doubtful: a backup that is complete, and of data that looks damaged or gone."""

from __future__ import annotations

from collections.abc import Iterator

from kedge.model.finding import Loss, Severity, Text
from kedge.rules.backups import doubts_of, keeps_data
from kedge.rules.case import Case
from kedge.rules.claim import Claim, Rule
from kedge.rules.wording import listed


def find_bk_doubtful(case: Case) -> Iterator[Claim]:
    """Yield one claim for the saved services whose last backup differs from what one expects of it."""
    doubts = {
        name: found
        for name in keeps_data(case)
        if (save := case.sections.services[name].save) and save.to and not case.is_settled(name, "trusted")
        if (found := doubts_of(case, name))
    }
    if not doubts:
        return
    first = next(iter(doubts))
    yield Claim(
        rule="bk-doubtful",
        thing=first,
        title=Text(
            f"The last backup of {listed(list(doubts)).en} may hold damaged or vanished data",
            f"Das letzte Backup von {listed(list(doubts)).de} enthält womöglich beschädigte oder fehlende Daten",
        ),
        why=tuple(Text(f"{name}, {what}.", f"{name}, {what}.") for name, found in doubts.items() for what in found),
        fix=Text(
            f"Look at {first} now, while the older snapshots are there: kedge snapshots {first}. "
            "If it was meant so, the next backup says so.",
            f"{first} jetzt ansehen, solange die älteren Stände da sind: kedge snapshots {first}.",
        ),
        losses=(Loss(first, "emptied"),),
        settles=frozenset((name, "trusted") for name in doubts),
        others=tuple(name for name in doubts if name != first),
        least=Severity.WARNING,
        most=Severity.WARNING,
    )


BK_DOUBTFUL = Rule(
    id="bk-doubtful",
    summary=Text("a backup of damaged or vanished data", "ein Backup beschädigter oder verschwundener Daten"),
    meaning=Text(
        "A backup repeats faithfully what is there: an emptied table, umlauts that became question marks, text that "
        "was encoded twice, an archive of twenty bytes. Nobody notices until the good snapshots are gone.",
        "Ein Backup wiederholt getreu, was da ist: eine geleerte Tabelle, Umlaute als Fragezeichen, doppelt kodierten "
        "Text, ein Archiv von zwanzig Bytes. Es fällt auf, wenn die guten Stände weg sind.",
    ),
    decision=Text(
        "Saving counts what it saves (fact `counted/PART`) and compares it with the backup before: fewer than half "
        "the entries, tables or bytes; question marks in more rows than were added; rows of text encoded twice; an "
        "SQLite database that SQLite calls damaged; of a backup made by others, what it does not hold "
        "(fact `doubt/PART`).",
        "Jede Sicherung zählt und vergleicht mit der vorigen: weniger als die Hälfte; mehr Fragezeichen; doppelt "
        "kodierter Text; eine SQLite-Datenbank, die SQLite beschädigt nennt; was ein fremdes Backup nicht enthält "
        "(`doubt/PART`).",
    ),
    remedy=Text(
        "Look at the service before the last good snapshot is pruned.",
        "Den Dienst ansehen, bevor der letzte gute Stand gelöscht wird.",
    ),
    find=find_bk_doubtful,
    prevented=(
        Text(
            "GitLab 2017: the bucket that should have held the dumps was empty",
            "GitLab 2017: der Speicher, der die Dumps enthalten sollte, war leer",
        ),
    ),
)
