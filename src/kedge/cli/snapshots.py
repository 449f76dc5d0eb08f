"""`kedge snapshots`: what the stores hold."""

from __future__ import annotations

import click

from kedge.cli.options import complete_things, inventory_option, json_option, page, print_json

EPILOG = """\b
Examples:
  kedge snapshots
  kedge snapshots wiki --json"""


@click.command("snapshots", epilog=EPILOG)
@click.argument("services", nargs=-1, metavar="[SERVICE…]", shell_complete=complete_things)
@inventory_option
@json_option
def command(services: tuple[str, ...], path: str | None, as_json: bool) -> None:
    """List the snapshots of services, oldest first, as their stores have them now."""
    import asyncio

    from kedge.app.drilling import list_snapshots
    from kedge.app.opening import open_inventory
    from kedge.app.saving import chosen_services
    from kedge.app.workshop import Workshop

    workshop = Workshop.open(open_inventory(path))
    names = chosen_services(workshop, services)
    found = [one for name in names for one in asyncio.run(list_snapshots(workshop, name))]
    if as_json:
        print_json([one.to_json() for one in found])
    elif found:
        rows = [
            (one.snapshot.service, f"{one.snapshot.at:%Y-%m-%d %H:%M:%S}Z", one.store, one.snapshot.id) for one in found
        ]
        page().put_rows(rows)
    else:
        click.echo("no snapshots", err=True)
