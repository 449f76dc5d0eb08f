"""`kedge backup`: save services to their stores."""

from __future__ import annotations

import click

from kedge.cli.options import complete_things, inventory_option, json_option, page, print_json

EPILOG = """\b
Examples:
  kedge backup --init offsite   make a store that is not there yet
  kedge backup --plan           what would be done, and what stands in the way
  kedge backup                  everything that kedge saves
  kedge backup wiki --json"""


@click.command("backup", epilog=EPILOG)
@click.argument("services", nargs=-1, metavar="[SERVICE…]", shell_complete=complete_things)
@click.option("--plan", "is_plan", is_flag=True, help="Say what would be done, look for obstacles, touch nothing.")
@click.option("--init", "store", metavar="STORE", shell_complete=complete_things, help="Make this store first.")
@inventory_option
@json_option
def command(services: tuple[str, ...], is_plan: bool, store: str | None, path: str | None, as_json: bool) -> int:
    """Save services: dump, count, check, and only then save dump and census together as one snapshot.

    Without SERVICE, every service with `save: STORE`. Backups made by others are looked into: age, size, what they
    hold. Exit 1 if one was not saved or seen.
    """
    import asyncio

    from kedge.app.opening import open_inventory
    from kedge.app.saving import back_up, chosen_services, initialise, plan_backup
    from kedge.app.workshop import Workshop
    from kedge.cli.talk import say_step

    workshop = Workshop.open(open_inventory(path), say_step)
    if store:
        if not is_plan:
            asyncio.run(initialise(workshop, store))
        say_step(f"would make store {store}" if is_plan else f"made store {store}")
        if not services:
            say_step("nothing is saved yet; next: kedge backup")
            if as_json:
                print_json([])
            return 0
    outcomes = []
    for name in chosen_services(workshop, services):
        say_step(f"{name}:")
        outcomes.append(asyncio.run((plan_backup if is_plan else back_up)(workshop, name)))
    if as_json:
        print_json([outcome.to_json() for outcome in outcomes])
    else:
        sizes = [[outcome.size] for outcome in outcomes] if is_plan else [[] for _ in outcomes]
        page().put_rows(
            [
                (outcome.service, outcome.state, *size, _told(outcome.why, outcome.snapshots, outcome.steps))
                for outcome, size in zip(outcomes, sizes, strict=True)
            ]
        )
        for outcome in outcomes:
            for word in outcome.outlook.words if outcome.outlook else ():
                say_step(f"{outcome.service}: {word}")
    return int(any(outcome.state not in {"saved", "seen", "planned"} for outcome in outcomes))


def _told(why: str, snapshots: object, steps: object) -> str:
    if why:
        return why
    if isinstance(snapshots, dict):
        return ", ".join(f"{store}: {snapshot}" for store, snapshot in snapshots.items())
    return " · ".join(steps) if isinstance(steps, list) else ""
