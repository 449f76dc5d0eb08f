"""How the watch's overview looks on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text as Line

from kedge.cli.seen import STATUSES, STYLES
from kedge.model.finding import Text
from kedge.model.observation import Status
from kedge.model.quantity import format_duration
from kedge.model.time_zone import in_zone, show_moment
from kedge.rules.german import both

if TYPE_CHECKING:
    from kedge.app.alerting import OpenIncident, Overview
    from kedge.cli.page import Page

NOBODY = Text("nobody has answered", "niemand hat geantwortet")
SILENT = Text("Nobody watches: start `kedge watch`.", "Niemand wacht: `kedge watch` starten.")


def show_overview(page: Page, now: Overview) -> None:
    """Print open incidents, then everything that is not ok, then how much is; in the organisation's language."""
    language = now.language
    for one in now.incidents:
        page.put(Line(one.title, "bold"))
        page.put(_since(one, now).to(language), indent=4)
        if one.symptoms:
            names = ", ".join(one.symptoms)
            page.put(Text(f"beneath it: {names}", f"davon betroffen: {names}").to(language), indent=4)
        page.put()
    bad = [one for one in now.things if one.status is not Status.OK]
    if bad:
        words = [in_zone(both(one.what).to(language), now.zone) for one in bad]
        states = [Line(STATUSES[one.status].to(language), STYLES[one.status]) for one in bad]
        rows = [(Line(one.thing), state, Line(said)) for one, state, said in zip(bad, states, words, strict=True)]
        page.put_rows(rows)
        page.put()
    well, every = len(now.things) - len(bad), len(now.things)
    page.put(Text(f"{well} of {every} things are ok.", f"{well} von {every} Dingen in Ordnung.").to(language))
    if now.is_silent:
        page.put(Line(SILENT.to(language), "bold red"))


def _since(one: OpenIncident, now: Overview) -> Text:
    took, moment, who = format_duration(now.now - one.opened), show_moment(one.opened, now.zone), one.acknowledged
    answer = Text(f"{who} takes care of it", f"{who} kümmert sich darum") if who else NOBODY
    return Text(f"for {took}, since {moment}; {answer.en}", f"seit {took}, {moment}; {answer.de}")
