"""bk-colocated, bk-mirror, bk-deletable: backups judged by what is left after one loss, in each mode."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from kedge.inventory import nodes
from kedge.inventory.nodes import is_assumption, read_loss
from kedge.model.finding import Loss, Severity, Text
from kedge.rules.backups import keeps_data
from kedge.rules.case import Case
from kedge.rules.claim import Claim, Rule
from kedge.rules.lone_copies import find_lone_copies
from kedge.rules.wording import Phrase, listed, lost

Fits = Callable[[Case, str, Loss], bool]


def doubting(case: Case) -> Sequence[frozenset[int] | None]:
    """Return what single losses break if copies that are only claimed, and may be deleted by anybody, do not count."""
    doubtful = [
        case.compiled.node(nodes.COPY, name)
        for name, store in case.sections.stores.items()
        if any(sure.how == "claimed" for sure in store.sure.values())
        and store.deletable_by is None
        and not store.append_only
    ]
    if not doubtful:
        return case.fragile
    never = dict.fromkeys(doubtful, (1, (case.rules.never,)))
    return case.remember("doubting", lambda case: case.losses_least.changed(never).losses)


def fatal_losses(case: Case, service: str) -> list[Loss]:
    """Return the single losses that leave no data of a saved service, in the inventory's order."""
    save = case.sections.services[service].save
    fragile = doubting(case)[case.compiled.node(nodes.DATA, service)]
    if not save or not save.to or not fragile:
        return []
    names = {name for each in fragile if not is_assumption(name := case.rules.name(each))}
    order = {name: place for place, name in enumerate(case.inventory.things)}
    losses = [read_loss(name) if name not in order else Loss(name) for name in names]
    return sorted(losses, key=lambda loss: (order.get(loss.thing, 0), loss.mode))


def _is_place(case: Case, _service: str, loss: Loss) -> bool:
    section = case.compiled.section_of(loss.thing)
    is_seat = section in {"hosts", "places", "providers"} and loss.mode in {"gone", "withdrawn", "emptied"}
    return is_seat or (section == "services" and loss.mode == "gone")


def _is_deletion(case: Case, _service: str, loss: Loss) -> bool:
    return loss.mode == "emptied" and case.compiled.section_of(loss.thing) in {"services", "stores"}


def _is_misuse(_case: Case, _service: str, loss: Loss) -> bool:
    return loss.mode == "misused"


def _by_store(case: Case, fits: Fits) -> Iterator[tuple[str, Loss, list[str]]]:
    """Yield each store whose services one such loss leaves without data: store, the dearest loss, the services."""
    hit: defaultdict[str, dict[str, list[Loss]]] = defaultdict(dict)
    for service in keeps_data(case):
        fatal = [loss for loss in fatal_losses(case, service) if fits(case, service, loss)]
        save = case.sections.services[service].save
        if fatal and save and not case.is_settled(service, "saved"):
            hit[save.to[0]][service] = fatal
    for store, found in hit.items():
        every = dict.fromkeys(loss for losses in found.values() for loss in losses)
        dearest = max(every, key=lambda loss: sum(case.weight(s) for s in found if loss in found[s]))
        yield store, dearest, list(found)


def _claim(rule: str, store: str, loss: Loss, names: list[str], title: Text, fix: Text) -> Claim:
    return Claim(
        rule=rule,
        thing=store,
        title=title,
        why=(
            Text(
                f"{lost(loss).en} takes the data and every copy of {listed(names).en}.",
                f"{lost(loss).de} nimmt die Daten und jede Kopie von {listed(names).dative} mit.",
            ),
        ),
        fix=fix,
        losses=(loss,),
        speaks_of=frozenset({"unrecoverable"}),
        settles=frozenset((name, "saved") for name in names),
        others=tuple(names),
        least=Severity.WARNING,
    )


def find_colocated(case: Case) -> Iterator[Claim]:
    """Yield stores that are lost together with what they save."""
    for store, loss, names in _by_store(case, _is_place):
        title = Text(
            f"{store} is lost together with {listed(names).en}",
            f"{store} geht zusammen mit {listed(names).dative} verloren",
        )
        fix = Text(
            f"A second copy that survives the loss of {loss.thing}: another building, another provider.",
            f"Eine zweite Kopie, die den Verlust von {loss.thing} übersteht: anderes Gebäude, anderer Anbieter.",
        )
        yield _claim("bk-colocated", store, loss, names, title, fix)
    yield from find_lone_copies(case)


def find_mirrors(case: Case) -> Iterator[Claim]:
    """Yield copies that repeat a deletion."""
    for store, loss, names in _by_store(case, _is_deletion):
        is_snapshot = case.sections.stores[store].type == "snapshot"
        title, fix = (_snapshot_texts if is_snapshot else _mirror_texts)(store, listed(names))
        bare = tuple(("bk-none", name) for name in names if _follows_all(case, name))
        yield replace(_claim("bk-mirror", store, loss, names, title, fix), also=bare)


def _mirror_texts(store: str, names: Phrase) -> tuple[Text, Text]:
    return (
        Text(
            f"{store} follows {names.en}: it repeats every deletion",
            f"{store} folgt {names.dative}: jede Löschung geschieht auch dort",
        ),
        Text(
            "A copy with a past: snapshots that stay when the original changes.",
            "Eine Kopie mit Vergangenheit: Stände, die bleiben, wenn sich das Original ändert.",
        ),
    )


