"""bk-none: services whose data exists once."""

from __future__ import annotations

from collections.abc import Iterator

from kedge.model.finding import Severity, Text
from kedge.rules.backups import dearest_loss, keeps_data
from kedge.rules.case import Case
from kedge.rules.claim import Claim, Rule
from kedge.rules.unasked import find_unasked
from kedge.rules.wording import listed, lost


def find_bk_none(case: Case) -> Iterator[Claim]:
    """Yield one claim for the services that say they are not saved, and one note for those in danger unasked."""
    yield from _bare(case)
    yield from find_unasked(case)


def _bare(case: Case) -> Iterator[Claim]:
    """Yield one claim for every service that says it is not saved: they share the remedy."""
    services = case.sections.services
    bare = tuple(
        name
        for name in keeps_data(case)
        if (save := services[name].save) is not None and not save.to and not case.is_settled(name, "saved")
    )
    if not bare:
        return
    loss = dearest_loss(case, bare)
    gone = case.toll(loss).unrecoverable
    yield Claim(
        rule="bk-none",
        thing=bare[0],
        title=Text(f"No backup of {listed(bare).en}", f"Kein Backup von {listed(bare).dative}"),
        why=(
            Text(
                f"`save: none`: the data of {len(bare)} service{'s' * (len(bare) != 1)} exists once.",
                f"`save: none`: Die Daten von {len(bare)} Dienst{'en' * (len(bare) != 1)} gibt es nur einmal.",
            ),
            Text(
                f"{lost(loss).en} leaves {listed(gone).en} unrecoverable.",
                f"{lost(loss).de} macht {listed(gone).de} unwiederbringlich.",
            ),
        ),
        fix=Text(
            f"Save {listed(bare, 3).en} in another place, under a key that is kept elsewhere too. "
            f"Today: one dump of {bare[0]}, copied elsewhere.",
            f"{listed(bare, 3).de} an einem anderen Ort sichern, der Schlüssel auch anderswo. "
            f"Heute: ein Dump von {bare[0]}, anderswohin kopiert.",
        ),
        losses=(loss,),
        speaks_of=frozenset({"unrecoverable"}),
        settles=frozenset((name, "saved") for name in bare),
        others=bare[1:],
        least=Severity.WARNING,
    )


BK_NONE = Rule(
    id="bk-none",
    summary=Text("data that exists once", "Daten, die es nur einmal gibt"),
    meaning=Text(
        "If the disk, the machine or one wrong command takes this data, it is gone for good.",
        "Nehmen Platte, Rechner oder ein falscher Befehl diese Daten mit, sind sie für immer weg.",
    ),
    decision=Text(
        "Services that keep data and say `save: none`. Without any `save` the answer is unknown and belongs to "
        "unverified. All of them are one finding; the weightiest names it, the others stand beneath. As a note: "
        "services of which somebody wrote `save: unknown` and of which no copy was ever seen, while an account may "
        "delete their data or a planned change touches it. Beneath bk-mirror: services whose every copy is a mirror.",
        "Dienste mit Daten, die `save: none` sagen. Ohne `save` ist die Antwort unbekannt (siehe unverified). Als "
        "Hinweis: `save: unknown`, während ein Konto die Daten löschen darf oder eine geplante Änderung sie anfasst.",
    ),
    remedy=Text(
        "Begin with wiki, mail and DNS: a dump or copy a day, in another place, that the server itself cannot delete.",
        "Mit Wiki, Mail und DNS anfangen: täglich eine Kopie an einem anderen Ort, die der Server nicht löschen kann.",
    ),
    find=find_bk_none,
    prevented=(
        Text(
            "Piratenpartei 2007: no backup of mail, wiki and DNS; some 40 wiki edits lost",
            "Piratenpartei 2007: kein Backup von Mail, Wiki und DNS; etwa 40 Wikiänderungen verloren",
        ),
    ),
)
