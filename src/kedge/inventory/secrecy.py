"""Secrets never stand in an inventory; this finds those that do, and keeps them out of messages."""

from __future__ import annotations

import re

_KEY = re.compile(
    r"(?:^|[-_.])(?:pass(?:wor[dt]|wd|phrase|code)?|pwd|passwort|kennwort|token|secret|(?:api|private)[-_]?key)s?$",
    re.IGNORECASE,
)
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^@\s/]+@", re.I)
_INLINE = re.compile(r"\b(?:pass(?:wor[dt]|wd|phrase)|pwd|token|secret|api[-_]?key)\b\s*[:=]", re.I)
_REFERENCE = re.compile(r"(?:env:[A-Za-z_][A-Za-z0-9_]*|file:\S.*|command:\S.*)")

HIDDEN = "a value with a secret in it"
HOW = "declare it under `secrets` with `from: env:NAME`, `file:PATH` or `command:…`, and name it here"


def is_reference(value: str) -> bool:
    """Return whether a text says where a secret is found: `env:NAME`, `file:PATH`, `command:…`."""
    return bool(_REFERENCE.fullmatch(value))


def is_secret_key(key: str) -> bool:
    """Return whether a key is one that people put a password under."""
    return bool(_KEY.search(key))


def holds_password(value: str) -> bool:
    """Return whether a text is a URL with a password in it."""
    return "://" in value and bool(_URL.search(value))


def shown(value: object) -> str:
    """Return what a message may say of a value: short, in quotes, never a secret."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = str(value)
    if holds_password(text) or _INLINE.search(text):
        return HIDDEN
    line = " ".join(text.split())
    return f"'{line}'" if len(line) <= 60 else f"'{line[:57]}…'"
