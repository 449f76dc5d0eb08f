"""What `kedge alerts` says: its one question, what the answer would write, how tests went, what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from kedge.cli.options import page
from kedge.model.finding import Text

if TYPE_CHECKING:
    from kedge.app.alert_setup import Setup
    from kedge.model.inventory import Inventory

INTRODUCTION = Text(
    "Alerts go to a topic of ntfy (an app; nothing else is needed), a webhook's\n"
    "https://…, a mail address, `xmpp ADDRESS` or `apprise file:PATH`.\n"
    "What is proposed is a topic that nobody guesses.",
    "Alarme gehen an ein Thema von ntfy (eine App; sonst ist nichts nötig), einen\n"
    "Webhook https://…, eine Mailadresse, `xmpp ADRESSE` oder `apprise file:PFAD`.\n"
    "Vorgeschlagen ist ein Thema, das niemand errät.",
)
WHERE = Text("Where should alerts go?", "Wohin sollen Alarme gehen?")
WHOM = Text("For whom?", "Für wen?")
GUESSED = Text(
    "A short topic is soon guessed, and whoever knows it reads along.",
    "Ein kurzes Thema ist bald erraten, und wer es kennt, liest mit.",
)
SAME = Text("the inventory says so already", "das steht schon im Inventar")


def tried_rows(tried: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return what came of test messages, as rows."""
    return [(one["person"], one["channel"], "sent" if one["accepted"] else "NOT SENT", one["what"]) for one in tried]


def ask_where(inventory: Inventory, proposed: str, language: str) -> str:
    """Return the channel, asking until the answer is one."""
    from kedge.app.alert_setup import read_channel
    from kedge.cli.failure import show_error
    from kedge.errors import UsageError

    click.echo(INTRODUCTION.to(language), err=True)
    while True:
        answer = click.prompt(WHERE.to(language), default=proposed, err=True)
        try:
            return read_channel(answer, inventory, proposed)
        except UsageError as error:
            show_error(error, is_debugging=False)


def ask_whom(inventory: Inventory, language: str) -> str:
    """Return whose channel it is: asked for if nobody is there yet, or several are."""
    from kedge.app.alert_setup import people_to_choose

    choice = people_to_choose(inventory)
    if len(inventory.sections.people) == 1:
        return choice[0]
    names = f" ({', '.join(choice)})" if len(choice) > 1 else ""
    return str(click.prompt(f"{WHOM.to(language)}{names}", default=choice[0], err=True)).strip()


def show_setup(prepared: Setup, difference: list[str], language: str) -> None:
    """Print what would be written, and what is to be known of it."""
    for line in difference:
        click.echo(line)
    if not difference:
        click.echo(f"{prepared.person}, {prepared.channel}: {SAME.to(language)}", err=True)
    if prepared.is_guessed:
        click.echo(GUESSED.to(language), err=True)


def show_end(prepared: Setup, tried: list[dict[str, Any]], language: str) -> None:
    """Say how the test went, and what comes next."""
    if tried:
        page().put_rows(tried_rows(tried))
    if not all(one["accepted"] for one in tried):
        again = f"kedge alerts test {prepared.person}"
        word = Text(f"docs/alerts.md says what this way needs; then: {again}",
                    f"docs/alerts.md sagt, was dieser Weg braucht; dann: {again}")  # fmt: skip
    elif topic := prepared.topic:
        word = Text(f"Next: subscribe to {topic} in the ntfy app or a browser, then: kedge watch",
                    f"Weiter: {topic} in der ntfy-App oder im Browser abonnieren, dann: kedge watch")  # fmt: skip
    else:
        word = Text("Next: kedge watch", "Weiter: kedge watch")
    click.echo(word.to(language), err=True)
