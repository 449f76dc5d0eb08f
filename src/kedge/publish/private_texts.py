"""What only the private edition says, in English and German."""

from __future__ import annotations

from collections.abc import Mapping

from kedge.model.finding import Text

PRIVATE: Mapping[str, Text] = {
    "private-mark": Text("Private edition", "Private Ausgabe"),
    "private-note": Text(
        "For the people responsible only. Do not publish this, and do not pass it on.",
        "Nur für die Zuständigen. Nicht veröffentlichen, nicht weitergeben.",
    ),
    "private-title": Text(
        "What we run, what threatens it, who can help", "Was wir betreiben, was droht, wer helfen kann"
    ),
    "contents": Text("Contents", "Inhalt"),
    "found": Text("Findings", "Befunde"),
    "no-findings": Text("No findings.", "Keine Befunde."),
    "why": Text("Why", "Warum"),
    "fix": Text("What to do", "Was zu tun ist"),
    "symptoms": Text("Gone with it", "Damit erledigt"),
    "since": Text("since {date}", "seit {date}"),
    "if-lost": Text("if lost: {things}", "bei Verlust von {things}"),
    "not-public": Text("not on the public page", "nicht auf der öffentlichen Seite"),
    "to-next": Text("To level {level}", "Bis Stufe {level}"),
    "next-0": Text(
        "say who is responsible: at least two people, with access that was tried lately",
        "sagen, wer zuständig ist: mindestens zwei Personen, deren Zugang zuletzt geprüft wurde",
    ),
    "next-1": Text(
        "fresh copies in a store that does not fall with the service's own host or place",
        "frische Kopien in einer Ablage, die nicht mit Host oder Ort des Dienstes ausfällt",
    ),
    "next-2": Text(
        "a drill that restores it within the promised RPO and RTO, and is not too old",
        "eine Übung, die ihn innerhalb des versprochenen RPO und RTO wiederherstellt und nicht zu alt ist",
    ),
    "next-3": Text(
        "no single loss may leave it unrecoverable or unnoticed",
        "kein einzelner Verlust darf ihn unwiederbringlich machen oder unbemerkt bleiben",
    ),
    "next-4": Text("nothing is missing", "es fehlt nichts"),
    "see-findings": Text("Findings", "Befunde"),
    "runs-on": Text("Runs on", "Läuft auf"),
    "saved": Text("Saved", "Gesichert"),
    "saved-to": Text("to {stores}", "nach {stores}"),
    "saved-every": Text("every {span}", "alle {span}"),
    "saved-by-other": Text("made outside kedge", "nicht von kedge gemacht"),
    "saved-none": Text("declared as not saved", "laut Inventar nicht gesichert"),
    "drilled": Text("Last drill", "Letzte Übung"),
    "promise": Text("Promise", "Versprechen"),
    "promise-rpo": Text("lose at most {span}", "höchstens {span} verlieren"),
    "promise-rto": Text("back within {span}", "in {span} zurück"),
    "who": Text("Who looks after what", "Wer kümmert sich worum"),
    "who-note": Text(
        "● responsible by name · ○ through a team. The count leaves out people who left.",
        "● namentlich zuständig · ○ über ein Team. Die Zahl lässt Ausgeschiedene weg.",
    ),
    "no-people": Text("Nobody is recorded yet.", "Noch ist niemand eingetragen."),
    "count": Text("Count", "Zahl"),
    "direct": Text("responsible", "zuständig"),
    "team": Text("through a team", "über ein Team"),
    "people": Text("People", "Personen"),
    "reach": Text("Reached by", "Erreichbar"),
    "in-teams": Text("Teams", "Teams"),
    "skills": Text("Skills", "Kann"),
    "opens": Text("Holds", "Hat Zugang"),
    "away": Text("away", "abwesend"),
    "away-until": Text("away until {date}", "abwesend bis {date}"),
    "left": Text("left", "ausgeschieden"),
    "unknown-here": Text("unknown", "unbekannt"),
    "unknowns": Text("Declared unknown", "Als unbekannt eingetragen"),
    "no-unknowns": Text("Nothing is declared unknown.", "Nichts ist als unbekannt eingetragen."),
    "accepted": Text("Accepted", "Hingenommen"),
    "accepted-by": Text("by {who}, until {date}", "von {who}, bis {date}"),
    "accepted-over": Text("over since {date}", "abgelaufen am {date}"),
    "things": Text("Everything else as declared", "Alles Übrige, wie eingetragen"),
    "section-places": Text("Places", "Orte"),
    "section-providers": Text("Providers", "Anbieter"),
    "section-hosts": Text("Hosts", "Hosts"),
    "section-domains": Text("Domains", "Domains"),
    "section-certificates": Text("Certificates", "Zertifikate"),
    "section-limits": Text("Limits", "Grenzen"),
    "section-teams": Text("Teams", "Teams"),
    "section-groups": Text("Groups", "Gruppen"),
    "section-channels": Text("Channels", "Kanäle"),
    "section-accounts": Text("Accounts", "Konten"),
    "section-secrets": Text("Secrets (where kept)", "Geheimnisse (wo aufbewahrt)"),
    "section-documents": Text("Documents", "Dokumente"),
    "section-stores": Text("Stores", "Ablagen"),
    "section-vantages": Text("Vantages", "Standpunkte"),
    "section-changes": Text("Changes", "Änderungen"),
    "read-from": Text("Read from {source}.", "Gelesen aus {source}."),
}
"""Said on top of the public page's texts."""
