"""Pages from views: Jinja2 with every value escaped, one style sheet inside the page, nothing fetched."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from markupsafe import Markup

from kedge.publish.texts import LANGUAGES
from kedge.publish.wording import Wording, as_iso, capital

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = Path(__file__).parent
_MAIL = re.compile(r"(?:mail\s+)?([^\s@:/?&]+@[\w.-]+\.[\w-]+)")


def render(template: str, wording: Wording, values: Mapping[str, object]) -> bytes:
    """Return a page as UTF-8; a template sees `values`, the wording and the functions below, nothing else."""
    page = _environment().get_template(template).render(w=wording, **values)
    return page.encode()


@cache
def _environment() -> Environment:
    # Imported here: `kedge --help` must not pay for it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    style = read_style()
    environment.globals |= {
        "languages": LANGUAGES,
        "style": Markup(style),
        "style_hash": "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        "icon": "data:image/svg+xml," + quote((_HERE / "icon.svg").read_text(encoding="utf-8").strip(), safe="/:=' "),
        "iso": as_iso,
        "capital": capital,
        "anchor": anchor,
    }
    return environment


def read_style() -> str:
    """Return the style sheet without comments and spare white space.

    It stands inside each page, allowed by its hash: `'self'` means nothing in some browsers when a page is a file.
    """
    text = re.sub(r"/\*.*?\*/", "", (_HERE / "style.css").read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"\s*([{};])\s*", r"\1", re.sub(r"\s+", " ", text)).strip()


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
