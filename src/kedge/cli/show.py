"""`kedge show`: what the inventory says of a thing."""

from __future__ import annotations

import click

from kedge.cli.options import inventory_option, json_option, now_option, print_json, thing_argument


@click.command("show", epilog="\b\nExamples:\n  kedge show wiki\n  kedge show hetzner-new --json")
@thing_argument
@inventory_option
@now_option
@json_option
def command(thing: str, path: str | None, now: str | None, as_json: bool) -> None:
    """Show what the inventory says of a thing, where, what it needs, what hangs on it, and every fact about it."""
    from kedge.app.opening import open_inventory, read_now
    from kedge.app.portrait import portrait

    case = open_inventory(path).case(read_now(now))
    case.inventory.find(thing)
    answer = portrait(case, thing)
    if as_json:
        print_json(answer)
        return
    for key, value in answer.items():
        if isinstance(value, dict):
            click.echo(f"{key}:")
            for name, inner in value.items():
                click.echo(f"  {name}: {_flat(inner)}")
        elif value not in (None, "", []):
            click.echo(f"{key}: {_flat(value)}")


def _flat(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
