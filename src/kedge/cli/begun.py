"""What `kedge init` says once it has looked: its few questions, the first check, or the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kedge.cli.options import page, print_json

if TYPE_CHECKING:
    from kedge.app.beginning import Beginning
    from kedge.app.opening import Opened
    from kedge.discovery.sketch import Sketch


def show_update(beginning: Beginning, path: str | None, apply: bool, as_json: bool) -> int:
    """Print the difference, and write it if that is wished; 1 if something is left to write."""
    from kedge.app.opening import open_inventory
    from kedge.app.updating import apply_changes, compare

    opened = open_inventory(path)
    found = compare(beginning, opened)
    failed = apply_changes(opened.path, found.changes) if apply else []
    if as_json:
        changes = [str(one) for one in found.changes]
        print_json({"changes": changes, "unseen": found.unseen, "failed": failed, "applied": apply})
        return int(bool(failed or (changes and not apply)))
    for line in (*map(str, found.changes), *(f"? {one}" for one in found.unseen), *(f"! {one}" for one in failed)):
        click.echo(line)
    written = len(found.changes) - len(failed)
    if apply:
        click.echo(f"{written} of {len(found.changes)} changes were written to {opened.path}", err=True)
    else:
        click.echo(f"{len(found.changes)} changes, nothing was written; write them with --apply", err=True)
    return int(bool(failed or (found.changes and not apply)))


def ask_few(sketch: Sketch, language: str) -> None:
    """Put the few questions that no look can answer; an empty answer leaves one open."""
    from kedge.discovery.questions import questions

    leave = {"en": "Enter: leave open", "de": "Enter: offen lassen"}[language]
    for question in list(questions(sketch)):
        while answer := click.prompt(
            f"{question.text.to(language)} ({leave})", default="", show_default=False, err=True
        ):
            try:
                question.apply(answer)
            except ValueError as error:
                click.echo(str(error), err=True)
            else:
                break


def show_beginning(beginning: Beginning, opened: Opened, language: str, as_json: bool) -> None:
    """Print the first check: what the look found, and what the inventory tells."""
    from dataclasses import replace

    from kedge.app.answers import verdict_answer
    from kedge.rules.judge import judge
    from kedge.rules.levels import levels
    from kedge.rules.registry import RULES

    case = opened.case_at()
    verdict, reached = judge(case, RULES.values()), levels(case)
    found = (*beginning.findings(opened.inventory), *verdict.findings)
    verdict = replace(verdict, findings=tuple(sorted(found, key=lambda one: -one.severity)))
    if as_json:
        answer = verdict_answer(case, verdict, reached, language)
        print_json({"written": str(opened.path), "left": list(beginning.world.left), **answer})
    else:
        from kedge.cli.look import show_verdict

        show_verdict(page(), case, verdict, reached, language)
