"""`kedge drill`: prove that services can be restored."""

from __future__ import annotations

import click

from kedge.cli.options import complete_things, inventory_option, json_option, page, print_json

EPILOG = """\b
Examples:
  kedge drill wiki                      its newest snapshot
  kedge drill                           everything that kedge saves
  kedge drill wiki --snapshot 1bdf654f  an older one"""


@click.command("drill", epilog=EPILOG)
@click.argument("services", nargs=-1, metavar="[SERVICE…]", shell_complete=complete_things)
@click.option("--snapshot", default="", metavar="ID", help="Restore this one instead of the newest.")
@inventory_option
@json_option
def command(services: tuple[str, ...], snapshot: str, path: str | None, as_json: bool) -> int:
    """Restore services into a sandbox without network, compare the census, start them, run their own probes there.

    The live service is not touched. What it showed becomes evidence: kedge check. Exit 1 if one was not proven.
    """
    import asyncio

    from kedge.app.drilling import drill
    from kedge.app.opening import open_inventory
    from kedge.app.saving import chosen_services
    from kedge.app.workshop import Workshop
    from kedge.cli.talk import say_step

    workshop = Workshop.open(open_inventory(path), say_step)
    results = []
    for name in chosen_services(workshop, services):
        say_step(f"{name}:")
        results.append(asyncio.run(drill(workshop, name, snapshot)))
    if as_json:
        print_json([result.to_json() for result in results])
    else:
        page().put_rows([(result.service, result.state, result.why) for result in results])
    return int(any(result.state != "proven" for result in results))
