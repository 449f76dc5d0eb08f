"""`kedge completion`: shell completion."""

from __future__ import annotations

import click


@click.command(
    "completion",
    epilog='\b\nExamples:\n  eval "$(kedge completion bash)"\n  kedge completion fish > kedge.fish',
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell."""
    from click.shell_completion import get_completion_class

    completion = get_completion_class(shell)
    assert completion is not None
    click.echo(completion(ctx.find_root().command, {}, "kedge", "_KEDGE_COMPLETE").source())
