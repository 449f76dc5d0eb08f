"""What nobody knows, and what would change most if somebody did."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kedge.inventory import nodes
from kedge.model.finding import Text
from kedge.rules.case import Case
from kedge.scenarios.cuts import cut_sets

_EXACT_UP_TO = 30_000
"""Nodes up to which pairs (a loss and a wrong assumption) are counted exactly; beyond, single assumptions only."""


@dataclass(frozen=True)
class Question:
    """A value nobody gave: of which thing, which field, how much depends on it, and how to ask for it."""

    thing: str
    field: str
    weight: float
    text: Text


_TEXTS: dict[str, tuple[str, str]] = {
    "people": ("Who is responsible for {0}?", "Wer ist für {0} zuständig?"),
    "save": ("Is {0} saved, and where? (a store, or `none`)", "Wird {0} gesichert, und wo? (ein Speicher oder `none`)"),
    "held-by": ("Who can open {0}?", "Wer kann {0} öffnen?"),
    "account": ("Who can log in to the administration of {0}?", "Wer kommt in die Verwaltung von {0}?"),
    "channels": (
        "How can {0} be reached when everything of ours is down? (`sms {0}`, `mail …` outside)",
        "Wie ist {0} erreichbar, wenn bei uns alles steht? (`sms {0}`, `mail …` außerhalb)",
    ),
    "instructions": (
        "Where is it written down how to set up {0} again?",
        "Wo steht, wie man {0} wieder aufsetzt?",
    ),
    "replacement": ("What would replace {0}, and who would get it?", "Was ersetzt {0}, und wer besorgt es?"),
    "kept": ("Where is {0} kept?", "Wo liegt {0}?"),
    "host": ("On which host does {0} run?", "Auf welchem Host läuft {0}?"),
    "login": ("How does one log in to {0}?", "Wie meldet man sich auf {0} an?"),
    "members": ("Who belongs to {0}?", "Wer gehört zu {0}?"),
    "mail": ("Which service receives the mail of {0}?", "Welcher Dienst empfängt die Mail von {0}?"),
    "notices-to": ("Where do the messages of {0} go?", "Wohin gehen die Nachrichten von {0}?"),
    "lead-time": (
        "How long does {0} take to hand over a new machine?",
        "Wie lange braucht {0} für einen neuen Rechner?",
    ),
}


def questions(case: Case) -> list[Question]:
    """Return everything that is not known, what would change most first: each thing and field once."""
    weights = _weights(case)
    known = {nodes.split_assumption(case.rules.name(c)): weight for c, weight in weights.items()}
    for unknown in case.inventory.unknowns:
        known.setdefault((unknown.thing, unknown.field), 0.0)
    for provider, declared in case.sections.providers.items():
        if declared.notices_to is None:
            known.setdefault((provider, "notices-to"), 0.0)
    order = {name: i for i, name in enumerate(case.inventory.things)}
    ranked = sorted(known.items(), key=lambda item: (-item[1], order.get(item[0][0], len(order)), item[0]))
    return [Question(thing, field, weight, question_text(thing, field)) for (thing, field), weight in ranked]


def question_text(thing: str, field: str) -> Text:
    """Return the question for one value."""
    texts = _TEXTS.get(field)
    if texts is None:
        return Text(f"What is `{field}` of {thing}?", f"Was ist `{field}` von {thing}?")
    return Text(texts[0].format(thing), texts[1].format(thing))


def _weights(case: Case) -> dict[int, float]:
    """Return, per assumption, the weight of the services that one more loss would cost if it were wrong."""
    assumed = set(case.compiled.assumptions())
    weights = dict.fromkeys(assumed, 0.0)
    targets = {case.compiled.node(nodes.BACK, s): s for s in case.sections.services}
    order = 2 if len(case.rules) <= _EXACT_UP_TO else 1
    for target, found in cut_sets(case.rules, targets, order).items():
        for involved in _assumed_in(found.sets, assumed):
            weights[involved] += case.weight(targets[target])
    return weights


def _assumed_in(cuts: Iterable[tuple[int, ...]], assumed: set[int]) -> Iterable[int]:
    return (member for cut in cuts for member in cut if member in assumed)
