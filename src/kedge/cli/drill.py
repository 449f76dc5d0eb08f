"""`kedge drill`: prove that services can be restored."""

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
  kedge drill wiki                      its newest snapshot
  kedge drill                           everything that kedge saves
  kedge drill wiki --snapshot 1bdf654f  an older one
  kedge drill wiki --empty              onto an empty Debian, of archived packages
  kedge drill --from sftp:store@vault.example.net:/srv/store/club
                                        on any machine, with nothing but the
                                        store's address and its passphrase"""


@click.command("drill", epilog=EPILOG)
@click.argument("services", nargs=-1, metavar="[SERVICE…]", shell_complete=complete_things)
@click.option("--snapshot", default="", metavar="ID", help="Restore this one instead of the newest.")
@click.option(
    "--root", default="", metavar="ROOT", help="Whose programs: host, empty or folder:PATH. Default: as declared."
)
@click.option("--empty", is_flag=True, help="Onto an empty Debian, built of the packages in the archive alone.")
@workshop_options
@json_option
def command(
    services: tuple[str, ...],
    snapshot: str,
    root: str,
    empty: bool,
    open_workshop: Callable[..., Workshop],
    as_json: bool,
) -> int:
    """Restore services into a sandbox without network, compare the census, start them, run their own probes there.

    The live service is not touched. What it showed becomes evidence: kedge check. Exit 1 if one was not proven. With
    --from nothing else is needed, and what has to come from elsewhere is told.
    """
    import asyncio

    from kedge.app.drilling import EMPTY, drill
    from kedge.app.saving import chosen_services
    from kedge.cli.talk import say_step

    if empty and root not in {"", EMPTY}:
        raise click.UsageError(f"--empty and --root {root} cannot both be meant")
    workshop = open_workshop(say_step)
    results = []
    for name in chosen_services(workshop, services):
        say_step(f"{name}:")
        results.append(asyncio.run(drill(workshop, name, snapshot, EMPTY if empty else root)))
    if as_json:
        print_json([result.to_json() for result in results])
    else:
        page().put_rows([(result.service, result.state, result.why) for result in results])
        elsewhere = dict.fromkeys(line for result in results for line in result.elsewhere)
        page().put_rows([("not in the store", line) for line in elsewhere])
    return int(any(result.state != "proven" for result in results))
