"""Whatever a Nagios plugin can check."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from kedge.model.instance import Instance, Probe
from kedge.model.service import Service


def check_words(command: str) -> str:
    """Return a command, or raise ValueError if its quotes do not match."""
    try:
        shlex.split(command)
    except ValueError as error:
        raise ValueError(
            f"expected a command such as 'check_ntp_time -H ntp.example.org', found '{command}'"
        ) from error
    return command


class Plugin(Service):
    """Something kedge has no kind for, looked at by a Nagios plugin: its exit code says ok, degraded, down or unknown.

    No shell reads the command: quotes group words, and nothing else is special.
    """

    kind: ClassVar[str] = "plugin"
    summary: ClassVar[str] = "anything that a Nagios plugin can check"
    example: ClassVar[Mapping[str, Any]] = {"command": "check_ntp_time -H ntp.example.org -w 0.5 -c 1"}

    command: Annotated[str, AfterValidator(check_words)] = Field("", description="the plugin with its options")
    runs: Literal["here", "there"] = Field("here", description="where kedge runs it: `here`, or `there` on its host")

    def probes(self, at: Instance) -> Iterable[Probe]:
        """Yield a run of the plugin."""
        from kedge.probes.plugin import PluginProbe

        if words := tuple(shlex.split(self.command)):
            yield PluginProbe(words, is_on_host=self.runs == "there")
