"""What every kind with a web page shares. Probes are imported when one is asked for: they bring asyncio and TLS."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from kedge.model.instance import Endpoint, Instance, Probe, Program
from kedge.model.service import Service


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

    mark: ClassVar[tuple[str, str] | None] = None
    """The program's name, and what of its own source is on every page whatever its language; None: nothing known."""

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
        from kedge.probes.http import HttpProbe, Mark

        if self.url:
            yield HttpProbe(self.url, self.text, mark=Mark(*self.mark) if self.mark else None)


def serve(at: Instance, folder: PurePosixPath) -> Program:
    """Return a small web server that shows a folder of this copy: enough to prove that pages can be read again."""
    from kedge.probes.http import HttpProbe

    web = at.dial["web"]
    argv = ("python3", "-m", "http.server", str(web.port), "--bind", web.host, "--directory", str(folder))
    return Program(argv, HttpProbe("http://localhost/", name="ready"))
