"""Code of PHP that a drill runs beside what was restored."""

from __future__ import annotations

from collections.abc import Mapping


def filled(code: str, words: Mapping[str, str]) -> str:
    """Return PHP code with texts in their places, as literals that nothing in them can end."""
    for place, text in words.items():
        code = code.replace(place, "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'")
    return code
