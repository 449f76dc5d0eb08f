"""`kedge schema`: the JSON Schema of the inventory."""

from __future__ import annotations

import click

from kedge.cli.options import json_option, print_json

EPILOG = """\b
Examples:
  kedge schema > kedge.schema.json      then as docs/editors.md says
  kedge schema | jq '.properties | keys'"""


@click.command("schema", epilog=EPILOG)
@json_option
def command(as_json: bool) -> None:
    """Print the JSON Schema of the inventory, for completion and hints in editors; always JSON."""
    from kedge.inventory.schema import json_schema

    print_json(json_schema())
