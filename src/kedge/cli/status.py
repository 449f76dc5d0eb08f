"""`kedge status`: what the watch holds now."""

from __future__ import annotations

import click

from kedge.cli.options import inventory_option, json_option, page, print_json

EPILOG = """\b
Examples:
  kedge status
  kedge status --json | jq '.incidents[].thing'
  kedge status --nagios"""


@click.command("status", epilog=EPILOG)
@click.option("--nagios", is_flag=True, help="One line, and the exit codes of a Nagios plugin: 0, 1, 2, 3.")
@inventory_option
@json_option
def command(nagios: bool, path: str | None, as_json: bool) -> int:
    """Show what `kedge watch` holds: what is not ok and since when, and who takes care of it.

    Exit code 1: something is not ok, or nobody watches.
    """
    from kedge.app.alerting import overview
    from kedge.app.opening import open_inventory
    from kedge.model.observation import Status

    now = overview(open_inventory(path))
    if nagios:
        from kedge.app.status_answer import nagios_line

        line, code = nagios_line(now)
        click.echo(line)
        return code
    if as_json:
        from kedge.app.status_answer import status_answer

        print_json(status_answer(now))
    else:
        from kedge.cli.now import show_overview

        show_overview(page(), now)
    return int(now.worst is not Status.OK)
