"""`kedge kinds`: the kinds of services."""

from __future__ import annotations

import click

from kedge.cli.options import json_option, page, print_json


@click.command("kinds", epilog="\b\nExamples:\n  kedge kinds\n  kedge kinds --json | jq '.[].kind'")
@json_option
def command(as_json: bool) -> None:
    """List the kinds of services and what is proven for each: described, seen, saved, proven or movable."""
    from kedge.kinds.grades import GRADES
    from kedge.kinds.listing import list_kinds

    entries = list_kinds()
    if as_json:
        print_json([entry.to_json() for entry in entries])
        return
    page().put_rows([(entry.kind, entry.grade, entry.summary) for entry in entries])
    for grade in dict.fromkeys(entry.grade for entry in entries):
        click.echo(f"{grade}: {GRADES[grade]}", err=True)
