"""`kedge snapshots`: what the stores hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from kedge.cli.found import workshop_options
from kedge.cli.options import complete_things, json_option, page, print_json

if TYPE_CHECKING:
    from kedge.app.workshop import Workshop

EPILOG = """\b
Examples:
  kedge snapshots
  kedge snapshots wiki --json
  kedge snapshots --from sftp:store@vault.example.net:/srv/store/club"""


@click.command("snapshots", epilog=EPILOG)
@click.argument("services", nargs=-1, metavar="[SERVICE…]", shell_complete=complete_things)
@workshop_options
@json_option
def command(services: tuple[str, ...], open_workshop: Callable[..., Workshop], as_json: bool) -> None:
    """List the snapshots of services, oldest first, as their stores have them now."""
    import asyncio

    from kedge.app.drilling import list_snapshots
    from kedge.app.saving import chosen_services
    from kedge.model.time_zone import show_moment

    workshop = open_workshop()
    names = chosen_services(workshop, services)
    found = [one for name in names for one in asyncio.run(list_snapshots(workshop, name))]
    if as_json:
        print_json([one.to_json() for one in found])
    elif found:
        zone, kept = workshop.opened.zone, [(one.snapshot, one.store) for one in found]
        page().put_rows([(one.service, show_moment(one.at, zone), store, one.id) for one, store in kept])
    else:
        click.echo("no snapshots", err=True)
