"""`kedge init`: an inventory from what the world shows."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from kedge.cli.options import inventory_option, json_option, language_option, page, print_json

if TYPE_CHECKING:
    from kedge.app.beginning import Beginning
    from kedge.app.opening import Opened
    from kedge.discovery.sketch import Sketch

EPILOG = """\b
Examples:
  kedge init example.org                      from outside: no login, nothing is changed
  kedge init example.org --ssh root@web1.example.org --ssh web2
  kedge init --import /srv/cloud/compose.yaml --import hosts.ini
  kedge init example.org --ssh web1 --update  what has changed since
  kedge init example.org --resolver 192.0.2.53
  kedge init example.org -o club.yaml --json | jq '.findings[].title'"""


@click.command("init", epilog=EPILOG)
@click.argument("domains", nargs=-1, metavar="[DOMAIN]…")
@click.option("--ssh", "hosts", multiple=True, metavar="HOST", help="Look at this host from within, too.")
@click.option(
    "--import",
    "files",
    multiple=True,
    metavar="FILE",
    type=click.Path(),
    help="Read a compose file, Ansible inventory, zone file, Gatus YAML or CSV.",
)
@click.option("--update", is_flag=True, help="Show what the world has and your inventory does not say.")
@click.option("--apply", is_flag=True, help="With --update: write it, comments kept.")
@inventory_option
@click.option("-o", "--output", metavar="FILE", help="Where to write; default: kedge.yaml, never over another.")
@click.option("--resolver", metavar="ADDRESS", default="", help="Resolver to ask in place of this machine's.")
@click.option("--rdap", metavar="URL", default="", envvar="KEDGE_RDAP", help="RDAP server in place of IANA's list.")
@click.option(
    "--limit",
    type=click.IntRange(1, 600),
    default=20,
    show_default=True,
    metavar="SECONDS",
    help="Time to look around.",
)
@language_option
@json_option
def command(
    domains: tuple[str, ...],
    hosts: tuple[str, ...],
    files: tuple[str, ...],
    update: bool,
    apply: bool,
    path: str | None,
    output: str | None,
    resolver: str,
    rdap: str,
    limit: int,
    language: str,
    as_json: bool,
) -> int:
    """Look at what the world shows of your DOMAINs, write an inventory from it, and print the first check.

    Read-only: one look at each endpoint, no login, nothing sent. With --ssh one script asks each host what runs there,
    as whoever may log in; nothing is installed. What cannot be seen is written as `unknown`.
    A file that exists is never overwritten.
    """
    import asyncio
    from datetime import timedelta

    from kedge.app.beginning import Wish, begin, choose_file, write_new
    from kedge.cli.talk import say_step
    from kedge.errors import UsageError

    if not (domains or hosts or files):
        raise UsageError("nothing to look at", hint="kedge init example.org")
    wish = Wish(domains, hosts, files, resolver, rdap, timedelta(seconds=limit))
    beginning = asyncio.run(begin(wish, say_step))
    for left in beginning.world.left:
        click.echo(f"not looked at: {left}", err=True)
    if update:
        return _update(beginning, path, apply, as_json)
    if not as_json and sys.stdin.isatty():
        _ask(beginning.composer.sketch, language)
    opened = write_new(choose_file(output), beginning.composer.sketch.to_text())
    click.echo(f"{opened.path} was written; read it, correct it, and ask: kedge check", err=True)
    _show(beginning, opened, language, as_json)
    return 0


def _update(beginning: Beginning, path: str | None, apply: bool, as_json: bool) -> int:
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


def _ask(sketch: Sketch, language: str) -> None:
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


def _show(beginning: Beginning, opened: Opened, language: str, as_json: bool) -> None:
    """Print the first check: what the look found, and what the inventory tells."""
    from dataclasses import replace

    from kedge.app.answers import verdict_answer
    from kedge.app.opening import read_now
    from kedge.rules.judge import judge
    from kedge.rules.levels import levels
    from kedge.rules.registry import RULES

    case = opened.case(read_now(None))
    verdict, reached = judge(case, RULES.values()), levels(case)
    found = (*beginning.findings(opened.inventory), *verdict.findings)
    verdict = replace(verdict, findings=tuple(sorted(found, key=lambda one: -one.severity)))
    if as_json:
        answer = verdict_answer(case, verdict, reached, language)
        print_json({"written": str(opened.path), "left": list(beginning.world.left), **answer})
    else:
        from kedge.cli.look import show_verdict

        show_verdict(page(), case, verdict, reached, language)
