"""The German of what probes and backups say in English: their sentences are stored, compared and read by machines.

A probe says what it saw in one stable English sentence. People read it in their own language, so the sentence is taken
apart again by the table that lists every one of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache

from kedge.model.finding import Text
from kedge.rules.german_table import MEANINGS, OWED, REASONS, SENTENCES, STEPS

_FIELD = re.compile(r"\{(\w+)\}")
LONGEST = 1000
"""Letters. What probes say is shorter; what is longer was said by others, and taking it apart could take long."""
_REPLY = re.compile(r"(.*) \((.*)\)", re.DOTALL)


def both(sentence: str) -> Text:
    """Return a sentence of a probe in English and in German."""
    return Text(sentence, in_german(sentence) or sentence)


@lru_cache(4096)
def in_german(sentence: str) -> str | None:
    """Return the German of a sentence, or of several parted by semicolons; None if one of them is not known."""
    if len(sentence) > LONGEST:
        return None
    return _by_table(SENTENCES, sentence) or _of_parts(sentence) or _by_table(SENTENCES, sentence, is_loose=True)


def _of_parts(sentence: str) -> str | None:
    for cut in (found.start() for found in re.finditer("; ", sentence)):
        if first := _by_table(SENTENCES, sentence[:cut]):
            rest = in_german(sentence[cut + 2 :])
            return f"{first}; {rest}" if rest else None
    return None


def _by_table(table: Mapping[str, str], text: str, *, is_loose: bool = False) -> str | None:
    """Return the German of a text by the line of a table that says most of it, and whose fields are known in German.

    What varies holds no semicolon that parts sentences, unless `is_loose`.
    """
    fitting: dict[str, str] = {}
    for english, german in table.items():
        if _anchor(english) in text and (found := _pattern(english, is_loose).fullmatch(text)):
            filled = _fill(german, found.groupdict())
            if filled is not None:
                fitting[english] = filled
    return fitting[max(fitting, key=_said)] if fitting else None


@cache
def _said(english: str) -> int:
    """Return how many characters of a line do not vary."""
    return sum(map(len, _FIELD.split(english)[::2]))


@cache
def _anchor(english: str) -> str:
    """Return the longest piece of a line that does not vary: few lines have to be compiled and tried."""
    return max(_FIELD.split(english)[::2], key=len)


@cache
def _pattern(english: str, is_loose: bool) -> re.Pattern[str]:
    parts, any_text = _FIELD.split(english), "." if is_loose else "(?:(?!; ).)"
    text = "".join(f"(?P<{part}>{any_text}+?)" if number % 2 else re.escape(part) for number, part in enumerate(parts))
    return re.compile(text, re.DOTALL)


def _fill(german: str, values: Mapping[str, str]) -> str | None:
    filled = {name: FIELDS.get(name, str)(value) for name, value in values.items()}
    if any(value is None for value in filled.values()):
        return None
    return _FIELD.sub(lambda found: str(filled[found[1]]), german)


def _owed(text: str) -> str | None:
    return _by_table(OWED, text)


def _step(text: str) -> str:
    return STEPS.get(text, text)


def _why(text: str) -> str:
    return _by_table(REASONS, text) or text


def _reply(text: str) -> str:
    found = _REPLY.fullmatch(text)
    return f"{found[1]} ({MEANINGS[found[2]]})" if found and found[2] in MEANINGS else text


def _list(text: str) -> str:
    return text.replace(" and ", " und ").replace(" of ", " von ").replace(" more", " weitere")


FIELDS: Mapping[str, Callable[[str], str | None]] = {
    "rest": in_german, "owed": _owed, "step": _step, "why": _why, "reply": _reply, "list": _list,
}  # fmt: skip
"""What stands for a part of a sentence -> its German."""
