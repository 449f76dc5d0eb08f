"""`kedge whatif`: what the loss of something would do."""

from __future__ import annotations

import click

from kedge.cli.options import (
    inventory_option,
    json_option,
    language_option,
    now_option,
    page,
    print_json,
    things_argument,
)

EPILOG = """\b
Examples:
  kedge whatif web1
  kedge whatif wiki:emptied           its data deleted
  kedge whatif panel:misused          the account in the wrong hands
  kedge whatif hoster:withdrawn web2  two losses at once"""


@click.command("whatif", epilog=EPILOG)
@things_argument
@inventory_option
@now_option
@language_option
@json_option
def command(things: tuple[str, ...], path: str | None, now: str | None, language: str, as_json: bool) -> None:
    """Show what the loss of these things, all at once, would do, and the way back.

    A thing may carry a mode: gone (default), emptied, misused, withdrawn.
    """
    from kedge.app.aftermath import aftermath
    from kedge.app.answers import whatif_answer
    from kedge.app.opening import open_inventory, read_losses
    from kedge.rules.whatif import what_if

    case = open_inventory(path).case_at(now)
    losses = read_losses(case, things)
    answer, left = what_if(case, losses), aftermath(case, losses)
    if as_json:
        print_json(whatif_answer(answer, left, language))
    else:
        from kedge.cli.outlook import show_whatif

        show_whatif(page(), case, answer, left, language)
