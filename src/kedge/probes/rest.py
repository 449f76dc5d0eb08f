"""Pages and JSON over HTTP, fetched through an instance's own network."""

from __future__ import annotations

import asyncio
import json
import ssl
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from kedge.model.ports import Address, Net
from kedge.probes.trust import default_trust

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.client_proto import ResponseHandler

BODY_LIMIT_BYTES = 4 << 20


class NotJson(ValueError):  # noqa: N818 - caught where a probe says so
    """The answer is no JSON, or not of the kind that was asked for."""


async def fetch(net: Net, url: str, limit: timedelta, trust: ssl.SSLContext | None = None) -> tuple[int, Any]:
    """Return status and JSON of an answer; None instead of JSON for an error status.

    Raises NotJson, and what fetch_page raises.
    """
    status, body = await fetch_page(net, url, limit, trust)
    return status, None if status >= 400 else parse_json(body)


async def fetch_page(net: Net, url: str, limit: timedelta, trust: ssl.SSLContext | None = None) -> tuple[int, bytes]:
    """Return status and body of an answer, redirects followed, the body cut at 4 MiB.

    Raises TimeoutError, OSError, OutsideError, or aiohttp's ClientError for what is no HTTP.
    """
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=limit.total_seconds())
    headers = {"Accept": "application/rdap+json, application/json, */*;q=0.5", "User-Agent": "kedge"}
    connector = _connector(net, limit, trust or default_trust())
    async with (
        aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers) as session,
        session.get(url) as response,
    ):
        body = bytearray()
        while len(body) < BODY_LIMIT_BYTES and (chunk := await response.content.readany()):
            body += chunk
        return response.status, bytes(body)


def parse_json(data: bytes) -> dict[str, Any]:
    """Return a JSON object; raises NotJson."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NotJson(str(error)) from error
    if not isinstance(found, dict):
        raise NotJson("no JSON object")
    return found


def _connector(net: Net, limit: timedelta, trust: ssl.SSLContext) -> aiohttp.BaseConnector:
    import aiohttp

    class NetConnector(aiohttp.BaseConnector):
        async def _create_connection(self, req: aiohttp.ClientRequest, *later: Any) -> ResponseHandler:
            sock = await net.connect(Address(req.url.host or "", req.url.port or 443), limit=limit)
            has_tls = req.url.scheme == "https"
            _, protocol = await asyncio.get_running_loop().create_connection(
                self._factory, sock=sock, ssl=trust if has_tls else None,
                server_hostname=req.url.raw_host if has_tls else None,
            )  # fmt: skip
            return protocol

    return NetConnector(force_close=True)
