"""Nagios plugins as probes: their exit code is the status, their first line the evidence.

Source: Monitoring Plugins Development Guidelines, "Plugin Output" and "Return Codes".
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Protocol, runtime_checkable

from kedge.model.instance import Instance, Scope
from kedge.model.observation import Observation, Status
from kedge.model.ports import Exit, Shell
from kedge.probes.wording import quote

STATUSES = {0: Status.OK, 1: Status.DEGRADED, 2: Status.DOWN, 3: Status.UNKNOWN}
WORDS = {0: "OK", 1: "WARNING", 2: "CRITICAL", 3: "UNKNOWN"}
FOLDERS = "/usr/lib/nagios/plugins:/usr/lib64/nagios/plugins:/usr/lib/monitoring-plugins:/usr/local/libexec/nagios"


@runtime_checkable
class VantageSite(Protocol):
    """An optional ability of a site: commands run where kedge looks from, not where it looks at."""

    @property
    def here(self) -> Shell:
        """The shell of the vantage."""
        ...


@dataclass(frozen=True, slots=True)
class PluginProbe:
    """Runs a Nagios plugin, here or on the service's host. `argv[0]` may be its bare name: the usual folders are known.

    What it says varies with every look and is kept as evidence; the sentence holds its verdict only.
    """

    argv: tuple[str, ...]
    is_on_host: bool = False
    limit: timedelta = timedelta(seconds=30)
    name: str = "plugin"
    scope: Scope = "instance"

    async def look(self, at: Instance) -> Observation:
        """Run it once."""
        if self.is_on_host:
            shell = at.site.shell
        elif isinstance(at.site, VantageSite):
            shell = at.site.here
        else:
            return Observation(Status.UNKNOWN, "a copy has no vantage to look from")
        loop = asyncio.get_running_loop()
        began = loop.time()
        script = f'PATH="$PATH:{FOLDERS}"; command -v "$1" >/dev/null || exit 127; exec "$@"'
        ended = await shell.run(("sh", "-c", script, "sh", *self.argv), limit=self.limit)
        return replace(judge_plugin(self.argv[0], ended), took=timedelta(seconds=loop.time() - began))


def judge_plugin(program: str, ended: Exit) -> Observation:
    """Return what a plugin's end means; one that did not run, or ended in another way, saw nothing."""
    plugin = PurePosixPath(program).name
    text, _, data = ended.stdout.decode(errors="replace").partition("|")
    lines = text.splitlines() or [""]
    evidence = {"output": quote(lines[0])} | ({"data": quote(data.splitlines()[0])} if data.strip() else {})
    if ended.code is None or ended.code == 127:
        return Observation(Status.UNKNOWN, f"{plugin} could not be run", {"said": quote(ended.stderr)})
    if ended.code not in STATUSES:
        return Observation(Status.UNKNOWN, f"{plugin} ended with exit code {ended.code}", evidence)
    return Observation(STATUSES[ended.code], f"{plugin} said {WORDS[ended.code]}", evidence)
