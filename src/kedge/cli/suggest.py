"""`kedge suggest`: which one addition removes most."""

from __future__ import annotations

import click

from kedge.cli.options import inventory_option, json_option, language_option, now_option, page, print_json

EPILOG = """\b
Examples:
  kedge suggest
  kedge suggest --count 3 --json
  kedge suggest --language de        to put it on the agenda"""


@click.command("suggest", epilog=EPILOG)
@click.option("--count", type=click.IntRange(1, 50), default=8, show_default=True, help="How many suggestions.")
@inventory_option
@now_option
@language_option
@json_option
def command(count: int, path: str | None, now: str | None, language: str, as_json: bool) -> None:
    """List additions by what they remove, for a meeting's agenda: single points first.

    Each is a real change, with its own account, key and place, and counts on top of those above it: in how many ways,
    by one loss or by two, a service is lost for good, or down without anybody responsible hearing of it.
    """
    from kedge.app.opening import open_inventory
    from kedge.rules.suggest import suggest

    found = suggest(open_inventory(path).case_at(now), count)
    if as_json:
        from kedge.app.answers import suggestions_answer

        print_json(suggestions_answer(found, language))
        return
    from kedge.cli.agenda import show_suggestions

    show_suggestions(page(), found, language)
