"""How what-ifs, preflights and single things look on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from rich.text import Text as Line

from kedge.app.aftermath import Aftermath
from kedge.cli.page import Page
from kedge.model.finding import Loss, LossMode, Text
from kedge.model.quantity import format_duration, parse_moment
from kedge.rules.case import Case
from kedge.rules.preflight import Check
from kedge.rules.whatif import PlanStep, WhatIf
from kedge.rules.wording import listed, on

MODES: dict[LossMode, Text] = {
    "gone": Text("lost", "verloren"),
    "emptied": Text("emptied", "geleert"),
    "misused": Text("in wrong hands", "in falschen Händen"),
    "withdrawn": Text("withdrawn", "gesperrt"),
}
STYLES = {"ok": "green", "red": "bold red", "unknown": "bold yellow"}
WORDS = {"ok": Text("ok", "ok"), "red": Text("NO", "NEIN"), "unknown": Text("?", "?")}
ACTS = {
    "reboot": Text("reboot", "neu starten"),
    "resize": Text("resize", "vergrößern"),
    "stop": Text("stop", "anhalten"),
    "move": Text("move", "umziehen"),
}


def show_whatif(page: Page, case: Case, answer: WhatIf, left: Aftermath, language: str) -> None:
    """Print what a loss does in about a dozen lines."""
    page.put(Line(f"{_losses(answer.lost, language)} · {on(case.now, case.zone).to(language)}", "bold"))
    rows = [*_toll_rows(answer, language), *_left_rows(answer, left, language)]
    if answer.uncertain:
        names = ", ".join(answer.uncertain)
        text = Text(f"whether {names} can be recovered: `kedge ask`", f"ob {names} zurückkommt: `kedge ask`")
        rows.append((Text("not known", "ungewiss").to(language), Line(text.to(language))))
    page.put_rows([(Line(label, "dim"), value) for label, value in rows])
    steps = [
        (str(n), Line(step.who or "?", "bold"), _step_line(case, step, language))
        for n, step in enumerate(answer.plan, 1)
    ]
    if steps:
        page.put_rows(steps)
        if any(step.is_timed for step in answer.plan):
            page.put(_finish_line(answer).to(language))


def _finish_line(answer: WhatIf) -> Text:
    """Return when it is done, and which steps decide that."""
    deciding = [str(number) for number, step in enumerate(answer.plan, 1) if step.decides]
    hours, is_open = answer.finish
    if not hours:
        return Text("How long: nobody has said or measured it.", "Wie lange: hat niemand gesagt oder gemessen.")
    took = format_duration(timedelta(hours=hours))
    least = Text("at least ", "mindestens ") if is_open else Text("", "")
    steps = Text("step" if len(deciding) == 1 else "steps", "Schritt")
    verb = Text("decides" if len(deciding) == 1 else "decide", "")
    names = listed(deciding, len(deciding))
    decide = Text(f"{steps.en} {names.en} {verb.en}", f"es entscheidet {steps.de} {names.de}")
    return Text(f"Done after {least.en}{took}; {decide.en}.", f"Fertig nach {least.de}{took}; {decide.de}.")


def _losses(losses: Sequence[Loss], language: str) -> str:
    """Return `web1 and nas lost, wiki emptied`."""
    modes = dict.fromkeys(loss.mode for loss in losses)
    parts = (f"{listed([x.thing for x in losses if x.mode == m]).to(language)} {MODES[m].to(language)}" for m in modes)
    return ", ".join(parts)


def _toll_rows(answer: WhatIf, language: str) -> list[tuple[str, Line]]:
    toll, down = answer.toll, Text("down", "fällt aus").to(language)
    if not toll.down:
        return [(down, Line(Text("nothing: no service stops", "nichts: kein Dienst steht").to(language)))]
    lost = Text("unrecoverable", "unwiederbringlich").to(language)
    told = Text("nobody told", "niemand hört davon") if toll.unnoticed else Text("told", "hört davon")
    return [
        (down, Line(", ".join(toll.down))),
        (lost, Line(_lost_text(answer).to(language), "bold red" if toll.unrecoverable else "")),
        (told.to(language), Line(_untold_text(answer).to(language), "bold red" if toll.unnoticed else "")),
    ]


def _left_rows(answer: WhatIf, left: Aftermath, language: str) -> Iterator[tuple[str, Line]]:
    """Yield what stops nothing today: copies that are gone, accounts that stay shut."""
    uncopied = [name for name in left.uncopied if name not in answer.toll.unrecoverable]
    if uncopied:
        yield Text("no copy left", "keine Kopie mehr").to(language), Line(", ".join(uncopied), "bold red")
    if left.closed:
        yield Text("nobody opens", "niemand öffnet").to(language), Line(", ".join(left.closed), "bold red")


def _lost_text(answer: WhatIf) -> Text:
    lost = answer.toll.unrecoverable
    if not lost:
        return Text("nothing, if what is declared is true", "nichts, wenn stimmt, was angegeben ist")
    names = ", ".join(lost)
    is_all = len(lost) > 1 and set(lost) == set(answer.toll.down)
    reason = Text("", "")
    if set(answer.without_data) == set(lost):
        reason = Text(": no copy of the data", ": keine Kopie der Daten")
    elif set(lost) <= set(answer.toll.unnoticed):
        reason = Text(": nobody who could act learns of it", ": niemand, der handeln könnte, erfährt davon")
    return Text(("all of them" if is_all else names) + reason.en, ("alles" if is_all else names) + reason.de)


def _untold_text(answer: WhatIf) -> Text:
    unnoticed = answer.toll.unnoticed
    if not unnoticed:
        return Text("somebody responsible, of each", "jemand Zuständiges, bei jedem Dienst")
    names, chain = ", ".join(unnoticed), " → ".join(answer.chain)
    if set(unnoticed) == set(answer.toll.down):
        return Text(chain or "of any of them", chain or "bei keinem")
    behind = f": {chain}" if chain else ""
    return Text(f"of {names}{behind}", f"bei {names}{behind}")


def _step_line(case: Case, step: PlanStep, language: str) -> Line:
    unsaid = [need for need in step.needs if need not in step.what.en.split()]
    notes = [f"{Text('with', 'mit').to(language)} {', '.join(unsaid)}"] if unsaid else []
    if step.not_before:
        notes.append(f"{Text('not before', 'nicht vor').to(language)} {on(step.not_before, case.zone).to(language)}")
    if step.is_timed:
        notes.append(_time_note(step).to(language))
    line = Line(step.what.to(language))
    return line.append(f" ({'; '.join(notes)})", "dim") if notes else line


def _time_note(step: PlanStep) -> Text:
    if step.takes is None:
        return Text("time unknown", "Dauer unbekannt")
    took = format_duration(step.takes)
    if step.unknown:
        rest = f"{step.unknown}/{step.parts}"
        return Text(f"at least {took}, {rest} unknown", f"mindestens {took}, {rest} unbekannt")
    origin = {"measured": Text(" measured", " gemessen")}.get(step.origin, Text("", ""))
    return Text(took + origin.en, took + origin.de)


def show_preflight(
    page: Page, thing: str, act: str, checks: Sequence[Check], down: Sequence[str], language: str
) -> None:
    """Print the checks of a preflight, red ones first, and what hangs on the thing."""
    is_go = all(check.state == "ok" for check in checks)
    page.put(Line(_verdict(thing, act, is_go).to(language), "bold green" if is_go else "bold red"))
    for check in checks:
        style = STYLES[check.state]
        words = Line.assemble(check.question.to(language), "  ", (check.answer.to(language), style))
        page.put(words, indent=6, lead=Line(WORDS[check.state].to(language), style))
    others = [name for name in down if name != thing]
    if others:
        names = listed(others, len(others))
        page.put(Text(f"While {thing} is down, so {'are' if len(others) > 1 else 'is'} {names.en}.",
                      f"Solange {thing} steht, {'stehen' if len(others) > 1 else 'steht'} auch {names.de}."
                      ).to(language))  # fmt: skip


def _verdict(thing: str, act: str, is_go: bool) -> Text:
    word = ACTS[act]
    if is_go:
        return Text(f"{word.en} {thing}: go", f"{thing} {word.de}: ja")
    return Text(f"{word.en} {thing}: not yet", f"{thing} {word.de}: noch nicht")


def show_portrait(page: Page, answer: Mapping[str, Any], zone: str, language: str) -> None:
    """Print a thing: its own lines, then what kedge knows besides."""
    page.put_whole(Line.assemble((answer["thing"], "bold"), (f"  {answer['section']}  {answer['place']}", "dim")))
    for line in answer["lines"].splitlines():
        page.put_whole(f"  {line}")
    rows = [
        (_NAMED_BY, "; ".join(f"{name} ({', '.join(keys)})" for name, keys in answer["named_by"].items())),
        *_loss_rows(answer["takes_down"], language),
        *((Text(fact["what"], fact["what"]), _fact_text(fact, zone, language)) for fact in answer["facts"]),
        (_UNKNOWN, ", ".join(answer["unknown"])),
    ]
    page.put_rows([(Line(label.to(language), "dim"), value) for label, value in rows if value])


def _loss_rows(takes_down: Mapping[LossMode, Sequence[str]], language: str) -> Iterator[tuple[Text, str]]:
    """Yield what the loss takes down, modes that do the same on one line."""
    for down in dict.fromkeys(tuple(names) for names in takes_down.values()):
        modes = [MODES[mode] for mode, names in takes_down.items() if tuple(names) == down]
        label = Text("if " + ", ".join(m.en for m in modes), "wenn " + ", ".join(m.de for m in modes))
        yield label, Text(f"{', '.join(down)} down", f"steht: {', '.join(down)}").to(language)


def _fact_text(fact: Mapping[str, Any], zone: str, language: str) -> str:
    said = on(parse_moment(fact["at"]), zone).to(language)
    by = f", {fact['by']}" if fact["by"] else ""
    return f"{fact['value']} ({fact['source']}, {said}{by})"


_NAMED_BY = Text("named by", "genannt von")
_UNKNOWN = Text("unknown", "unbekannt")
