"""The little of the PostgreSQL protocol that a query needs (PostgreSQL manual, Frontend/Backend Protocol 3.0)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from kedge.model.observation import Status
from kedge.probes.dialogue import Broken, Dialogue, not_spoken
from kedge.probes.wording import quote

VERSION = 196608
ROUNDS_LIMIT = 100_000
"""A server names how often a password is hashed; more would be an attack on our time."""
ROWS_LIMIT = 1000
SCRAM = b"SCRAM-SHA-256"


class NotPostgres(ValueError):  # noqa: N818 - caught where a probe says so
    """The bytes are no such message."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error: its SQLSTATE and text."""

    code: str
    text: str


async def read_message(line: Dialogue) -> tuple[bytes, bytes]:
    """Return type and content of the next message, notices left out; raises Broken."""
    while True:
        head = await line.read_exactly(5)
        length = int.from_bytes(head[1:], "big") - 4
        if length < 0 or not head[:1].isalpha():
            raise not_spoken("PostgreSQL", head, line)
        data = await line.read_exactly(length)
        if head[:1] not in (b"N", b"S", b"A"):
            return head[:1], data


def parse_failure(data: bytes) -> Failure:
    """Return an error message; fields are letters with texts that end with NUL."""
    fields = {part[:1]: part[1:].decode(errors="replace") for part in data.split(b"\0") if part}
    return Failure(quote(fields.get(b"C", ""), 5), quote(fields.get(b"M", "")))


def startup(user: str, database: str) -> bytes:
    """Return the first message."""
    words = b"".join(word.encode() + b"\0" for word in ("user", user, "database", database)) + b"\0"
    return struct.pack("!II", 8 + len(words), VERSION) + words


def message(kind: bytes, data: bytes) -> bytes:
    """Return a message of a type."""
    return kind + struct.pack("!I", 4 + len(data)) + data


def md5_answer(user: str, password: str, salt: bytes) -> bytes:
    """Return a password as md5 logins want it."""
    inner = hashlib.md5(password.encode() + user.encode()).hexdigest()
    return b"md5" + hashlib.md5(inner.encode() + salt).hexdigest().encode() + b"\0"


def parse_row(data: bytes) -> list[str | None]:
    """Return the values of a data row; raises NotPostgres."""
    values: list[str | None] = []
    try:
        (count,), at = struct.unpack_from("!H", data), 2
        for _ in range(count):
            (length,) = struct.unpack_from("!i", data, at)
            at += 4
            if length > len(data) - at:
                raise NotPostgres("cut short")
            values.append(None if length < 0 else data[at : at + length].decode(errors="replace"))
            at += max(length, 0)
    except struct.error as error:
        raise NotPostgres(str(error)) from error
    return values


async def query(line: Dialogue, sql: str) -> list[list[str | None]] | Failure:
    """Return the rows of an answer, at most 1000; raises Broken or NotPostgres."""
    await line.say(message(b"Q", sql.encode() + b"\0"), "the answer to a query")
    rows: list[list[str | None]] = []
    failure: Failure | None = None
    while len(rows) < ROWS_LIMIT:
        kind, data = await read_message(line)
        if kind == b"D":
            rows.append(parse_row(data))
        elif kind == b"E":
            failure = parse_failure(data)
        elif kind == b"Z":
            return failure or rows
    raise NotPostgres("rows without end")


@dataclass
class Scram:
    """A login by SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding: the password never leaves."""

    password: str
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    _key: bytes = b""
    _told: str = ""

    def first(self) -> bytes:
        """Return the client's first message."""
        text = f"n,,n=,r={self.nonce}".encode()
        return SCRAM + b"\0" + struct.pack("!I", len(text)) + text

    def final(self, server: bytes) -> bytes:
        """Return the client's proof; raises NotPostgres, or Broken if the server asks too much."""
        words = _words(server)
        nonce, salt, rounds = words.get("r", ""), words.get("s", ""), words.get("i", "")
        if not nonce.startswith(self.nonce) or not rounds.isascii() or not rounds.isdigit() or len(rounds) > 9:
            raise NotPostgres("no SCRAM challenge")
        if not 0 < int(rounds) <= ROUNDS_LIMIT:
            raise Broken(f"asks to hash the password {int(rounds)} times", Status.UNKNOWN)
        self._key = hashlib.pbkdf2_hmac("sha256", self.password.encode(), base64.b64decode(salt), int(rounds))
        bare = f"c=biws,r={nonce}"
        self._told = f"n=,r={self.nonce},{server.decode()},{bare}"
        client = _hmac(self._key, b"Client Key")
        signature = _hmac(hashlib.sha256(client).digest(), self._told.encode())
        proof = bytes(a ^ b for a, b in zip(client, signature, strict=True))
        return f"{bare},p={base64.b64encode(proof).decode()}".encode()

    def is_proven(self, server: bytes) -> bool:
        """Whether the server has shown that it knows the password as well."""
        expected = _hmac(_hmac(self._key, b"Server Key"), self._told.encode())
        return hmac.compare_digest(_words(server).get("v", "").encode(), base64.b64encode(expected))


def _words(data: bytes) -> Mapping[str, str]:
    try:
        return {part[:1]: part[2:] for part in data.decode().split(",")}
    except UnicodeError as error:
        raise NotPostgres("no SCRAM message") from error


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, "sha256").digest()
