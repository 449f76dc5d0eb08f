"""One request over HTTP (RFC 9110): status, text, and the error pages that come with status 200."""

from __future__ import annotations

import asyncio
import html
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from kedge.model.instance import Instance, Scope
from kedge.model.observation import Observation, Status
from kedge.model.ports import Address
from kedge.probes.error_page import NO_DATABASE, explain_error, find_error
from kedge.probes.failure import judge_failure
from kedge.probes.trust import default_trust

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.client_proto import ResponseHandler

BODY_LIMIT_BYTES = 1 << 20
LINE_LIMIT_BYTES = 1 << 15
REDIRECTS = 10
_CHARSET = re.compile(rb"<meta[^>]+charset=[\"']?([a-zA-Z0-9_.:-]+)", re.IGNORECASE)


class _NotReached(Exception):  # noqa: N818 - carries a failure past aiohttp, which would rename it
    def __init__(self, failure: Exception) -> None:
        self.failure = failure


class _Elsewhere(Exception):  # noqa: N818
    """A redirect led out of the copy that is looked at."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What is on every page of a program, whatever its language: a bit of its own source."""

    program: str
    source: str


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """Asks for one page; `text` must be on it, whatever its character set. `status` 0: anything below 400.

    Without a text it must bear the program's `mark`, unless it leads elsewhere: to a page where one logs in.
    """

    url: str
    text: str = ""
    status: int = 0
    endpoint: str = "web"
    limit: timedelta = timedelta(seconds=10)
    name: str = "http"
    scope: Scope = "instance"
    trust: ssl.SSLContext | None = None
    mark: Mark | None = None

    async def look(self, at: Instance) -> Observation:
        """Look once, within the limit, redirects included; at most 1 MiB of the page is read."""
        began = asyncio.get_running_loop().time()
        seen = await self._look(at)
        return replace(seen, took=timedelta(seconds=asyncio.get_running_loop().time() - began))

    async def _look(self, at: Instance) -> Observation:
        import aiohttp

        dial = at.dial.get(self.endpoint)
        if dial is None:
            return Observation(Status.UNKNOWN, f"nobody said where to connect for '{self.endpoint}'")
        try:
            async with asyncio.timeout(self.limit.total_seconds()):
                return await self._ask(at, dial)
        except _NotReached as wrapped:
            return judge_failure(wrapped.failure, self.limit)
        except _Elsewhere as target:
            return Observation(Status.UNKNOWN, f"was redirected to {target}, which is not part of this copy")
        except aiohttp.TooManyRedirects:
            return Observation(Status.DOWN, f"redirected more than {REDIRECTS} times")
        except (aiohttp.ClientError, ValueError) as failure:
            return Observation(
                Status.DOWN, f"did not answer as HTTP: {_printable(str(failure) or type(failure).__name__)}"
            )
        except (TimeoutError, OSError) as failure:
            return judge_failure(failure, self.limit)

    async def _ask(self, at: Instance, dial: Address) -> Observation:
        import aiohttp

        # A page that insists on https must believe that it has it, or it would redirect to itself for ever.
        headers = {"Accept-Encoding": "identity", "User-Agent": "kedge"}
        if dial.is_plain and self.url.startswith("https:"):
            headers["X-Forwarded-Proto"] = "https"
        async with (
            aiohttp.ClientSession(
                connector=_connectors()(self, at, dial), timeout=aiohttp.ClientTimeout(total=None), headers=headers,
                max_line_size=LINE_LIMIT_BYTES, max_field_size=LINE_LIMIT_BYTES,
            ) as session,
            session.get(self.url, max_redirects=REDIRECTS) as response,
        ):  # fmt: skip
            body = await _read(response)
            text = _decode(body, response.charset)
            evidence = {"url": str(response.url), "status": str(response.status), "bytes": str(len(body))}
            has_moved = response.url.host != response.history[0].url.host if response.history else False
            page = _Page(response.status, text, len(body) > BODY_LIMIT_BYTES, has_moved, evidence)
            return self._judge(page)

    def _judge(self, page: _Page) -> Observation:
        if page.status != self.status if self.status else page.status >= 400:
            return self._judge_status(page)
        if self.text and self.text not in page.text and self.text not in html.unescape(page.text):
            return self._judge_without(page)
        phrase = "" if self.text else find_error(page.text)
        if phrase:
            return page.down(f"answered with an error page: {explain_error(phrase)}", phrase)
        if self.mark and not (self.text or page.has_moved or self.mark.source in page.text):
            return page.down(f"answered, but not as {self.mark.program} does")
        return Observation(Status.OK, f"answered with status {page.status}", page.evidence)

    def _judge_status(self, page: _Page) -> Observation:
        """Return that the status is bad; why, where the page names the database."""
        phrase = find_error(page.text)
        why = f": {explain_error(phrase)}" if phrase in NO_DATABASE else ""
        return page.down(f"answered with status {page.status}{why}", phrase)

    def _judge_without(self, page: _Page) -> Observation:
        """Return that the text is not there; unknown if the page goes on beyond what was read."""
        if page.is_cut:
            what = f"'{self.text}' was not on the first {BODY_LIMIT_BYTES} bytes"
            return Observation(Status.UNKNOWN, what, page.evidence)
        phrase = find_error(page.text)
        instead = f", but with an error: {explain_error(phrase)}" if phrase else ""
        return page.down(f"answered without '{self.text}'{instead}", phrase)


