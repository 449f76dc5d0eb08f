"""`kedge cuts`: the smallest sets of losses that take a service down, for good, or unnoticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kedge.cli.options import complete_things, inventory_option, json_option, now_option, print_json

EPILOG = """\b
Examples:
  kedge cuts wiki                       what alone takes the wiki down
  kedge cuts wiki --of back --order 2   pairs after which it is lost for good
  kedge cuts --mef tree.xml --order 3   a published fault tree (Open-PSA MEF)
  kedge cuts --write rules.txt          the compiled rules, to keep or to edit
  kedge cuts up:wiki --rules rules.txt"""


@click.command("cuts", epilog=EPILOG)
@click.argument("service", required=False, shell_complete=complete_things)
@click.option(
    "--of", "question", type=click.Choice(["up", "back", "told"]), default="up", show_default=True,
    help="Down, unrecoverable, or unnoticed.",
)  # fmt: skip
@click.option("--order", type=click.IntRange(1, 8), default=2, show_default=True, help="Largest set.")
@click.option("--rules", "rules_file", type=click.Path(path_type=Path), help="Compiled rules instead of an inventory.")
@click.option("--mef", "mef_file", type=click.Path(path_type=Path), help="A fault tree in Open-PSA MEF.")
@click.option("--write", "target", type=click.Path(path_type=Path), help="Write the compiled rules into a file.")
@inventory_option
@now_option
@json_option
def command(
    service: str | None,
    question: str,
    order: int,
    rules_file: Path | None,
    mef_file: Path | None,
    target: Path | None,
    path: str | None,
    now: str | None,
    as_json: bool,
) -> None:
    """List the minimal cut sets of a service: exact, to an order; a limit that is reached is said."""
    from kedge.app.cutting import answer_cuts, find_cuts, write_compiled

    if target:
        click.echo(f"{write_compiled(path, now, target)} rules written to {target}", err=True)
        return
    answers = [answer_cuts(*found) for found in find_cuts(service, question, order, path, now, rules_file, mef_file)]
    if as_json:
        print_json(answers[0] if len(answers) == 1 else answers)
        return
    for answer in answers:
        _show(answer)


def _show(answer: dict[str, Any]) -> None:
    click.echo(f"{answer['service']} ({answer['of']}), sets of up to {answer['order']}:")
    for cut in answer["cuts"]:
        click.echo(f"  {' + '.join(cut) or 'nothing has to be lost'}")
    rest = "" if answer["complete"] else f"; not complete beyond order {answer['complete_to']}"
    click.echo(f"{len(answer['cuts'])} listed{rest}", err=True)
