"""Plain dialogues in the services' own protocols, with nothing but the standard library: what the lab is tested with.

Run at the vantage as `python -m tests.lab.dialogue NAME JSON-ARGUMENTS`; prints what came of it as JSON.
"""

from __future__ import annotations

import base64
import imaplib
import json
import re
import smtplib
import socket
import ssl
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage

LIMIT_S = 5.0
TYPES = {"A": 1, "NS": 2, "SOA": 6, "MX": 15, "AAAA": 28}


def ping(host: str) -> bool:
    """Whether the host answers one ICMP echo within a second."""
    return subprocess.run(["ping", "-c1", "-W1", host], capture_output=True).returncode == 0


def tcp(host: str, port: int) -> str:
    """`connected`, as soon as the port accepts."""
    with socket.create_connection((host, port), LIMIT_S):
        return "connected"


def greeting(host: str, port: int) -> str:
    """The first line a server says by itself."""
    with socket.create_connection((host, port), LIMIT_S) as link:
        link.settimeout(LIMIT_S)
        return link.makefile("rb").readline().decode(errors="replace").strip()


def addresses(name: str) -> list[str]:
    """What the vantage's own resolver says about a name."""
    return sorted({str(found[4][0]) for found in socket.getaddrinfo(name, 0, type=socket.SOCK_STREAM)})


def dns(server: str, name: str, kind: str) -> list[str]:
    """One authoritative server's RRset: addresses, names, or serial numbers (RFC 1035 section 4)."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split(".") if label) + b"\0"
    query = struct.pack(">6H", 7, 0, 1, 0, 0, 0) + labels + struct.pack(">2H", TYPES[kind], 1)
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as link:
        link.settimeout(LIMIT_S)
        link.sendto(query, (server, 53))
        answer = link.recv(4096)
    if answer[3] & 15:
        raise OSError(f"{server} answered with code {answer[3] & 15}")
    return sorted(_records(answer, len(query), TYPES[kind]))


def _records(answer: bytes, at: int, wanted: int) -> list[str]:
    found = []
    for _ in range(struct.unpack_from(">H", answer, 6)[0]):
        _, at = _name(answer, at)
        kind, _, _, length = struct.unpack_from(">2HIH", answer, at)
        at += 10
        if kind == wanted:
            found.append(_value(answer, at, length, kind))
        at += length
    return found


def _value(answer: bytes, at: int, length: int, kind: int) -> str:
    if kind == TYPES["A"]:
        return socket.inet_ntop(socket.AF_INET, answer[at : at + length])
    if kind == TYPES["AAAA"]:
        return socket.inet_ntop(socket.AF_INET6, answer[at : at + length])
    if kind == TYPES["MX"]:
        return f"{struct.unpack_from('>H', answer, at)[0]} {_name(answer, at + 2)[0]}"
    if kind == TYPES["SOA"]:
        return str(struct.unpack_from(">I", answer, at + length - 20)[0])
    return _name(answer, at)[0]


def _name(answer: bytes, at: int) -> tuple[str, int]:
    labels: list[str] = []
    while answer[at]:
        if answer[at] >= 0xC0:
            rest, _ = _name(answer, struct.unpack_from(">H", answer, at)[0] & 0x3FFF)
            return ".".join([*labels, rest]), at + 2
        labels.append(answer[at + 1 : at + 1 + answer[at]].decode())
        at += 1 + answer[at]
    return ".".join(labels), at + 1


def smtp(host: str, recipient: str, authority: str) -> list[int]:
    """The codes for STARTTLS, MAIL FROM, RCPT TO and RSET; nothing is sent."""
    with smtplib.SMTP(host, 25, timeout=LIMIT_S) as link:
        tls, _ = link.starttls(context=ssl.create_default_context(cafile=authority))
        link.ehlo()
        sender, _ = link.mail("probe@elsewhere.example")
        accepted, _ = link.rcpt(recipient)
        reset, _ = link.rset()
        return [tls, sender, accepted, reset]


def send(host: str, sender: str, recipient: str, subject: str, port: int = 25) -> str:
    """Hand one message to a mail server; `accepted`."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, recipient, subject
    message["Message-ID"] = f"<{time.time_ns()}@{sender.partition('@')[2]}>"
    message.set_content("Grüße aus dem Labor\n")
    with smtplib.SMTP(host, port, timeout=LIMIT_S) as link:
        link.send_message(message)
    return "accepted"


