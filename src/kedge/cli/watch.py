"""`kedge watch`: the daemon."""

from __future__ import annotations

import click

from kedge.cli.options import inventory_option, json_option, print_json

EPILOG = """\b
Examples:
  kedge watch                    until it is stopped
  kedge watch --once             look until it is certain, tell, end
  kedge watch --install user     run it always, as a service of yours
  kedge watch --every 5min --site /srv/www/status

\b
Settings (docs/watch.md, docs/alerts.md): KEDGE_RELAY, KEDGE_XMPP …"""


@click.command("watch", epilog=EPILOG)
@click.option("--every", default="60s", show_default=True, metavar="TIME", help="How often everything is looked at.")
@click.option("--once", is_flag=True, help="Look until what is wrong is certain, tell who has to be told, and end.")
@click.option("--vantage", default="", metavar="NAME", help="Where this is; default: the only declared vantage.")
@click.option("--site", type=click.Path(file_okay=False), help="Rewrite the public page in this folder each round.")
@click.option("--listen", default="", metavar="HOST:PORT", help="Take pings, give status and figures there.")
@click.option("--peer", "peers", multiple=True, metavar="URL", help="Another kedge, where it listens; may be repeated.")
@click.option("--beat", default="", metavar="URL", help="Fetch this each round: a heartbeat to somebody else.")
@click.option("--work", is_flag=True, help="Make the backups and drills that are due as well.")
@click.option("--install", "whose", type=click.Choice(["user", "system"]), help="Install and start a systemd unit.")
@click.option("--print-unit", is_flag=True, help="With --install: print the unit and touch nothing.")
@inventory_option
@json_option
def command(
    every: str, once: bool, vantage: str, site: str | None, listen: str, peers: tuple[str, ...], beat: str, work: bool,
    whose: str | None, print_unit: bool, path: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Watch day and night: one message for one cause, by ways that still work.

    With --once, exit code 1 if something is not ok; --json prints then what `kedge status` does.
    """
    from kedge.app.opening import open_inventory

    opened = open_inventory(path)
    if whose:
        from kedge.app.unit import install_unit, unit_text

        given = [("--every", every), ("--vantage", vantage), ("--site", site), ("--listen", listen), ("--beat", beat)]
        named = [*given, *(("--peer", peer) for peer in peers)]
        options = [word for name, value in named if value for word in (name, value)]
        options += ["--work"] if work else []
        text = unit_text(opened.path, options, whose)  # type: ignore[arg-type]
        click.echo(text if print_unit else f"installed {install_unit(text, whose)}")  # type: ignore[arg-type]
        return 0
    from pathlib import Path

    from kedge.app.watch_running import Running, keep_watch
    from kedge.app.watching import Company

    company = Company(Path(site) if site else None, listen, peers, beat, work)
    code = keep_watch(opened, Running(every, vantage, company, once))
    if as_json and once:
        from kedge.app.alerting import overview
        from kedge.app.status_answer import status_answer

        print_json(status_answer(overview(opened)))
    return code
