"""`kedge init`: an inventory from what the world shows."""

from __future__ import annotations

import sys

import click

from kedge.cli.options import inventory_option, json_option, language_option

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
    from kedge.cli.begun import ask_few, show_beginning, show_update
    from kedge.cli.talk import say_step
    from kedge.errors import UsageError

    if not (domains or hosts or files):
        raise UsageError("nothing to look at", hint="kedge init example.org")
    wish = Wish(domains, hosts, files, resolver, rdap, timedelta(seconds=limit))
    beginning = asyncio.run(begin(wish, say_step))
    for left in beginning.world.left:
        click.echo(f"not looked at: {left}", err=True)
    if update:
        return show_update(beginning, path, apply, as_json)
    if not as_json and sys.stdin.isatty():
        ask_few(beginning.composer.sketch, language)
    opened = write_new(choose_file(output), beginning.composer.sketch.to_text())
    click.echo(f"{opened.path} was written; read it, correct it, and ask: kedge check", err=True)
    show_beginning(beginning, opened, language, as_json)
    return 0
