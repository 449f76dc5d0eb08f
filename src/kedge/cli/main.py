"""The `kedge` command: finds the subcommand, and turns exceptions into messages and exit codes.

Exit codes: 0 fine · 1 findings or a refused plan · 2 usage or inventory error · 3 a bug · 130 interrupted.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

from kedge.errors import InventoryError, KedgeError

COMMANDS: dict[str, str] = {
    "check": "What would hurt you: findings, worst first.",
    "whatif": "What the loss of something would do, and the way back.",
    "before": "The preflight of a reboot, resize, stop or move.",
    "show": "What the inventory says of a thing, and what hangs on it.",
    "explain": "What a rule means, how it decides, what to do.",
    "ask": "The three questions whose answers would change most.",
    "note": "Record an emergency measure, or that an access was tried.",
    "kinds": "The kinds of services, and what is proven for each.",
    "schema": "The JSON Schema of the inventory, for editors.",
    "publish": "Write the public page, or the private edition.",
    "completion": "Shell completion for bash, zsh or fish.",
}
"""Command -> what it does; each lives in the module of its name and is imported only when it is called."""

EPILOG = """\b
Start:   kedge check examples/small-club
Look:    kedge whatif web1 · kedge before reboot web1
Ask:     kedge ask · kedge explain notice-loop
\b
The inventory is PATH, or --inventory, or $KEDGE_INVENTORY, or ./kedge.yaml.
Exit codes: 0 fine, 1 findings or refused, 2 usage or inventory, 3 a bug."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are needed: `kedge --help` must be instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order a new user needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return a command; None if there is none of this name."""
        if name not in COMMANDS:
            return None
        command = import_module(f"kedge.cli.{name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command, or fail with the names that are close."""
        from difflib import get_close_matches

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = get_close_matches(args[0], COMMANDS, 2, 0.5)
            hint = f"; did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
            raise click.UsageError(f"no such command '{args[0]}'{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kedge", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show a traceback with an error.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Keep your organisation's self-hosted services recoverable."""
    ctx.obj = {"debug": debug}


def main() -> None:
    """Run the command line and exit."""
    sys.exit(run(sys.argv[1:]))


def run(argv: list[str]) -> int:
    """Return the exit code of one call."""
    try:
        return int(cli.main(argv, "kedge", standalone_mode=False) or 0)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        return 130
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except KedgeError as error:
        _show(error, argv)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception as error:
        return _report_bug(error, argv)


def _show(error: KedgeError, argv: list[str]) -> None:
    """Print an error as sentences: every mistake, the chain of causes, what to do."""
    if "--debug" in argv:
        import traceback

        traceback.print_exception(error)
    click.echo(error.message, err=True)
    cause = error.__cause__
    while cause is not None and not isinstance(error, InventoryError):
        click.echo(f"  because: {cause}", err=True)
        cause = cause.__cause__
    if isinstance(error, InventoryError):
        count = len(error.mistakes)
        click.echo(f"{count} mistake{'s' * (count != 1)}; nothing was judged.", err=True)
    if error.hint:
        click.echo(f"hint: {error.hint}", err=True)


def _report_bug(error: Exception, argv: list[str]) -> int:
    """Say that kedge itself is broken, and write what a report needs into a file."""
    import platform
    import tempfile
    import traceback
    from importlib.metadata import version

    if "--debug" in argv:
        traceback.print_exception(error)
    lines = [f"kedge {version('kedge')}, Python {platform.python_version()}, {platform.platform()}", " ".join(argv)]
    with tempfile.NamedTemporaryFile("w", prefix="kedge-bug-", suffix=".txt", delete=False) as log:
        log.write("\n".join([*lines, "", *traceback.format_exception(error)]))
    click.echo(f"kedge has a bug: {type(error).__name__}: {error}\nwhat a report needs is in {log.name}", err=True)
    return 3
