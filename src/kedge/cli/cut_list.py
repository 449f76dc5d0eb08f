"""How cut sets look on a terminal, and what they cost a year where rates are given."""

from __future__ import annotations

import click
from rich.text import Text as Line

from kedge.app.cutting import Cuts, grouped
from kedge.cli.page import Page
from kedge.rules.wording import listed
from kedge.scenarios.rates import contributions

_MEANING = {"up": "down", "back": "unrecoverable", "told": "unnoticed", "top": "fails"}
_SHOWN = 12


def show_cuts(out: Page, cuts: Cuts) -> None:
    """Print cut sets, those alike on one line, then the expected downtime; on stderr how many there are."""
    sets = [[cuts.rules.name(member) for member in cut] for cut in cuts.found.sets]
    out.put(Line(f"{cuts.name} {_MEANING[cuts.of]}, by up to {cuts.order} at once", "bold"))
    for product in grouped(sets):
        parts = [", ".join(names) for names in product]
        out.put(" + ".join(parts) if parts else "nothing has to be lost", indent=4, lead="  -")
    _show_downtime(out, cuts)
    rest = "" if cuts.found.complete else f" of {cuts.found.counted}; not complete beyond order {cuts.found.order}"
    click.echo(f"{len(sets)} sets{rest}", err=True)


def _show_downtime(out: Page, cuts: Cuts) -> None:
    time = cuts.downtime
    if time is None:
        return
    most = "nothing bounds it from above" if time.at_most is None else f"at most {_hours(time.at_most)}"
    out.put(Line(f"{_hours(time.at_least)} a year at least, {most}", "bold"))
    rows = [
        (
            f"  {_hours(one.hours_per_year)}",
            f"{one.per_year:.3g} a year, {_hours(one.each.hours)} each",
            " + ".join(map(cuts.rules.name, one.cut)),
        )
        for one in contributions(cuts.found, cuts.rates)
    ]
    if rows:
        out.put_rows(rows[:_SHOWN])
    if time.unrated:
        names = listed(sorted(map(cuts.rules.name, time.unrated)), _SHOWN)
        out.put(Line(f"without a rate, and counted as never lost in the lower bound: {names.en}", "dim"))


def _hours(hours: float) -> str:
    """Return hours, or minutes where that is less than one."""
    return f"{hours:.1f} h" if hours >= 1 or not hours else f"{hours * 60:.2g} min"
