"""`kedge alerts`: try the ways, answer, look back."""

from __future__ import annotations

import click

from kedge.cli.alert_setup import setup
from kedge.cli.options import complete_things, inventory_option, json_option, page, print_json

EPILOG = """\b
Examples:
  kedge alerts setup             asks where alerts go, and tries it
  kedge alerts list              the latest: to whom, by which way
  kedge alerts --json
  kedge alerts test              a test message to everybody, by every way
  kedge alerts ack hetzner-new   I take care of it"""


@click.group("alerts", epilog=EPILOG, invoke_without_command=True)
@inventory_option
@json_option
@click.pass_context
def command(context: click.Context, path: str | None, as_json: bool) -> None:
    """Set up where alerts go, try it, answer one; without a command, list them."""
    if context.invoked_subcommand is None:
        context.invoke(list_, most=20, path=path, as_json=as_json)


command.add_command(setup)


@command.command("test", epilog="\b\nExamples:\n  kedge alerts test\n  kedge alerts test anna")
@click.argument("people", nargs=-1, metavar="[PERSON]…", shell_complete=complete_things)
@inventory_option
@json_option
def try_ways(people: tuple[str, ...], path: str | None, as_json: bool) -> int:
    """Send a test message through every channel of these people, or of everybody.

    Exit code 1: somebody was reached by none.
    """
    import asyncio

    from kedge.app import alerting
    from kedge.app.opening import open_inventory
    from kedge.cli.alert_talk import tried_rows

    tried = asyncio.run(alerting.try_ways(open_inventory(path), people))
    if as_json:
        print_json(tried)
    elif tried:
        page().put_rows(tried_rows(tried))
    else:
        page().put("Nobody has a channel: kedge alerts setup")
    reached = {one["person"] for one in tried if one["accepted"]}
    return int(not tried or bool({one["person"] for one in tried} - reached))


@command.command("ack", epilog="\b\nExamples:\n  kedge alerts ack hetzner-new\n  kedge alerts ack all --by anna")
@click.argument("thing", metavar="THING|all", shell_complete=complete_things)
@click.option("--by", default="", metavar="NAME", help="Who takes care of it; default: you.")
@inventory_option
@json_option
def ack(thing: str, by: str, path: str | None, as_json: bool) -> int:
    """Say that somebody takes care of an incident: nobody else is told of it then, but of its end."""
    from kedge.app import alerting
    from kedge.app.opening import open_inventory

    who = by or alerting.whoever()
    names = alerting.acknowledge(open_inventory(path), thing, who)
    if as_json:
        print_json([{"thing": name, "acknowledged": who} for name in names])
    for name in names if not as_json else ():
        click.echo(f"{name}: {who} takes care of it")
    return 0


@command.command("list", epilog="\b\nExamples:\n  kedge alerts list\n  kedge alerts list --json")
@click.option("--most", default=20, show_default=True, metavar="N", help="How many.")
@inventory_option
@json_option
def list_(most: int, path: str | None, as_json: bool) -> int:
    """List the latest alerts: to whom, by which way, and what came of it."""
    from datetime import datetime

    from kedge.app import alerting
    from kedge.app.opening import open_inventory
    from kedge.model.time_zone import show_moment

    opened = open_inventory(path)
    letters = alerting.list_letters(opened, most)
    if as_json:
        print_json(letters)
    elif letters:
        at = [show_moment(datetime.fromisoformat(one["made"]), opened.zone) for one in letters]
        rows = [(made, one["person"], one["state"], _told(one)) for made, one in zip(at, letters, strict=True)]
        page().put_rows(rows)
    else:
        page().put("Nobody was ever told anything.")
    return 0


def _told(letter: dict[str, object]) -> str:
    tries = letter["tries"]
    assert isinstance(tries, list)
    return f"{letter['subject']} ({'; '.join(_tried(one) for one in tries) or 'not tried yet'})"


def _tried(one: dict[str, object]) -> str:
    return f"{'by' if one['accepted'] else 'not by'} {one['channel']}: {one['what']}"
