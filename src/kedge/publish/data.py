"""`status.json`: the public page for machines, from the same view."""

from __future__ import annotations

import json
from datetime import datetime

from kedge.publish.view import PublicView, ServiceView
from kedge.publish.wording import as_iso

FORMAT = 1
"""Grows when a field changes its meaning or goes; new fields may come at any time."""


def dump_status(view: PublicView) -> bytes:
    """Return the view as JSON: UTF-8, stable order, absent values as null."""
    whose = view.organisation
    document = {
        "version": FORMAT,
        "now": as_iso(view.now),
        "organisation": {"name": whose.name, "url": whose.url or None, "contact": whose.contact or None},
        "services": [_service(service, view) for service in view.services],
        "teams": [
            {
                "name": team.name,
                "title": team.title,
                "people": list(team.people.named),
                "count": team.people.count,
                "services": [link.name for link in team.services],
            }
            for team in view.teams
        ],
    }
    if view.findings is not None:
        document["findings"] = [
            {
                "severity": finding.severity.word,
                "service": finding.about.name,
                "title": {"en": finding.title.en, "de": finding.title.de},
                "fix": {"en": finding.fix.en, "de": finding.fix.de},
            }
            for finding in view.findings
        ]
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def _service(service: ServiceView, view: PublicView) -> dict[str, object]:
    entry: dict[str, object] = {
        "name": service.name,
        "title": service.title,
        "about": service.about or None,
        "names": [name.text for name in service.names],
        "status": service.status.now.value if service.status.now else None,
        "seen": service.status.seen.value if service.status.seen else None,
        "seen-at": _moment(service.status.at),
        "restore-proven-at": _moment(service.restored),
        "teams": [team.name for team in service.teams],
        "people": list(service.people.named),
        "count": service.people.count,
        "help-wanted": service.people.is_too_few,
    }
    return {**entry, "level": service.level} if view.has_levels else entry


def _moment(moment: datetime | None) -> str | None:
    return as_iso(moment) if moment else None
