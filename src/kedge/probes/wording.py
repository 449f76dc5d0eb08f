"""How a probe puts what it saw into words: foreign text made printable and short, times without noise."""

from __future__ import annotations

from datetime import timedelta

QUOTE_LIMIT = 200


def quote(said: str | bytes, limit: int = QUOTE_LIMIT) -> str:
    """Return what the far side said on one printable line of at most `limit` letters."""
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    plain = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


def seconds(limit: timedelta) -> str:
    """Return a limit in seconds: `5 s`."""
    return f"{limit.total_seconds():g} s"


def listed(words: list[str]) -> str:
    """Return `a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
