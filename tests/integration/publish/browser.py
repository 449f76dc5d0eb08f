"""A headless Chromium, driven over its DevTools protocol (https://chromedevtools.github.io/devtools-protocol/)."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
)  # fmt: skip
START_LIMIT_S = 60


@dataclass
class Tab:
    """One tab; collects every console message and every request it makes."""

    socket: aiohttp.ClientWebSocketResponse
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    _events: dict[str, asyncio.Event] = field(default_factory=dict)
    _answers: dict[int, asyncio.Future[Any]] = field(default_factory=dict)
    _last: int = 0

    async def call(self, method: str, **params: Any) -> Any:
        """Return the protocol's answer."""
        self._last += 1
        answer = self._answers[self._last] = asyncio.get_running_loop().create_future()
        await self.socket.send_json({"id": self._last, "method": method, "params": params})
        return await asyncio.wait_for(answer, START_LIMIT_S)

    async def listen(self) -> None:
        """Sort what arrives until the socket closes."""
        async for message in self.socket:
            said = message.json()
            if "id" in said:
                self._settle(said)
            else:
                self._note(said["method"], said["params"])

    def _settle(self, said: Mapping[str, Any]) -> None:
        answer = self._answers.pop(said["id"])
        if "error" in said:
            answer.set_exception(RuntimeError(said["error"]["message"]))
        else:
            answer.set_result(said["result"])

    def _note(self, method: str, params: Mapping[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Log.entryAdded":
            self.complaints.append(params["entry"]["text"])
        elif method in {"Runtime.exceptionThrown", "Runtime.consoleAPICalled"}:
            self.complaints.append(str(params))
        elif method == "Audits.issueAdded":
            self.complaints.append(str(params["issue"]))
        elif method in self._events:
            self._events[method].set()

    async def open(self, url: str, width: int, scheme: str = "light", height: int = 900) -> None:
        """Load a page at a width in CSS pixels, and forget what earlier pages asked for."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        await self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.requests.clear()
        self.complaints.clear()
        loaded = self._events["Page.loadEventFired"] = asyncio.Event()
        await self.call("Page.navigate", url=url)
        await asyncio.wait_for(loaded.wait(), START_LIMIT_S)

    async def evaluate(self, expression: str) -> Any:
        """Return a JavaScript value of the page."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return answer["result"].get("value")

    async def shoot(self) -> bytes:
        """Return a picture of the whole page as PNG."""
        shot = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])


@asynccontextmanager
async def browse(profile: Path) -> AsyncIterator[Tab]:
    """Yield a tab of a fresh browser with an empty profile; both end with the block."""
    assert PROGRAM, "no Chromium"
    process = await asyncio.create_subprocess_exec(
        PROGRAM, *FLAGS, f"--user-data-dir={profile}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        port = await asyncio.wait_for(_read_port(profile / "DevToolsActivePort", process), START_LIMIT_S)
        async with aiohttp.ClientSession() as session, _connect(session, port) as tab:
            yield tab
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


@asynccontextmanager
async def _connect(session: aiohttp.ClientSession, port: int) -> AsyncIterator[Tab]:
    async with session.get(f"http://127.0.0.1:{port}/json") as answer:
        pages = [page for page in await answer.json() if page["type"] == "page"]
    async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
        tab = Tab(socket)
        listening = asyncio.create_task(tab.listen())
        for domain in ("Page", "Runtime", "Log", "Network", "Audits"):
            await tab.call(f"{domain}.enable")
        yield tab
        listening.cancel()


async def _read_port(path: Path, process: asyncio.subprocess.Process) -> int:
    while process.returncode is None:
        if lines := _read_lines(path):
            return int(lines[0])
        await asyncio.sleep(0.05)
    raise RuntimeError(f"the browser ended at once ({process.returncode})")


def _read_lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []
