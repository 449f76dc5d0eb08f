"""A small server of restic's REST protocol, append-only as rest-server --append-only is: who saves cannot delete.

Protocol: doc/100_references.rst of restic ("REST Backend"). Only locks may be deleted.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@contextmanager
def serve(folder: Path, credentials: str) -> Iterator[int]:
    """Yield the port of a server that keeps a repository in a folder."""
    token = "Basic " + base64.b64encode(credentials.encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def handle_one_request(self) -> None:
            self.is_head = False
            super().handle_one_request()

        def _path(self) -> Path:
            return folder / self.path.partition("?")[0].strip("/")

        def _answer(self, code: int, data: bytes = b"", kind: str = "application/octet-stream") -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Content-Type", kind)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def _is_known(self) -> bool:
            if self.headers.get("Authorization") == token:
                return True
            self._answer(401)
            return False

        def do_GET(self) -> None:
            if not self._is_known():
                return
            path = self._path()
            if path.is_dir() and path != folder:
                names = [{"name": one.name, "size": one.stat().st_size} for one in path.rglob("*") if one.is_file()]
                self._answer(200, json.dumps(names).encode(), "application/vnd.x.restic.rest.v2")
            elif path.is_file():
                data, asked = path.read_bytes(), self.headers.get("Range", "")
                if asked:
                    first, _, last = asked.removeprefix("bytes=").partition("-")
                    self._answer(206, data[int(first) : int(last) + 1 if last else None])
                else:
                    self._answer(200, data)
            else:
                self._answer(404)

        do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if not self._is_known():
                return
            if "create=true" in self.path:
                for name in ("data", "keys", "locks", "snapshots", "index"):
                    (folder / name).mkdir(parents=True, exist_ok=True)
            elif self._path().exists():
                self._answer(403)
                return
            else:
                self._path().write_bytes(data)
            self._answer(200)

        def do_DELETE(self) -> None:
            if not self._is_known():
                return
            if self._path().parent.name == "locks" and self._path().exists():
                self._path().unlink()
                self._answer(200)
            else:
                self._answer(403)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
