"""The style sheet: colours that can be read, and colour never alone."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

from kedge.publish import render

STYLE = (Path(render.__file__).parent / "style.css").read_text(encoding="utf-8")
GROUNDS = ("ground", "panel")
INKS = ("ink", "soft", "link", "ok", "degraded", "down", "unknown")


def palette(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z]+):\s*([^;]+);", block))


def blocks() -> dict[str, dict[str, str]]:
    """Return what each colour is, by mood: light, dark, and each with more contrast, and on paper."""
    roots = re.findall(r"(?:@media ([^{]+)\{\s*)?:root\s*\{([^}]*)\}", STYLE)
    found = {condition.strip(): palette(block) for condition, block in roots}
    light = found[""]
    dark = light | found["(prefers-color-scheme: dark)"]
    more = found["(prefers-contrast: more)"]
    moods = {"light": light, "dark": dark, "light, more": light | more, "dark, more": dark | more}
    return moods | {"print": light | found["print"]}


def luminance(colour: str) -> float:
    """Return the relative luminance (WCAG 2.2, definition of the same name)."""
    digits = colour.strip("#")
    digits = digits if len(digits) == 6 else "".join(digit * 2 for digit in digits)
    parts = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def pairs(names: tuple[str, ...]) -> list[tuple[str, str, str]]:
    return list(product(blocks(), names, GROUNDS))


def colour(mood: str, name: str) -> str:
    value = blocks()[mood][name].strip()
    named = re.fullmatch(r"var\(--([a-z]+)\)", value)
    return colour(mood, named[1]) if named else value


@pytest.mark.parametrize(("mood", "ink", "ground"), pairs(INKS))
def test_every_text_can_be_read(mood: str, ink: str, ground: str) -> None:
    needed = 7 if "more" in mood and ink in {"ink", "soft", "unknown"} else 4.5
    assert contrast(colour(mood, ink), colour(mood, ground)) >= needed


@pytest.mark.parametrize(("mood", "ink", "ground"), pairs(("focus",)))
def test_the_focus_ring_can_be_seen(mood: str, ink: str, ground: str) -> None:
    assert contrast(colour(mood, ink), colour(mood, ground)) >= 3


def test_the_formula_knows_its_ends() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#fff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("name", ["style.css", "private.css"])
def test_colours_stand_in_the_palette_only(name: str) -> None:
    rules = re.sub(r":root\s*\{[^}]*\}", "", (Path(render.__file__).parent / name).read_text(encoding="utf-8"))
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\(", rules)
    used = set(re.findall(r"(?<![-\w])(?:color|background):\s*([^;]+);", rules))
    assert used <= {f"var(--{name})" for name in (*INKS, *GROUNDS)} | {"inherit"}


@pytest.mark.parametrize(
    "wanted", ["prefers-color-scheme", "prefers-contrast", "prefers-reduced-motion", "@media print", ":focus-visible"]
)
def test_the_style_sheet_heeds_what_readers_ask_for(wanted: str) -> None:
    assert wanted in STYLE
