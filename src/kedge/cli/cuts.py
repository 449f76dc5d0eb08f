"""`kedge cuts`: the smallest sets of losses that take a service down, for good, or unnoticed."""

from __future__ import annotations

from pathlib import Path

import click

from kedge.cli.options import complete_things, inventory_option, json_option, now_option, page, print_json

EPILOG = """\b
Examples:
  kedge cuts wiki                       what alone takes the wiki down
  kedge cuts wiki --of back --order 2   pairs after which it is lost for good
  kedge cuts wiki --rates rates.txt     and for how many hours a year
  kedge cuts --mef tree.xml --order 3   a published fault tree (Open-PSA MEF)
  kedge cuts wiki --write wiki.xml      the same rules for other tools, unrolled
  kedge cuts --write rules.txt          the compiled rules, to keep or to edit
  kedge cuts wiki --rules rules.txt     and what they say

A file of rates has one line for each component: `web1: 2/y 6h` (twice a year,
six hours each). Beside the inventory, evidence.yaml may attest them: `rate`, or
`rate/emptied`, of a thing."""


@click.command("cuts", epilog=EPILOG)
@click.argument("service", required=False, shell_complete=complete_things)
@click.option(
    "--of", "question", type=click.Choice(["up", "back", "told"]), default="up", show_default=True,
    help="Down, unrecoverable, or unnoticed.",
)  # fmt: skip
@click.option("--order", type=click.IntRange(1, 8), default=2, show_default=True, help="Largest set.")
@click.option("--rules", "rules_file", type=click.Path(path_type=Path), help="Compiled rules instead of an inventory.")
@click.option("--mef", "mef_file", type=click.Path(path_type=Path), help="A fault tree in Open-PSA MEF.")
@click.option("--rates", "rates_file", type=click.Path(path_type=Path), help="How often, how long: one line each.")
@click.option("--write", "target", type=click.Path(path_type=Path), help="Write the rules; *.xml: a fault tree.")
@inventory_option
@now_option
@json_option
def command(
    service: str | None,
    question: str,
    order: int,
    rules_file: Path | None,
    mef_file: Path | None,
    rates_file: Path | None,
    target: Path | None,
    path: str | None,
    now: str | None,
    as_json: bool,
) -> None:
    """List the minimal cut sets of a service: exact, to an order; a limit that is reached is said.

    In the list, `a, b + c` stands for the two sets a + c and b + c.
    """
    from kedge.app.cutting import Question, cuts_answer, find_cuts, write_compiled

    asked = Question(service, question, order, path, now, rules_file, mef_file, rates_file)
    if target:
        click.echo(write_compiled(asked, target), err=True)
        return
    found = list(find_cuts(asked))
    if as_json:
        answers = [cuts_answer(each) for each in found]
        print_json(answers[0] if len(answers) == 1 else answers)
        return
    from kedge.cli.cut_list import show_cuts

    for each in found:
        show_cuts(page(), each)
