"""`kedge restore`: bring a service back."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from kedge.cli.found import workshop_options
from kedge.cli.options import complete_things, json_option, page, print_json

if TYPE_CHECKING:
    from kedge.app.restoring import RestorePlan
    from kedge.app.workshop import Workshop

EPILOG = """\b
Examples:
  kedge restore share --to /tmp/look           into a folder, to look at it
  kedge restore wiki --to spare --plan         what would be done
  kedge restore wiki --to spare
  kedge restore wiki --to web1 --yes-replace wiki --snapshot 1bdf654f
  kedge restore share --to /tmp/look --from sftp:store@vault.example.net:/srv/store/club"""


@click.command("restore", epilog=EPILOG)
@click.argument("service", metavar="SERVICE", shell_complete=complete_things)
@click.option("--to", required=True, metavar="HOST|FOLDER", help="A host of the inventory, or an absolute folder here.")
@click.option("--snapshot", default="", metavar="ID", help="This one instead of the newest.")
@click.option("--plan", "is_plan", is_flag=True, help="Say what would be done and what is put aside; touch nothing.")
@click.option("--yes-replace", default="", metavar="SERVICE", help="Replace what is there; it is put aside.")
@workshop_options
@json_option
def command(
    service: str, to: str, snapshot: str, is_plan: bool, yes_replace: str,
    open_workshop: Callable[..., Workshop], as_json: bool,
) -> None:  # fmt: skip
    """Restore a service from a snapshot, compared with its census; what is there is renamed, never deleted.

    Stop the service on that host first, and start it afterwards: kedge does neither yet.
    """
    import asyncio

    from kedge.app.restoring import plan_restore, put_aside, restore, unloaded
    from kedge.cli.talk import say_step

    workshop = open_workshop(say_step)
    plan = asyncio.run(plan_restore(workshop, service, snapshot, to))
    answer = plan.to_json()
    if not as_json:
        _show(plan)
    if not is_plan:
        plan.require(yes_replace or _ask(plan))
        run = asyncio.run(restore(workshop, plan))
        answer |= {"run": run.id, "results": {step.name: step.result for step in run.steps}}
    if as_json:
        print_json(answer)
    elif not is_plan:
        left = unloaded(run)
        page().put(f"{service} is restored to {to}, equal to what was saved{'; but for' if left else '.'}")
        for line in left:
            page().put_whole(f"  {line}")
        if kept := put_aside(run):
            page().put("What was there lies beside it; remove that when you are sure:")
            for place in kept:
                page().put_whole(f"  {place}")
        if not to.startswith("/"):
            page().put(_next(plan))


def _ask(plan: RestorePlan) -> str:
    """Return the name that somebody types at a terminal to replace what is there; empty where nobody sits."""
    if not plan.needs_confirmation or not sys.stdin.isatty():
        return ""
    return str(click.prompt(f"To replace what is there, type {plan.service}", err=True))


def _next(plan: RestorePlan) -> str:
    """Return what somebody still has to do until the service is there again."""
    moved = "" if plan.is_live else f"say `host: {plan.to}` of it in the inventory, let its name lead there; "
    return f"Next: start it on {plan.to}; {moved}then: kedge probe {plan.service}"


def _show(plan: RestorePlan) -> None:
    rows = [("snapshot", f"{plan.snapshot[:8]} of {plan.at} in {plan.store}"), ("to", plan.to)]
    rows += [("put aside", place) for place in plan.replaced]
    rows.append(("steps", " · ".join(plan.steps)))
    page().put_rows(rows)
