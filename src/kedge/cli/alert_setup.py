"""`kedge alerts setup`: one question, one line more in the inventory, one test."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from kedge.cli.options import complete_things, inventory_option, json_option, language_option, print_json

if TYPE_CHECKING:
    from kedge.app.alert_setup import Setup

EPILOG = """\b
Examples:
  kedge alerts setup                                asks, and proposes a topic that nobody guesses
  kedge alerts setup ntfy                           such a topic, without being asked
  kedge alerts setup --for anna mail anna@home.example
  kedge alerts setup https://hooks.example.org/kedge --dry-run"""


@click.command("setup", epilog=EPILOG)
@click.argument("where", nargs=-1, metavar="[WHERE]…")
@click.option(
    "--for", "person", default="", metavar="PERSON", help="Whose channel it is.", shell_complete=complete_things
)
@click.option("--dry-run", is_flag=True, help="Only show what would be written.")
@click.option("--no-test", is_flag=True, help="Send no test message.")
@inventory_option
@language_option
@json_option
def setup(
    where: tuple[str, ...], person: str, dry_run: bool, no_test: bool, path: str | None, language: str, as_json: bool
) -> int:
    """Give a person one more channel, comments kept, and send a test through it. On a terminal it asks WHERE to.

    WHERE is `ntfy` (a new topic), a topic, a URL, a mail address, `xmpp ADDRESS`, `apprise file:PATH`, or a channel of
    the inventory. Exit code 1: the test was not accepted.
    """
    from kedge.app.alert_setup import choose_person, prepare, propose_channel, read_channel
    from kedge.app.opening import open_inventory
    from kedge.cli.alert_talk import ask_where, ask_whom, show_end, show_setup
    from kedge.errors import UsageError

    opened = open_inventory(path)
    may_ask = sys.stdin.isatty() and not as_json
    if not where and not may_ask:
        raise UsageError("nobody said where alerts should go", hint="kedge alerts setup ntfy; on a terminal it asks")
    proposed = propose_channel()
    channel = read_channel(" ".join(where), opened.inventory, proposed) if where else ""
    if not person and may_ask:
        person = ask_whom(opened.inventory, language)
    person = choose_person(opened.inventory, person)
    prepared = prepare(opened, person, channel or ask_where(opened.inventory, proposed, language))
    difference = prepared.edits.difference()
    if not as_json:
        show_setup(prepared, difference, language)
    if not dry_run:
        prepared.edits.write()
    tried = [] if dry_run or no_test else _try(path, prepared)
    if as_json:
        said = {"person": person, "channel": prepared.channel, "written": bool(difference) and not dry_run}
        print_json({**said, "difference": difference, "tests": tried})
    elif not dry_run:
        show_end(prepared, tried, language)
    return int(not all(one["accepted"] for one in tried))


def _try(path: str | None, prepared: Setup) -> list[dict[str, Any]]:
    import asyncio

    from kedge.app.alerting import try_ways
    from kedge.app.opening import open_inventory

    return asyncio.run(try_ways(open_inventory(path), (prepared.person,), prepared.channel))
