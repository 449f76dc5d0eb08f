"""`kedge check`: what would hurt you."""

from __future__ import annotations

import click

from kedge.cli.options import inventory_option, json_option, language_option, now_option, page, print_json

EPILOG = """\b
Examples:
  kedge check                         the inventory here
  kedge check examples/club-12
  kedge check --fail-on critical      exit 1 only for critical findings
  kedge check --json | jq '.findings[0]'"""


@click.command("check", epilog=EPILOG)
@click.argument("given", metavar="[PATH]", required=False, type=click.Path(readable=False))
@inventory_option
@now_option
@click.option(
    "--fail-on",
    type=click.Choice(["note", "warning", "critical", "never"]),
    default="warning",
    show_default=True,
    help="Exit 1 if a finding is at least this severe.",
)
@click.option("--brief", is_flag=True, help="One line for each finding.")
@language_option
@json_option
def command(
    path: str | None, given: str | None, now: str | None, fail_on: str, brief: bool, language: str, as_json: bool
) -> int:
    """Find what would hurt you, worst first: why, and what to do.

    PATH is an inventory file or folder; without it, --inventory, $KEDGE_INVENTORY or ./kedge.yaml.
    """
    from kedge.app.answers import verdict_answer
    from kedge.app.opening import open_inventory
    from kedge.model.finding import Severity
    from kedge.rules.judge import judge
    from kedge.rules.levels import levels
    from kedge.rules.registry import RULES

    case = open_inventory(given or path).case_at(now)
    verdict, reached = judge(case, RULES.values()), levels(case)
    if as_json:
        print_json(verdict_answer(case, verdict, reached, language))
    else:
        from kedge.cli.look import show_verdict

        show_verdict(page(), case, verdict, reached, language, brief=brief)
    limit = Severity[fail_on.upper()] if fail_on != "never" else None
    return int(limit is not None and any(finding.severity >= limit for finding in verdict.findings))