@dataclass(frozen=True, slots=True)
class _Page:
    """What was answered."""

    status: int
    text: str
    is_cut: bool
    has_moved: bool
    evidence: Mapping[str, str]

    def down(self, what: str, phrase: str = "") -> Observation:
        """Return that it is down, with the phrase that says so."""
        return Observation(Status.DOWN, what, {**self.evidence, **({"error": phrase} if phrase else {})})


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Return the page, cut one byte beyond the limit."""
    body = bytearray()
    while len(body) <= BODY_LIMIT_BYTES:
        chunk = await response.content.read(BODY_LIMIT_BYTES + 1 - len(body))
        if not chunk:
            break
        body += chunk
    return bytes(body)


def _decode(body: bytes, declared: str | None) -> str:
    """Return the page as text: by the header's charset, else the page's own, else UTF-8."""
    found = _CHARSET.search(body[:4096])
    charset = declared or (found[1].decode("ascii") if found else "utf-8")
    try:
        return body.decode(charset, errors="replace")
    except LookupError:
        return body.decode("utf-8", errors="replace")


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:160]


@cache
def _connectors() -> Callable[[HttpProbe, Instance, Address], aiohttp.BaseConnector]:
    """Return what makes connectors that take their sockets from an instance's network and nowhere else."""
    import aiohttp

    class NetConnector(aiohttp.BaseConnector):
        def __init__(self, probe: HttpProbe, at: Instance, dial: Address) -> None:
            super().__init__(force_close=True)
            self._probe, self._at, self._dial = probe, at, dial

        async def _create_connection(self, req: aiohttp.ClientRequest, *later: Any) -> ResponseHandler:
            asked = urlsplit(self._probe.url)
            is_asked = (req.url.scheme, req.url.host, req.url.port) == (asked.scheme, asked.hostname, _port(asked))
            if not is_asked and self._at.mode != "live":
                raise _Elsewhere(str(req.url))
            to = self._dial if is_asked else Address(req.url.host or "", req.url.port or 80)
            has_tls = req.url.scheme == "https" and not (is_asked and self._dial.is_plain)
            loop = asyncio.get_running_loop()
            try:
                sock = await self._at.site.net.connect(to, limit=self._probe.limit)
                tls = (self._probe.trust or default_trust()) if has_tls else None
                name = req.url.raw_host if has_tls else None
                _, protocol = await loop.create_connection(self._factory, sock=sock, ssl=tls, server_hostname=name)
            except Exception as failure:
                raise _NotReached(failure) from failure
            return protocol

    return NetConnector


def _port(asked: SplitResult) -> int:
    return asked.port or (443 if asked.scheme == "https" else 80)
