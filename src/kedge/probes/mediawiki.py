"""A MediaWiki by its own interface (mediawiki.org, API:Siteinfo): its database answers, and it takes edits or not."""

from __future__ import annotations

import asyncio
import html
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin, urlsplit

from kedge.errors import OutsideError
from kedge.model.instance import Instance, Scope
from kedge.model.observation import Observation, Status
from kedge.model.ports import Address, Net
from kedge.probes.failure import judge_failure
from kedge.probes.rest import NotJson, fetch_page, parse_json
from kedge.probes.wording import quote

_EDIT_URI = re.compile(rb'<link\b[^>]*\brel="EditURI"[^>]*\bhref="([^"]+)"', re.IGNORECASE)
QUERY = "action=query&meta=siteinfo&siprop=general%7Cstatistics&format=json&maxlag=-1"
MANY_JOBS = 10_000
COUNTED = ("pages", "articles", "edits", "images", "users", "jobs")


@dataclass(frozen=True, slots=True)
class MediaWikiProbe:
    """Finds the wiki's interface by the link on its page, and asks for its version, counts, and whether it takes edits.

    Every page may come from a cache; this answer comes from the database.
    """

    url: str
    endpoint: str = "web"
    limit: timedelta = timedelta(seconds=10)
    name: str = "siteinfo"
    scope: Scope = "instance"
    trust: ssl.SSLContext | None = None

    async def look(self, at: Instance) -> Observation:
        """Look once, within the limit."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        seen = await self._look(at)
        return replace(seen, took=timedelta(seconds=loop.time() - began))

    async def _look(self, at: Instance) -> Observation:
        import aiohttp

        dial = at.dial.get(self.endpoint)
        if dial is None:
            return Observation(Status.UNKNOWN, f"nobody said where to connect for '{self.endpoint}'")
        net, url = _Towards(at.site.net, urlsplit(self.url).hostname or "", dial), _plain(self.url, dial)
        try:
            async with asyncio.timeout(self.limit.total_seconds()):
                status, body = await fetch_page(net, url, self.limit, self.trust)
                interface = find_interface(body, url)
                if status >= 500:
                    return Observation(Status.DOWN, f"its page answered with status {status}")
                if status >= 400 or not interface:
                    return Observation(Status.UNKNOWN, "its page does not say where its interface is")
                status, body = await fetch_page(net, f"{interface}?{QUERY}", self.limit, self.trust)
                return judge_siteinfo(status, body, interface)
        except aiohttp.ClientError as failure:
            return Observation(Status.DOWN, "did not answer as HTTP", {"said": quote(str(failure))})
        except (OSError, OutsideError) as failure:
            return judge_failure(failure, self.limit)


@dataclass(frozen=True)
class _Towards:
    """A net in which one name leads to this copy."""

    net: Net
    name: str
    dial: Address

    async def connect(self, to: Address, *, limit: timedelta) -> Any:
        """Return a connected socket."""
        return await self.net.connect(self.dial if to.host == self.name else to, limit=limit)


def _plain(url: str, dial: Address) -> str:
    return url.replace("https:", "http:", 1) if dial.is_plain else url


def find_interface(page: bytes, url: str) -> str:
    """Return the address of `api.php` that a page links to (Really Simple Discovery); empty without."""
    found = _EDIT_URI.search(page)
    if not found:
        return ""
    linked = urljoin(url, html.unescape(found[1].decode(errors="replace"))).partition("?")[0]
    same = urlsplit(linked)._replace(scheme=urlsplit(url).scheme, netloc=urlsplit(url).netloc)
    return same.geturl()


def judge_siteinfo(status: int, body: bytes, interface: str) -> Observation:
    """Return what an answer to a query for siteinfo means."""
    evidence = {"interface": interface, "status": str(status)}
    try:
        told = parse_json(body)
    except NotJson:
        return Observation(Status.DOWN, f"its interface answered with status {status} and no JSON", evidence)
    query = told.get("query")
    general = query.get("general") if isinstance(query, dict) else None
    if not isinstance(general, dict):
        error = told.get("error")
        code = quote(str(error.get("code")), 60) if isinstance(error, dict) else "no answer"
        return Observation(Status.DOWN, f"its interface answered with '{code}'", evidence)
    evidence |= {"version": quote(str(general.get("generator", "")))}
    evidence |= {key: str(value) for key, value in _counts(query).items()}
    if general.get("readonly", False) is not False:
        evidence["reason"] = quote(str(general.get("readonlyreason", "")))
        return Observation(Status.DEGRADED, "can be read, but takes no edits", evidence)
    if _counts(query).get("jobs", 0) > MANY_JOBS:
        return Observation(Status.DEGRADED, "does not work off its jobs", evidence)
    return Observation(Status.OK, "answered from its database, and takes edits", evidence)


def _counts(query: Any) -> Mapping[str, int]:
    statistics = query.get("statistics") if isinstance(query, dict) else None
    known = statistics if isinstance(statistics, dict) else {}
    return {
        key: known[key]
        for key in ("pages", "articles", "edits", "images", "users", "jobs")
        if _is_count(known.get(key))
    }


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
