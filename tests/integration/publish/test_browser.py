"""The pages in a real browser, read from the disk: nothing scrolls sideways, nothing complains, nothing is fetched."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kedge.model.inventory import Inventory
from kedge.publish.site import publish_site
from tests.integration.publish.browser import PROGRAM, Tab, browse
from tests.unit.publish import club

WIDTHS = (320, 390, 1280)
TOO_WIDE = """
[...document.querySelectorAll('body *')]
  .filter(e => !e.closest('.scroll') && !e.matches('.skip') && e.getBoundingClientRect().right > WIDTH + 0.5)
  .map(e => e.outerHTML.slice(0, 80))
"""
CLIPPED = """
[...document.querySelectorAll('h1, h2, h3, p, dd, li, a, b, small')]
  .filter(e => !e.closest('.scroll') && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0)
  .map(e => e.outerHTML.slice(0, 80))
"""


@dataclass(frozen=True)
class Visit:
    """What one page at one width did."""

    url: str
    scroll_width: int
    too_wide: list[str]
    clipped: list[str]
    complaints: list[str]
    requests: list[str]


def write_sites(folder: Path) -> dict[str, Path]:
    def write(name: str, whole: Inventory, **more: Any) -> None:
        known = more.pop("facts", club.club_facts())
        publish_site(whole, known, out=folder / name, **more)

    insiders: dict[str, Any] = {"findings": club.club_findings(), "levels": {"wiki": 1}, "statuses": club.club_looks()}
    long: dict[str, Any] = {
        "findings": club.long_findings(),
        "levels": {"first": 3},
        "statuses": club.looks(first="degraded"),
    }
    write("club", club.club(), statuses=club.club_looks())
    write("club-private", club.insiders_club(), private=True, **insiders)
    write("empty", club.empty_club())
    write("empty-private", club.empty_club(), private=True)
    write("tiny", club.tiny_club())
    write("sixty", club.sixty_club(), statuses=club.looks(**{f"s{number}": "ok" for number in range(60)}))
    write("sixty-private", club.sixty_club(), private=True)
    write("long", club.long_club(), **long)
    write("long-private", club.long_club(), private=True, **long)
    return {path.parent.name + "/" + path.name: path for path in sorted(folder.glob("*/*.??.html"))}


async def visit(tab: Tab, page: Path, width: int, scheme: str) -> Visit:
    await tab.open(page.as_uri(), width, scheme)
    return Visit(
        page.as_uri(),
        await tab.evaluate("document.documentElement.scrollWidth"),
        await tab.evaluate(TOO_WIDE.replace("WIDTH", str(width))),
        await tab.evaluate(CLIPPED),
        list(tab.complaints),
        list(tab.requests),
    )


async def visit_all(pages: dict[str, Path], profile: Path) -> AsyncIterator[tuple[str, int, Visit]]:
    async with browse(profile) as tab:
        for name, page in pages.items():
            for width in WIDTHS:
                yield name, width, await visit(tab, page, width, "dark" if width == 390 else "light")


@pytest.fixture(scope="module", autouse=True)
def _browser() -> None:
    if not PROGRAM:
        assert not os.environ.get("CI"), "the pages must be seen in a browser: install Debian's chromium"
        pytest.skip("needs a browser: install Debian's chromium")


@pytest.fixture(scope="module")
def visits(_browser: None, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], Visit]:
    pages = write_sites(tmp_path_factory.mktemp("sites"))
    profile = tmp_path_factory.mktemp("profile")

    async def collect() -> dict[tuple[str, int], Visit]:
        return {(name, width): seen async for name, width, seen in visit_all(pages, profile)}

    return asyncio.run(collect())


def test_all_pages_were_visited(visits: dict[tuple[str, int], Visit]) -> None:
    assert len(visits) == 9 * 2 * len(WIDTHS)


def test_no_page_scrolls_sideways(visits: dict[tuple[str, int], Visit]) -> None:
    assert {key: seen.too_wide for key, seen in visits.items() if seen.scroll_width > key[1] or seen.too_wide} == {}


def test_no_text_is_cut_off(visits: dict[tuple[str, int], Visit]) -> None:
    assert {key: seen.clipped for key, seen in visits.items() if seen.clipped} == {}


def test_no_page_makes_the_browser_complain(visits: dict[tuple[str, int], Visit]) -> None:
    assert {key: seen.complaints for key, seen in visits.items() if seen.complaints} == {}


def test_no_page_asks_for_anything_but_itself(visits: dict[tuple[str, int], Visit]) -> None:
    assert {key: seen.requests for key, seen in visits.items() if seen.requests != [seen.url]} == {}


def test_the_browser_would_notice(tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text(
        "<!doctype html><meta name='viewport' content='width=device-width'>"
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; img-src http:\">"
        "<p style='color: red'>x</p><img src='http://127.0.0.1:9/x.png'>"
        "<table width=900><tr><td>wide</table>"
    )

    async def look() -> Visit:
        async with browse(tmp_path / "profile") as tab:
            return await visit(tab, page, 320, "light")

    seen = asyncio.run(look())
    assert seen.scroll_width > 320
    assert seen.too_wide
    assert any("Content Security Policy" in complaint for complaint in seen.complaints)
    assert seen.requests == [page.as_uri(), "http://127.0.0.1:9/x.png"]


def test_the_style_sheet_is_applied_and_heeds_the_dark(tmp_path: Path) -> None:
    publish_site(club.tiny_club(), club.club_facts(), out=tmp_path / "site")

    async def grounds() -> list[str]:
        found = []
        async with browse(tmp_path / "profile") as tab:
            for scheme in ("light", "dark"):
                await tab.open((tmp_path / "site/index.html").as_uri(), 1280, scheme)
                found.append(await tab.evaluate("getComputedStyle(document.body).backgroundColor"))
        return found

    assert asyncio.run(grounds()) == ["rgb(251, 250, 246)", "rgb(18, 23, 27)"]
