"""Options for somebody who has a store and its passphrase, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from kedge.cli.options import inventory_option

if TYPE_CHECKING:
    from kedge.app.workshop import Workshop

HELP = "A store's address, instead of an inventory: that lies in it."


def workshop_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add what says where snapshots come from, an inventory or a store; the command gets `open_workshop(tell)`."""

    @wraps(function)
    def command(
        *args: Any, address: str | None, passphrase_file: str, credentials_file: str, path: str | None, **more: Any
    ) -> Any:
        def open_workshop(tell: Callable[[str], None] = lambda line: None) -> Workshop:
            from kedge.app.opening import open_inventory
            from kedge.app.workshop import Workshop

            if address is None:
                return Workshop.open(open_inventory(path), tell)
            return _open_store(address, passphrase_file, credentials_file, path or "", tell)

        return function(*args, open_workshop=open_workshop, **more)

    for option in (
        click.option("--credentials-file", default="", metavar="FILE", help="What a REST server or S3 asks for."),
        click.option("--passphrase-file", default="", metavar="FILE", help="Its passphrase; else it is asked."),
        click.option("--from", "address", metavar="ADDRESS", help=HELP),
        inventory_option,
    ):
        command = option(command)
    return command


def _open_store(
    address: str, passphrase: str, credentials: str, inventory: str, tell: Callable[[str], None]
) -> Workshop:
    import asyncio

    from kedge.app.found_store import Given, open_found

    return asyncio.run(open_found(Given(address, _ask, passphrase, credentials, inventory), tell))


def _ask() -> str:
    if not sys.stdin.isatty():
        raise click.UsageError("--from needs --passphrase-file where nobody can be asked")
    return str(click.prompt("Passphrase of the store", hide_input=True, err=True))
