"""The `kedge` command: finds the subcommand, and turns exceptions into messages and exit codes.

Exit codes: 0 fine · 1 findings or a refused plan · 2 usage or inventory error · 3 a bug · 130 interrupted ·
141 whoever read the output has gone.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from io import TextIOWrapper

import click

from kedge.cli.start import end_at_interrupts, hear_interrupts
from kedge.errors import KedgeError

COMMANDS: dict[str, str] = {
    "init": "An inventory from what the world shows of your domain.",
    "check": "What would hurt you: findings, worst first.",
    "probe": "What is up, truly: every service in its own protocol.",
    "watch": "Watch day and night, and tell people by ways that still work.",
    "status": "What is up and down now, since when, and who takes care of it.",
    "alerts": "Where alerts go: set it up, try it, answer one, list them.",
    "whatif": "What the loss of something would do, and the way back.",
    "before": "The preflight of a reboot, resize, stop or move.",
    "show": "What the inventory says of a thing; without one, every name.",
    "explain": "What a rule means, how it decides, what to do.",
    "suggest": "Which one addition removes most: for a meeting's agenda.",
    "cuts": "The smallest sets of losses that take a service down.",
    "ask": "The three questions whose answers would change most.",
    "note": "Record an emergency measure, or that an access was tried.",
    "backup": "Save services to their stores, and count what was saved.",
    "snapshots": "What the stores hold.",
    "drill": "Prove that services can be restored, in a sandbox.",
    "restore": "Bring a service back, into a folder or onto a host.",
    "prune": "Let old snapshots go: another power than saving.",
    "runs": "What kedge did, step by step, and what is not finished.",
    "kinds": "The kinds of services, and what is proven for each.",
    "schema": "The JSON Schema of the inventory, for editors.",
    "publish": "Write the public page, or the private edition.",
    "completion": "Shell completion for bash, zsh or fish.",
}
"""Command -> what it does; each lives in the module of its name and is imported only when it is called."""

EPILOG = """\b
Examples:
  kedge check                  what would hurt you
  kedge whatif web1            the day web1 is gone
  kedge before reboot web1     may I?
  kedge explain notice-loop    what a finding means

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
@click.option("--debug", is_flag=True, help="Show a traceback with an error; may stand anywhere.")
def cli(debug: bool) -> None:
    """Keep your organisation's self-hosted services recoverable."""


def main() -> None:
    """Run the command line and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # None, if somebody closed it
            stream.reconfigure(errors="replace")
    code = run(sys.argv[1:])
    end_at_interrupts()
    _hush()
    sys.exit(code)


def run(argv: list[str]) -> int:
    """Return the exit code of one call; `--debug` may stand anywhere."""
    from kedge.cli.failure import report_bug, show_error

    is_debugging = "--debug" in argv
    try:
        hear_interrupts()
        return _answer([word for word in argv if word != "--debug"])
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return 130
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except KedgeError as error:
        if error.exit_code == 3:
            return report_bug(error, argv, is_debugging)
        show_error(error, is_debugging)
        return error.exit_code
    except BrokenPipeError:
        return _leave_quietly()
    except Exception as error:
        return report_bug(error, argv, is_debugging)


def _answer(argv: list[str]) -> int:
    try:
        code = int(cli.main(argv, "kedge", standalone_mode=False) or 0)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except SystemExit as end:
        if "_KEDGE_COMPLETE" in os.environ:
            return int(end.code or 0)
        raise BrokenPipeError from end  # what click and rich make of a reader that has gone


def _hush() -> None:
    """Drop what nobody reads on standard error: Python would end with 120 for it, and hide what came of the work."""
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _leave_quietly() -> int:
    """Return the code of a program whose reader has gone (`kedge kinds | head -1`): 128 + SIGPIPE, as shells count."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 141