@contextmanager
def _mailbox(host: str, user: str, password: str, authority: str) -> Iterator[imaplib.IMAP4]:
    with imaplib.IMAP4(host, timeout=LIMIT_S) as link:
        link.starttls(ssl.create_default_context(cafile=authority))
        link.login(user, password)
        yield link


def imap(host: str, user: str, password: str, authority: str) -> int:
    """The number of messages in the inbox, after STARTTLS and LOGIN."""
    with _mailbox(host, user, password, authority) as link:
        _, count = link.select("INBOX", readonly=True)
        return int(count[0] or b"0")


def imap_append(host: str, user: str, password: str, authority: str) -> str:
    """The server's tagged answer to a message put into the inbox."""
    with _mailbox(host, user, password, authority) as link:
        status, said = link.append("INBOX", "", "", b"Subject: full?\r\n\r\n" + b"x" * 200_000)
        return f"{status} {said[0].decode(errors='replace')}"


def wait_for_mail(host: str, user: str, password: str, authority: str, subject: str, limit_s: float = 20) -> float:
    """The seconds until a message with this subject is in the inbox; TimeoutError after the limit."""
    begun = time.monotonic()
    while time.monotonic() - begun < limit_s:
        with _mailbox(host, user, password, authority) as link:
            link.select("INBOX", readonly=True)
            _, found = link.search(None, "SUBJECT", f'"{subject}"')
            if found[0]:
                return time.monotonic() - begun
        time.sleep(0.1)
    raise TimeoutError(f"no message {subject!r} for {user} within {limit_s} s")


def xmpp(host: str, domain: str, port: int = 5222) -> str:
    """The stream features a server offers (RFC 6120 section 4.3)."""
    kind = "client" if port == 5222 else "server"
    hello = (
        f"<?xml version='1.0'?><stream:stream to='{domain}' version='1.0' xmlns='jabber:{kind}' "
        "xmlns:stream='http://etherx.jabber.org/streams'>"
    )
    with socket.create_connection((host, port), LIMIT_S) as link:
        link.settimeout(LIMIT_S)
        link.sendall(hello.encode())
        said = ""
        while "</stream:features>" not in said and "<stream:features/>" not in said:
            part = link.recv(4096)
            if not part:
                raise ConnectionError(f"the stream ended after {said!r}")
            said += part.decode(errors="replace")
        return said[said.index("<stream:features") :]


def http(url: str, authority: str = "", user: str = "", password: str = "") -> dict[str, object]:
    """Status, title and text of a page, after redirects."""
    context = ssl.create_default_context(cafile=authority) if authority else None
    request = urllib.request.Request(url)
    if user:
        request.add_header("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:
            status, body = answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        status, body = error.code, error.read().decode(errors="replace")
    title = re.search(r"<title>\s*(.*?)\s*</title>", body, re.DOTALL)
    return {"status": status, "title": title[1] if title else "", "body_text": body}


def post(url: str, text: str) -> int:
    """The status a receiver answers a posted text with."""
    request = urllib.request.Request(url, data=text.encode(), method="POST")
    with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
        return int(answer.status)


DIALOGUES: dict[str, Callable[..., object]] = {
    one.__name__: one
    for one in (ping, tcp, greeting, addresses, dns, smtp, send, imap, imap_append, wait_for_mail, xmpp, http, post)
}


def main() -> None:
    """Hold the dialogue named, and print its result or its error with the seconds it took."""
    begun = time.monotonic()
    try:
        outcome: dict[str, object] = {"result": DIALOGUES[sys.argv[1]](*json.loads(sys.argv[2]))}
    except (OSError, smtplib.SMTPException, imaplib.IMAP4.error) as error:
        outcome = {"error": type(error).__name__, "text": str(error)}
    sys.stdout.write(json.dumps({**outcome, "took_s": time.monotonic() - begun}))


if __name__ == "__main__":
    main()
