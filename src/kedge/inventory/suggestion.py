"""Did you mean …? Close words for a word that is not known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches

_MAX_WORDS = 20_000

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "admin": ("people", "held-by", "readers"),
    "admins": ("people", "held-by", "members"),
    "backup": ("save", "stores"),
    "backups": ("save", "stores"),
    "contact": ("channels", "notices-to"),
    "contacts": ("channels", "people"),
    "database-host": ("database",),
    "depends-on": ("needs",),
    "description": ("about",),
    "disks": ("volumes",),
    "email": ("channels",),
    "expires": ("expiry",),
    "expires-at": ("expiry",),
    "hostname": ("address", "host"),
    "ip": ("address",),
    "location": ("place",),
    "machines": ("hosts",),
    "mail": ("channels",),
    "name": ("title",),
    "ns": ("nameservers",),
    "os": ("system",),
    "owner": ("people", "contract"),
    "owners": ("people", "contract"),
    "persons": ("people",),
    "phone": ("channels",),
    "records": ("zone",),
    "requires": ("needs",),
    "responsible": ("people",),
    "servers": ("hosts",),
    "type": ("kind",),
    "users": ("people",),
    "virtual-on": ("guest-of",),
}
"""Words people try, and what this language calls them."""


def close(word: str, among: Collection[str], count: int = 3) -> list[str]:
    """Return up to `count` words that may have been meant, best first."""
    asked = word.lower().replace("_", "-")
    known = [synonym for synonym in SYNONYMS.get(asked, ()) if synonym in among][:1]
    if len(among) > _MAX_WORDS:
        return known
    by_form = {each.lower().replace("_", "-"): each for each in among}
    near = get_close_matches(asked, by_form, count, 0.6)
    if not near:
        near = [form for form in by_form if len(asked) > 2 and (form.startswith(asked) or asked.startswith(f"{form}-"))]
    return list(dict.fromkeys([*known, *(by_form[form] for form in near)]))[:count]


def did_you_mean(word: str, among: Collection[str], otherwise: str = "") -> str:
    """Return `; did you mean 'a' or 'b'?`, or what to say otherwise."""
    found = close(word, among)
    return f"; did you mean {either(found)}?" if found else otherwise


def either(words: Iterable[str]) -> str:
    """Return words as a choice: `'a', 'b' or 'c'`."""
    quoted = [f"'{word}'" for word in words]
    return " or ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
