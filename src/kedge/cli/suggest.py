"""`kedge suggest`: which one addition removes most."""

from __future__ import annotations

import click

from kedge.cli.options import inventory_option, json_option, language_option, now_option, page, print_json

EPILOG = "\b\nExamples:\n  kedge suggest\n  kedge suggest --count 3 --json"


@click.command("suggest", epilog=EPILOG)
@click.option("--count", default=8, show_default=True, help="How many suggestions.")
@inventory_option
@now_option
@language_option
@json_option
def command(count: int, path: str | None, now: str | None, language: str, as_json: bool) -> None:
    """List single additions by what they remove, for a meeting's agenda: single points first."""
    from kedge.app.opening import open_inventory, read_now
    from kedge.rules.suggest import suggest

    case = open_inventory(path).case(read_now(now))
    found = suggest(case)[:count]
    if as_json:
        from kedge.app.answers import suggestions_answer

        print_json(suggestions_answer(found, language))
        return
    from kedge.cli.agenda import show_suggestions

    show_suggestions(page(), found, language)
