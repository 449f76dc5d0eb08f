"""Options and output that commands share."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from kedge.cli.page import Page

F = TypeVar("F", bound=Callable[..., Any])


def complete_things(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of the inventory that begin so; nothing if it cannot be read."""
    from kedge.app.opening import open_inventory
    from kedge.errors import KedgeError

    try:
        things = open_inventory(ctx.params.get("path")).inventory.things
    except KedgeError:
        return []
    return [name for name in things if name.startswith(incomplete) and " " not in name]


inventory_option = click.option(
    "-i", "--inventory", "path", metavar="PATH", help="Inventory file or folder.", type=click.Path(readable=False)
)
now_option = click.option(
    "--now",
    metavar="TIME",
    help="Judge as of this moment: 2007-01-05T20:00:00Z (default: the inventory's as-of, else now).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
things_argument = click.argument("things", nargs=-1, required=True, metavar="THING…", shell_complete=complete_things)
thing_argument = click.argument("thing", metavar="THING", shell_complete=complete_things)


def language_option(function: F) -> F:
    """Add `--language`; the default follows KEDGE_LANGUAGE, then the locale."""
    option = click.option(
        "--language", type=click.Choice(["en", "de"]), default=_default_language, help="Language of the texts."
    )
    return option(function)


def _default_language() -> str:
    chosen = os.environ.get("KEDGE_LANGUAGE") or os.environ.get("LC_ALL") or os.environ.get("LANG") or ""
    return "de" if chosen.lower().startswith("de") else "en"


def print_json(answer: object) -> None:
    """Print an answer as JSON on stdout: in ASCII where the terminal or file cannot take more."""
    takes_all = (getattr(sys.stdout, "encoding", "") or "").lower().replace("-", "") == "utf8"
    click.echo(json.dumps(answer, ensure_ascii=not takes_all, indent=2))


def page() -> Page:
    """Return the page on stdout; colours follow the terminal and NO_COLOR, the width COLUMNS or the terminal."""
    from rich.console import Console

    from kedge.cli.page import Page

    return Page(Console(highlight=False, emoji=False, markup=False))
