"""How suggestions look on a terminal: a list one can put on a meeting's agenda."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text as Line

from kedge.cli.page import Page
from kedge.model.finding import Text
from kedge.rules.suggest import Suggestion

_EFFORT = Text("effort: {0}", "Aufwand: {0}")
_WHO = Text("who could: {0}", "wer könnte: {0}")
_SINGLE = Text("fatal single losses {0}", "fatale Einzelausfälle {0}")
_PAIRS = Text("fatal pairs {0}", "fatale Paare {0}")
_DOWN = Text("downtime {0}", "Stillstand {0}")
_LEGEND = Text(
    "Fatal: a service is lost for good, or nobody responsible hears of it. Counted over every single loss and every "
    "pair, each service by its promise. Each addition is tried alone.",
    "Fatal: Ein Dienst ist unwiederbringlich, oder niemand Zuständiges erfährt davon. Gezählt über jeden einzelnen "
    "Ausfall und jedes Paar, Dienste nach ihrem Versprechen. Jede Ergänzung für sich.",
)


def show_suggestions(out: Page, found: Sequence[Suggestion], language: str) -> None:
    """Print suggestions with what they remove, before and after."""
    if not found:
        out.put(Text("No single addition removes anything.", "Keine einzelne Ergänzung ändert etwas.").to(language))
        return
    for number, each in enumerate(found, 1):
        out.put(Line(each.what.to(language), "bold"), indent=4, lead=f"{number}.")
        out.put(Line(_note(each, language), "dim"), indent=4)
    out.put()
    out.put(_LEGEND.to(language))


def _note(each: Suggestion, language: str) -> str:
    parts = [_EFFORT.to(language).format(each.effort.to(language))]
    if each.who:
        parts.append(_WHO.to(language).format(", ".join(each.who)))
    for words, before, after in (
        (_SINGLE, each.before.single, each.after.single),
        (_PAIRS, each.before.pairs, each.after.pairs),
        (_DOWN, each.before.down, each.after.down),
    ):
        if before != after:
            parts.append(words.to(language).format(f"{before:g} → {after:g}"))
    return "; ".join(parts)
