"""`kedge completion`: shell completion."""

from __future__ import annotations

import click

from kedge.cli.options import json_option, print_json

EPILOG = """\b
Examples:
  eval "$(kedge completion bash)"       in ~/.bashrc
  eval "$(kedge completion zsh)"        in ~/.zshrc, after compinit
  kedge completion fish > ~/.config/fish/completions/kedge.fish"""


@click.command("completion", epilog=EPILOG)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@json_option
@click.pass_context
def command(ctx: click.Context, shell: str, as_json: bool) -> None:
    """Print the completion script for a shell: commands, options, and the names of your inventory."""
    from click.shell_completion import get_completion_class

    completion = get_completion_class(shell)
    assert completion is not None
    script = completion(ctx.find_root().command, {}, "kedge", "_KEDGE_COMPLETE").source()
    if as_json:
        print_json({"shell": shell, "script": script})
    else:
        click.echo(script)
