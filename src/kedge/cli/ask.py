"""`kedge ask`: the questions whose answers would change most."""

from __future__ import annotations

import sys

import click

from kedge.cli.options import inventory_option, json_option, language_option, now_option, print_json

EPILOG = """\b
Examples:
  kedge ask                                      asks, and writes the answers into your files
  kedge ask --answer wiki.people="anna, ben"     answers without being asked
  kedge ask --json"""


@click.command("ask", epilog=EPILOG)
@click.option("--answer", "answers", multiple=True, metavar="THING.FIELD=TEXT", help="Answer one question.")
@click.option("--count", default=3, show_default=True, help="How many questions.")
@inventory_option
@now_option
@language_option
@json_option
def command(
    answers: tuple[str, ...], count: int, path: str | None, now: str | None, language: str, as_json: bool
) -> None:
    """Ask the three questions whose answers would change most, and write the answers back, comments kept."""
    from kedge.app.answers import questions_answer
    from kedge.app.opening import open_inventory, read_now
    from kedge.rules.unknowns import questions

    opened = open_inventory(path)
    if answers:
        _write(path, answers)
        return
    every = questions(opened.case(read_now(now)))
    chosen = every[:count]
    if as_json:
        print_json(questions_answer(chosen, len(every), language))
    elif not chosen:
        click.echo("nothing is unknown", err=True)
    elif sys.stdin.isatty():
        for question in chosen:
            text = click.prompt(f"{question.text.to(language)} (empty: do not know)", default="", show_default=False)
            if text:
                _write(path, (f"{question.thing}.{question.field}={text}",))
    else:
        for question in chosen:
            click.echo(f"{question.thing}.{question.field}\t{question.text.to(language)}")


def _write(path: str | None, answers: tuple[str, ...]) -> None:
    from kedge.app.answering import write_answer
    from kedge.app.opening import open_inventory
    from kedge.errors import UsageError
    from kedge.rules.unknowns import Question, question_text

    for answer in answers:
        key, equals, text = answer.partition("=")
        thing, dot, field = key.rpartition(".")
        if not (equals and dot):
            raise UsageError(f"--answer: expected THING.FIELD=TEXT, found '{answer}'")
        opened = open_inventory(path)
        opened.inventory.find(thing)
        write_answer(opened, Question(thing, field, 0.0, question_text(thing, field)), text)
        click.echo(f"{thing}.{field} written", err=True)
