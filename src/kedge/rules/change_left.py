"""change-left: an emergency measure that stayed."""

from __future__ import annotations

from collections.abc import Iterator

from kedge.model.care import Change
from kedge.model.finding import Text
from kedge.rules.case import Case
from kedge.rules.claim import Claim, Rule
from kedge.rules.wording import days, on


def find_changes_left(case: Case) -> Iterator[Claim]:
    """Yield emergency measures without an end, or past it, and planned changes whose day has passed."""
    for name, change in case.sections.changes.items():
        if change.done or case.is_settled(name, "ended"):
            continue
        if change.until and change.until < case.now:
            late = days(case.now - change.until)
            yield _claim(
                case, name, change, Text(f"should have ended {late.en} ago", f"sollte seit {late.dative} beendet sein")
            )
        elif change.since and not change.until:
            yield _claim(case, name, change, Text("has no end date", "hat kein Enddatum"))
        elif change.when and not change.since and not change.until and change.when < case.now:
            yield _claim(
                case,
                name,
                change,
                Text("was due; nobody wrote down whether it happened", "war fällig; ob sie geschah, steht nirgends"),
            )


def _claim(case: Case, name: str, change: Change, state: Text) -> Claim:
    what = change.what or name
    things, who = ", ".join((*change.of, *change.move)) or "–", change.recorded_by
    by = (
        Text(f"recorded by {who}", f"notiert von {who}")
        if who
        else Text("nobody wrote down who", "wer, steht nirgends")
    )
    began = on(change.since, case.zone) if change.since else None
    return Claim(
        rule="change-left",
        thing=name,
        title=Text(f"“{what}” {state.en}", f"„{what}“ {state.de}"),
        why=(
            *([Text(f"In force since {began.en}.", f"In Kraft seit {began.de}.")] if began else []),
            Text(f"Changed: {things}; {by.en}.", f"Geändert: {things}; {by.de}."),
        ),
        fix=Text(
            "Make it permanent and declare it, or take it back; set `done: yes` or a new `until`.",
            "Dauerhaft machen und eintragen oder zurücknehmen; `done: yes` oder ein neues `until` setzen.",
        ),
        settles=frozenset({(name, "ended")}),
        since=change.since or change.until or change.when,
        is_dated=True,
    )


CHANGE_LEFT = Rule(
    id="change-left",
    summary=Text("an emergency measure that stayed", "eine Notmaßnahme, die blieb"),
    meaning=Text(
        "What was done “for the time being” is still in force, and the next person does not know why.",
        "Was „übergangsweise“ geschah, gilt noch immer; die Nächste weiß nicht, warum alles so ist.",
    ),
    decision=Text(
        "A measure past its `until`, one in force (`since`) without any `until`, and a planned change whose day has "
        "passed without `done`.",
        "Eine Maßnahme nach ihrem `until`, eine ohne `until`, eine geplante Änderung nach ihrem Tag ohne `done`.",
    ),
    remedy=Text(
        'Note every emergency measure the moment it is made: `kedge note "MX → other server" --until DATE`.',
        'Jede Notmaßnahme sofort notieren: `kedge note "MX → anderer Server" --until DATUM`.',
    ),
    find=find_changes_left,
    prevented=(
        Text(
            "Piratenpartei 2007: mail on another server, the MX changed, the hoster's address private",
            "Piratenpartei 2007: Mail auf anderem Server, MX geändert, Adresse beim Hoster privat",
        ),
    ),
)
