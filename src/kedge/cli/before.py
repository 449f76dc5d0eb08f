"""`kedge before`: the preflight a tired person runs first."""

from __future__ import annotations

import click

from kedge.cli.options import (
    inventory_option,
    json_option,
    language_option,
    now_option,
    page,
    print_json,
    thing_argument,
)

EPILOG = """\b
Examples:
  kedge before reboot web1
  kedge before move wiki && ./move.sh"""


@click.command("before", epilog=EPILOG)
@click.argument("act", type=click.Choice(["reboot", "resize", "stop", "move"]))
@thing_argument
@inventory_option
@now_option
@language_option
@json_option
def command(act: str, thing: str, path: str | None, now: str | None, language: str, as_json: bool) -> int:
    """Check what should be true before a reboot, resize, stop or move; exit 1 if anything is not."""
    from kedge.app.answers import preflight_answer
    from kedge.app.opening import open_inventory
    from kedge.errors import UsageError
    from kedge.rules.preflight import preflight, touched

    case = open_inventory(path).case_at(now)
    if case.compiled.section_of(thing) not in ("hosts", "services"):
        case.inventory.find(thing)
        raise UsageError(f"'{thing}' is neither a host nor a service", hint="one of these is rebooted, stopped, moved")
    checks, down = preflight(case, act, thing), touched(case, thing)  # type: ignore[arg-type]
    if as_json:
        print_json(preflight_answer(thing, act, checks, down, language))
    else:
        from kedge.cli.outlook import show_preflight

        show_preflight(page(), thing, act, checks, down, language)
    return int(any(check.state != "ok" for check in checks))
