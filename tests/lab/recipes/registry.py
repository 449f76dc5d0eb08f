"""A stand-in for the world's registries: RDAP (RFC 9082, RFC 9083) for one domain and for networks."""

from __future__ import annotations

from dataclasses import dataclass

from tests.lab.component import Component, ended
from tests.lab.host import Host

PORT = 8043
PROGRAM = f'''\
"""Answers RDAP from /etc/registry.json; dates are written there as days from now."""

import datetime
import http.server
import ipaddress
import json

KNOWN = json.load(open("/etc/registry.json"))


def entity(role, name, mail=""):
    card = [["version", {{}}, "text", "4.0"], ["fn", {{}}, "text", name]]
    return {{"roles": [role], "vcardArray": ["vcard", card + ([["email", {{}}, "text", mail]] if mail else [])]}}


def domain(name):
    if name != KNOWN["domain"]:
        return None
    ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=KNOWN["days"])
    return {{"objectClassName": "domain", "ldhName": name, "status": ["active"],
            "entities": [entity("registrar", KNOWN["registrar"]), entity("registrant", "Verein", KNOWN["contact"])],
            "events": [{{"eventAction": "expiration", "eventDate": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}}]}}


def network(address):
    for prefix, operator in KNOWN["networks"]:
        if ipaddress.ip_address(address) in ipaddress.ip_network(prefix):
            return {{"objectClassName": "ip network", "name": operator, "entities": [entity("registrant", operator)]}}
    return None


class Registry(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        what, _, asked = self.path.strip("/").partition("/")
        try:
            found = {{"domain": domain, "ip": network}}[what](asked)
        except (KeyError, ValueError):
            found = None
        body = json.dumps(found or {{"errorCode": 404}}).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/rdap+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


http.server.ThreadingHTTPServer(("0.0.0.0", {PORT}), Registry).serve_forever()
'''


@dataclass(frozen=True)
class Registry(Component):
    """What the registries know, as JSON text: domain, days until it ends, registrar, contact, networks."""

    known: str
    name = "registry"
    process = r"/usr/local/bin/registry"

    def prepare(self, host: Host) -> None:
        """Write the program and what it knows."""
        host.write("/usr/local/bin/registry", PROGRAM, mode=0o755)
        host.write("/etc/registry.json", self.known)

    def start(self) -> str:
        """Start it."""
        return "setsid setpriv --reuid=nobody --clear-groups python3 /usr/local/bin/registry >/dev/null 2>&1 &"

    def ready(self) -> str:
        """It knows what this host is called."""
        return "exec 3<>/dev/tcp/127.0.0.1/" + str(PORT)

    def stop(self) -> str:
        """Stop it."""
        return ended("/usr/local/bin/registry")
