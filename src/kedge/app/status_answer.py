"""What the watch holds, as data: JSON, a line for Nagios, text for Prometheus."""

from __future__ import annotations

from kedge.app.alerting import Overview
from kedge.app.answers import Json, moment
from kedge.model.observation import Status

CODES = {Status.OK: 0, Status.DEGRADED: 1, Status.DOWN: 2, Status.UNKNOWN: 3}
"""The exit codes of a Nagios plugin (Monitoring Plugins Development Guidelines)."""
WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


def status_answer(now: Overview) -> Json:
    """Return the answer of `kedge status`."""
    return {
        "now": moment(now.now),
        "status": str(now.worst),
        "looked": moment(now.looked),
        "incidents": [
            {
                "id": one.id,
                "thing": one.thing,
                "title": one.title,
                "since": moment(one.opened),
                "symptoms": list(one.symptoms),
                "acknowledged": one.acknowledged or None,
            }
            for one in now.incidents
        ],
        "things": [
            {"thing": one.thing, "status": str(one.status), "since": moment(one.since), "what": one.what}
            for one in now.things
        ],
    }


def nagios_line(now: Overview) -> tuple[str, int]:
    """Return one line and its exit code; bars end a line's text, so there are none in it."""
    code = CODES[now.worst]
    counts = {status: sum(one.status is status for one in now.things) for status in CODES}
    if now.is_silent:
        said = "nobody watches"
    elif now.incidents:
        said = "; ".join(one.title for one in now.incidents)
    else:
        said = f"{counts[Status.OK]} of {len(now.things)} things are ok"
    figures = " ".join(f"{status}={count}" for status, count in counts.items())
    return f"KEDGE {WORDS[code]} - {said.replace('|', '/')} | {figures}", code


def metrics(now: Overview) -> str:
    """Return the text that Prometheus scrapes (exposition format 0.0.4)."""
    lines = [
        "# HELP kedge_status What is held of a thing: 0 ok, 1 degraded, 2 down, 3 unknown.",
        "# TYPE kedge_status gauge",
        *(f'kedge_status{{thing="{_escape(one.thing)}"}} {CODES[one.status]}' for one in now.things),
        "# HELP kedge_incident_open Open incidents, by when they began.",
        "# TYPE kedge_incident_open gauge",
        *(f'kedge_incident_open{{thing="{_escape(i.thing)}"}} {i.opened.timestamp():.0f}' for i in now.incidents),
        "# HELP kedge_last_look_seconds When anything was looked at last.",
        "# TYPE kedge_last_look_seconds gauge",
        f"kedge_last_look_seconds {now.looked.timestamp() if now.looked else 0:.0f}",
    ]
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
