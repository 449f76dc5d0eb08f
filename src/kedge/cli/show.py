"""`kedge show`: what the inventory says of a thing."""

from __future__ import annotations

import click

from kedge.cli.options import (
    complete_things,
    inventory_option,
    json_option,
    language_option,
    now_option,
    page,
    print_json,
)

EPILOG = """\b
Examples:
  kedge show            every name, by section
  kedge show wiki
  kedge show web1 --json"""


@click.command("show", epilog=EPILOG)
@click.argument("thing", metavar="[THING]", required=False, shell_complete=complete_things)
@inventory_option
@now_option
@language_option
@json_option
def command(thing: str | None, path: str | None, now: str | None, language: str, as_json: bool) -> None:
    """Show what the inventory says of a thing, who names it, what its loss takes down, every fact about it.

    Without THING, the name of everything declared.
    """
    from kedge.app.opening import open_inventory
    from kedge.app.portrait import names_by_section, portrait

    opened = open_inventory(path)
    if thing is None:
        names = names_by_section(opened.inventory)
        if as_json:
            print_json(names)
        else:
            page().put_rows([(section, ", ".join(found)) for section, found in names.items()])
        return
    opened.inventory.find(thing)
    answer = portrait(opened.case_at(now), thing)
    if as_json:
        print_json(answer)
    else:
        from kedge.cli.outlook import show_portrait

        show_portrait(page(), answer, opened.zone, language)
