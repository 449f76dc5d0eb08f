"""Mailman 3 from within: its REST interface, its queues, and whether it works them off.

The interface listens on the list server's loopback only and its password lies there: one command asks all of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from kedge.model.instance import Instance, Scope
from kedge.model.observation import Observation, Status
from kedge.model.ports import Exit
from kedge.probes.certificate import now
from kedge.probes.entry import not_entered
from kedge.probes.rest import NotJson, parse_json
from kedge.probes.wording import listed, quote

SETTINGS = "/etc/mailman3/mailman.cfg"
SCRIPT = """
import base64, configparser, json, sys, urllib.request
settings = configparser.RawConfigParser(strict=False)
settings.read(sys.argv[1])
def word(name, default):
    return settings.get("webservice", name, fallback=default)
secret = base64.b64encode((word("admin_user", "restadmin") + ":" + word("admin_pass", "restpass")).encode()).decode()
def ask(path):
    url = "http://%s:%s/3.1/%s" % (word("hostname", "localhost"), word("port", "8001"), path)
    request = urllib.request.Request(url, headers={"Authorization": "Basic " + secret})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return json.load(opener.open(request, timeout=10))
try:
    print(json.dumps({"versions": ask("system/versions"), "queues": ask("queues").get("entries", [])}))
except urllib.error.HTTPError as failure:
    print(json.dumps({"status": failure.code}))
except OSError as failure:
    print(json.dumps({"failure": str(failure)}))
"""
LATE = timedelta(minutes=15)
"""A message that waits so long for its runner waits for one that is not there."""
WORKED_OFF = ("in", "pipeline", "out", "virgin", "command")
GIVEN_UP = ("shunt", "bad")


@dataclass(frozen=True, slots=True)
class MailmanProbe:
    """Asks Mailman on its own host for its version and queues; the password is read there and never leaves."""

    settings: str = SETTINGS
    limit: timedelta = timedelta(seconds=15)
    name: str = "mailman"
    scope: Scope = "instance"

    async def look(self, at: Instance) -> Observation:
        """Look once."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        argv = ("python3", "-I", "-", str(at.path(self.settings)))
        ended = await at.site.shell.run(argv, stdin=SCRIPT.encode(), limit=self.limit)
        return replace(judge_mailman(ended, now()), took=timedelta(seconds=loop.time() - began))


def judge_mailman(ended: Exit, at: datetime) -> Observation:
    """Return what the script's output means; a host that cannot be entered tells nothing."""
    if ended.code is None:
        return not_entered(ended, "its host")
    try:
        told = parse_json(ended.stdout)
    except NotJson:
        return Observation(Status.UNKNOWN, "could not be asked on its host", {"said": quote(ended.stderr)})
    if told.get("status") == 401:
        return Observation(Status.UNKNOWN, "refused the password in its settings", {})
    if "versions" not in told:
        said = quote(str(told.get("failure") or told.get("status") or "nothing"))
        return Observation(Status.DOWN, "its REST interface did not answer", {"said": said})
    versions = told["versions"]
    version = quote(str(versions.get("mailman_version", ""))) if isinstance(versions, dict) else ""
    return _judge_queues(_queues(told.get("queues")), at, {"version": version})


def _queues(told: Any) -> Mapping[str, Sequence[str]]:
    """Return the files in each queue; their names begin with the time they came."""
    queues = [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
    return {str(one.get("name")): [str(name) for name in _list(one.get("files"))] for one in queues}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _judge_queues(queues: Mapping[str, Sequence[str]], at: datetime, evidence: dict[str, str]) -> Observation:
    evidence = evidence | {f"queue/{name}": str(len(files)) for name, files in queues.items() if files}
    late = [
        name
        for name in WORKED_OFF
        if any(at.timestamp() - _came(file, at) > LATE.seconds for file in queues.get(name, ()))
    ]
    if late:
        return Observation(Status.DOWN, f"does not work off its mail: {listed(late)}", evidence)
    if given_up := [name for name in GIVEN_UP if queues.get(name)]:
        return Observation(Status.DEGRADED, f"has given up on messages: {listed(given_up)}", evidence)
    return Observation(Status.OK, "answered, and works off its mail", evidence)


def _came(file: str, at: datetime) -> float:
    """Return when a message came: `1167948005.3+hash.pck`; now, if its name does not say."""
    try:
        return float(file.partition("+")[0])
    except ValueError:
        return at.timestamp()
