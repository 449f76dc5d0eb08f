"""boot-unproven: a machine that has not been started since it was changed."""

from __future__ import annotations

from collections.abc import Iterator

from kedge.model.finding import Loss, Severity, Text
from kedge.rules.case import Case
from kedge.rules.claim import Claim, Rule
from kedge.rules.spof import bare_hosts
from kedge.rules.wording import on, services


def find_boot_unproven(case: Case) -> Iterator[Claim]:
    """Yield machines that carry services alone and were changed after they last started, or never seen to start."""
    for name, bare in bare_hosts(case):
        host = case.sections.hosts[name]
        fact = case.facts.get(name, "boot")
        booted = max((moment for moment in (host.last_boot, fact.at if fact else None) if moment), default=None)
        if host.changed is None or (booted and booted >= host.changed) or case.is_settled(name, "booted"):
            continue
        changed, many = on(host.changed, case.zone), services(len(bare))
        has = many.verb(Text("has", "hat"), Text("have", "haben"))
        last = on(booted, case.zone) if booted else Text("unknown", "unbekannt")
        yield Claim(
            rule="boot-unproven",
            thing=name,
            title=Text(
                f"{name} has not been started since it was changed on {changed.en}",
                f"{name} wurde seit der Änderung am {changed.de} nicht neu gestartet",
            ),
            why=(
                Text(f"Last start: {last.en}.", f"Letzter Start: {last.de}."),
                Text(
                    f"If it does not come back, {many.en} {has.en} no other place.",
                    f"Kommt er nicht zurück, {has.de} {many.de} keinen anderen Ort.",
                ),
            ),
            fix=Text(
                f"Restart it while support is open and with a tested console: `kedge before reboot {name}`.",
                f"Zu Supportzeiten und mit geprüfter Konsole neu starten: `kedge before reboot {name}`.",
            ),
            losses=(Loss(name),),
            speaks_of=frozenset({"down"}),
            settles=frozenset({(name, "booted")}),
            since=host.changed,
            is_unproven=True,
            most=Severity.WARNING,
        )


BOOT_UNPROVEN = Rule(
    id="boot-unproven",
    summary=Text("not started since it was changed", "seit der Änderung nicht neu gestartet"),
    meaning=Text(
        "Kernel, boot loader, disks or start-up were changed while the machine ran. Whether it starts will be found "
        "out at the worst moment.",
        "Kernel, Bootloader, Platten oder Autostart wurden im Betrieb geändert. Ob er startet, zeigt sich im "
        "schlechtesten Augenblick.",
    ),
    decision=Text(
        "Machines that carry services alone (see spof) and whose last known start is before `changed`.",
        "Rechner, die Dienste allein tragen (siehe spof) und deren letzter Start vor `changed` liegt.",
    ),
    remedy=Text("Restart in daylight, with support open.", "Bei Tageslicht neu starten, wenn der Support offen hat."),
    find=find_boot_unproven,
    prevented=(
        Text(
            "Piratenpartei 2007: the machine never came back after the reset",
            "Piratenpartei 2007: der Rechner kam nach dem Reset nie zurück",
        ),
    ),
)
