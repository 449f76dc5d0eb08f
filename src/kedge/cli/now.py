"""How the watch's overview looks on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text as Line

from kedge.cli.seen import STYLES
from kedge.model.observation import Status
from kedge.model.quantity import format_duration
from kedge.model.time_zone import in_zone, show_moment

if TYPE_CHECKING:
    from kedge.app.alerting import Overview
    from kedge.cli.page import Page


def show_overview(page: Page, now: Overview) -> None:
    """Print open incidents, then everything that is not ok, then how much is."""
    for one in now.incidents:
        since = format_duration(now.now - one.opened)
        who = f"{one.acknowledged} takes care of it" if one.acknowledged else "nobody has answered"
        page.put(Line(one.title, "bold"))
        page.put(f"for {since}, since {show_moment(one.opened, now.zone)}; {who}", indent=4)
        if one.symptoms:
            page.put(f"beneath it: {', '.join(one.symptoms)}", indent=4)
        page.put()
    bad = [one for one in now.things if one.status is not Status.OK]
    if bad:
        page.put_rows(
            [
                (Line(one.thing), Line(str(one.status), STYLES[one.status]), Line(in_zone(one.what, now.zone)))
                for one in bad
            ]
        )
        page.put()
    page.put(f"{len(now.things) - len(bad)} of {len(now.things)} things are ok.")
    if now.is_silent:
        page.put(Line("Nobody watches: start `kedge watch`.", "bold red"))
