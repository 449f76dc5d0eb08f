"""`kedge explain`: what a rule means."""

from __future__ import annotations

import click

from kedge.cli.options import json_option, language_option, page, print_json


def _complete_rules(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from kedge.rules.registry import RULES

    return [rule for rule in RULES if rule.startswith(incomplete)]


@click.command("explain", epilog="\b\nExamples:\n  kedge explain notice-loop\n  kedge explain    (all rules)")
@click.argument("rule", required=False, shell_complete=_complete_rules)
@language_option
@json_option
def command(rule: str | None, language: str, as_json: bool) -> None:
    """Say what a rule means, how it decides and what to do; without RULE, list them all."""
    from kedge.errors import UsageError
    from kedge.rules.registry import RULES

    if rule is not None and rule not in RULES:
        from kedge.inventory.suggestion import close, either

        near = close(rule, RULES)
        hint = f"did you mean {either(near)}?" if near else "`kedge explain` lists them all"
        raise UsageError(f"no rule is called '{rule}'", hint=hint)
    if as_json:
        from kedge.rules.pages import rule_answer

        chosen = [RULES[rule]] if rule else list(RULES.values())
        print_json([rule_answer(each, language) for each in chosen])
    elif rule is None:
        page().put_rows([(each.id, each.summary.to(language)) for each in RULES.values()])
    else:
        from kedge.rules.pages import rule_text

        paper = page()
        for line in rule_text(RULES[rule], language).splitlines():
            paper.put(line.strip(), indent=len(line) - len(line.lstrip()))
