"""What is said when kedge cannot do its job: a sentence, its causes, what to do; for a bug, also a file."""

from __future__ import annotations

import re

import click

from kedge.errors import InventoryError, KedgeError


def show_error(error: KedgeError, is_debugging: bool) -> None:
    """Print an error as sentences: every mistake, the chain of causes, what to do."""
    if is_debugging:
        _print_traceback(error)
    click.echo(error.message, err=True)
    if isinstance(error, InventoryError):
        if len(error.mistakes) > 1:
            click.echo(f"{len(error.mistakes)} mistakes; nothing was done.", err=True)
    else:
        _show_causes(error)
    if error.hint:
        click.echo(f"hint: {error.hint}", err=True)


def _show_causes(error: KedgeError) -> None:
    """Print the first line of what led to it, unless the message has said so itself."""
    cause = error.__cause__
    while cause is not None:
        reason = str(cause).partition("\n")[0]
        if reason and _LABEL.sub("", reason) not in error.message:
            click.echo(f"  because: {reason}", err=True)
        cause = cause.__cause__


_LABEL = re.compile(r"^(\(\S+\)|\[Errno \d+\]) ")
"""What libraries put before a reason: `(sqlite3.DatabaseError)`, `[Errno 17]`."""


def report_bug(error: Exception, argv: list[str], is_debugging: bool) -> int:
    """Say that kedge itself is broken, write what a report needs into a file, and return 3."""
    import platform
    import shlex
    import traceback
    from importlib.metadata import version

    if is_debugging:
        _print_traceback(error)
    system = f"kedge {version('kedge')}, Python {platform.python_version()}, {platform.platform()}"
    report = "\n".join([system, f"kedge {shlex.join(argv)}", "", *traceback.format_exception(error)])
    click.echo(f"kedge has a bug: {type(error).__name__}: {error}", err=True)
    file = _write(report)
    click.echo(f"What a report needs is in {file}; read it before you send it." if file else report, err=True)
    return 3


def _write(report: str) -> str:
    """Return the file that holds the report; empty where none can be written."""
    import tempfile

    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="kedge-bug-", suffix=".txt", delete=False, encoding="utf-8", errors="replace"
        ) as log:
            log.write(report)
    except OSError:
        return ""
    return log.name


def _print_traceback(error: Exception) -> None:
    import traceback

    traceback.print_exception(error)
