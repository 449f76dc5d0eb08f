"""What the pages say, in English and German. `{…}` is filled in and escaped where a text is used."""

from __future__ import annotations

from collections.abc import Mapping

from kedge.model.finding import Text

LANGUAGES: Mapping[str, str] = {"en": "English", "de": "Deutsch"}
"""The languages a site is written in, each under its own name."""

NUMBERS: Mapping[str, tuple[str, ...]] = {
    "en": ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    "de": ("keine", "ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf"),
}  # fmt: skip
"""Numbers up to twelve in words; larger ones are written in digits."""

MONTHS: Mapping[str, tuple[str, ...]] = {
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December"),
    "de": ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober",
           "November", "Dezember"),
}  # fmt: skip

COUNTED: Mapping[str, tuple[Text, Text]] = {
    "all-ok": (Text("It works.", "Er läuft."), Text("All of them work.", "Alle laufen.")),
    "none-observed": (
        Text("Whether it works is not observed yet.", "Ob er läuft, wird noch nicht beobachtet."),
        Text("Whether they work is not observed yet.", "Ob sie laufen, wird noch nicht beobachtet."),
    ),
    "services": (Text("one service", "ein Dienst"), Text("{n} services", "{n} Dienste")),
    "people": (Text("one person", "eine Person"), Text("{n} people", "{n} Personen")),
    "others": (Text("one other", "eine weitere"), Text("{n} others", "{n} weitere")),
    "minutes": (Text("a minute ago", "vor einer Minute"), Text("{n} minutes ago", "vor {n} Minuten")),
    "hours": (Text("an hour ago", "vor einer Stunde"), Text("{n} hours ago", "vor {n} Stunden")),
    "days": (Text("a day ago", "vor einem Tag"), Text("{n} days ago", "vor {n} Tagen")),
    "months": (Text("a month ago", "vor einem Monat"), Text("{n} months ago", "vor {n} Monaten")),
    "years": (Text("a year ago", "vor einem Jahr"), Text("{n} years ago", "vor {n} Jahren")),
    "findings": (Text("one finding", "ein Befund"), Text("{n} findings", "{n} Befunde")),
    "withheld": (
        Text("One more finding is not shown in public.", "Ein weiterer Befund wird nicht öffentlich gezeigt."),
        Text("{n} more findings are not shown in public.", "{n} weitere Befunde werden nicht öffentlich gezeigt."),
    ),
    "wanting": (
        Text(
            "One service has nobody, or only one person, to look after it.",
            "Um einen Dienst kümmert sich niemand oder nur eine Person.",
        ),
        Text(
            "{n} services have nobody, or only one person, to look after them.",
            "Um {n} Dienste kümmert sich niemand oder nur je eine Person.",
        ),
    ),
    "state-ok": (Text("one works", "einer läuft"), Text("{n} work", "{n} laufen")),
    "state-degraded": (
        Text("one is limited", "einer ist gestört"),
        Text("{n} are limited", "{n} sind gestört"),
    ),
    "state-down": (Text("one is down", "einer ist ausgefallen"), Text("{n} are down", "{n} sind ausgefallen")),
    "state-unknown": (
        Text("one is not known", "bei einem unbekannt"),
        Text("{n} are not known", "bei {n} unbekannt"),
    ),
    "state-unobserved": (
        Text("one is not observed", "einer wird nicht beobachtet"),
        Text("{n} are not observed", "{n} werden nicht beobachtet"),
    ),
}
"""Texts that depend on a number: for one, and for any other."""

