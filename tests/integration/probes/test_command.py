"""`kedge probe` as people run it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest

from tests.unit.probes.fakes import hanging_up, serving, unused_port
from tests.unit.probes.test_http import page

KEDGE = Path(sys.executable).with_name("kedge")
INVENTORY = """
version: 1
organisation: {{name: Test}}
services:
  site: {{kind: http, url: "http://127.0.0.1:{port}/", text: Welcome}}
  gone: {{kind: http, url: "http://127.0.0.1:{gone}/", needs: site}}
  wiki: {{kind: http, url: "http://wiki.example.org:{port}/", text: Welcome}}
"""


async def kedge(folder: Path, *words: str) -> tuple[int, str, str]:
    env = {**os.environ, "KEDGE_EVIDENCE": str(folder / "evidence.sqlite"), "KEDGE_LANGUAGE": "en"}
    argv = (str(KEDGE), "probe", *words, "-i", str(folder / "kedge.yaml"))
    process = await asyncio.create_subprocess_exec(*argv, stdout=PIPE, stderr=PIPE, env=env)
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


def write(folder: Path, port: int) -> None:
    (folder / "kedge.yaml").write_text(INVENTORY.format(port=port, gone=unused_port()))


async def test_all_is_well(tmp_path: Path) -> None:
    async with serving(page("Welcome")) as address:
        write(tmp_path, address.port)
        code, out, err = await kedge(tmp_path, "site")
    assert (code, err) == (0, "")
    assert "answered with status 200" in out
    assert re.search(r"\n1 look in [0-9.]+ s: 1 ok\n$", out)


async def test_json_has_every_look(tmp_path: Path) -> None:
    async with serving(page("Welcome")) as address:
        write(tmp_path, address.port)
        code, out, _ = await kedge(tmp_path, "site", "gone", "--json", "--vantage", "office")
    answer: dict[str, Any] = json.loads(out)
    assert code == 1
    first, second = answer["observations"]
    assert set(first) == {"thing", "probe", "status", "what", "evidence", "took_ms", "vantage"}
    assert (first["thing"], first["probe"], first["status"], first["vantage"]) == ("site", "http", "ok", "office")
    assert (second["thing"], second["status"]) == ("gone", "down")
    assert [finding["thing"] for finding in answer["findings"]] == ["gone"]


async def test_a_name_leads_where_it_is_told_to(tmp_path: Path) -> None:
    async with serving(page("Welcome")) as address:
        write(tmp_path, address.port)
        assert (await kedge(tmp_path, "wiki", "--at", "127.0.0.1"))[0] == 0
        assert not (tmp_path / "evidence.sqlite").exists()


async def test_what_a_broken_service_needs_is_looked_at_too(tmp_path: Path) -> None:
    async with serving(hanging_up) as address:
        write(tmp_path, address.port)
        code, out, _ = await kedge(tmp_path, "gone")
    assert code == 1
    assert "site is down" in out
    assert "therefore also: gone" in out


async def test_a_second_sweep_extends_the_history(tmp_path: Path) -> None:
    from kedge.evidence.database import Database

    async with serving(page("Welcome")) as address:
        write(tmp_path, address.port)
        for _ in range(2):
            await kedge(tmp_path, "site")
    (span,) = Database(tmp_path / "evidence.sqlite").current_spans()
    assert (span.thing, span.n) == ("site", 2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sites",), "did you mean 'site'"),
        (("--at", "127.0.0.1"), "--at looks at named services only"),
        (("site", "--at", "nowhere"), "--at: 'nowhere' does not appear to be an IPv4 or IPv6 address"),
    ],
)
async def test_mistakes(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    write(tmp_path, 1)
    code, out, err = await kedge(tmp_path, *words)
    assert (code, out) == (2, "")
    assert said in err


async def test_it_can_be_interrupted(tmp_path: Path) -> None:
    is_asked = asyncio.Event()

    async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_asked.set()
        await reader.read()

    async with serving(asked) as address:
        write(tmp_path, address.port)
        # Whoever runs the tests in the background of a shell ignores SIGINT, and so would all children.
        argv = ("env", "--default-signal=INT", str(KEDGE), "probe", "site", "-i", str(tmp_path / "kedge.yaml"))
        process = await asyncio.create_subprocess_exec(*argv, stdout=PIPE, stderr=PIPE, env=dict(os.environ))
        await is_asked.wait()
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert (process.returncode, err.decode().strip()) == (130, "interrupted")
