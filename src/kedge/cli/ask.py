"""`kedge ask`: the questions whose answers would change most."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from kedge.cli.options import inventory_option, json_option, language_option, now_option, print_json

if TYPE_CHECKING:
    from kedge.rules.unknowns import Question

EPILOG = """\b
Examples:
  kedge ask                                      asks, and writes the answers into your files
  kedge ask --answer wiki.people="anna, ben"     answers without being asked
  kedge ask --json | jq -r '.questions[].question'"""


@click.command("ask", epilog=EPILOG)
@click.option("--answer", "answers", multiple=True, metavar="THING.FIELD=TEXT", help="Answer one question.")
@click.option(
    "--count", type=click.IntRange(min=1), metavar="N", default=3, show_default=True, help="How many questions."
)
@inventory_option
@now_option
@language_option
@json_option
def command(
    answers: tuple[str, ...], count: int, path: str | None, now: str | None, language: str, as_json: bool
) -> None:
    """Ask the three questions whose answers would change most, and write the answers back, comments kept.

    An answer that does not fit is refused and changes nothing. `unknown` is an answer.
    """
    from kedge.app.answers import questions_answer
    from kedge.app.opening import open_inventory
    from kedge.rules.unknowns import questions

    opened = open_inventory(path)
    if answers:
        _write(path, answers, as_json)
        return
    every = questions(opened.case_at(now))
    if as_json:
        print_json(questions_answer(every[:count], len(every), language))
    elif not every:
        click.echo("nothing is unknown", err=True)
    elif sys.stdin.isatty():
        for question in every[:count]:
            _ask(path, question, language)
    else:
        _list(every[:count], len(every), language)


def _list(chosen: Sequence[Question], total: int, language: str) -> None:
    for question in chosen:
        click.echo(f"{_key(question)}\t{question.text.to(language)}")
    click.echo(f"{len(chosen)} of {total}; answer with: kedge ask --answer {_key(chosen[0])}=TEXT", err=True)


def _key(question: Question) -> str:
    return f"{question.thing}.{question.field}"


def _ask(path: str | None, question: Question, language: str) -> None:
    """Ask until the answer fits or there is none."""
    from kedge.cli.failure import show_error
    from kedge.errors import KedgeError

    leave = {"en": "Enter: leave open", "de": "Enter: offen lassen"}[language]
    while text := _prompt(f"{question.text.to(language)} ({leave})"):
        try:
            _write(path, (f"{_key(question)}={text}",), False)
        except KedgeError as error:
            show_error(error, is_debugging=False)
        else:
            return


def _prompt(text: str) -> str:
    try:
        return str(click.prompt(text, default="", show_default=False)).strip()
    except click.Abort:
        click.echo(err=True)  # the line of the ^C
        raise


def _write(path: str | None, answers: Sequence[str], as_json: bool) -> None:
    from kedge.app.answering import read_answer, write_answer
    from kedge.app.opening import open_inventory

    split = [read_answer(open_inventory(path), answer) for answer in answers]
    for question, text in split:
        file = write_answer(open_inventory(path), question, text)
        click.echo(f"{_key(question)} written to {file}", err=True)
    if as_json:
        print_json({"written": [_key(question) for question, _ in split]})