PUBLIC: Mapping[str, Text] = {
    "title": Text("Our services and who looks after them", "Unsere Dienste und wer sich um sie kümmert"),
    "description": Text(
        "Which services {name} runs, whether they work, when a restore was last proven, and who is responsible.",
        "Welche Dienste {name} betreibt, ob sie laufen, wann zuletzt eine Wiederherstellung gelang "
        "und wer zuständig ist.",
    ),
    "skip": Text("Skip to the services", "Zu den Diensten springen"),
    "languages": Text("Language", "Sprache"),
    "as-of": Text("As of {moment}", "Stand: {moment}"),
    "lead": Text("{services}, looked after by {people}.", "{services}, betreut von {people}."),
    "lead-nobody": Text(
        "{services}. Nobody is recorded as responsible yet.", "{services}. Noch ist niemand als zuständig eingetragen."
    ),
    "proven-count": Text("Restore proven for {n} of {all}", "Wiederherstellung erprobt bei {n} von {all}"),
    "help-count": Text("Help wanted for {n}", "Hilfe gesucht bei {n}"),
    "services": Text("Services", "Dienste"),
    "service": Text("Service", "Dienst"),
    "no-services": Text(
        "No service is listed here yet. As soon as one is, this page says whether it works and who is responsible.",
        "Hier steht noch kein Dienst. Sobald einer eingetragen ist, sagt diese Seite, "
        "ob er läuft und wer zuständig ist.",
    ),
    "status": Text("Status", "Zustand"),
    "ok": Text("Works", "Läuft"),
    "degraded": Text("Limited", "Gestört"),
    "down": Text("Down", "Ausgefallen"),
    "unknown": Text("Not known", "Nicht bekannt"),
    "unobserved": Text("Not observed", "Nicht beobachtet"),
    "was-ok": Text("worked", "lief"),
    "was-degraded": Text("was limited", "war gestört"),
    "was-down": Text("was down", "war ausgefallen"),
    "was-unknown": Text("looked at", "angesehen"),
    "just-now": Text("just now", "eben"),
    "restored": Text("Restore proven", "Wiederherstellung erprobt"),
    "not-restored": Text("Not yet", "Noch nicht"),
    "nothing-to-restore": Text("Not needed: no data", "Nicht nötig: keine Daten"),
    "level": Text("Recovery level", "Stufe"),
    "level-0": Text("unknown", "unbekannt"),
    "level-1": Text("documented", "dokumentiert"),
    "level-2": Text("saved", "gesichert"),
    "level-3": Text("proven", "erprobt"),
    "level-4": Text("assured", "abgesichert"),
    "level-of": Text("{level} of 4", "{level} von 4"),
    "responsible": Text("Responsible", "Zuständig"),
    "nobody": Text("Nobody recorded", "Niemand eingetragen"),
    "and": Text("and", "und"),
    "people-unrecorded": Text("number of people not recorded", "Zahl der Personen nicht erfasst"),
    "help": Text("Help wanted", "Hilfe gesucht"),
    "help-contact": Text(
        "To help, write to {contact}. Nobody needs to know it all yet.",
        "Wer helfen will, schreibt an {contact}. Man muss noch nicht alles können.",
    ),
    "help-visit": Text(
        "To help, see {contact}. Nobody needs to know it all yet.",
        "Wer helfen will, findet uns unter {contact}. Man muss noch nicht alles können.",
    ),
    "help-ask": Text(
        "To help, ask anybody at {name}. Nobody needs to know it all yet.",
        "Wer helfen will, wendet sich an {name}. Man muss noch nicht alles können.",
    ),
    "for-nobody": Text("nobody recorded", "niemand eingetragen"),
    "for-one": Text("only one person", "nur eine Person"),
    "teams": Text("Teams", "Teams"),
    "looks-after": Text("Looks after", "Kümmert sich um"),
    "findings": Text("Known weak spots", "Bekannte Schwächen"),
    "critical": Text("Critical", "Kritisch"),
    "warning": Text("Warning", "Warnung"),
    "note": Text("Note", "Hinweis"),
    "meaning": Text("What this page says", "Was diese Seite sagt"),
    "meaning-status": Text(
        "A service works if it answered in its own language, not merely because its machine is there. "
        "What nobody has looked at lately is not known.",
        "Ein Dienst läuft, wenn er in seiner eigenen Sprache geantwortet hat, nicht schon, weil seine Maschine da ist. "
        "Was zuletzt niemand angesehen hat, ist nicht bekannt.",
    ),
    "meaning-restore": Text(
        "A restore is proven when a saved copy was brought back, compared and started elsewhere.",
        "Eine Wiederherstellung ist erprobt, wenn eine gesicherte Kopie anderswo zurückgeholt, "
        "verglichen und gestartet wurde.",
    ),
    "meaning-help": Text(
        "Help is wanted wherever nobody or only one person is responsible.",
        "Hilfe ist überall gesucht, wo niemand oder nur eine Person zuständig ist.",
    ),
    "meaning-names": Text(
        "People are named only if they agreed to it.", "Personen werden nur genannt, wenn sie zugestimmt haben."
    ),
    "made-by": Text(
        "Made with kedge from the organisation's own inventory.",
        "Erstellt mit kedge aus dem Inventar der Organisation.",
    ),
    "data": Text("The same as data", "Dasselbe als Daten"),
}
"""The public page."""
