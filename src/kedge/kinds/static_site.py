"""A web site of plain files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pydantic import Field

from kedge.kinds.files import folder_parts
from kedge.kinds.web import Web, serve
from kedge.model.folder import Folder
from kedge.model.instance import Instance, Part, Start


class StaticSite(Web):
    """A web site that is nothing but a folder of files, and what serves it."""

    kind: ClassVar[str] = "static-site"
    summary: ClassVar[str] = "a web site of plain files"
    example: ClassVar[Mapping[str, Any]] = {
        "url": "https://www.example.org/",
        "text": "Welcome",
        "folder": "/var/www/html",
    }

    folder: Folder | None = Field(None, description="the folder it is served from, as it is called on its host")

    def parts(self) -> Iterable[Part]:
        """Yield the folder."""
        yield from folder_parts([self.folder] if self.folder else [])

    def programs(self) -> Iterable[str]:
        """Yield the programs of a copy."""
        yield "python3"

    def start(self, at: Instance) -> Iterable[Start]:
        """Yield a small web server over the restored folder."""
        if self.folder and at.mode == "sandbox" and "web" in at.dial:
            yield serve(at, at.path(self.folder))