def _snapshot_texts(store: str, names: Phrase) -> tuple[Text, Text]:
    return (
        Text(
            f"{store} lies on the volume it is a picture of: {names.en}",
            f"{store} liegt auf dem Volume, das es abbildet: {names.de}",
        ),
        Text(
            "A copy of the snapshots in another place, of another provider if that can be.",
            "Eine Kopie der Snapshots an einem anderen Ort, möglichst bei einem anderen Anbieter.",
        ),
    )


def _follows_all(case: Case, service: str) -> bool:
    """Return whether every copy of a service only repeats it: in truth its data exists once."""
    save = case.sections.services[service].save
    return save is not None and bool(save.to) and all(case.sections.stores[store].is_mirror for store in save.to)


def find_deletable(case: Case) -> Iterator[Claim]:
    """Yield copies that one account can delete together with the original."""
    for store, loss, names in _by_store(case, _is_misuse):
        title = Text(
            f"{loss.thing} can delete {listed(names, 3).en} and the backups in {store}",
            f"{loss.thing} kann {listed(names, 3).de} und die Backups in {store} löschen",
        )
        fix = Text(
            "An append-only store, or a copy under an account that nobody uses daily.",
            "Ein nur anfügbarer Speicher oder eine Kopie unter einem Konto, das niemand täglich nutzt.",
        )
        yield _claim("bk-deletable", store, loss, names, title, fix)


_DECISION = Text(
    "Saved services for which one single loss of this kind leaves neither the live data nor any copy. All copies are "
    "judged together: one that survives is enough. A copy that is only claimed, and of which nobody knows who may "
    "delete it, does not count.",
    "Gesicherte Dienste, bei denen ein einziger solcher Verlust weder Daten noch Kopie übrig lässt.",
)

BK_COLOCATED = Rule(
    id="bk-colocated",
    summary=Text("the backup is lost with the original", "das Backup geht mit dem Original verloren"),
    meaning=Text(
        "Same machine, same building, same provider: fire, theft or a closed account takes both.",
        "Gleicher Rechner, gleiches Gebäude, gleicher Anbieter: Feuer, Diebstahl oder Sperrung nehmen beides.",
    ),
    decision=Text(
        f"{_DECISION.en} A warning where some copies go with the original and what is left is a hope: nobody has "
        "restored it, none was seen within the RPO, and it is expressly unknown how often it is made.",
        f"{_DECISION.de} Eine Warnung, wo ein Teil der Kopien mitgeht und der Rest nur Hoffnung ist: nie "
        "zurückgespielt, nicht im RPO gesehen, und ausdrücklich unbekannt, wie oft.",
    ),
    remedy=Text("One copy elsewhere, with another owner.", "Eine Kopie anderswo, bei jemand anderem."),
    find=find_colocated,
    prevented=(
        Text(
            "OVH Strasbourg 2021: backups in the building that burned",
            "OVH Straßburg 2021: Backups in dem Gebäude, das abbrannte",
        ),
        Text(
            "Echopedia 2022: backups that went with the instance they were made of",
            "Echopedia 2022: Backups, die mit ihrer Instanz verschwanden",
        ),
    ),
)

BK_MIRROR = Rule(
    id="bk-mirror",
    summary=Text("a mirror is no backup", "ein Spiegel ist kein Backup"),
    meaning=Text(
        "RAID, replicas, synchronised folders and snapshots on the same volume repeat every deletion at once.",
        "RAID, Replikate, Synchronordner und Snapshots auf demselben Volume wiederholen jede Löschung sofort.",
    ),
    decision=_DECISION,
    remedy=Text("Versions, kept apart from the original.", "Versionen, getrennt vom Original aufbewahrt."),
    find=find_mirrors,
    prevented=(
        Text(
            "JournalSpace 2008: a RAID mirror was the only copy",
            "JournalSpace 2008: ein RAID-Spiegel war die einzige Kopie",
        ),
        Text(
            "KDE 2013: every mirror repeated the damage within minutes",
            "KDE 2013: alle Spiegel wiederholten den Schaden binnen Minuten",
        ),
        Text(
            "Gandi 2020: snapshots on the storage unit that failed",
            "Gandi 2020: Snapshots auf dem Speicher, der ausfiel",
        ),
    ),
)

BK_DELETABLE = Rule(
    id="bk-deletable",
    summary=Text("one account can delete original and backup", "ein Konto kann Original und Backup löschen"),
    meaning=Text(
        "Whoever gets hold of this account, or makes a mistake with it, removes the data and every copy.",
        "Wer dieses Konto in die Hand bekommt oder sich damit vertut, löscht Daten und Kopien.",
    ),
    decision=_DECISION,
    remedy=Text("Saving and deleting are separate powers.", "Sichern und Löschen sind getrennte Rechte."),
    find=find_deletable,
    prevented=(
        Text(
            "Code Spaces 2014: data and backups deleted through one console",
            "Code Spaces 2014: Daten und Backups über eine Konsole gelöscht",
        ),
        Text(
            "CloudNordic 2023: one management network reached production and both backups",
            "CloudNordic 2023: ein Verwaltungsnetz erreichte Produktion und beide Backups",
        ),
    ),
)
