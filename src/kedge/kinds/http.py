"""Anything that answers HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from kedge.model.instance import Endpoint, Instance, Probe, Program, Start
from kedge.model.service import Service
from kedge.model.thing import ServiceRef
from kedge.probes.http import HttpProbe


def check_url(url: str) -> str:
    """Return the address of a page, or raise ValueError that names the expected form."""
    parts = urlsplit(url)
    if url and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise ValueError(f"expected an address such as 'https://www.example.org/', found '{url}'")
    _ = parts.port  # raises ValueError for a port that is none
    return url


Url = Annotated[str, AfterValidator(check_url)]


class Web(Service):
    """What every kind with a web page shares: the page is what its users see."""

    url: Url = Field("", description="address of the page that shows whether it works")
    text: str = Field("", description="text that must be on that page; without it an empty page would be fine")

    def names(self) -> Iterable[str]:
        """Yield its domains and the host of its page."""
        host = urlsplit(self.url).hostname
        yield from dict.fromkeys((*self.domains, *([host] if host else [])))

    def endpoints(self) -> Iterable[Endpoint]:
        """Yield the web server, if the page is known."""
        parts = urlsplit(self.url)
        if parts.hostname:
            has_tls = parts.scheme == "https"
            port = parts.port or (443 if has_tls else 80)
            yield Endpoint("web", parts.hostname, port, "tls" if has_tls else "tcp")

    def probes(self, at: Instance) -> Iterable[Probe]:
        """Yield one look at the page."""
        if self.url:
            yield HttpProbe(self.url, self.text)


def serve(at: Instance, folder: str) -> Program:
    """Return a small web server that shows a folder of this copy: enough to prove that pages can be read again."""
    web = at.dial["web"]
    argv = ("python3", "-m", "http.server", str(web.port), "--bind", web.host, "--directory", str(at.path(folder)))
    return Program(argv, HttpProbe("http://localhost/", name="ready"))


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
        if self.url:
            yield HttpProbe(self.url, self.text, self.status)

    def start(self, at: Instance) -> Iterable[Start]:
        """Yield a small web server over the restored files."""
        if self.folder and "files" in at.uses:
            yield serve(at, self.folder)
