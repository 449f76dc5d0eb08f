"""`kedge note`: an emergency measure, written down in ten seconds."""

from __future__ import annotations

import click

from kedge.cli.options import complete_things, inventory_option, json_option, now_option, print_json

EPILOG = """\b
Examples:
  kedge note "MX → other server because mail is down" --until 2007-01-20 --thing mail
  kedge note --works hoster-panel --by anna"""


@click.command("note", epilog=EPILOG)
@click.argument("what", required=False)
@click.option("--until", metavar="DATE", help="The day by which it must end; without one it is a finding at once.")
@click.option("--thing", "things", multiple=True, metavar="THING", shell_complete=complete_things,
              help="What it changes (repeatable).")  # fmt: skip
@click.option("--works", metavar="ACCOUNT", shell_complete=complete_things, help="This access was tried and works.")
@click.option("--by", default="", metavar="PERSON", shell_complete=complete_things, help="Who did it.")
@inventory_option
@now_option
@json_option
def command(
    what: str | None,
    until: str | None,
    things: tuple[str, ...],
    works: str | None,
    by: str,
    path: str | None,
    now: str | None,
    as_json: bool,
) -> None:
    """Record WHAT was done in an emergency, watched until it ends; or that an access was tried.

    A measure that is over: kedge ask --answer NAME.done=yes
    """
    from kedge.app.answering import read_measure, write_measure
    from kedge.app.attesting import attest_works
    from kedge.app.opening import open_inventory
    from kedge.errors import UsageError

    opened = open_inventory(path)
    moment = opened.moment(now)
    if bool(what) == bool(works):
        raise UsageError("give either a sentence or --works ACCOUNT", hint="see kedge note --help")
    if works:
        file = attest_works(opened, works, by, moment)
        click.echo(f"noted in {file}: {works} works", err=True)
        answer = {"noted": works, "file": str(file)}
    else:
        name, file = write_measure(opened, read_measure(opened, what or "", moment, until, things, by))
        click.echo(f"noted in {file} as {name}" + ("" if until else "; give it an end: --until DATE"), err=True)
        answer = {"noted": name, "file": str(file)}
    if as_json:
        print_json(answer)
