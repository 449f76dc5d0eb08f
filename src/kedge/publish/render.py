"""Pages from views: Jinja2 with every value escaped, one style sheet inside the page, nothing fetched."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from markupsafe import Markup

from kedge.publish.discretion import keep_visible
from kedge.publish.texts import LANGUAGES
from kedge.publish.wording import Wording, as_iso, capital, mark_code

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = Path(__file__).parent
_MAIL = re.compile(r"(?:mail\s+)?([^\s@:/?&]+@[\w.-]+\.[\w-]+)")


def render(template: str, wording: Wording, values: Mapping[str, object], *styles: str) -> bytes:
    """Return a page as UTF-8; a template sees `values`, the wording and the functions below, nothing else.

    `styles` are the style sheets that come after the one that every page has.
    """
    page = _environment().get_template(template)
    return page.render(w=wording, style=read_style("style.css", *styles), **values).encode()


@cache
def _environment() -> Environment:
    # Imported here: `kedge --help` must not pay for it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        finalize=_finish,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    icon = (_HERE / "icon.svg").read_text(encoding="utf-8").strip()
    environment.globals |= {
        "languages": LANGUAGES,
        "icon": "data:image/svg+xml," + quote(icon, safe="/:=' "),
        "iso": as_iso,
        "capital": capital,
        "anchor": anchor,
        "code": mark_code,
    }
    return environment


def _finish(value: object) -> object:
    """Return what a template prints without characters that cannot be seen; markup stays markup."""
    return type(value)(keep_visible(value)) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Style:
    """A style sheet that stands inside the page, and the hash by which the page's policy allows it.

    A hash, because `'self'` means nothing in some browsers when a page is a file (CSP Level 3, section 6.7.2.8).
    """

    text: Markup
    hash: str


@cache
def read_style(*names: str) -> Style:
    """Return these style sheets as one, without comments and spare white space."""
    text = "".join((_HERE / name).read_text(encoding="utf-8") for name in names)
    text = re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))
    text = re.sub(r"\s*([{};])\s*", r"\1", text).strip()
    return Style(Markup(text), "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode())


def anchor(prefix: str, name: str) -> str:
    """Return the id of a thing's place on the page: safe in an id and after `#`, different for different names."""
    return prefix + "-" + re.sub(r"[^a-zA-Z0-9-]", lambda found: f"_{ord(found[0]):x}_", name)


def as_web_address(text: str) -> str:
    """Return an http or https address a visitor can follow, or nothing: no script, no password, no spaces."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    is_plain = parts.scheme in {"http", "https"} and parts.hostname and "@" not in parts.netloc
    return text if is_plain and not re.search(r"\s", text) else ""


def link_contact(contact: str) -> Markup:
    """Return a contact as a link where it is a mail or web address, else as text; always escaped."""
    if mail := _MAIL.fullmatch(contact):
        return Markup('<a href="mailto:{}">{}</a>').format(quote(mail[1], safe="@+."), mail[1])
    if address := as_web_address(contact):
        return link_web(address)
    return Markup("{}").format(contact)


def link_web(address: str) -> Markup:
    """Return a link whose text is the address without its scheme."""
    return Markup('<a href="{}">{}</a>').format(address, address.partition("://")[2].rstrip("/"))
