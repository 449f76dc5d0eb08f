"""The preflight of a dangerous act: what a tired person should know before reboot, resize, stop or move."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from kedge.inventory import nodes
from kedge.model.facts import SHELF_LIFE
from kedge.model.finding import Loss, Text
from kedge.model.quantity import format_size
from kedge.rules.backups import newest_backup, newest_drill
from kedge.rules.case import Case
from kedge.rules.disk_limit import fill_of
from kedge.rules.wording import listed, on

Act = Literal["reboot", "resize", "stop", "move"]
ACTS: tuple[Act, ...] = ("reboot", "resize", "stop", "move")
State = Literal["ok", "red", "unknown"]


@dataclass(frozen=True)
class Check:
    """One question of the preflight; `unknown` is red as well: nobody should find out now."""

    question: Text
    state: State
    answer: Text


def preflight(case: Case, act: Act, thing: str) -> tuple[Check, ...]:
    """Return the checks for an act on a host or service, most important first."""
    host = _machine(case, thing)
    checks = [_backups(case, thing), _people(case, thing), *_notices(case, thing)]
    if host and act in ("reboot", "resize", "stop"):
        checks += [_console(case, host), _boot(case, host)]
    if host:
        checks += list(_support(case, host))
        if act in ("resize", "move"):
            checks += list(_room(case, host))
    order = {"red": 0, "unknown": 1, "ok": 2}
    return tuple(sorted(checks, key=lambda check: order[check.state]))


def touched(case: Case, thing: str) -> tuple[str, ...]:
    """Return the services that are down while this thing is."""
    return case.toll(Loss(thing)).down


def _machine(case: Case, thing: str) -> str | None:
    hosts = case.sections.hosts
    if thing in hosts:
        return case.compiled.index.chain(thing)[-1]
    service = case.sections.services.get(thing)
    return case.compiled.index.chain(service.host[0])[-1] if service and service.host else None


def _backups(case: Case, thing: str) -> Check:
    question = Text("fresh backup, proven by a restore?", "frisches Backup, durch Zurückspielen bewiesen?")
    services = case.sections.services
    keeping = [s for s in _carried(case, thing) if services[s].has_data]
    none = [s for s in keeping if (save := services[s].save) is not None and not save.to]
    if none:
        return Check(question, "red", Text(f"none: {listed(none).en}", f"keines: {listed(none).de}"))
    stale = [s for s in keeping if (n := newest_backup(case, s)) is None or case.now - n > case.rpo(services[s])]
    untested = [s for s in keeping if newest_drill(case, s) is None]
    if stale:
        return Check(question, "unknown", Text(f"not seen: {listed(stale).en}", f"nicht gesehen: {listed(stale).de}"))
    if untested:
        return Check(
            question,
            "red",
            Text(f"never restored: {listed(untested).en}", f"nie zurückgespielt: {listed(untested).de}"),
        )
    return Check(question, "ok", Text("yes", "ja"))


def _carried(case: Case, thing: str) -> tuple[str, ...]:
    """Return the services whose data lies on a thing."""
    if thing in case.sections.services:
        return (thing,)
    index = case.compiled.index
    return tuple(s for h in index.inside(thing) for s in index.services_on.get(h, ()))


def _people(case: Case, thing: str) -> Check:
    question = Text("a second person reachable if this dies?", "zweite Person erreichbar, wenn es stirbt?")
    truth = case.solve([Loss(thing)])
    people = dict.fromkeys(
        p for s in touched(case, thing) for p in case.inventory.actors(case.sections.services[s].people)
    )
    reached = [p for p in people if truth.least[case.compiled.node(nodes.TOLD, p)]]
    names = ", ".join(reached)
    if len(reached) >= 2:
        return Check(question, "ok", Text(names, names))
    if not people:
        return Check(question, "unknown", Text("nobody is named as responsible", "niemand ist als zuständig genannt"))
    only = Text(f"only {names}", f"nur {names}") if reached else Text("nobody", "niemand")
    return Check(question, "red", only)


def _notices(case: Case, thing: str) -> Iterator[Check]:
    truth = case.solve([Loss(thing)])
    host = _machine(case, thing)
    for provider in case.compiled.index.sellers.get(host or thing, ()):
        question = Text(
            f"messages of {provider} readable if this dies?", f"Nachrichten von {provider} lesbar, wenn es stirbt?"
        )
        channels = case.sections.providers[provider].notices_to
        if channels is None:
            yield Check(question, "unknown", Text("nobody knows where they go", "niemand weiß, wohin sie gehen"))
            continue
        working = [c for c in channels if truth.least[case.compiled.node(nodes.WORKS, c)]]
        dead = ", ".join(channels)
        text = Text(", ".join(working), ", ".join(working)) if working else Text(
            f"no: they go to {dead}, which needs {thing}", f"nein: sie gehen an {dead}, und das braucht {thing}"
        )  # fmt: skip
        yield Check(question, "ok" if working else "red", text)


def _console(case: Case, host: str) -> Check:
    question = Text("console or rescue way tested?", "Konsole oder Rettungsweg geprüft?")
    console, fact = case.sections.hosts[host].console, case.facts.get(host, "console")
    tried = max((m for m in (console.tried if console else None, fact.at if fact else None) if m), default=None)
    if tried is None:
        return Check(question, "unknown", Text("nobody has tried it", "niemand hat es ausprobiert"))
    is_fresh = case.now - tried <= SHELF_LIFE["console"]
    day = on(tried, case.zone)
    return Check(question, "ok" if is_fresh else "red", Text(f"tried on {day.en}", f"geprüft am {day.de}"))


def _boot(case: Case, name: str) -> Check:
    question = Text("started since its last change?", "seit der letzten Änderung gestartet?")
    host, fact = case.sections.hosts[name], case.facts.get(name, "boot")
    booted = max((m for m in (host.last_boot, fact.at if fact else None) if m), default=None)
    if booted is None:
        return Check(question, "unknown", Text("last start unknown", "letzter Start unbekannt"))
    changed = host.changed
    if changed and booted < changed:
        day = on(changed, case.zone)
        return Check(question, "red", Text(f"changed on {day.en}, started before", f"geändert am {day.de}"))
    day = on(booted, case.zone)
    return Check(question, "ok", Text(f"started on {day.en}", f"gestartet am {day.de}"))


def _support(case: Case, host: str) -> Iterator[Check]:
    for provider in case.compiled.index.sellers.get(host, ()):
        question = Text(f"support of {provider} open now?", f"Support von {provider} jetzt erreichbar?")
        hours = case.sections.providers[provider].support
        if hours is None:
            yield Check(question, "unknown", Text("hours unknown", "Zeiten unbekannt"))
        elif hours.is_open(case.now) and hours.is_open(case.now + timedelta(hours=2)):
            yield Check(question, "ok", Text(hours.text, "immer" if hours.text == "always" else hours.text))
        else:
            opens = on(hours.next_open(case.now), case.zone)
            yield Check(question, "red", Text(f"{hours.text}; next on {opens.en}", f"{hours.text}; wieder {opens.de}"))


def _room(case: Case, host: str) -> Iterator[Check]:
    question = Text("room?", "Platz?")
    volumes = case.sections.hosts[host].volumes
    if not volumes:
        yield Check(question, "unknown", Text("no volume is declared", "keine Partition angegeben"))
    for name, volume in volumes.items():
        fill = fill_of(case, host, name, volume)
        free = volume.unallocated
        if fill is None:
            yield Check(question, "unknown", Text(f"{name}: unknown", f"{name}: unbekannt"))
            continue
        text = f"{name}: {format_size(fill.size - fill.used)} of {format_size(fill.size)} free"
        deutsch = f"{name}: {format_size(fill.size - fill.used)} von {format_size(fill.size)} frei"
        if free:
            text, deutsch = f"{text}, {format_size(free)} unallocated", f"{deutsch}, {format_size(free)} unzugeteilt"
        yield Check(question, "ok" if free or fill.share < 0.9 else "red", Text(text, deutsch))
