"""`kedge schema`: the JSON Schema of the inventory."""

from __future__ import annotations

import click

from kedge.cli.options import print_json


@click.command("schema", epilog="\b\nExamples:\n  kedge schema > kedge.schema.json\n  see docs/editors.md")
def command() -> None:
    """Print the JSON Schema of the inventory, for completion and hints in editors."""
    from kedge.inventory.schema import json_schema

    print_json(json_schema())
