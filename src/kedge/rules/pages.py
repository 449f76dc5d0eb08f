"""A rule's page: meaning, decision, remedy, and the outages it would have foreseen."""

from __future__ import annotations

from kedge.model.finding import Text
from kedge.rules.claim import Rule

_HEADS = {
    "meaning": Text("What it means", "Was es bedeutet"),
    "decision": Text("How kedge decides", "Wie kedge entscheidet"),
    "remedy": Text("What to do", "Was zu tun ist"),
}
_PREVENTED = Text("It would have foreseen", "Es hätte vorhergesehen")


def rule_answer(rule: Rule, language: str) -> dict[str, object]:
    """Return a rule as data."""
    texts = {name: getattr(rule, name).to(language) for name in ("summary", *_HEADS)}
    return {"rule": rule.id, **texts, "prevented": [each.to(language) for each in rule.prevented]}


def rule_text(rule: Rule, language: str) -> str:
    """Return a rule for the terminal."""
    parts = [f"{rule.id}: {rule.summary.to(language)}"]
    parts += [f"{head.to(language)}\n  {getattr(rule, name).to(language)}" for name, head in _HEADS.items()]
    if rule.prevented:
        parts.append("\n".join([_PREVENTED.to(language), *(f"  {each.to(language)}" for each in rule.prevented)]))
    return "\n\n".join(parts)


def rule_page(rule: Rule) -> str:
    """Return a rule's page of the documentation: Markdown, English, then German."""
    lines = [f"# {rule.id}", "", f"*{rule.summary.en}*", ""]
    for name, head in _HEADS.items():
        lines += [f"## {head.en}", "", getattr(rule, name).en, ""]
    if rule.prevented:
        lines += [f"## {_PREVENTED.en}", "", *(f"- {each.en}" for each in rule.prevented), ""]
    lines += ["## Deutsch", "", f"*{rule.summary.de}*", ""]
    for name, head in _HEADS.items():
        lines += [f"**{head.de}.** {getattr(rule, name).de}", ""]
    if rule.prevented:
        lines += [f"**{_PREVENTED.de}.** {'; '.join(each.de for each in rule.prevented)}.", ""]
    return "\n".join(lines)
