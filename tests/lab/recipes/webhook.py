"""Somebody else's webhook receiver: keeps what is posted to it, and shows it again."""

from __future__ import annotations

from tests.lab.component import Component, ended
from tests.lab.host import Host

PORT = 8080
PROGRAM = f'''\
"""Keeps every POST as one line of JSON; GET /received shows them all."""

import http.server
import json

KEPT = "/var/lib/webhook/received.jsonl"


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode(errors="replace")
        with open(KEPT, "a") as file:
            file.write(json.dumps({{"path": self.path, "headers": dict(self.headers), "body": body}}) + "\\n")
        self.answer(b"kept\\n")

    def do_GET(self):
        self.answer(open(KEPT, "rb").read() if self.path == "/received" else b"webhook receiver\\n")

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


open(KEPT, "a").close()
http.server.ThreadingHTTPServer(("0.0.0.0", {PORT}), Receiver).serve_forever()
'''


class WebhookReceiver(Component):
    """An HTTP server on port 8080."""

    name = "webhook"
    process = r"/usr/local/bin/webhook"

    def prepare(self, host: Host) -> None:
        """Write the program."""
        host.write("/usr/local/bin/webhook", PROGRAM, mode=0o755)
        host.sh("install -d -o nobody /var/lib/webhook")

    def start(self) -> str:
        """Start it."""
        return (
            "setsid setpriv --reuid=nobody --clear-groups python3 /usr/local/bin/webhook >/var/log/webhook.log 2>&1 &"
        )

    def ready(self) -> str:
        """It answers."""
        return f"curl -sf -m 5 http://127.0.0.1:{PORT}/ >/dev/null"

    def stop(self) -> str:
        """Stop it."""
        return ended("/usr/local/bin/webhook")
