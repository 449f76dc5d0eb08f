"""Anything that answers HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pydantic import Field

from kedge.kinds.web import Web, serve
from kedge.model.instance import Instance, Probe, Start
from kedge.model.thing import ServiceRef


class Http(Web):
    """A web page or an interface over HTTP that keeps no data of its own."""

    kind: ClassVar[str] = "http"
    summary: ClassVar[str] = "anything that answers HTTP"
    is_stateless: ClassVar[bool] = True
    requires: ClassVar[Mapping[str, frozenset[str]]] = {"files": frozenset({"files"})}
    example: ClassVar[Mapping[str, Any]] = {
        "url": "https://www.example.org/",
        "text": "Welcome",
        "files": "web-files",
        "folder": "/srv/www",
    }

    status: int = Field(0, ge=0, le=599, description="the status it must answer with; 0: any below 400")
    files: ServiceRef | None = Field(None, description="the service of kind `files` whose folder it serves")
    folder: str = Field("", pattern="^(/.*)?$", description="the folder it serves, as it is called on its host")

    def probes(self, at: Instance) -> Iterable[Probe]:
        """Yield one look at the page."""
        from kedge.probes.http import HttpProbe

        if self.url:
            yield HttpProbe(self.url, self.text, self.status)

    def programs(self) -> Iterable[str]:
        """Yield the programs of a copy."""
        yield "python3"

    def start(self, at: Instance) -> Iterable[Start]:
        """Yield a small web server over the restored files."""
        if self.folder and at.mode == "sandbox" and "files" in at.uses and "web" in at.dial:
            yield serve(at, at.uses["files"].path(self.folder))
