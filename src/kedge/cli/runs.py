"""`kedge runs`: what kedge did, and what is not finished."""

from __future__ import annotations

import click

from kedge.cli.options import inventory_option, json_option, page, print_json

EPILOG = """\b
Examples:
  kedge runs                                  the latest
  kedge runs backup-wiki-20070105T200000Z-1f  one, step by step"""


@click.command("runs", epilog=EPILOG)
@click.argument("run", required=False)
@inventory_option
@json_option
def command(run: str | None, path: str | None, as_json: bool) -> None:
    """List the latest runs, newest last, or the steps of RUN."""
    from kedge.app.history import list_runs, show_run
    from kedge.app.opening import open_inventory

    opened = open_inventory(path)
    answer = show_run(opened, run) if run else list_runs(opened)
    if as_json:
        print_json(answer)
    elif answer:
        page().put_rows([tuple(_cell(*each, opened.zone) for each in row.items()) for row in answer])
    else:
        click.echo("no runs yet", err=True)


def _cell(key: str, value: object, zone: str) -> str:
    """Return a value as people read it: the moment of a beginning in their own time."""
    from datetime import datetime

    from kedge.model.time_zone import show_moment

    return show_moment(datetime.fromisoformat(str(value)), zone) if key == "started" else str(value or "")
