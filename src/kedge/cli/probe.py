"""`kedge probe`: what is up, truly."""

from __future__ import annotations

import click

from kedge.cli.options import complete_things, inventory_option, json_option, language_option, page, print_json

EPILOG = """\b
Examples:
  kedge probe                          everything, once
  kedge probe wiki mail
  kedge probe wiki --at 198.51.100.7   before the DNS points there
  kedge probe --json | jq '.observations[] | select(.status != "ok")'"""


@click.command("probe", epilog=EPILOG)
@click.argument("things", nargs=-1, metavar="[SERVICE]…", shell_complete=complete_things)
@click.option("--at", "there", default="", metavar="ADDRESS", help="Look at this IP address, whatever the DNS says.")
@click.option("--vantage", default="", metavar="NAME", help="Where this is; default: the only declared vantage.")
@inventory_option
@language_option
@json_option
def command(things: tuple[str, ...], there: str, vantage: str, path: str | None, language: str, as_json: bool) -> int:
    """Look at every service once, in its own protocol, and name the causes of what is not ok.

    If a service that was named is not ok, what it needs is looked at as well. What was seen is kept, except with
    --at. Exit code 1: something is not ok, or could not be looked at.
    """
    import asyncio
    from datetime import UTC, datetime, timedelta
    from time import monotonic

    from kedge.app.facts_seen import due, keep
    from kedge.app.opening import open_inventory
    from kedge.app.probing import Sweep, beneath, choose_vantage, is_fine, judge, require_address
    from kedge.app.targets import survey
    from kedge.cli.progress import telling
    from kedge.errors import UsageError

    opened = open_inventory(path)
    for name in things:
        opened.inventory.find(name)
    if there and not things:
        raise UsageError("--at looks at named services only", hint="kedge probe wiki --at 198.51.100.7")
    targets = survey(opened, things, require_address(there))
    targets = targets if things else due(opened.path, targets, datetime.now(UTC))
    if not targets:
        raise UsageError("nothing here can be looked at", hint="give a service a `url` or a `hostname`")
    vantage = choose_vantage(opened.inventory, vantage)
    began = monotonic()
    with telling([target.thing for target in targets]) as done:
        looks = asyncio.run(Sweep(vantage, lambda look: done(look.thing)).run(targets))
    if things and not there and (more := beneath(opened.inventory, looks)):
        others = survey(opened, more)
        with telling([target.thing for target in others]) as done:
            looks += asyncio.run(Sweep(vantage, lambda look: done(look.thing)).run(others))
        targets += others
    took = timedelta(seconds=monotonic() - began)
    findings = judge(opened.inventory, targets, looks)
    if as_json:
        from kedge.app.sweep_answer import probe_answer

        print_json(probe_answer(looks, findings, language))
    else:
        from kedge.cli.seen import show_looks

        show_looks(page(), looks, findings, took, language, brief=not things)
    if not there:
        keep(opened.path, targets, looks)
    return int(not is_fine(looks))
