"""`kedge note`: an emergency measure, written down in ten seconds."""

from __future__ import annotations

import click

from kedge.cli.options import complete_things, inventory_option, now_option

EPILOG = """\b
Examples:
  kedge note "MX → other server because mail is down" --until 2007-01-20 --thing mail
  kedge note --works hoster-panel --by anna"""


@click.command("note", epilog=EPILOG)
@click.argument("what", required=False)
@click.option("--until", metavar="DATE", help="The day by which it must end; without one it is a finding at once.")
@click.option("--thing", "things", multiple=True, shell_complete=complete_things, help="What it changes (repeatable).")
@click.option("--works", metavar="ACCOUNT", shell_complete=complete_things, help="This access was tried and works.")
@click.option("--by", default="", help="Who did it.")
@inventory_option
@now_option
def command(
    what: str | None,
    until: str | None,
    things: tuple[str, ...],
    works: str | None,
    by: str,
    path: str | None,
    now: str | None,
) -> None:
    """Record an emergency measure, watched until it ends; or that an access was tried."""
    from kedge.app.answering import Measure, write_measure
    from kedge.app.attesting import attest_works
    from kedge.app.opening import open_inventory, read_now
    from kedge.errors import UsageError
    from kedge.model.quantity import parse_moment

    opened, moment = open_inventory(path), read_now(now)
    if bool(what) == bool(works):
        raise UsageError("give either a sentence or --works ACCOUNT", hint="see kedge note --help")
    if works:
        file = attest_works(opened, works, by, moment)
        click.echo(f"noted: {works} works ({file})", err=True)
        return
    try:
        end = parse_moment(until) if until else None
    except ValueError as cause:
        raise UsageError(f"--until: {cause}") from cause
    for thing in things:
        opened.inventory.find(thing)
    name = write_measure(opened, Measure(what or "", moment, end, things, by))
    click.echo(f"noted as '{name}'" + ("" if end else "; give it an end: --until DATE"), err=True)
