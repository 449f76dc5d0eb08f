"""A wiki's own interface: healthy, read-only, broken behind a page that still comes from a cache."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.model.observation import Observation, Status
from kedge.probes.mediawiki import MediaWikiProbe, find_interface, judge_siteinfo
from tests.unit.probes.fakes import QUICK, Answer, instance, serving, silent

PAGE = '<html><link rel="EditURI" type="application/rsd+xml" href="//wiki.example.org/w/api.php?action=rsd"/><p>Welcome'
URL = "http://wiki.example.org/wiki/Main_Page"
GENERAL = {"generator": "MediaWiki 1.39.5", "sitename": "Wiki"}


def told(statistics: dict[str, Any] | None = None, **general: Any) -> str:
    return json.dumps(
        {"query": {"general": GENERAL | general, "statistics": {"pages": 7, "jobs": 0} | (statistics or {})}}
    )


@dataclass
class Wiki:
    """Shows a page, and answers its interface."""

    answer: str
    page: str = PAGE
    status: str = "200 OK"
    page_status: str = "200 OK"

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        is_api = b"GET /w/api.php?action=query" in asked
        body, status = (self.answer, self.status) if is_api else (self.page, self.page_status)
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body.encode())}\r\n\r\n{body}".encode())
        await writer.drain()


async def look(answer: Answer) -> Observation:
    async with serving(answer) as address:
        return await MediaWikiProbe(URL, limit=QUICK).look(instance({"web": address}))


@pytest.mark.parametrize(
    ("wiki", "status", "what"),
    [
        (Wiki(told()), Status.OK, "answered from its database, and takes edits"),
        (Wiki(told(readonly=False)), Status.OK, "answered from its database, and takes edits"),
        (Wiki(told(readonly="", readonlyreason="moving")), Status.DEGRADED, "can be read, but takes no edits"),
        (Wiki(told(readonly=True)), Status.DEGRADED, "can be read, but takes no edits"),
        (Wiki(told({"jobs": 99999})), Status.DEGRADED, "does not work off its jobs"),
        (Wiki('{"error": {"code": "internal_api_error_DBQueryError"}}'), Status.DOWN, "its interface answered with 'internal_api_error_DBQueryError'"),
        (Wiki("<h1>Sorry", status="500 Error"), Status.DOWN, "its interface answered with status 500 and no JSON"),
        (Wiki(told(), page="<p>Welcome"), Status.UNKNOWN, "its page does not say where its interface is"),
        (Wiki(told(), page_status="500 Error"), Status.DOWN, "its page answered with status 500"),
        (Wiki(told(), page_status="403 Forbidden"), Status.UNKNOWN, "its page does not say where its interface is"),
        (silent, Status.DOWN, "did not answer within 0.4 s"),
    ],
    ids=["healthy", "writable", "read-only", "read-only-2", "jobs", "database", "broken", "no-link", "page", "closed", "silent"],
)  # fmt: skip
async def test_what_it_says(wiki: Answer, status: Status, what: str) -> None:
    found = await look(wiki)
    assert (found.status, found.what) == (status, what)


async def test_its_counts_are_evidence() -> None:
    found = await look(Wiki(told()))
    assert (found.evidence["version"], found.evidence["pages"]) == ("MediaWiki 1.39.5", "7")


def test_the_interface_is_asked_where_the_page_was() -> None:
    """A copy in a sandbox links to the live wiki."""
    linked = b'<link rel="EditURI" href="https://wiki.example.org/w/api.php?action=rsd">'
    assert find_interface(linked, "http://localhost:8000/wiki/X") == "http://localhost:8000/w/api.php"


@given(st.binary(max_size=200), st.sampled_from([200, 404, 500]))
def test_any_bytes_are_judged(body: bytes, status: int) -> None:
    assert judge_siteinfo(status, body, "x").what.isprintable()
    assert isinstance(find_interface(body, URL), str)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["query", "general", "statistics", "readonly", "jobs", "error", "code"]), inner
        )
    ),
    max_leaves=10,
)


@given(JSON)
def test_any_json_is_judged(answer: Any) -> None:
    assert judge_siteinfo(200, json.dumps(answer).encode(), "x").what.isprintable()
