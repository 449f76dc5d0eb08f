"""One web page as a stranger sees it: headers, the beginning of its text, and the certificate it came with."""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import urljoin, urlsplit

from kedge.discovery.world import Door, DoorView, Page, Shown
from kedge.errors import OutsideError
from kedge.model.observation import Observation, Status
from kedge.model.ports import Address, Net
from kedge.probes.certificate import NotACertificate, read_der
from kedge.probes.failure import judge_failure
from kedge.probes.trust import default_trust, no_trust
from kedge.probes.wording import quote

BYTES = 256 * 1024
"""So much of a page is read: what says who made it stands at its beginning."""
HEADERS = 100
REDIRECTS = 4
HOSTNAME_MISMATCH = 62
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH: nobody promised a page under a name that was only tried."""
URL_SAFE = re.compile(r"[!-~]{1,2000}", re.ASCII)


class NotHttp(Exception):  # noqa: N818 - caught where a look is judged
    """What came was no HTTP."""


@dataclass(frozen=True, slots=True)
class _Fetched:
    page: Page
    certificate: Shown | None
    location: str


@dataclass(frozen=True)
class PageLook:
    """Looks at the page under a name, at one address: with TLS first, without where nobody offers it."""

    net: Net
    address: str
    limit: timedelta

    async def look(self, name: str) -> DoorView | None:
        """Return what was seen; None if neither port has anything to say."""
        secure = await self._view(Door("web", name, 443), f"https://{name}/")
        if secure.page:
            return secure
        plain = await self._view(Door("web", name, 80), f"http://{name}/")
        return plain if plain.page else None

    async def _view(self, door: Door, url: str) -> DoorView:
        verdict = Observation(Status.OK, "answered")
        try:
            async with asyncio.timeout(self.limit.total_seconds()):
                try:
                    fetched = await self._follow(url, default_trust())
                except ssl.SSLCertVerificationError as failure:
                    if failure.verify_code == HOSTNAME_MISMATCH:
                        return DoorView(door, self.address, Observation(Status.UNKNOWN, "shows another name's page"))
                    verdict = replace(judge_failure(failure, self.limit), status=Status.DEGRADED)
                    fetched = await self._follow(url, no_trust())
        except (OSError, TimeoutError, OutsideError, NotHttp) as failure:
            seen = Observation(Status.DOWN, "did not answer as HTTP") if isinstance(failure, NotHttp) else None
            return DoorView(door, self.address, seen or judge_failure(failure, self.limit))
        status = fetched.page.status
        if verdict.status is Status.OK:
            is_fine = status < 500
            verdict = Observation(Status.OK if is_fine else Status.DOWN, f"answered with status {status}")
        evidence = {"url": fetched.page.url, "status": str(status)}
        return DoorView(door, self.address, replace(verdict, evidence=evidence), fetched.page, fetched.certificate)

    async def _follow(self, url: str, trust: ssl.SSLContext) -> _Fetched:
        """Return the page that redirects within the same host lead to; others are not followed."""
        shown: Shown | None = None
        for _ in range(REDIRECTS + 1):
            fetched = await self._fetch(url, trust)
            shown = shown or fetched.certificate
            target = urljoin(url, fetched.location) if fetched.location else ""
            if not target or not _is_same(url, target):
                break
            url = target
        return replace(fetched, certificate=shown)

    async def _fetch(self, url: str, trust: ssl.SSLContext) -> _Fetched:
        parts = urlsplit(url)
        host, has_tls = parts.hostname or "", parts.scheme == "https"
        to = Address(self.address, parts.port or (443 if has_tls else 80))
        with await self.net.connect(to, limit=self.limit) as sock:
            reader, writer = await asyncio.open_connection(
                sock=sock, ssl=trust if has_tls else None, server_hostname=host if has_tls else None, limit=BYTES
            )
            try:
                path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                request = (
                    f"GET {path} HTTP/1.0\r\nHost: {parts.netloc}\r\nUser-Agent: kedge\r\nAccept: text/html,*/*\r\n\r\n"
                )
                writer.write(request.encode("ascii", errors="ignore"))
                await writer.drain()
                shown = _certificate(writer)
                page, location = parse_page(url, await _read(reader))
                return _Fetched(page, shown, location)
            finally:
                writer.transport.abort()


def _is_same(url: str, target: str) -> bool:
    try:
        before, after = urlsplit(url), urlsplit(target)
        same = before.hostname == after.hostname and after.scheme in ("http", "https")
        return same and (after.port or 443) in (80, 443) and bool(URL_SAFE.fullmatch(target)) and url != target
    except ValueError:
        return False


def _certificate(writer: asyncio.StreamWriter) -> Shown | None:
    told = writer.get_extra_info("ssl_object")
    data = told.getpeercert(True) if told else None
    if not data:
        return None
    try:
        found = read_der(data)
    except NotACertificate:
        return None
    return Shown(tuple(quote(name, 253).lower() for name in found.names[:100]), found.ends)


async def _read(reader: asyncio.StreamReader) -> bytes:
    data = bytearray()
    while len(data) < BYTES and (chunk := await reader.read(BYTES - len(data))):
        data += chunk
    return bytes(data)


def parse_page(url: str, data: bytes) -> tuple[Page, str]:
    """Return a page and where it redirects to; raises NotHttp. Header values are one printable line each."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")[: HEADERS + 1]
    found = re.match(rb"HTTP/\d(?:\.\d)? (\d{3})(?: |$)", first)
    if not found:
        raise NotHttp(quote(first))
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if colon:
            key = quote(name, 60).lower()
            headers[key] = f"{headers[key]}, {quote(value)}" if key in headers else quote(value)
    status = int(found[1])
    location = _location(lines) if 300 <= status < 400 else ""
    return Page(url, status, headers, body.decode("utf-8", errors="replace")), location


def _location(lines: list[bytes]) -> str:
    for line in lines:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"location":
            text = value.strip().decode("ascii", errors="ignore")
            return text if URL_SAFE.fullmatch(text) else ""
    return ""
