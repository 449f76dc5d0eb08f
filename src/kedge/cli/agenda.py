"""How suggestions look on a terminal: a list one can put on a meeting's agenda."""

from __future__ import annotations

from rich.text import Text as Line

from kedge.cli.page import Page
from kedge.model.finding import Text
from kedge.rules.suggest import Agenda, Counts, Question
from kedge.rules.wording import listed

_WORDS: dict[Question, Text] = {
    "unrecoverable": Text("for good", "endgültig"),
    "unnoticed": Text("unnoticed", "unbemerkt"),
    "down": Text("down", "Ausfall"),
}
_ONE = Text("by one loss:", "durch einen Verlust:")
_TWO = Text("by two:", "durch zwei:")
_TODAY = Text("today", "heute")
_OR = Text("or: ", "oder: ")
_LEFT = Text("Then still fatal alone: {0}.", "Danach allein noch fatal: {0}.")
_NONE_LEFT = Text("Then nothing is fatal alone.", "Danach ist nichts mehr allein fatal.")
_LEGEND = Text(
    "Each on top of those above it. Counted: every loss, and every pair, once for each service that it costs for good "
    "(no way back), or that nobody responsible would miss (unnoticed). A single loss that becomes a pair is progress.",
    "Jeder Punkt zusätzlich zu denen darüber. Gezählt ist jeder Verlust und jedes Paar, einmal für jeden Dienst, der "
    "endgültig weg ist (kein Weg zurück) oder dessen Ausfall niemand Zuständiges bemerkt. Wird aus einem einzelnen "
    "Verlust ein Paar, ist das ein Fortschritt.",
)
_INDENT = 4


def show_suggestions(out: Page, found: Agenda, language: str) -> None:
    """Print suggestions with what they remove, before and after, and what is left in the end."""
    if not found.is_complete:
        out.put(_large(found).to(language))
    if not found.items:
        out.put(Text("No single addition removes anything.", "Keine einzelne Ergänzung ändert etwas.").to(language))
        return
    for number, each in enumerate(found.items, 1):
        out.put(Line(each.what.to(language), "bold"), indent=_INDENT, lead=f"{number}.")
        for other in each.instead[:1]:
            out.put(_OR.to(language) + other.what.to(language), indent=_INDENT)
        who = listed(each.addition.who).to(language)
        out.put(each.addition.effort.to(language) + (f"; {who}" if who else ""), indent=_INDENT)
        for line in _effects(each.before, each.after, language):
            out.put(line, indent=_INDENT)
    out.put()
    names = listed(list(dict.fromkeys(loss.thing for loss in found.left)), 8).to(language)
    out.put((_LEFT if found.left else _NONE_LEFT).to(language).format(names))
    out.put(Line(_LEGEND.to(language), "dim"))


def _large(found: Agenda) -> Text:
    """Return which limit was reached."""
    pairs = Text("", "") if found.has_pairs else Text(" Pairs were not counted.", " Paare wurden nicht gezählt.")
    return Text(
        f"A large inventory: {found.tried} of {found.possible} additions were tried, those about the costliest losses."
        + pairs.en,
        f"Ein großes Inventar: {found.tried} von {found.possible} Ergänzungen wurden versucht, die zu den teuersten "
        f"Verlusten.{pairs.de}",
    )


def _effects(before: Counts, after: Counts, language: str) -> list[Line]:
    """Return what changes: single losses on one line, pairs on the next; better is green, worse is not hidden."""
    lines = []
    for words, part in ((_ONE, "single"), (_TWO, "pairs")):
        line = Line(words.to(language), "dim")
        for question, word in _WORDS.items():
            was, now = (getattr(counts[question], part) for counts in (before, after))
            if was != now:
                line.append(f"  {word.to(language)} ", "dim").append(f"{was} → {now}", "green" if now < was else "")
        if "→" in line.plain:
            lines.append(line)
    return lines
