"""`kedge publish`: the public page, or the private edition."""

from __future__ import annotations

from pathlib import Path

import click

from kedge.cli.options import inventory_option, json_option, now_option, print_json

EPILOG = """\b
Examples:
  kedge publish --out site              then copy it to any host but the ones it describes
  kedge publish --out board --private   everything, for the people responsible"""


@click.command("publish", epilog=EPILOG)
@click.option("--out", required=True, metavar="DIR", type=click.Path(path_type=Path), help="Folder to write.")
@click.option("--private", is_flag=True, help="Write the edition that shows everything.")
@inventory_option
@now_option
@json_option
def command(out: Path, private: bool, path: str | None, now: str | None, as_json: bool) -> None:
    """Write static pages in German and English: services, who is responsible, status, help wanted.

    Levels, findings and everything else stay private unless the inventory opts in.
    """
    from kedge.app.opening import open_inventory
    from kedge.app.publishing import publish

    case = open_inventory(path).case_at(now)
    files = publish(case, out, private=private)
    if as_json:
        print_json({"out": str(out), "private": private, "files": [str(file) for file in files]})
    else:
        first = out / ("private.html" if private else "index.html")
        click.echo(f"{len(files)} files in {out}; open {first}", err=True)
