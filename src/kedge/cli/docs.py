"""The pages of the documentation that come from code: `python -m kedge.cli.docs docs` writes them.

A test compares the committed pages with what this module returns.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import click

from kedge.inventory.reference import reference_page
from kedge.kinds.listing import list_kinds
from kedge.kinds.pages import kind_page
from kedge.kinds.registry import KINDS
from kedge.rules.pages import rule_page
from kedge.rules.registry import RULES

NOTICE = "<!-- Written by script/docs from the code. -->\n\n"


def rules_index() -> str:
    """Return the page that lists every rule."""
    lines = [f"- [{rule.id}]({rule.id}.md): {rule.summary.en}" for rule in RULES.values()]
    return "# Rules\n\nWhat kedge finds; `kedge explain RULE` says the same on the terminal.\n\n" + "\n".join(lines)


def kinds_index() -> str:
    """Return the page that lists every kind with its grade."""
    rows = [f"| [{e.kind}]({e.kind}.md) | {e.grade} | {e.summary} |" for e in list_kinds()]
    head = ["# Kinds", "", "The grade is what was last proven for a kind, never what it promises.", ""]
    return "\n".join([*head, "| kind | grade | |", "|---|---|---|", *rows])


def commands_page() -> str:
    """Return the page of every command, as `--help` prints it."""
    from kedge.cli.main import COMMANDS, cli

    context = click.Context(cli, info_name="kedge", terminal_width=80)
    parts = ["# Commands", f"```text\n{cli.get_help(context)}\n```"]
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context, terminal_width=80)
        parts += [f"## kedge {name}", f"```text\n{command.get_help(inner)}\n```"]
    return "\n\n".join(parts)


PAGES: Mapping[str, Callable[[], str]] = {
    "reference/inventory.md": reference_page,
    "reference/commands.md": commands_page,
    "rules/README.md": rules_index,
    "kinds/README.md": kinds_index,
    **{f"rules/{name}.md": partial(rule_page, rule) for name, rule in RULES.items()},
    **{f"kinds/{name}.md": partial(kind_page, kind) for name, kind in KINDS.items()},
}
"""Path below docs/ -> what returns the page."""


def render(path: str) -> str:
    """Return a page as it is committed."""
    return NOTICE + PAGES[path]().rstrip() + "\n"


def main(folder: str) -> None:
    """Write every page into a folder; pages of rules and kinds that no longer exist are removed."""
    root = Path(folder)
    for old in (*root.glob("rules/*.md"), *root.glob("kinds/*.md")):
        if str(old.relative_to(root)) not in PAGES:
            old.unlink()
    for path in PAGES:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(render(path), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
