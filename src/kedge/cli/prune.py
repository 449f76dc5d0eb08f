"""`kedge prune`: let old snapshots go."""

from __future__ import annotations

import click

from kedge.cli.options import complete_things, inventory_option, json_option, page, print_json

EPILOG = """\b
Examples:
  kedge prune offsite --keep "daily 14, weekly 8, monthly 12" --plan
  kedge prune offsite --keep "daily 14, weekly 8, monthly 12"
  kedge prune offsite --keep "daily 14" --through sftp:pruner@vault.example.net:/srv/club
  kedge prune bucket --keep "daily 14" --credentials-file owners-key"""


@click.command("prune", epilog=EPILOG)
@click.argument("store", metavar="STORE", shell_complete=complete_things)
@click.option("--keep", required=True, metavar="POLICY", help="What stays: `daily 14, weekly 8, monthly 12, yearly 3`.")
@click.option("--through", default="", metavar="REPOSITORY", help="Another address, for those who may delete.")
@click.option("--credentials-file", default="", metavar="FILE", help="Of those who may delete on a REST server or S3.")
@click.option("--plan", "is_plan", is_flag=True, help="Say what would go; touch nothing.")
@click.option("--yes-forget", default=0, metavar="N", help="Let more than half go: exactly so many.")
@inventory_option
@json_option
def command(
    store: str,
    keep: str,
    through: str,
    credentials_file: str,
    is_plan: bool,
    yes_forget: int,
    path: str | None,
    as_json: bool,
) -> None:
    """Let old snapshots of a store go. Saving never does: give this to somebody, or something, else.

    The newest snapshot of each service always stays, and the one that the last successful drill proved.
    """
    import asyncio

    from kedge.app.opening import open_inventory
    from kedge.app.pruning import listing, plan_prune, prune
    from kedge.app.workshop import Way, Workshop
    from kedge.cli.talk import say_step
    from kedge.work.retention import read_retention

    workshop, way = Workshop.open(open_inventory(path), say_step), Way(through, credentials_file)
    plan = asyncio.run(plan_prune(workshop, store, read_retention(keep), way))
    if not as_json:
        page().put_rows(listing(plan))
    if not is_plan:
        plan.require(yes_forget)
        asyncio.run(prune(workshop, plan, way))
    if as_json:
        print_json(plan.to_json())
    else:
        would = "would go" if is_plan else "went"
        page().put(f"{len(plan.goes)} {would}, {plan.stays} stay.")
